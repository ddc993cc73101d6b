//! Every key, read from the schema's own source text: name, type, default, choices, explanation.
//!
//! `--help-config`, configs/README.md, the check for unknown keys and the messages about wrong types
//! all use this one table, so they can't drift from the structs that serde fills.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{Config, ParentConfig};

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number, 0 or more.
    Integer,
    Float,
    Bool,
    Text,
    /// A list of whole numbers.
    IntegerList,
    /// A list of numbers.
    FloatList,
    /// One of these words.
    Choice(Vec<String>),
}

impl ValueKind {
    /// "a whole number", as used in "must be a whole number".
    pub fn describe(&self) -> String {
        match self {
            ValueKind::Integer => "a whole number (0 or more)".into(),
            ValueKind::Float => "a number".into(),
            ValueKind::Bool => "true or false".into(),
            ValueKind::Text => "text in quotes".into(),
            ValueKind::IntegerList => "a list of whole numbers such as [32, 64]".into(),
            ValueKind::FloatList => "a list of numbers such as [0.0, 0.5]".into(),
            ValueKind::Choice(words) => format!("one of {}", quoted(words)),
        }
    }

    /// "integer", as shown in tables.
    pub fn short(&self) -> String {
        match self {
            ValueKind::Integer => "integer".into(),
            ValueKind::Float => "number".into(),
            ValueKind::Bool => "true/false".into(),
            ValueKind::Text => "text".into(),
            ValueKind::IntegerList => "list of integers".into(),
            ValueKind::FloatList => "list of numbers".into(),
            ValueKind::Choice(_) => "choice".into(),
        }
    }
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// One key of the config.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Dotted: "train.batch_size".
    pub path: String,
    pub kind: ValueKind,
    /// The default, as TOML: `64`, `"cosine"`, `[32, 64, 64]`.
    pub default: String,
    /// The explanation, in one paragraph.
    pub doc: String,
}

impl Key {
    /// "train" of "train.batch_size"; empty for top-level keys.
    pub fn section(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// "batch_size" of "train.batch_size".
    pub fn name(&self) -> &str {
        self.path.rsplit_once('.').map_or(&self.path, |(_, name)| name)
    }

    /// What it is, in a sentence.
    pub fn about(&self) -> &str {
        self.doc.split_inclusive(". ").next().unwrap_or_default().trim()
    }

    /// Is its name of several words, with these first letters, as `lr` of `learning_rate`?
    pub fn has_initials(&self, letters: &str) -> bool {
        let name = self.name();
        let firsts = name.split('_').filter_map(|word| word.chars().next());
        name.contains('_') && firsts.eq(letters.chars())
    }
}

/// The text that the keys are read from.
const SOURCE: &str = concat!(
    include_str!("names.rs"),
    include_str!("precision.rs"),
    include_str!("schema/mod.rs"),
    include_str!("schema/data.rs"),
    include_str!("schema/diffusion.rs"),
    include_str!("schema/model.rs"),
    include_str!("schema/autoencoder.rs"),
    include_str!("schema/parent.rs"),
    include_str!("schema/train.rs"),
    include_str!("schema/preview.rs"),
    include_str!("schema/sample.rs"),
);

/// The section that a fork's config alone has, and nobody sets.
pub(super) const PARENT: &str = "parent";

/// All keys that can be set, in the order of the schema.
pub fn keys() -> &'static [Key] {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let items = items(SOURCE);
        let defaults: toml::Table = Config::default().to_toml().parse().unwrap_or_default();
        let mut keys = Vec::new();
        collect(&items, "Config", "", &defaults, &mut keys);
        keys
    })
}

