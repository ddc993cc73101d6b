//! Labels in NumPy's files: which array they are, and the classes that numbers or texts stand for.

use std::collections::HashMap;
use std::path::Path;

use super::DataError;
use super::arrays::{self, Arrays, Named, Unread, meant};
use super::classes::{presentable, sort};
use super::room::room_for_labels;
use super::shown::shown;
use crate::config::DataConfig;

/// Names of labels where the images' name has no other half.
const LABELS: [&str; 10] =
    ["y", "labels", "label", "targets", "target", "classes", "y_train", "train_labels", "labels_train", "arr_1"];

/// The labels of a set, one for each image.
pub(super) struct Labels {
    /// Of their array.
    pub name: String,
    pub numbers: Vec<u32>,
    /// Names of the classes by number, where the labels are texts.
    pub classes: Vec<(u32, String)>,
}

/// What was found of labels.
#[derive(Default)]
pub(super) struct Found {
    pub labels: Option<Labels>,
    /// The array that they are, or that a note says to be none, by its place among those found; `None` for one of
    /// another file.
    pub array: Option<usize>,
    /// The array that would be labels, and that a note says to be unreadable, by its place among those.
    pub unread: Option<usize>,
}

/// The labels that belong to an array of images.
///
/// # Errors
/// Labels that are asked for and not there, can't be read, or are not one a picture.
pub(super) fn labels(
    found: &Arrays,
    images: &Named,
    count: usize,
    config: &DataConfig,
    notes: &mut Vec<String>,
) -> Result<Found, DataError> {
    let (readable, unread) = (found.arrays.iter(), found.unread.iter());
    let (readable, unread) = (readable.map(|named| named.name.as_str()), unread.map(|unread| unread.name.as_str()));
    let given;
    let (named, array) = match config.labels.as_str() {
        "" => {
            let names = labels_for(&images.name.to_lowercase());
            let array = names.iter().find_map(|name| meant(readable.clone(), name));
            let Some(array) = array else {
                let place = names.iter().find_map(|name| meant(unread.clone(), name));
                if let Some(unread) = place.and_then(|place| found.unread.get(place)) {
                    notes
                        .push(format!("the images have no classes, as their labels can't be read: {}", unread.shown()));
                }
                return Ok(Found { unread: place, ..Found::default() });
            };
            (&found.arrays[array], Some(array))
        }
        asked => match meant(readable.clone().chain(unread), &shown(asked)) {
            Some(place) => match found.arrays.get(place) {
                Some(named) => (named, Some(place)),
                None => return Err(unreadable(&found.unread[place - found.arrays.len()])),
            },
            None if Path::new(asked).is_file() => {
                given = arrays::list(Path::new(asked))?;
                match (given.arrays.first(), given.unread.first()) {
                    (Some(named), _) => (named, None),
                    (None, Some(unread)) => return Err(unreadable(unread)),
                    (None, None) => return Err(missing(asked, "there is no array in it; check data.labels".into())),
                }
            }
            None => {
                let there = readable.collect::<Vec<_>>().join(", ");
                let problem = "there is no such array or labels file; there are the arrays";
                return Err(missing(asked, format!("{problem} {there}; check data.labels")));
            }
        },
    };
    let columns = named.array.shape.get(1..).map(|more| more.iter().all(|&n| n == 1));
    if columns != Some(true) {
        notes.push(format!(
            "left out the labels {}: their shape is {:?}, and an image has one class here; save [N] numbers",
            named.name, named.array.shape
        ));
        return Ok(Found { array, ..Found::default() });
    }
    if named.array.shape[0] != count {
        return Err(DataError::Malformed {
            file: named.shown(),
            expected: format!("{count} labels, one for each image of {}", images.name),
            found: named.array.shape[0].to_string(),
        });
    }
    let labels = if named.array.element.is_text() { texts(named) } else { numbers(named) }?;
    Ok(Found { labels: Some(labels), array, unread: None })
}

