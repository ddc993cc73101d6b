//! A name means one thing in the whole house.

use std::collections::BTreeMap;

use super::source::{Source, sources};

/// Names that may be declared more than once, and why.
const SHARED: [(&str, &str); 1] =
    [("Args", "the flags of a subcommand, one type each, always named with its module: `sample::Args`")];

/// The public types that `source` declares.
fn declared(source: &Source) -> Vec<&str> {
    let words: Vec<&str> = source.tokens.iter().map(|token| token.text.as_str()).collect();
    let is_type = |word: &str| ["struct", "enum", "trait", "type", "union"].contains(&word);
    words.windows(3).filter(|three| three[0] == "pub" && is_type(three[1])).map(|three| three[2]).collect()
}

#[test]
fn no_name_of_a_public_type_is_declared_twice() {
    let sources = sources();
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &sources {
        for name in declared(source) {
            places.entry(name).or_default().push(source.file.display().to_string());
        }
    }
    for (name, why) in SHARED {
        assert!(places.get(name).is_some_and(|files| files.len() > 1), "{name} needs no exception any more: {why}");
    }
    places.retain(|name, files| files.len() > 1 && SHARED.iter().all(|(shared, _)| shared != name));
    let list: Vec<String> = places.iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect();
    assert!(list.is_empty(), "names of more than one type:\n{}", list.join("\n"));
}
