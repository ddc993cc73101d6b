//! A file beside the pictures that says their classes: `labels.csv`, or `metadata.jsonl` and `metadata.csv` as
//! Hugging Face's ImageFolder has them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::quotes::{OverLines, over_lines};
use crate::data::DataError;
use crate::data::shown::{shown, shown_path};
use crate::data::undecodable::told_by_system;

/// The names that are looked for, best first.
const NAMES: [&str; 4] = ["labels.csv", "labels.tsv", "metadata.jsonl", "metadata.csv"];
/// Columns that hold a picture's file, and its class, by their names; lower case.
const FILE: [&str; 10] =
    ["file_name", "filename", "file", "path", "filepath", "image", "image_path", "img", "name", "id"];
const CLASS: [&str; 8] = ["class", "label", "labels", "category", "target", "class_name", "breed", "species"];
/// Bytes of the largest file that is read.
const LARGEST: u64 = 256 << 20;

/// What a labels file says.
pub enum Labels {
    Classes(LabelFile),
    /// It has no place for classes, as files of captions have none.
    NoClasses(PathBuf),
}

impl Labels {
    pub fn path(&self) -> &Path {
        match self {
            Self::Classes(labels) => &labels.path,
            Self::NoClasses(path) => path,
        }
    }
}

/// A labels file: pairs of file and class.
#[derive(Debug)]
pub struct LabelFile {
    pub path: PathBuf,
    rows: Vec<(String, String)>,
}

/// Classes for pictures.
pub struct Matched {
    /// Of each picture; `None` where the file does not name it.
    pub classes: Vec<Option<String>>,
    /// Rows whose file is not there.
    pub missing: Vec<String>,
    /// Rows whose file is there and gives no picture: it is hidden, damaged or none.
    pub no_picture: Vec<String>,
    /// Rows that could mean several pictures.
    pub ambiguous: Vec<String>,
    /// Rows that say otherwise than one before: "a.png is cat, then dog".
    pub contradictions: Vec<String>,
}

/// Has a file the name of one that says classes?
pub fn is_named_as_one(path: &Path) -> bool {
    path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// The labels file in a folder, if there is one.
///
/// # Errors
/// A file that is broken: with its name, its line and what is expected.
pub fn find(folder: &Path) -> Result<Option<Labels>, DataError> {
    let Some(path) = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else { return Ok(None) };
    let unreadable = |reason: String| DataError::Unreadable { path: shown_path(&path), reason };
    let length = std::fs::metadata(&path).map_err(|error| unreadable(told_by_system(&error)))?.len();
    if length > LARGEST {
        return Err(unreadable(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let bytes = std::fs::read(&path).map_err(|error| unreadable(told_by_system(&error)))?;
    let named = shown_path(&path);
    let text = utf_8(&named, &bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match path.extension().is_some_and(|ending| ending == "jsonl") {
        true => json_lines(&named, text)?,
        false => table(&named, text, |file| folder.join(file).is_file())?,
    };
    Ok(Some(match rows {
        Some(rows) => Labels::Classes(LabelFile { path, rows }),
        None => Labels::NoClasses(path),
    }))
}

/// Guessed at, names of classes would be others, or several would become one.
fn utf_8<'a>(named: &str, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let expected = "text in UTF-8";
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(malformed(named, 1, expected, "UTF-16; save it as UTF-8"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let byte = rest.first().copied().unwrap_or_default();
        malformed(
            named,
            line,
            expected,
            format!("the byte {byte:#04x}, as Latin-1 and the like have; save it as UTF-8"),
        )
    })
}

fn malformed(file: &str, line: u64, expected: &str, found: impl Into<String>) -> DataError {
    DataError::Malformed { file: format!("{file}:{line}"), expected: expected.into(), found: found.into() }
}

/// Rows of a table with a header or without; `None` where the header has no class.
fn table(named: &str, text: &str, is_file: impl Fn(&str) -> bool) -> Result<Option<Vec<(String, String)>>, DataError> {
    let expected = "a table of two columns, file and class";
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b'\t', b';', b','].into_iter().find(|&byte| first.as_bytes().contains(&byte)).unwrap_or(b',');
    let over_lines = over_lines(text, delimiter);
    let forgotten = |quoted: &OverLines, columns: Option<(usize, usize)>| {
        let of_two = |(file, class)| quoted.column == file || quoted.column == class;
        // Other columns may hold texts of several lines, but none that reads as rows of pictures.
        let rows = |(file, _)| quoted.fields(delimiter, file).any(&is_file);
        let found = if !quoted.closed {
            "a quotation mark that nothing closes".to_string()
        } else if columns.is_some_and(|columns| of_two(columns) || rows(columns)) {
            format!("a quotation mark that is closed in line {} only; close it in its own", quoted.last_line())
        } else {
            return Ok(());
        };
        Err(malformed(named, quoted.line, expected, found))
    };
    over_lines.iter().filter(|quoted| quoted.line == 1).try_for_each(|quoted| forgotten(quoted, None))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns = None;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, |position| position.line());
            malformed(named, line, expected, error.to_string())
        })?;
        let line = record.position().map_or(0, |position| position.line());
        let (file, class) = match columns {
            Some(columns) => columns,
            None => {
                let (at, header) = match header(&record, &is_file) {
                    Header::Columns(file, class) => ((file, class), true),
                    Header::NoClass => return Ok(None),
                    Header::Row => ((0, 1), false),
                };
                columns = Some(at);
                over_lines.iter().try_for_each(|quoted| forgotten(quoted, columns))?;
                if header {
                    continue;
                }
                at
            }
        };
        match (record.get(file), record.get(class)) {
            (Some(file), Some(class)) if !file.is_empty() && !class.is_empty() => {
                rows.push((file.to_string(), class.to_string()));
            }
            // A picture without a class.
            (Some(file), Some("")) if !file.is_empty() => {}
            _ => return Err(malformed(named, line, expected, unlike_a_row(&record))),
        }
    }
    Ok(Some(rows))
}