fn missing(asked: &str, problem: String) -> DataError {
    DataError::Missing { path: shown(asked), problem }
}

/// The error of labels that were asked for.
fn unreadable(labels: &Unread) -> DataError {
    DataError::Malformed {
        file: labels.name.clone(),
        expected: "labels as numbers or text; check data.labels".into(),
        found: format!("what can't be read: {}", labels.reason),
    }
}

fn numbers(named: &Named) -> Result<Labels, DataError> {
    let mut labels = room_for_labels(&named.shown(), named.check()?)?;
    let mut number = Vec::new();
    named.read(1, |bytes| {
        number.clear();
        named.array.numbers(bytes, &mut number);
        match number[..] {
            [label] if label >= 0.0 && label <= f64::from(u32::MAX) && label.fract() == 0.0 => {
                labels.push(label as u32);
                Ok(())
            }
            _ => Err(DataError::Malformed {
                file: named.shown(),
                expected: format!("labels that are whole numbers from 0 to {}, or text", u32::MAX),
                found: number.first().map_or("none".into(), |&number| plainly(number)),
            }),
        }
    })?;
    Ok(Labels { name: named.name.clone(), numbers: labels, classes: Vec::new() })
}

/// A number as it was saved; from 2⁵³ on not all digits are known.
fn plainly(number: f64) -> String {
    match number.is_finite() && number.abs() >= 53f64.exp2() {
        true => format!("a number of about {number:.1e}"),
        false => number.to_string(),
    }
}

/// Texts are names of classes, which count in their order.
fn texts(named: &Named) -> Result<Labels, DataError> {
    let mut labels = room_for_labels(&named.shown(), named.check()?)?;
    let mut numbers: HashMap<String, u32> = HashMap::new();
    named.read(1, |bytes| {
        let text = named.array.text(bytes);
        let next = numbers.len() as u32;
        labels.push(*numbers.entry(text).or_insert(next));
        Ok(())
    })?;
    let mut names: Vec<String> = numbers.keys().cloned().collect();
    sort(&mut names);
    let mut places = vec![0; names.len()];
    for (place, name) in (0..).zip(&names) {
        places[numbers[name] as usize] = place;
    }
    for label in &mut labels {
        *label = places[*label as usize];
    }
    let names = names.into_iter().map(|name| if name.is_empty() { "(empty)".into() } else { name }).collect();
    Ok(Labels { name: named.name.clone(), numbers: labels, classes: (0..).zip(presentable(names)).collect() })
}

/// What the labels of an array of images may be called: its own name with the other half of a pair, then the
/// usual names.
fn labels_for(images: &str) -> Vec<String> {
    let mut names: Vec<String> = [
        ("images", "labels"),
        ("images", "label"),
        ("image", "label"),
        ("data", "labels"),
        ("data", "target"),
        ("imgs", "labels"),
    ]
    .iter()
    .map(|(this, other)| images.replace(this, other))
    .collect();
    names.push(images.strip_prefix('x').map(|rest| format!("y{rest}")).unwrap_or_default());
    names.push(images.strip_suffix("_x").map(|rest| format!("{rest}_y")).unwrap_or_default());
    names.extend(LABELS.map(String::from));
    names.retain(|name| name != images);
    names
}

#[cfg(test)]
mod tests {
    use super::super::npy::file;
    use super::super::npz::load;
    use super::super::watch::Watch;
    use super::super::{DataError, Dataset};
    use super::*;

