//! An explanation as Markdown: on stdout with its pictures inside, or a file with them as files beside it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::pictures;
use crate::cli::output::OutputFile;
use crate::explain::document::ShownPicture;
use crate::explain::{Explanation, Part, Topic, markdown};
use crate::picture;
use crate::run::write_replacing;
use crate::speak;

/// Prints it; pictures stand in it as their own data.
///
/// # Errors
/// When a picture can't be packed, or stdout can't be written.
pub fn print(explanation: &Explanation) -> Result<()> {
    let rows = rows(explanation);
    let uris: Vec<String> = rows.iter().map(|row| pictures::as_data(row)).collect::<Result<_>>()?;
    speak::print(&written(explanation, &uris))?;
    if !rows.is_empty() {
        speak::remark(
            "note: the pictures are inside the text, as data: URIs, which GitHub and many other readers don't show; \
             -o FILE.md writes them as files beside it",
        );
    }
    Ok(())
}

/// Writes it to a file, and its pictures into a folder beside it: of notes.md they are in notes-pictures/.
///
/// # Errors
/// When they can't be written.
pub fn write(explanation: &Explanation, topic: Topic, out: &OutputFile) -> Result<()> {
    let rows = rows(explanation);
    let (folder, name) = folder_of(&out.path);
    if !rows.is_empty() {
        fs::create_dir_all(&folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let mut links = Vec::new();
    for (number, row) in (1..).zip(&rows) {
        let file = format!("{}-{number}.png", topic.name());
        let (path, png) = (folder.join(&file), picture::png(&pictures::row(row, 3), None)?);
        write_replacing(&path, &png).with_context(|| format!("writing {}", path.display()))?;
        links.push(format!("{}/{file}", in_link(&name)));
    }
    out.write(|path, _| fs::write(path, written(explanation, &links)).context("writing the text"))?;
    let also = match links.len() {
        0 => String::new(),
        1 => format!(", and its picture in {}", folder.display()),
        n => format!(", and its {n} pictures in {}", folder.display()),
    };
    speak::remark(format_args!("wrote {}{also}", out.path.display()));
    Ok(())
}

fn rows(explanation: &Explanation) -> Vec<&[ShownPicture]> {
    fn row(part: &Part) -> Option<&[ShownPicture]> {
        match part {
            Part::Pictures(row) => Some(row),
            _ => None,
        }
    }
    explanation.parts.iter().filter_map(row).collect()
}

/// With a place for each row of pictures.
fn written(explanation: &Explanation, places: &[String]) -> String {
    let mut places = places.iter();
    markdown::markdown(explanation, 1, |row| {
        let place = places.next().map_or("", String::as_str);
        format!("![pictures]({place})\n\n{}\n", markdown::caption(row))
    })
}

/// The folder of a file's pictures, and its name.
fn folder_of(file: &Path) -> (PathBuf, String) {
    let name = format!("{}-pictures", file.file_stem().unwrap_or_default().to_string_lossy());
    (file.with_file_name(&name), name)
}

/// A file name in a link: what ends one, or a path, stands by its number.
fn in_link(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c.is_alphanumeric() || "-._~".contains(c) {
            true => out.push(c),
            false => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}"))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn pictures_lie_beside_the_file_and_are_linked_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("my notes (1).md");
        let mut page = Explanation::new("T");
        let picture = |symbol: &str, value: f32| ShownPicture {
            symbol: symbol.into(),
            shape: (2, 2, 1),
            pixels: Arc::new(vec![value; 4]),
            drawing: false,
        };
        page.parts.push(Part::Pictures(vec![picture("x_0", 1.0), picture("x_t", -1.0)]));
        page.text("Between.");
        page.parts.push(Part::Pictures(vec![picture("y", 0.0)]));
        write(&page, Topic::Forward, &OutputFile::new(&file, "--out", &["md"]).unwrap()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.contains("![pictures](my%20notes%20%281%29-pictures/forward-1.png)\n\nFrom the left: $x_0$ · $x_t$\n"),
            "{text}"
        );
        assert!(text.contains("-pictures/forward-2.png)") && !text.contains("data:"), "{text}");
        let seen = |name: &str| image::open(dir.path().join("my notes (1)-pictures").join(name)).unwrap().into_rgb8();
        assert_eq!(seen("forward-2.png").dimensions().1, seen("forward-1.png").dimensions().1);
        assert!(seen("forward-1.png").pixels().any(|pixel| pixel.0 == [255; 3]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(in_link("größe 1"), "größe%201");
    }
}
