//! What the documents point to is there: files, headings, and the places that CONTRIBUTING.md names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document, from the repository's folder.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("configs/README.md")];
    for folder in ["", "docs", "docs/explain", "docs/study"] {
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the links and the pictures of a Markdown text lead.
fn links(markdown: &str) -> Vec<String> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        })
        .collect()
}

/// The anchors of its headings, as GitHub makes them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let (mut found, mut heading) = (BTreeSet::new(), None);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::End(TagEnd::Heading(_)), Some(title)) => {
                let title: String = title.to_lowercase().replace(' ', "-");
                let kept: String = title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
                let again = (1..).map(|n| format!("{kept}-{n}"));
                let free = [kept.clone()].into_iter().chain(again).find(|anchor| !found.contains(anchor));
                found.extend(free);
                heading = None;
            }
            (Event::Text(part) | Event::Code(part), Some(title)) => title.push_str(&part),
            _ => {}
        }
    }
    found
}

/// What is wrong with a link of `document`; nothing with those that lead out of the repository.
fn broken(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = match path {
        "" => document.to_path_buf(),
        path => document.parent().unwrap().join(path),
    };
    let wrong = |what: &str| Some(format!("{} links to {link}: {what}", document.display()));
    if !repository().join(&target).exists() {
        return wrong("there is no such file");
    }
    let anchor = anchor?;
    (!anchors(&text(&target)).contains(anchor)).then(|| wrong("there is no such heading")).flatten()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for document in documents() {
        for link in links(&text(&document)) {
            seen += 1;
            wrong.extend(broken(&document, &link));
        }
    }
    assert!(seen > 60, "only {seen} links found: does the test still read them?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files and folders that a text names in backticks: what has a slash in it, or the ending of a file of this repository.
fn named(markdown: &str) -> Vec<String> {
    let is_path = |code: &str| {
        let ends = [".rs", ".md", ".toml", ".sh", ".yml"].iter().any(|ending| code.ends_with(ending));
        let plain = code.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
        plain && (ends || code.contains('/')) && !code.contains("YOURS") && !code.starts_with(['/', '.', '-'])
    };
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Code(code) if is_path(&code) => Some(code.to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn every_place_that_a_recipe_names_is_there() {
    let names = named(&text(Path::new("CONTRIBUTING.md")));
    assert!(names.len() > 30, "only {} places found: does the test still read them?", names.len());
    let missing: Vec<_> = names.into_iter().filter(|name| !repository().join(name).exists()).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {}", missing.join(", "));
}

#[test]
fn what_is_not_there_is_found() {
    let here = Path::new("docs/data.md");
    assert_eq!(broken(here, "../README.md#start"), None);
    assert_eq!(broken(here, "https://example.org/nothing"), None);
    assert!(broken(here, "README.md").unwrap().contains("no such file"));
    assert!(broken(here, "../README.md#no-such-part").unwrap().contains("no such heading"));
    assert!(
        anchors("# A `b` – c, d\n## Twice\n## Twice\n").is_superset(&["a-b--c-d", "twice-1"].map(String::from).into())
    );
    assert_eq!(named("`src/a.rs` `a = 1` `x.md` `YOURS.rs` `--set`"), ["src/a.rs", "x.md"]);
}
