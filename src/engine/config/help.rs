//! The keys explained: for `--help-config`, and as the Markdown of configs/README.md.

use std::fmt::Write;

use super::keys::{Key, ValueKind, keys, parent_keys, sections};

/// Every key with its type, default and explanation, as plain text.
pub fn help() -> String {
    let mut text = String::from(
        "A config is a TOML file. Keys left out take the defaults shown here; unknown keys are refused.\n\
         Any key can be set on the command line: --set train.batch_size=32\n",
    );
    for (section, about) in groups() {
        match section.as_str() {
            "" => text.push('\n'),
            _ => _ = write!(text, "\n[{section}]  {about}\n\n"),
        }
        for key in of_section(&section) {
            let _ = writeln!(text, "  {} = {}    ({})", key.name(), key.default, key.kind.short());
            for line in wrap(&key.doc, 90) {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    let (about, fork) = parent_keys();
    let _ = write!(text, "\n[parent]  {about}\n\n");
    for key in fork {
        let _ = writeln!(text, "  {}    ({})", key.name(), key.kind.short());
        for line in wrap(&key.doc, 90) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

/// The same as Markdown tables, one a section.
pub fn markdown() -> String {
    let mut text = String::new();
    for (section, about) in groups() {
        match section.as_str() {
            "" => text.push_str("### At the top of the file\n\n"),
            _ => _ = write!(text, "\n### `[{section}]`\n\n{about}\n\n"),
        }
        text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in of_section(&section) {
            let doc = key.doc.replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {} | `{}` | {doc} |", key.path, type_of(key), key.default);
        }
    }
    let (about, fork) = parent_keys();
    let _ = write!(text, "\n### `[parent]`\n\n{about}\n\n| key | type | meaning |\n|---|---|---|\n");
    for key in fork {
        let _ = writeln!(text, "| `{}` | {} | {} |", key.path, type_of(key), key.doc);
    }
    text
}

fn groups() -> Vec<(String, String)> {
    let mut groups = vec![(String::new(), String::new())];
    groups.extend(sections().iter().cloned());
    groups
}

fn of_section(section: &str) -> impl Iterator<Item = &'static Key> {
    keys().iter().filter(move |key| key.section() == section)
}

fn type_of(key: &Key) -> String {
    match &key.kind {
        ValueKind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        other => other.short(),
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width {
            lines.push(word.into());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_key_with_its_default_and_explanation() {
        let text = help();
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for key in keys() {
            assert!(text.contains(&format!("  {} = {}", key.name(), key.default)), "{}", key.path);
            assert!(flat.contains(&key.doc.split_whitespace().collect::<Vec<_>>().join(" ")), "{}", key.path);
        }
    }

    /// To write the tables anew after a change of the schema: `DIFFLAB_BLESS=1 cargo test --release help`.
    #[test]
    fn the_readme_of_the_configs_holds_exactly_these_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
        let (before, rest) = readme.split_once(begin).unwrap();
        let (tables, after) = rest.split_once(end).unwrap();
        if std::env::var_os("DIFFLAB_BLESS").is_some() {
            std::fs::write(path, format!("{before}{begin}{}{end}{after}", markdown())).unwrap();
            return;
        }
        assert_eq!(tables, markdown(), "configs/README.md is behind the schema");
    }
}