    fn folder(labels: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("images.npy"), file("|u1", "(3, 1, 2)", false, &[1, 2, 3, 4, 5, 6])).unwrap();
        std::fs::write(folder.path().join("labels.npy"), labels).unwrap();
        folder
    }

    fn read(folder: &Path, labels: &str) -> Result<Dataset, DataError> {
        let (path, labels) = (folder.display().to_string(), labels.to_string());
        load("own", &DataConfig { path, labels, ..DataConfig::default() }, &mut Watch::new(&mut |_| {}))
    }

    #[test]
    fn texts_are_names_of_classes() {
        let wide =
            ["ox\0", "cat", "ox\0"].concat().chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>();
        for (descr, elements) in [("<U3", &wide[..]), ("|S3", b"ox\0catox\0")] {
            let folder = folder(&file(descr, "(3,)", false, elements));
            for asked in ["", "labels"] {
                let data = read(folder.path(), asked).unwrap();
                assert_eq!((&data.labels[..], data.classes.join(" ")), (&[1, 0, 1][..], "cat ox".into()), "{descr}");
                assert!(data.warnings[0].contains("with the labels labels"), "{:?}", data.warnings);
            }
        }
        // Numbers that were saved as text keep the order of numbers.
        let folder = folder(&file("|S2", "(3, 1)", false, b"102\0\0\0"));
        assert_eq!(read(folder.path(), "").unwrap().classes, ["(empty)", "10", "2"]);
    }

    #[test]
    fn numbers_that_are_no_labels_are_told_with_the_range() {
        for (label, told) in [(10u64.pow(10), "found 10000000000"), (1 << 63, "found a number of about 9.2e18")] {
            let elements = [label; 3].map(u64::to_le_bytes).concat();
            let refusal = read(folder(&file("<u8", "(3,)", false, &elements)).path(), "").unwrap_err().to_string();
            assert!(refusal.contains("from 0 to 4294967295") && refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn labels_that_cannot_be_read_are_named_with_the_reason() {
        let folder = folder(&file("|O", "(3,)", false, b"pickled"));
        let said = read(folder.path(), "").unwrap().warnings.join("\n");
        assert!(said.contains("no classes") && said.contains("labels: its elements are Python objects"), "{said}");
        assert_eq!(said.matches("Python objects").count(), 1, "it is told once: {said}");
        let refusal = read(folder.path(), "labels").unwrap_err().to_string();
        assert!(refusal.contains("Python objects") && refusal.contains("astype(str)"), "{refusal}");
        let refusal = read(folder.path(), "classes").unwrap_err().to_string();
        assert!(refusal.contains("no such array") && refusal.contains("the arrays images"), "{refusal}");
    }
    #[test]
    fn names_that_differ_by_case_alone_are_told_apart() {
        let place = tempfile::tempdir().unwrap();
        // An archive: some file systems hold no two files of such names.
        let path = place.path().join("case.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let arrays: [(&str, &str, &[u8]); 5] = [
            ("Kind", "(3,)", &[0, 0, 0]),
            ("X", "(3, 1, 2)", &[9; 6]),
            ("Y", "(3, 2)", &[0; 6]),
            ("kind", "(3,)", &[1, 2, 3]),
            ("x", "(3, 1, 2)", &[1, 2, 3, 4, 5, 6]),
        ];
        for (name, shape, elements) in arrays {
            archive.start_file(format!("{name}.npy"), stored).unwrap();
            std::io::Write::write_all(&mut archive, &file("|u1", shape, false, elements)).unwrap();
        }
        archive.finish().unwrap();
        let data = read(&path, "kind").unwrap();
        assert_eq!((data.classes.join(" "), data.pixels.bytes()[0]), ("1 2 3".into(), 1));
        assert!(data.warnings[0].ends_with("; left out Kind, X, Y"), "{:?}", data.warnings);
        assert_eq!(read(&path, "Kind").unwrap().classes, ["0"]);
        // Neither is written so, and either could be meant.
        let refusal = read(&path, "KIND").unwrap_err().to_string();
        assert!(refusal.contains("no such array") && refusal.contains("Kind, X, Y, kind, x"), "{refusal}");
        // Only one is called so.
        let said = read(&path, "").unwrap().warnings;
        assert!(
            said[0].ends_with("left out Kind, X, kind") && said[1].contains("the labels Y: their shape"),
            "{said:?}"
        );
    }
}
