//! The house has floors, and imports only point down.

use std::fs;
use std::path::{Path, PathBuf};

/// From the roof to the ground. Folders in one line share a floor and do not import each other.
const FLOORS: [&[&str]; 16] = [
    &["cli"],
    &["tui", "headless"],
    &["speak"],
    &["lab"],
    &["run"],
    &["eval"],
    &["bench"],
    &["train"],
    &["sampling"],
    &["nn"],
    &["kernels"],
    &["diffusion"],
    &["data"],
    &["picture"],
    &["config"],
    &["random", "process"],
];

/// Crates that only the upper floors know: the crate, and the lowest floor that may use it.
const CRATES: [(&str, &str); 5] = [
    ("ratatui", "tui"),
    ("ratatui_image", "tui"),
    ("indicatif", "headless"),
    ("clap", "tui"),
    ("crossbeam_channel", "lab"),
];

fn height(folder: &str) -> Option<usize> {
    FLOORS.iter().rev().position(|floor| floor.contains(&folder))
}

fn source_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// (folder, file, its text without comments) of every source file that lies on a floor.
fn floors() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&src, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&src).unwrap().to_path_buf();
            let first = relative.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_string();
            if ["lib", "main"].contains(&first.as_str()) {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            Some((first, relative, code.join("\n")))
        })
        .collect()
}

/// The word that starts `text`.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The folders that `code` names after `crate::`, those of a brace list included.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(word(rest).to_string()),
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(word(std::mem::take(&mut item).trim()).to_string()),
                        _ if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                found.push(word(item.trim()).to_string());
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn every_folder_has_a_floor() {
    for (folder, file, _) in floors() {
        assert!(height(&folder).is_some(), "{} lies on no floor", file.display());
    }
}

#[test]
fn imports_only_point_down() {
    let mut seen = 0;
    for (folder, file, code) in floors() {
        for import in imports(&code) {
            let Some(below) = height(&import) else { continue };
            seen += 1;
            let allowed = import == folder || below < height(&folder).unwrap();
            assert!(allowed, "{}: {folder} imports {import}, which does not lie below it", file.display());
        }
    }
    assert!(seen > 100, "only {seen} imports found: does the test still read them?");
}

#[test]
fn only_the_upper_floors_know_the_screen_and_the_channels() {
    for (folder, file, code) in floors() {
        for (name, lowest) in CRATES {
            let uses = code.contains(&format!("{name}::"));
            let allowed = height(&folder) >= height(lowest);
            assert!(!uses || allowed, "{}: {folder} knows {name}", file.display());
        }
    }
}

#[test]
fn signals_are_one_floor_s_business() {
    for (folder, file, code) in floors() {
        for name in ["signal_hook::", "libc::"] {
            assert!(folder == "process" || !code.contains(name), "{}: {folder} uses {name}", file.display());
        }
    }
}

#[test]
fn unsafe_code_lies_in_the_kernels_and_the_process_and_says_why_it_is_safe() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (folder, file, code) in floors() {
        let used = code.contains("unsafe {");
        assert!(
            !used || ["kernels", "process"].contains(&folder.as_str()),
            "{}: unsafe code elsewhere",
            file.display()
        );
        if used {
            let text = fs::read_to_string(src.join(&file)).unwrap();
            assert!(text.contains("// SAFETY:"), "{}: an unsafe block without a reason", file.display());
        }
    }
}

#[test]
fn the_reader_of_imports_sees_lists_and_nested_lists() {
    let code = "use crate::{config::{A, B}, data, nn::UNet};\nlet x = crate::random::generator;";
    assert_eq!(imports(code), ["config", "data", "nn", "random"]);
}
