//! Which files lie in a folder: each real folder once, whatever links lead to it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::own_runs::{RUNS, is_run};
use crate::data::shown::shown_path;
use crate::data::undecodable::told_by_system;
use crate::data::{DataError, LeftOut};
use crate::process::plain_file::not_a_file;

const READ_ALREADY: &str = "links to what was already read";

/// A file, and the class folder that it lies in.
#[derive(Debug, PartialEq)]
pub struct Listed {
    pub path: PathBuf,
    /// Index into [`Listing::folders`]; `None` for files that lie directly in the folder.
    pub folder: Option<usize>,
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Names of the sub-folders, sorted.
    pub folders: Vec<String>,
    /// Files by class folder and then by path.
    pub files: Vec<Listed>,
    pub left_out: Vec<LeftOut>,
}

/// Lists the plain files in a folder and its sub-folders at any depth, hidden ones left out. Links are
/// followed after everything else; a folder that was read already is not read again, and a file counts once
/// in each class. FIFOs, sockets and devices are left out, and so are difflab's own runs.
///
/// # Errors
/// When the folder itself can't be read; a sub-folder that can't is left out and named.
pub fn list(folder: &Path) -> Result<Listing, DataError> {
    let unreadable =
        |error: std::io::Error| DataError::Unreadable { path: shown_path(folder), reason: told_by_system(&error) };
    let root = folder.canonicalize().map_err(unreadable)?;
    let mut walk = Walk { seen: HashSet::from([root.clone()]), root, ..Walk::default() };
    let top = entries(folder).map_err(unreadable)?;
    let mut names = Vec::new();
    for entry in &top {
        if entry.kind == EntryKind::Folder || entry.kind == EntryKind::Link && entry.path.is_dir() {
            names.push(entry.path.file_name().unwrap_or_default().to_os_string());
        }
    }
    names.sort();
    for entry in top {
        let class =
            entry.path.file_name().and_then(|name| names.binary_search_by(|known| known.as_os_str().cmp(name)).ok());
        walk.take(entry, class);
    }
    walk.all();

    let Walk { mut files, links, left_out, .. } = walk;
    let mut listing = Listing { left_out, ..Listing::default() };
    if !links.is_empty() {
        add_linked(&mut files, links, &mut listing.left_out);
    }
    files.sort_by(|a, b| (a.folder, &a.path).cmp(&(b.folder, &b.path)));
    listing.files = files;
    listing.folders = names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
    Ok(listing)
}

/// Files by links, but none twice in a class.
fn add_linked(files: &mut Vec<Listed>, mut links: Vec<Listed>, left_out: &mut Vec<LeftOut>) {
    let real = |file: &Listed| Some((file.folder, file.path.canonicalize().ok()?));
    let mut known: HashSet<(Option<usize>, PathBuf)> = files.iter().filter_map(real).collect();
    links.sort_by(|a, b| a.path.cmp(&b.path));
    for link in links {
        match real(&link) {
            Some(target) => match known.insert(target) {
                true => files.push(link),
                false => LeftOut::add(left_out, READ_ALREADY, "", shown_path(&link.path)),
            },
            None => LeftOut::add(left_out, "broken links", "", shown_path(&link.path)),
        }
    }
}

#[derive(Default)]
struct Walk {
    root: PathBuf,
    /// Folders read, or about to be, by their real paths.
    seen: HashSet<PathBuf>,
    folders: Vec<(PathBuf, Option<usize>)>,
    /// Links to folders, to be followed once there are no more real ones.
    later: Vec<(PathBuf, Option<usize>)>,
    files: Vec<Listed>,
    links: Vec<Listed>,
    left_out: Vec<LeftOut>,
}

impl Walk {
    /// Reads folders until there are none left.
    fn all(&mut self) {
        loop {
            while let Some((folder, class)) = self.folders.pop() {
                match entries(&folder) {
                    Ok(entries) => entries.into_iter().for_each(|entry| self.take(entry, class)),
                    Err(error) => self.leave_out("folders that can't be read", &told_by_system(&error), &folder),
                }
            }
            // In the order of their names, whatever order the folders were read in.
            self.later.sort_by(|a, b| b.cmp(a));
            let Some((link, class)) = self.later.pop() else { return };
            // A link to where we came from would bring the whole disk in.
            let new = |target: PathBuf| !self.root.starts_with(&target) && self.seen.insert(target);
            match link.canonicalize().is_ok_and(new) {
                true if is_run(&link) => self.leave_out(RUNS, "", &link),
                true => self.folders.push((link, class)),
                false => self.leave_out(READ_ALREADY, "", &link),
            }
        }
    }

