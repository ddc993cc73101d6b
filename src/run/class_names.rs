//! What a run's classes are called: what its checkpoint was trained on says so, and where it doesn't, classes.txt.

use std::io::ErrorKind;
use std::path::Path;

use super::error::RunError;
use super::io_words;
use crate::data::{DataIdentity, shown};
use crate::process::plain_file;

/// File of the class names in a run folder, one a line.
pub const CLASSES: &str = "classes.txt";

/// Keeps the class names with the run, for sampling without the data.
pub fn write_class_names(run_dir: &Path, classes: &[String]) -> Result<(), RunError> {
    if classes.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = classes.iter().map(|name| on_a_line(name)).collect();
    super::durable::write_replacing(&run_dir.join(CLASSES), (lines.join("\n") + "\n").as_bytes())
        .map_err(|error| RunError::not_writable(run_dir, error))
}

/// The names that the run keeps; empty where it keeps none.
pub fn kept_class_names(run_dir: &Path) -> Vec<String> {
    let text = plain_file::read_text(&run_dir.join(CLASSES)).unwrap_or_default();
    text.lines().map(shown).collect()
}

/// What classes.txt says otherwise than `names`, which the classes have: "…/classes.txt calls class 0 "cat", and it is
/// "dog"". `None` where both agree, or there is no file, or no names.
pub fn other_class_names(run_dir: &Path, names: &[String]) -> Option<String> {
    let kept = kept_class_names(run_dir);
    let names: Vec<String> = names.iter().map(|name| as_kept(name)).collect();
    if names.is_empty() || kept == names {
        return None;
    }
    let file = run_dir.join(CLASSES);
    if kept.is_empty() {
        return file.exists().then(|| format!("{} has no names that can be read", file.display()));
    }
    let other = kept.iter().zip(&names).enumerate().find(|(_, (kept, name))| kept != name);
    Some(match other.filter(|_| kept.len() == names.len()) {
        Some((class, (kept, name))) => {
            format!("{} calls class {class} \"{kept}\", and it is \"{name}\"", file.display())
        }
        None => format!("{} has {}, and there are {}", file.display(), lines(kept.len()), classes(names.len())),
    })
}

/// The names of a network's `count` classes, and what the user should know of them. `trained`: the data of the
/// checkpoint, where it names them.
pub(super) fn class_names(
    run_dir: &Path,
    trained: Option<&DataIdentity>,
    count: usize,
) -> (Vec<String>, Option<String>) {
    if count == 0 {
        return (Vec::new(), None);
    }
    let own = trained.map(|data| data.classes.iter().map(|class| as_kept(&class.name)).collect::<Vec<_>>());
    if let Some(own) = own.filter(|own| own.len() == count) {
        let other = other_class_names(run_dir, &own);
        return (own, other.map(|other| format!("{other}: the names are those that the checkpoint was trained with")));
    }
    let kept = kept_class_names(run_dir);
    if kept.len() == count {
        return (kept, None);
    }
    let file = run_dir.join(CLASSES);
    let why = match plain_file::read_text(&file) {
        Ok(_) => Some(format!("{} has {}, and the network {}", file.display(), lines(kept.len()), classes(count))),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(format!("cannot read {}: {}", file.display(), io_words::unread(&error))),
    };
    ((0..count).map(|i| i.to_string()).collect(), why.map(|why| format!("{why}: classes are called by their numbers")))
}

fn lines(count: usize) -> String {
    format!("{count} {}", if count == 1 { "name" } else { "names" })
}

fn classes(count: usize) -> String {
    format!("{count} {}", if count == 1 { "class" } else { "classes" })
}

fn on_a_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// A name as it is once it was written and read.
fn as_kept(name: &str) -> String {
    shown(&on_a_line(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::ClassOfData;

    fn data(names: &[&str]) -> DataIdentity {
        DataIdentity {
            images: 2,
            height: 4,
            width: 4,
            channels: 1,
            classes: names
                .iter()
                .map(|name| ClassOfData { name: name.to_string(), images: 1, pictures: None, order: None })
                .collect(),
            content: String::new(),
            pictures: String::new(),
        }
    }

    #[test]
    fn the_checkpoint_s_own_names_win_and_others_in_the_file_are_said() {
        let dir = tempfile::tempdir().unwrap();
        let trained = data(&["cat", "big\ndog"]);
        let own = ["cat", "big dog"].map(String::from).to_vec();
        assert_eq!(class_names(dir.path(), Some(&trained), 2), (own.clone(), None), "a missing file costs nothing");
        write_class_names(dir.path(), &["cat".into(), "big\ndog".into()]).unwrap();
        assert_eq!(class_names(dir.path(), Some(&trained), 2), (own.clone(), None));
        fs::write(dir.path().join(CLASSES), "big dog\ncat\n").unwrap();
        let (names, said) = class_names(dir.path(), Some(&trained), 2);
        let said = said.unwrap();
        assert_eq!(names, own);
        assert!(said.contains("calls class 0 \"big dog\", and it is \"cat\""), "{said}");
        assert!(other_class_names(dir.path(), &own).is_some());
        fs::write(dir.path().join(CLASSES), "cat\n").unwrap();
        let (names, said) = class_names(dir.path(), Some(&trained), 2);
        assert!(names == own && said.unwrap().contains("has 1 name, and there are 2 classes"));
        assert_eq!(class_names(dir.path(), Some(&trained), 0), (vec![], None), "it was told no classes");
    }

    #[test]
    fn where_the_checkpoint_names_none_the_file_does_and_numbers_in_its_place_are_said() {
        let dir = tempfile::tempdir().unwrap();
        let numbers = ["0", "1"].map(String::from).to_vec();
        assert_eq!(class_names(dir.path(), None, 2), (numbers.clone(), None));
        fs::write(dir.path().join(CLASSES), "cat\ndog\n").unwrap();
        assert_eq!(class_names(dir.path(), None, 2).0, ["cat", "dog"]);
        fs::write(dir.path().join(CLASSES), "cat\n").unwrap();
        let (names, said) = class_names(dir.path(), None, 2);
        assert!(names == numbers && said.unwrap().contains("called by their numbers"));
        fs::write(dir.path().join(CLASSES), b"\xff\n").unwrap();
        let (names, said) = class_names(dir.path(), None, 2);
        assert!(names == numbers && said.unwrap().contains("cannot read"));
    }

    #[test]
    fn a_file_without_names_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["cat".to_string(), "dog".into()];
        assert_eq!(other_class_names(dir.path(), &names), None, "there is none");
        for bytes in [&b""[..], b"\xff\xfe\n"] {
            fs::write(dir.path().join(CLASSES), bytes).unwrap();
            let told = other_class_names(dir.path(), &names).unwrap();
            assert!(told.contains("no names that can be read"), "{told}");
        }
    }
}
