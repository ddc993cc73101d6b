//! Labels in NumPy's files: which array they are, and the classes that numbers or texts stand for.

use std::collections::HashMap;
use std::path::Path;

use super::DataError;
use super::arrays::{self, Arrays, Named};
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
) -> Result<Option<Labels>, DataError> {
    let given;
    let named = match config.labels.as_str() {
        "" => {
            let names = labels_for(&images.name);
            let named = names.iter().find_map(|name| found.arrays.iter().find(|named| named.name == *name));
            let unread = found.unread.iter().find(|unread| names.contains(&unread.name));
            if let (None, Some(unread)) = (named, unread) {
                notes.push(format!("the images have no classes, as their labels can't be read: {}", unread.shown()));
            }
            named
        }
        asked if found.has(asked) => Some(found.asked(asked)?),
        asked if Path::new(asked).is_file() => {
            given = arrays::list(Path::new(asked))?;
            let first = given.arrays.first().map(|named| &named.name);
            let name = first.or_else(|| given.unread.first().map(|unread| &unread.name));
            Some(given.asked(name.map_or("", |name| name))?)
        }
        asked => {
            let there: Vec<&str> = found.arrays.iter().map(|named| named.name.as_str()).collect();
            let problem = format!(
                "there is no such array or labels file; there are the arrays {}; check data.labels",
                there.join(", ")
            );
            return Err(DataError::Missing { path: shown(asked), problem });
        }
    };
    let Some(named) = named else { return Ok(None) };
    let columns = named.array.shape.get(1..).map(|more| more.iter().all(|&n| n == 1));
    if columns != Some(true) {
        notes.push(format!(
            "left out the labels {}: their shape is {:?}, and an image has one class here; save [N] numbers",
            named.name, named.array.shape
        ));
        return Ok(None);
    }
    if named.array.shape[0] != count {
        return Err(DataError::Malformed {
            file: named.shown(),
            expected: format!("{count} labels, one for each image of {}", images.name),
            found: named.array.shape[0].to_string(),
        });
    }
    if named.array.element.is_text() { texts(named) } else { numbers(named) }.map(Some)
}

impl Arrays {
    fn has(&self, name: &str) -> bool {
        let name = shown(&name.to_lowercase());
        self.arrays.iter().any(|named| named.name == name) || self.unread.iter().any(|unread| unread.name == name)
    }

    /// The array of a name.
    fn asked(&self, name: &str) -> Result<&Named, DataError> {
        let name = shown(&name.to_lowercase());
        self.arrays.iter().find(|named| named.name == name).ok_or_else(|| {
            let unread = self.unread.iter().find(|unread| unread.name == name);
            DataError::Malformed {
                file: shown(&name),
                expected: "labels as numbers or text; check data.labels".into(),
                found: unread.map_or("no array".into(), |unread| format!("what can't be read: {}", unread.reason)),
            }
        })
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
        let refusal = read(folder.path(), "labels").unwrap_err().to_string();
        assert!(refusal.contains("Python objects") && refusal.contains("astype(str)"), "{refusal}");
        let refusal = read(folder.path(), "classes").unwrap_err().to_string();
        assert!(refusal.contains("no such array") && refusal.contains("the arrays images"), "{refusal}");
    }
}