    fn take(&mut self, entry: Entry, class: Option<usize>) {
        let Entry { path, kind } = entry;
        match kind {
            EntryKind::Folder => {
                if path.canonicalize().is_ok_and(|real| self.seen.insert(real)) {
                    match is_run(&path) {
                        true => self.leave_out(RUNS, "", &path),
                        false => self.folders.push((path, class)),
                    }
                }
            }
            EntryKind::File => self.files.push(Listed { path, folder: class }),
            EntryKind::Link => match std::fs::metadata(&path) {
                Ok(target) if target.is_dir() => self.later.push((path, class)),
                Ok(target) if target.is_file() => self.links.push(Listed { path, folder: class }),
                Ok(target) => self.special(&target, &path),
                Err(_) => self.leave_out("broken links", "", &path),
            },
            EntryKind::Special => match std::fs::symlink_metadata(&path) {
                Ok(about) => self.special(&about, &path),
                Err(error) => self.leave_out("files that can't be read", &told_by_system(&error), &path),
            },
        }
    }

    fn special(&mut self, about: &std::fs::Metadata, path: &Path) {
        let what = match not_a_file(about) {
            Some("a FIFO") => "FIFOs",
            Some("a socket") => "sockets",
            _ => "devices",
        };
        self.leave_out(what, "not opened", path);
    }

    fn leave_out(&mut self, what: &str, why: &str, path: &Path) {
        LeftOut::add(&mut self.left_out, what, why, shown_path(path));
    }
}

struct Entry {
    path: PathBuf,
    kind: EntryKind,
}

#[derive(PartialEq)]
enum EntryKind {
    File,
    Folder,
    Link,
    Special,
}

/// What lies directly inside a folder, sorted; hidden entries left out.
fn entries(folder: &Path) -> std::io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = match entry.file_type()? {
            kind if kind.is_symlink() => EntryKind::Link,
            kind if kind.is_dir() => EntryKind::Folder,
            kind if kind.is_file() => EntryKind::File,
            _ => EntryKind::Special,
        };
        found.push(Entry { path: entry.path(), kind });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: PathBuf) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }

    /// Paths below the root with their class folders.
    fn found(root: &Path, listing: &Listing) -> Vec<String> {
        let class = |file: &Listed| file.folder.map_or("-", |folder| &listing.folders[folder]).to_string();
        let short = |file: &Listed| file.path.strip_prefix(root).unwrap().display().to_string();
        listing.files.iter().map(|file| format!("{}: {}", class(file), short(file))).collect()
    }

    fn said(listing: &Listing) -> String {
        listing.left_out.iter().map(LeftOut::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn loops_of_links_give_each_file_once() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        write(root.join("a/1"));
        write(root.join("b/1"));
        write(place.path().join("elsewhere/9"));
        symlink(".", root.join("a/self")).unwrap();
        symlink("..", root.join("a/up")).unwrap();
        symlink("../..", root.join("a/out")).unwrap();
        symlink("../b", root.join("a/b")).unwrap();
        symlink("../elsewhere", root.join("c")).unwrap();
        symlink("nowhere", root.join("a/broken")).unwrap();
        let listing = list(&root).unwrap();
        assert_eq!(found(&root, &listing), ["a: a/1", "b: b/1", "c: c/9"]);
        let said = said(&listing);
        assert!(said.contains("4 links to what was already read"), "{said}");
        assert!(said.contains("1 broken link ("), "{said}");
    }

    #[test]
    fn a_file_linked_twice_counts_once_in_a_class() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        write(root.join("a/1"));
        symlink("1", root.join("a/again")).unwrap();
        std::fs::create_dir(root.join("b")).unwrap();
        symlink("../a/1", root.join("b/also")).unwrap();
        symlink("../a/1", root.join("b/more")).unwrap();
        let listing = list(root).unwrap();
        assert_eq!(found(root, &listing), ["a: a/1", "b: b/also"]);
        assert!(said(&listing).starts_with("2 links to what was already read"));
    }

    #[test]
    fn runs_among_the_data_are_left_out_and_named_wherever_they_lie() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        write(root.join("a/1"));
        for run in ["runs/one", "a/mine"] {
            write(root.join(run).join("config.toml"));
            write(root.join(run).join("run.json"));
            write(root.join(run).join("samples/step-2.png"));
        }
        symlink("runs/one", root.join("latest")).unwrap();
        let listing = list(root).unwrap();
        assert_eq!(found(root, &listing), ["a: a/1"]);
        let told = said(&listing);
        assert!(told.starts_with("2 run folders of difflab's (") && told.contains("runs/one"), "{told}");
        // Named itself, what a run holds is data like any other.
        assert_eq!(list(&root.join("runs/one")).unwrap().files.len(), 3);
    }

    #[test]
    fn any_depth_is_read_and_hidden_entries_and_fifos_are_not() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let deep: PathBuf = std::iter::repeat_n("d", 40).collect();
        write(root.join("a").join(&deep).join("x"));
        write(root.join("a/.hidden/x"));
        write(root.join("loose"));
        assert!(std::process::Command::new("mkfifo").arg(root.join("pipe.png")).status().unwrap().success());
        let listing = list(root).unwrap();
        assert_eq!(listing.files.len(), 2);
        assert_eq!(listing.files[0], Listed { path: root.join("loose"), folder: None });
        assert!(said(&listing).starts_with("1 FIFO: not opened"), "{}", said(&listing));
    }
}