/// The keys of `[parent]`, and what the section is about.
pub fn parent_keys() -> &'static (String, Vec<Key>) {
    static KEYS: OnceLock<(String, Vec<Key>)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let items = items(SOURCE);
        let defaults = toml::Table::try_from(ParentConfig::default()).unwrap_or_default();
        let mut keys = Vec::new();
        collect(&items, "ParentConfig", &format!("{PARENT}."), &defaults, &mut keys);
        let doc = match items.get("ParentConfig") {
            Some(Item::Struct { doc, .. }) => doc.clone(),
            _ => String::new(),
        };
        (doc, keys)
    })
}

/// The sections and what they are about, in the order of the schema.
pub fn sections() -> &'static [(String, String)] {
    static SECTIONS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    SECTIONS.get_or_init(|| {
        let items = items(SOURCE);
        let Some(Item::Struct { fields, .. }) = items.get("Config") else { return Vec::new() };
        fields
            .iter()
            .filter_map(|field| match items.get(&field.ty) {
                Some(Item::Struct { doc, .. }) => Some((field.name.clone(), doc.clone())),
                _ => None,
            })
            .collect()
    })
}

/// Is this the name of a section of the file?
pub(super) fn is_section(name: &str) -> bool {
    name == PARENT || sections().iter().any(|(section, _)| section == name)
}

/// The key of this dotted path that a file may have.
pub(super) fn find_in_file(path: &str) -> Option<&'static Key> {
    find(path).or_else(|| parent_keys().1.iter().find(|key| key.path == path))
}

/// The key of this dotted path.
pub fn find(path: &str) -> Option<&'static Key> {
    keys().iter().find(|key| key.path == path)
}

/// The known key, or section, that looks most like `unknown` (a dotted path, or only a key's own name).
pub fn nearest(unknown: &str) -> &'static str {
    nearest_of(unknown, None)
}

/// The same, where keys of `section` go before others that look about as much like it.
pub(super) fn nearest_of(unknown: &str, preferred: Option<&str>) -> &'static str {
    if !unknown.contains('.')
        && let Some((section, _)) =
            sections().iter().find(|(section, _)| strsim::normalized_damerau_levenshtein(unknown, section) >= 0.6)
    {
        return section;
    }
    let score = |key: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(unknown, &key.path);
        // A right name in the wrong section, or without one, is a near miss too.
        let own = unknown.rsplit_once('.').map_or(unknown, |(_, name)| name);
        let own = strsim::normalized_damerau_levenshtein(own, key.name()) - 0.05;
        whole.max(own) + if preferred == Some(key.section()) { 0.1 } else { 0.0 }
    };
    // Of equals the first of the schema: of three `steps` those of training.
    keys().iter().rev().max_by(|a, b| score(a).total_cmp(&score(b))).map_or("", |key| key.path.as_str())
}

struct Field {
    name: String,
    ty: String,
    doc: String,
}

enum Item {
    Struct { doc: String, fields: Vec<Field> },
    Enum { variants: Vec<String> },
}

/// The structs and enums of Rust source text in rustfmt's form, as the schema is written.
fn items(source: &str) -> BTreeMap<String, Item> {
    let mut items = BTreeMap::new();
    let mut doc: Vec<&str> = Vec::new();
    let mut open: Option<(String, Item)> = None;
    // The word that serde writes for the coming variant, where it isn't the snake_case of its name.
    let mut renamed: Option<&str> = None;
    for line in source.lines() {
        let text = line.trim();
        if let Some(comment) = text.strip_prefix("///") {
            doc.push(comment.trim());
            continue;
        }
        if text.starts_with("#[") {
            renamed = text.strip_prefix("#[serde(rename = \"").and_then(|rest| rest.strip_suffix("\")]")).or(renamed);
            continue;
        }
        if let Some(name) = text.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            open = Some((name.into(), Item::Struct { doc: doc.join(" "), fields: Vec::new() }));
        } else if let Some(name) = text.strip_prefix("pub enum ").and_then(|rest| rest.strip_suffix(" {")) {
            open = Some((name.into(), Item::Enum { variants: Vec::new() }));
        } else if text == "}" {
            items.extend(open.take());
        } else if let Some((_, item)) = &mut open {
            match item {
                Item::Struct { fields, .. } => {
                    let declared = text.strip_prefix("pub ").and_then(|rest| rest.strip_suffix(','));
                    if let Some((name, ty)) = declared.and_then(|d| d.split_once(": ")) {
                        fields.push(Field { name: name.into(), ty: ty.into(), doc: doc.join(" ") });
                    }
                }
                Item::Enum { variants } => {
                    let word = |name: &str| renamed.map_or_else(|| snake_case(name), str::to_string);
                    variants.extend(text.strip_suffix(',').map(word));
                }
            }
        }
        doc.clear();
        renamed = None;
    }
    items
}