/// What a record is that lacks file or class.
fn unlike_a_row(record: &csv::StringRecord) -> String {
    match record.len() {
        1 => "a line of one field".into(),
        fields => format!("a line of {fields} fields without one of the two"),
    }
}

enum Header {
    /// Which columns hold file and class.
    Columns(usize, usize),
    /// A header without a column of classes, as files of captions have.
    NoClass,
    /// No header: the first row is a picture's.
    Row,
}

fn header(record: &csv::StringRecord, is_file: impl Fn(&str) -> bool) -> Header {
    let names: Vec<String> = record.iter().map(str::to_ascii_lowercase).collect();
    let column = |known: &[&str]| known.iter().find_map(|known| names.iter().position(|name| name == known));
    if record.get(0).is_some_and(is_file) {
        return Header::Row;
    }
    match (column(&FILE), column(&CLASS)) {
        (Some(file), Some(class)) => Header::Columns(file, class),
        // "file,kind": two columns leave no doubt.
        (Some(file), None) if names.len() == 2 && !names.iter().any(|name| name == "text" || name == "caption") => {
            Header::Columns(file, 1 - file)
        }
        (None, Some(class)) if names.len() == 2 => Header::Columns(1 - class, class),
        (Some(_), None) => Header::NoClass,
        _ => Header::Row,
    }
}

/// One object a line, with `file_name` and a class; `None` where no line has one.
fn json_lines(named: &str, text: &str) -> Result<Option<Vec<(String, String)>>, DataError> {
    let expected = "one JSON object a line, with \"file_name\" and \"label\" or \"class\"";
    let (mut rows, mut has_classes) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(|error| malformed(named, number, expected, error.to_string()))?;
        let key = |known: &[&str]| known.iter().find_map(|key| value.get(key));
        let Some(file) = key(&FILE).and_then(|file| file.as_str()) else {
            return Err(malformed(named, number, expected, "a line without a file name"));
        };
        let given: Vec<&serde_json::Value> = CLASS.iter().filter_map(|key| value.get(key)).collect();
        has_classes |= !given.is_empty();
        let refused =
            |found: &str| malformed(named, number, "a class in \"label\" or \"class\", a text or a number", found);
        let class = match given.into_iter().find(|class| !class.is_null()) {
            // As in a table: without the spaces around it, and nothing is no class.
            Some(serde_json::Value::String(class)) if class.trim().is_empty() => continue,
            Some(serde_json::Value::String(class)) => class.trim().to_string(),
            Some(serde_json::Value::Number(class)) => class.to_string(),
            Some(serde_json::Value::Bool(class)) => class.to_string(),
            Some(serde_json::Value::Array(_)) => return Err(refused("a list")),
            Some(_) => return Err(refused("an object")),
            // A picture without a class.
            None => continue,
        };
        rows.push((file.to_string(), class));
    }
    Ok(has_classes.then_some(rows))
}

