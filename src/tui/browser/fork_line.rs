//! What the line of a fork's changed keys could go on with.

use super::line::LineInput;
use crate::config::{Key, ValueKind, keys, named};
use crate::run::catalogue::{Completion, Completions};

/// The config's own format is nothing to choose.
const NOT_SET: &str = "version";

/// Keys where one is begun, `at` among them; behind `key=` its words, where it has some.
pub fn ways_on(line: &LineInput) -> Completions {
    let before = &line.text()[..line.cursor()];
    let at = before.rfind(char::is_whitespace).map_or(0, |space| {
        let wide = before[space..].chars().next().map_or(1, char::len_utf8);
        space + wide
    });
    let word = &before[at..];
    if let Some((key, value)) = word.split_once('=') {
        let words = match named(key)[..] {
            [key] => words_of(key),
            _ => Vec::new(),
        };
        let fits = words.into_iter().filter(|known| known.starts_with(value));
        let candidates = fits.map(|text| Completion { text, about: "" }).collect();
        return Completions { range: line.cursor() - value.len()..line.cursor(), candidates };
    }
    let candidates = if word.is_empty() { Vec::new() } else { begun(word) };
    Completions { range: at..line.cursor(), candidates }
}

fn words_of(key: &Key) -> Vec<String> {
    match &key.kind {
        ValueKind::Choice(words) => words.clone(),
        ValueKind::Bool => vec!["true".into(), "false".into()],
        _ => Vec::new(),
    }
}

/// Keys that begin so, then those with these letters anywhere; those of [train] first, which a fork is there for.
fn begun(typed: &str) -> Vec<Completion> {
    let rank = |key: &Key| match () {
        () if typed.len() > 1 && key.has_initials(typed) => Some(0),
        () if key.name().starts_with(typed) => Some(1),
        () if key.path.starts_with(typed) => Some(2),
        () if key.path.contains(typed) => Some(3),
        () => None,
    };
    let mut ranked: Vec<(u32, bool, &'static Key)> = keys()
        .iter()
        .filter(|key| key.path != NOT_SET && !key.path.starts_with("parent."))
        .filter_map(|key| Some((rank(key)?, !key.path.starts_with("train."), key)))
        .collect();
    ranked.sort_by_key(|(rank, other, _)| (*rank, *other));
    let step = "at".starts_with(typed).then(|| Completion {
        text: "at=".into(),
        about: "the step of a kept checkpoint, or of the history, to fork from",
    });
    let keys =
        ranked.into_iter().map(|(_, _, key)| Completion { text: format!("{}=", short(key)), about: key.about() });
    step.into_iter().chain(keys).collect()
}

/// Without its section, where that is enough.
fn short(key: &Key) -> &str {
    let alone = named(key.name()).len() == 1 || key.path.starts_with("train.");
    if alone { key.name() } else { &key.path }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    fn texts(line: &str) -> Vec<String> {
        ways_on(&LineInput::with(line)).candidates.into_iter().map(|way| way.text).collect()
    }

    #[test]
    fn keys_are_completed_and_their_words() {
        assert_eq!(texts("lr")[0], "learning_rate=");
        assert_eq!(texts("at=80 drop")[0], "dropout=");
        assert_eq!(texts("steps")[0], "steps=");
        assert_eq!(texts("a")[0], "at=");
        assert_eq!(texts("prediction_type=v_"), ["v_prediction"]);
        assert!(texts("").is_empty() && texts("lr=3").is_empty() && !texts("ver").contains(&"version=".to_string()));
    }

    proptest! {
        #[test]
        fn any_line_can_be_completed(line in ".{0,40}") {
            let ways = ways_on(&LineInput::with(line.clone()));
            prop_assert!(line.get(ways.range).is_some());
        }

        #[test]
        fn a_completed_key_is_one_that_a_fork_takes(which in 0..keys().len()) {
            let key = &keys()[which];
            let name = short(key);
            // What is refused is its value, not its name.
            let said = Config::default().with_assignments_of(&format!("{name}=?"), "train").err();
            let said = said.map_or(String::new(), |error| error.to_string());
            prop_assert!(!said.contains("unknown key") && !said.contains("could be"), "{}", said);
        }
    }
}