fn collect(items: &BTreeMap<String, Item>, name: &str, prefix: &str, defaults: &toml::Table, keys: &mut Vec<Key>) {
    let Some(Item::Struct { fields, .. }) = items.get(name) else { return };
    // What is optional no default has.
    for field in fields.iter().filter(|field| !field.ty.starts_with("Option<")) {
        let path = format!("{prefix}{}", field.name);
        let kind = match items.get(&field.ty) {
            Some(Item::Struct { .. }) => {
                if let Some(toml::Value::Table(inner)) = defaults.get(&field.name) {
                    collect(items, &field.ty, &format!("{path}."), inner, keys);
                }
                continue;
            }
            Some(Item::Enum { variants }) => ValueKind::Choice(variants.clone()),
            None => match field.ty.as_str() {
                "bool" => ValueKind::Bool,
                "f64" | "HeldOut" => ValueKind::Float,
                "String" => ValueKind::Text,
                "Vec<usize>" => ValueKind::IntegerList,
                "Vec<f64>" => ValueKind::FloatList,
                _ => ValueKind::Integer,
            },
        };
        let default = defaults.get(&field.name).map(toml::Value::to_string).unwrap_or_default();
        keys.push(Key { path, kind, default, doc: field.doc.clone() });
    }
}

/// "VPrediction" → "v_prediction", as serde's `snake_case` renames it.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (i, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(table: &toml::Table, prefix: &str, out: &mut Vec<String>) {
        for (name, value) in table {
            match value {
                toml::Value::Table(inner) => leaves(inner, &format!("{prefix}{name}."), out),
                _ => out.push(format!("{prefix}{name}")),
            }
        }
    }

    #[test]
    fn the_table_of_keys_is_exactly_what_serde_writes() {
        let mut written = Vec::new();
        leaves(&Config::default().to_toml().parse().unwrap(), "", &mut written);
        let mut known: Vec<String> = keys().iter().map(|key| key.path.clone()).collect();
        written.sort();
        known.sort();
        assert_eq!(written, known);
    }

    #[test]
    fn every_key_is_explained_and_every_choice_can_be_read() {
        for key in keys() {
            assert!(key.doc.len() > 10, "{} has no explanation", key.path);
            if let ValueKind::Choice(words) = &key.kind {
                assert!(!words.is_empty());
                for word in words {
                    let set = format!("{}={word}", key.path);
                    assert!(Config::from_toml("", "x").unwrap().with_overrides(&[set]).is_ok(), "{} {word}", key.path);
                    assert!(key.doc.contains(&format!("`{word}`")), "{}'s explanation forgets {word}", key.path);
                }
            }
        }
    }

    #[test]
    fn the_nearest_key_is_found_by_a_slip_of_the_finger_and_by_the_bare_name() {
        assert_eq!(nearest("train.batchsize"), "train.batch_size");
        assert_eq!(nearest("batch_size"), "train.batch_size");
        assert_eq!(nearest("model.learning_rate"), "train.learning_rate");
        assert_eq!(nearest("diffusion.timestep"), "diffusion.timesteps");
        assert_eq!(nearest("sed"), "seed");
    }
}
