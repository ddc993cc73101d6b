//! Names for runs that stand side by side: as short as they can be told apart.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf, absolute};

/// A name for each of these run folders: its own, and of the folders above it as many as it takes to tell it from the
/// others: "race-1/a-as-it-is" and "race-2/a-as-it-is". The same folder has the same name; two folders never have.
pub fn distinct_names(dirs: &[PathBuf]) -> Vec<String> {
    let wholes: Vec<PathBuf> = dirs.iter().map(|dir| whole(dir)).collect();
    let parts: Vec<Vec<String>> = wholes.iter().map(|whole| parts(whole)).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names: Vec<String> = Vec::new();
    for (i, whole) in wholes.iter().enumerate() {
        if let Some(same) = wholes[..i].iter().position(|other| other == whole) {
            names.push(names[same].clone());
            continue;
        }
        let others = || parts.iter().zip(&wholes).filter(|(_, other)| *other != whole).map(|(parts, _)| parts);
        let all = parts[i].len();
        let end = |length: usize| &parts[i][all - length..];
        let enough = (1..all).find(|&length| !others().any(|other| other.ends_with(end(length)))).unwrap_or(all);
        let name = joined(end(enough));
        // Bytes that are no text may look alike.
        let numbered = (2..).map(|n| format!("{name} ({n})"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name);
        taken.insert(free.clone());
        names.push(free);
    }
    names
}

/// The path from the root; what ends with no name (".", "..") as the folder that it is.
fn whole(dir: &Path) -> PathBuf {
    let named = dir.file_name().is_some();
    let found = if named { absolute(dir).ok() } else { fs::canonicalize(dir).or_else(|_| absolute(dir)).ok() };
    found.unwrap_or_else(|| dir.to_path_buf())
}

fn parts(path: &Path) -> Vec<String> {
    path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

/// With the root first, which is a stroke already.
fn joined(parts: &[String]) -> String {
    match parts {
        [root, rest @ ..] if root == "/" => format!("/{}", rest.join("/")),
        parts => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(dirs: &[&str]) -> Vec<String> {
        distinct_names(&dirs.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn as_much_of_the_path_is_written_as_tells_them_apart() {
        assert_eq!(names(&["runs/a", "runs/b"]), ["a", "b"]);
        assert_eq!(names(&["r1/a-as-it-is", "r2/a-as-it-is", "r2/b"]), ["r1/a-as-it-is", "r2/a-as-it-is", "b"]);
        assert_eq!(names(&["x/1/r/a", "y/1/r/a", "y/2/r/a"]), ["x/1/r/a", "y/1/r/a", "2/r/a"]);
        assert_eq!(names(&["runs/a", "runs/a/"]), ["a", "a"], "one folder, named twice");
        assert_eq!(names(&["/a", "/b/a"]), ["/a", "b/a"]);
        assert_eq!(names(&[]), Vec::<String>::new());
        let here = std::env::current_dir().unwrap();
        assert_eq!(names(&["."]), [here.file_name().unwrap().to_string_lossy()]);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_told_apart_too() {
        use std::os::unix::ffi::OsStrExt;
        let dir = |byte: u8| PathBuf::from(std::ffi::OsStr::from_bytes(&[b'/', b'r', byte]));
        let names = distinct_names(&[dir(0xfe), dir(0xff), dir(0xfe)]);
        assert_eq!(names[1], format!("{} (2)", names[0]));
        assert_eq!(names[2], names[0]);
    }

    proptest! {
        #[test]
        fn names_differ_whenever_the_folders_do(
            dirs in proptest::collection::vec("/?([ab ]|\\(2\\)){1,3}(/[ab]{1,2}){0,4}", 1..8)
        ) {
            let dirs: Vec<PathBuf> = dirs.into_iter().map(PathBuf::from).collect();
            let names = distinct_names(&dirs);
            for (i, j) in (0..dirs.len()).flat_map(|i| (0..dirs.len()).map(move |j| (i, j))) {
                prop_assert_eq!(names[i] == names[j], whole(&dirs[i]) == whole(&dirs[j]), "{:?}: {:?}", dirs, names);
            }
            for (dir, name) in dirs.iter().zip(&names) {
                prop_assert!(whole(dir).to_string_lossy().ends_with(name.as_str()), "{:?}: {}", dir, name);
            }
        }
    }
}
