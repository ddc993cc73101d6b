//! docs/reliability.md names a test for each promise: each of them must be there.

use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// What stands in code with a `::` in it: "saving::a_full_disk_is_waited_out_and_nothing_is_lost".
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|code| code.contains("::") && !code.contains(' ')).collect()
}

/// Whether a file under one of `roots` that `place` names has the test `name`, or is the module `name`.
fn exists(files: &[PathBuf], place: &str, name: &str) -> bool {
    let wanted = place.replace("::", "/");
    let wanted = wanted.trim_end_matches(".rs");
    files.iter().any(|file| {
        let path = file.with_extension("").display().to_string();
        // A folder of tests is named by its folder, a file by its own name.
        let there = path.contains(&format!("/{wanted}/")) || path.ends_with(&format!("/{wanted}"));
        let module = path.ends_with(&format!("/{wanted}/{name}"));
        module || there && fs::read_to_string(file).unwrap().contains(&format!("fn {name}("))
    })
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("tests"), &mut files);
    rust_files(&root.join("src"), &mut files);
    let text = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let names = named(&text);
    assert!(names.len() > 40, "only {} tests are named", names.len());
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| name.rsplit_once("::").is_none_or(|(place, test)| !exists(&files, place, test)))
        .collect();
    assert!(missing.is_empty(), "docs/reliability.md names tests that are not there: {missing:#?}");
    // And rows of its tables without any.
    let promised = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What"));
    let bare: Vec<&str> = promised.filter(|line| named(line).is_empty()).collect();
    assert!(bare.is_empty(), "promises without a test: {bare:#?}");
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let files = [Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reliability.rs")];
    assert!(exists(&files, "reliability", "a_test_that_is_not_there_is_noticed"));
    assert!(!exists(&files, "reliability", &["no", "such", "test"].join("_")));
    assert!(!exists(&files, "elsewhere", "a_test_that_is_not_there_is_noticed"));
}
