//! What a filter that is being typed could go on with.

use std::ops::Range;

use super::parse::{of_key, operator};
use crate::config::keys;
use crate::run::catalogue::field::{Column, FieldKind, RunField};

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What takes the place of [`Completions::range`].
    pub text: String,
    /// What it is, in a sentence; empty for values.
    pub about: &'static str,
}

/// The ways to go on at a place of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// Bytes of the line that are replaced.
    pub range: Range<usize>,
    /// The likeliest first.
    pub candidates: Vec<Completion>,
}

/// How `line` could go on at the byte `at`: keys where one is begun, and behind `key=` its values, where they are known.
/// `tags` are those that runs have.
pub fn completions(line: &str, at: usize, tags: &[String]) -> Completions {
    let at = (0..=at.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    let before = &line[..at];
    // In quotes there is nothing to complete.
    if before.matches('"').count() % 2 == 1 {
        return Completions { range: at..at, candidates: Vec::new() };
    }
    let word_at = before
        .rfind(|c: char| c.is_whitespace() || "()\"".contains(c))
        .map_or(0, |found| found + before[found..].chars().next().map_or(1, char::len_utf8));
    let word = before[word_at..].trim_start_matches(['-', '!']);
    let start = at - word.len();
    let key = word.split(|c| !of_key(c)).next().unwrap_or_default();
    let key = key.to_ascii_lowercase();
    let key = key.as_str();
    if key.len() == word.len() {
        return Completions { range: start..at, candidates: begun(key) };
    }
    let sign = operator(&word[key.len()..]);
    let (Some((_, length)), Ok(field)) = (sign, RunField::named(key)) else {
        return Completions { range: at..at, candidates: Vec::new() };
    };
    let values = &word[key.len() + length..];
    let value = values.rsplit(',').next().unwrap_or_default();
    Completions { range: at - value.len()..at, candidates: values_of(field, value, tags) }
}

/// The fields that a key which begins so could be: those whose own name begins so first, then those that have it
/// anywhere.
fn begun(prefix: &str) -> Vec<Completion> {
    let columns = Column::ALL.into_iter().map(RunField::Column);
    // A key of a column's name is in the column.
    let hidden = |key: usize| Column::ALL.iter().any(|column| column.word() == keys()[key].path);
    let all = columns.chain((0..keys().len()).filter(|&key| !hidden(key)).map(RunField::Key));
    // `lr` is as good as the name.
    let meant = (prefix.len() > 1).then(|| RunField::named(prefix).ok()).flatten();
    let mut ranked: Vec<(usize, RunField)> =
        all.filter_map(|field| Some((rank(field, prefix, meant)?, field))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, field)| Completion { text: field.shortest().into(), about: field.about() }).collect()
}

fn rank(field: RunField, prefix: &str, meant: Option<RunField>) -> Option<usize> {
    let (path, name) = match field {
        RunField::Column(column) => (column.word(), column.word()),
        RunField::Key(key) => (keys()[key].path.as_str(), keys()[key].name()),
    };
    match () {
        () if meant == Some(field) => Some(0),
        () if name.starts_with(prefix) => Some(1),
        () if path.starts_with(prefix) => Some(2),
        () if path.contains(prefix) => Some(3),
        () => None,
    }
}

fn values_of(field: RunField, begun: &str, tags: &[String]) -> Vec<Completion> {
    let flags = ["true".to_string(), "false".to_string()];
    let words: &[String] = match (field, field.kind()) {
        (RunField::Column(Column::Tags), _) => tags,
        (_, FieldKind::Word(Some(words))) => words,
        (_, FieldKind::Flag) => &flags,
        _ => &[],
    };
    let begun = begun.to_lowercase();
    let fits = words.iter().filter(|word| word.to_lowercase().starts_with(&begun));
    fits.map(|word| Completion { text: word.clone(), about: "" }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let tags = ["good".to_string(), "old".to_string()];
        completions(line, line.len(), &tags).candidates.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn keys_are_completed_by_name_by_section_and_by_letters() {
        assert_eq!(texts("mnist -sche")[0], "schedule");
        assert_eq!((texts("lr")[0].as_str(), texts("LR")[0].as_str()), ("learning_rate", "learning_rate"));
        assert!(texts("train.lear").contains(&"learning_rate".to_string()));
        assert!(texts("num").contains(&"preview.num".to_string()), "a name of several is written with its section");
        assert_eq!(texts("").len(), Column::ALL.len() + keys().len() - 1);
        assert!(texts("xyz").is_empty());
        let completion = completions("a lr>1 val", 10, &[]);
        assert_eq!(completion.range, 7..10);
        assert_eq!(completion.candidates[0].text, "val_loss");
        assert!(completion.candidates[0].about.contains("held-out"));
    }

    #[test]
    fn values_are_completed_where_they_are_known() {
        assert_eq!(texts("schedule=cos"), ["cosine"]);
        assert_eq!(texts("schedule=linear,sig"), ["sigmoid", "sigmoid_jabri"]);
        assert_eq!(texts("-tag:o"), ["old"]);
        assert_eq!(texts("state=tr"), ["training"]);
        assert_eq!(texts("mid_attention="), ["true", "false"]);
        assert!(texts("lr>1").is_empty() && texts("\"sche").is_empty() && texts("nokey=a").is_empty());
        assert_eq!(completions("(state=tr)", 9, &[]).range, 7..9);
    }

    proptest! {
        #[test]
        fn every_candidate_goes_on_to_a_filter(line in "[a-z._=:<,() \"-]{0,20}", at in 0usize..30) {
            let found = completions(&line, at, &["old".into()]);
            prop_assert!(line.get(found.range.clone()).is_some());
        }

        #[test]
        fn no_line_panics(line: String, at: usize) {
            let _ = completions(&line, at, &[]);
        }
    }
}
