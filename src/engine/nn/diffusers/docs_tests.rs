//! docs/diffusers.md says of every key what the tables here say.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::classes::{CLASSES, Fate};
use super::settings::preset;

const BEGIN: &str = "<!-- Made from src/engine/nn/diffusers/classes.rs; a test holds it to that. -->\n";
const END: &str = "<!-- End of what is made. -->\n";

/// One table a class, in Markdown.
fn tables() -> String {
    let mut text = String::new();
    for class in CLASSES {
        writeln!(text, "### {}\n\n| key | default | becomes |\n|---|---|---|", class.name).unwrap();
        for key in class.keys() {
            let becomes = match key.fate {
                Fate::Obeyed(what) if what.contains('.') && !what.contains(' ') => format!("`{what}`"),
                Fate::Obeyed(what) => what.to_string(),
                Fate::DefaultOnly => "refused unless it is the default".into(),
                Fate::NoPart(key) => format!("no effect without `{key}`"),
            };
            writeln!(text, "| `{}` | `{}` | {becomes} |", key.name, preset(key.default)).unwrap();
        }
        text.push('\n');
    }
    text
}

/// With DIFFLAB_WRITE_DOCS set, the file is written anew.
#[test]
fn the_document_lists_the_keys_as_they_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diffusers.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("where the tables begin") + BEGIN.len();
    let end = text.find(END).expect("where the tables end");
    let expected = format!("\n{}", tables());
    if std::env::var_os("DIFFLAB_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert!(text[begin..end] == expected, "run this test with DIFFLAB_WRITE_DOCS=1, or write:\n{expected}");
}