impl LabelFile {
    /// The classes of pictures below `root`. A row names its picture by the path from there, else by the name
    /// alone, with or without its ending, where only one picture has it.
    pub fn classes_of(&self, root: &Path, pictures: &[PathBuf]) -> Matched {
        let mut by_path = HashMap::new();
        let mut by_name: HashMap<String, Option<usize>> = HashMap::new();
        for (index, picture) in pictures.iter().enumerate() {
            let path = picture.strip_prefix(root).unwrap_or(picture).to_string_lossy().replace('\\', "/");
            let lossy = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
            let stem = path.rsplit_once('.').map(|(stem, _)| stem.to_string());
            by_path.insert(path, index);
            let mut names = vec![lossy(picture.file_name()), lossy(picture.file_stem())];
            names.extend(stem.filter(|stem| stem.contains('/')));
            names.dedup();
            for name in names {
                by_name.entry(name).and_modify(|known| *known = None).or_insert(Some(index));
            }
        }
        let mut classes: Vec<Option<String>> = vec![None; pictures.len()];
        let (mut missing, mut no_picture) = (Vec::new(), Vec::new());
        let (mut ambiguous, mut contradictions) = (Vec::new(), Vec::new());
        let places = [std::path::absolute(root), root.canonicalize()].map(|place| place.unwrap_or(root.into()));
        for (file, class) in &self.rows {
            let wanted = file.replace('\\', "/");
            let below = places.iter().find_map(|place| Path::new(&wanted).strip_prefix(place).ok()?.to_str());
            let wanted = below.unwrap_or(&wanted).trim_start_matches("./");
            let found = by_path.get(wanted).copied().map(Some).or_else(|| by_name.get(wanted).copied());
            match found {
                Some(Some(index)) => {
                    if let Some(before) = classes[index].replace(class.clone()).filter(|before| before != class) {
                        contradictions.push(format!("{} is {}, then {}", shown(file), shown(&before), shown(class)));
                    }
                }
                Some(None) => ambiguous.push(shown(file)),
                None if root.join(wanted).exists() => no_picture.push(shown(file)),
                None => missing.push(shown(file)),
            }
        }
        Matched { classes, missing, no_picture, ambiguous, contradictions }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Vec<(String, String)> {
        table("labels.csv", text, |file| file.ends_with(".png")).unwrap().unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(file, class)| (file.to_string(), class.to_string())).collect()
    }

    #[test]
    fn tables_are_read_with_a_header_and_without() {
        let wanted = pairs(&[("a.png", "cat"), ("b.png", "big, bad wolf")]);
        assert_eq!(rows("a.png,cat\nb.png,\"big, bad wolf\"\n"), wanted);
        assert_eq!(rows("file,class\r\na.png,cat\r\nb.png,\"big, bad wolf\"\r\n"), wanted);
        assert_eq!(rows("size,Label,FileName\n3,cat,a.png\n4,\"big, bad wolf\",b.png\n"), wanted);
        assert_eq!(rows("id;kind\na.png; cat\nb.png; big, bad wolf\n"), wanted);
        assert_eq!(rows("a.png,cat\nb.png,\n"), pairs(&[("a.png", "cat")]), "no class");
        assert!(table("x", "file_name,text,width\na.png,a cat,3\n", |_| false).unwrap().is_none(), "captions");
    }

    #[test]
    fn json_lines_are_read_as_hugging_face_has_them() {
        let text = "{\"file_name\": \"a.png\", \"label\": \"cat\"}\n\n{\"file_name\": \"d/b.png\", \"class\": 3}\n";
        assert_eq!(json_lines("m", text).unwrap().unwrap(), pairs(&[("a.png", "cat"), ("d/b.png", "3")]));
        let text = "{\"file_name\": \"a.png\", \"label\": \" cat \"}\n{\"file_name\": \"b.png\", \"label\": \"\"}\n";
        assert_eq!(json_lines("m", text).unwrap().unwrap(), pairs(&[("a.png", "cat")]), "as in a table");
        assert!(json_lines("m", "{\"file_name\": \"a.png\", \"text\": \"a cat\"}").unwrap().is_none());
        let message = json_lines("m.jsonl", "{\"file_name\": \"a.png\"}\n{oh").unwrap_err().to_string();
        assert!(message.starts_with("m.jsonl:2: expected one JSON object a line"), "{message}");
        assert!(json_lines("m", "3").unwrap_err().to_string().contains("without a file name"));
    }

    #[test]
    fn broken_lines_are_named() {
        let message = table("labels.csv", "a.png,cat\nb.png\n", |_| true).unwrap_err().to_string();
        assert!(message.starts_with("labels.csv:2: expected a table") && message.contains("one field"), "{message}");
        let message = table("labels.csv", "file,class\n\"a.png,cat\nb.png,dog\n", |_| false).unwrap_err().to_string();
        assert!(message.starts_with("labels.csv:2:") && message.contains("mark that nothing closes"), "{message}");
    }

    #[test]
    fn a_forgotten_quotation_mark_is_refused_where_it_opens() {
        let read = |text: &str| {
            let rows =
                table("labels.csv", text, |file| file.ends_with(".png")).map(|rows| rows.unwrap_or_default().len());
            rows.map_err(|error| error.to_string())
        };
        for (text, told) in [
            (
                "file,class\n0.png,a\n1.png,\"b\n2.png,c\n",
                "labels.csv:3: expected a table of two columns, file and class, \
                                                            found a quotation mark that nothing closes",
            ),
            (
                "0.png,a\n1.png,\"b\n2.png,c\n3.png,\"d\"\n4.png,e\n",
                "labels.csv:2: expected a table of two columns, file and \
                                                                  class, found a quotation mark that is closed in line 4",
            ),
            ("0.png,a\n\"1.png,b\n2.png\",c\n", "labels.csv:2:"),
            ("\"0.png,a\n1.png,b\n", "labels.csv:1:"),
            ("file,class,text\n0.png,a,\"one\n1.png,b,two\n2.png,c,\"three\"\n", "labels.csv:2:"),
            ("file,\"text\n0.png,a cat\n", "labels.csv:1:"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.starts_with(told), "{text:?}: {refusal}");
        }
        assert_eq!(read("file,class,text\n0.png,a,\"one\ntwo, 3\"\n1.png,b,four\n"), Ok(2), "texts may have lines");
        assert_eq!(read("file,text\n0.png,\"a cat\n"), Ok(0), "captions are not read at all");
    }

    #[test]
    fn pictures_are_found_by_path_and_by_name() {
        let root = Path::new("r");
        let pictures = ["r/train/1.png", "r/train/2.png", "r/x/2.png", "r/3.png"].map(PathBuf::from);
        let rows = pairs(&[("1", "a"), ("x/2.png", "b"), ("2.png", "c"), ("./3.png", "d"), ("train/2", "e")]);
        let matched = LabelFile { path: "l".into(), rows }.classes_of(root, &pictures);
        let classes: Vec<Option<&str>> = matched.classes.iter().map(Option::as_deref).collect();
        assert_eq!(classes, [Some("a"), Some("e"), Some("b"), Some("d")]);
        assert_eq!((matched.ambiguous, matched.missing.len()), (vec!["2.png".to_string()], 0), "two have that name");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-c,;\"\t\n {}:\\\\]{0,80}") {
            let _ = table("x", &text, |_| false);
            let _ = json_lines("x", &text);
        }
    }
}
