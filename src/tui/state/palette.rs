//! The command palette: a line to type in, and what it can become.
//!
//! Without `=` the line looks for an action or a key. With one it sets keys, `KEY=VALUE`, several with
//! spaces between them. A line that begins with `beside` puts settings side by side: [`super::beside_line`].

use super::beside_completion::{self, BesideReading};
use super::fuzzy::fuzzy;
use super::palette_row::Row;
use crate::config::{self, Config, Key, ValueKind};
use crate::tui::action::Action;
use crate::tui::bindings::BINDINGS;

/// A line to type in, and which of its rows is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandPalette {
    pub text: String,
    /// The row that the arrows went to; `None`: the one that the line itself says.
    pub chosen: Option<usize>,
    /// Why the line was not done.
    pub refusal: Option<String>,
}

/// What the end of the line is about; offsets are bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineReading<'a> {
    /// Something to look for: no `=` yet.
    Search,
    /// After complete settings, the beginning of another key at `at`.
    NextKey { at: usize, typed: &'a str },
    /// A key's name at `at`, and the value typed so far. `key` is the one it means, where it means one.
    Value { at: usize, name: &'a str, key: Option<&'static Key>, typed: &'a str },
    /// Settings to be put side by side.
    Beside(BesideReading<'a>),
}

/// Longest line the palette takes.
const LONGEST: usize = 300;

/// Actions go before keys that fit a little better.
const ACTIONS_FIRST: u32 = 20;

/// The config's own format is nothing to choose.
const NOT_SET: &str = "version";

impl CommandPalette {
    /// A palette with a line in it.
    pub fn with(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Types a character.
    pub fn push(&mut self, c: char) {
        if self.text.chars().count() < LONGEST && !c.is_control() {
            self.text.push(c);
            self.changed();
        }
    }

    /// Takes the last character away.
    pub fn pop(&mut self) {
        self.text.pop();
        self.changed();
    }

    fn changed(&mut self) {
        self.chosen = None;
        self.refusal = None;
    }

    /// Makes the line what the row says: completes a key to `KEY=`, or a value.
    pub fn complete(&mut self, row: &Row) {
        let text = match (row, self.reading()) {
            (row, LineReading::Beside(reading)) => match beside_completion::completed(&self.text, reading, row) {
                Some(text) => text,
                None => return,
            },
            (Row::Action { .. }, _) => return,
            (Row::Key { key, .. }, LineReading::Search) => format!("{}=", key.path),
            (Row::Key { key, .. }, LineReading::NextKey { at, .. }) => format!("{}{}=", &self.text[..at], key.path),
            (Row::Key { key, .. }, LineReading::Value { at, typed, .. }) => {
                format!("{}{}={typed}", &self.text[..at], key.path)
            }
            (Row::Word(word), LineReading::Value { at, name, .. }) => format!("{}{name}={word}", &self.text[..at]),
            (Row::Word(_) | Row::Setting { .. }, _) => return,
        };
        self.text = text;
        self.changed();
    }

    /// What the end of the line is about.
    pub fn reading(&self) -> LineReading<'_> {
        let text = self.text.as_str();
        if let Some(reading) = beside_completion::reading(text) {
            return LineReading::Beside(reading);
        }
        let Some(last) = config::assignments(text).pop().filter(|last| last.contains('=')) else {
            return LineReading::Search;
        };
        // Its pieces are slices of the line.
        let at = last.as_ptr() as usize - text.as_ptr() as usize;
        let (name, _) = last.split_once('=').unwrap_or((last, ""));
        let value_at = at + name.len() + 1;
        let (name, typed) = (name.trim(), text[value_at..].trim());
        // A value is over at a space, but for text, which may go on, and for lists without brackets.
        let next = config::words(text).into_iter().next_back().filter(|next| *next > value_at);
        let over = next.map(|next| (next, text[value_at..next].trim())).filter(|(_, value)| {
            let key = config::meant(name, value);
            !value.is_empty() && !value.ends_with(',') && key.is_some_and(|key| key.kind != ValueKind::Text)
        });
        if let Some((next, _)) = over {
            return LineReading::NextKey { at: next, typed: &text[next..] };
        }
        let key = config::meant(name, typed);
        LineReading::Value { at, name, key, typed }
    }

    /// What the line can become, best first. `config` is that of the run as it is set now.
    pub fn rows(&self, config: &Config) -> Vec<Row> {
        match self.reading() {
            LineReading::Beside(reading) => sorted(beside_completion::rows(reading, config)),
            LineReading::Search => {
                let mut rows = actions(&self.text);
                rows.extend(keys(&self.text, config).into_iter().map(|(cost, row)| (cost + ACTIONS_FIRST, row)));
                rows.sort_by_key(|(cost, _)| *cost);
                rows.into_iter().map(|(_, row)| row).collect()
            }
            LineReading::NextKey { typed, .. } => sorted(keys(typed, config)),
            LineReading::Value { key: Some(key), typed, .. } => values(key, typed),
            LineReading::Value { name, key: None, .. } => {
                let named = config::named(name);
                let mut rows = keys(name, config);
                // A name that several sections have means one of them.
                rows.retain(|(_, row)| named.is_empty() || matches!(row, Row::Key { key, .. } if named.contains(key)));
                sorted(rows)
            }
        }
    }

    /// The highlighted one of so many rows.
    pub fn highlight(&self, rows: usize) -> Option<usize> {
        let own = match self.reading() {
            LineReading::Search => Some(0),
            LineReading::Beside(BesideReading::Key { typed, .. } | BesideReading::Value { typed, .. })
            | LineReading::NextKey { typed, .. }
            | LineReading::Value { key: Some(_), typed, .. } => (!typed.is_empty()).then_some(0),
            LineReading::Value { key: None, .. } => None,
        };
        self.chosen.or(own).map(|at| at.min(rows.saturating_sub(1))).filter(|_| rows > 0)
    }
}

/// The matching actions and how badly each matches.
fn actions(wanted: &str) -> Vec<(u32, Row)> {
    let first = |i: usize| BINDINGS[..i].iter().all(|earlier| earlier.action != BINDINGS[i].action);
    (0..BINDINGS.len())
        .filter(|&i| first(i) && BINDINGS[i].action != Action::Palette)
        .filter_map(|i| {
            let binding = &BINDINGS[i];
            let (title, keys) = (binding.title(), binding.keys_label());
            Some((fuzzy(wanted, binding.help)?, Row::Action { action: binding.action, title, keys }))
        })
        .collect()
}

/// The matching keys and how badly each matches, by its own name or the whole.
fn keys(wanted: &str, config: &Config) -> Vec<(u32, Row)> {
    let values = config.values();
    let row = |key: &'static Key| {
        let cost = [key.name(), &key.path].into_iter().filter_map(|name| fuzzy(wanted, name)).min()?;
        let value = values.get(&key.path).map(toml::Value::to_string).unwrap_or_default();
        Some((cost, Row::Key { key, value }))
    };
    config::keys().iter().filter(|key| key.path != NOT_SET).filter_map(row).collect()
}

/// The words that a key takes and that match.
fn values(key: &Key, typed: &str) -> Vec<Row> {
    let typed = typed.trim_matches(['"', '\'']);
    let words = match &key.kind {
        ValueKind::Choice(words) => words.clone(),
        ValueKind::Bool => vec!["true".into(), "false".into()],
        _ => Vec::new(),
    };
    sorted(words.into_iter().filter_map(|word| Some((fuzzy(typed, &word)?, Row::Word(word)))).collect())
}

fn sorted(mut rows: Vec<(u32, Row)>) -> Vec<Row> {
    rows.sort_by_key(|(cost, _)| *cost);
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        CommandPalette::with(text).rows(&Config::default())
    }

    fn first(text: &str) -> Option<Action> {
        match &rows(text)[0] {
            Row::Action { action, .. } => Some(*action),
            _ => None,
        }
    }

    fn paths(text: &str) -> Vec<&'static str> {
        let path = |row: &Row| match row {
            Row::Key { key, .. } => Some(key.path.as_str()),
            _ => None,
        };
        rows(text).iter().filter_map(path).collect()
    }

    fn completed(text: &str, row: usize) -> String {
        let mut palette = CommandPalette::with(text);
        palette.complete(&palette.rows(&Config::default())[row]);
        palette.text
    }

    #[test]
    fn a_few_letters_find_the_action() {
        assert_eq!(first("snap"), Some(Action::Snapshot));
        assert_eq!(first("halve"), Some(Action::LearningRateDown));
        assert!([Action::LearningRateDown, Action::LearningRateUp].contains(&first("lear").unwrap()));
        assert_eq!(first("freeze"), Some(Action::ToggleFreeze));
        assert_eq!(first("next sampler"), Some(Action::NextSampler));
        assert_eq!(first("checkpoint"), Some(Action::Checkpoint));
        assert_eq!(first("guidance"), Some(Action::GuidanceUp));
    }

    #[test]
    fn an_empty_line_lists_every_action_once_then_every_key_and_nonsense_nothing() {
        let all = rows("");
        for (i, row) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(row));
        }
        let keys = all.iter().position(|row| matches!(row, Row::Key { .. })).unwrap();
        assert!(keys > 40 && all[keys..].iter().all(|row| matches!(row, Row::Key { .. })));
        assert_eq!(all.len() - keys, config::keys().len() - 1);
        assert!(rows("qqqqzzzz").is_empty());
    }

    #[test]
    fn keys_are_found_by_their_own_name_and_by_the_whole_with_their_value() {
        for (typed, path) in [
            ("spacing", "sample.spacing"),
            ("sample.guidance_r", "sample.guidance_rescale"),
            ("rescale", "diffusion.rescale_betas_zero_snr"),
            ("lossw", "train.loss_weighting"),
            ("model.drop", "model.dropout"),
        ] {
            assert_eq!(paths(typed)[0], path, "{typed}");
        }
        assert!(rows("spacing").contains(&Row::Key {
            key: config::keys().iter().find(|key| key.path == "sample.spacing").unwrap(),
            value: "\"trailing\"".into()
        }));
    }

    #[test]
    fn a_key_completes_the_line_and_then_its_words_are_listed() {
        assert_eq!(completed("spacing", 0), "sample.spacing=");
        let words = |text: &str| rows(text);
        let all = ["leading", "trailing", "linspace", "karras", "exponential", "beta", "lu"]
            .map(|word| Row::Word(word.into()));
        assert_eq!(words("sample.spacing="), all);
        assert_eq!(words("spacing=ka"), [Row::Word("karras".into())]);
        assert_eq!(words("spacing = \"l")[0], Row::Word("leading".into()));
        assert_eq!(completed("spacing=ka", 0), "spacing=karras");
        assert_eq!(words("clip_sample=t"), [Row::Word("true".into())]);
        assert!(words("rho=").is_empty(), "a number has no words");
        assert_eq!(CommandPalette::with("spacing=").highlight(4), None);
        assert_eq!(CommandPalette::with("spacing=ka").highlight(1), Some(0));
    }

    #[test]
    fn after_a_setting_another_key_can_be_looked_for() {
        assert_eq!(paths("path=flow pred")[0], "diffusion.prediction_type");
        assert!(rows("path=flow pred").iter().all(|row| matches!(row, Row::Key { .. })), "no actions there");
        assert_eq!(completed("path=flow pred", 0), "path=flow diffusion.prediction_type=");
        assert_eq!(rows("path=flow sampler=eul")[0], Row::Word("euler".into()));
        assert_eq!(completed("path=flow sampler=eul", 0), "path=flow sampler=euler");
        // Not within a value: text goes on, and so do lists.
        for text in ["name=my run", "guidance_interval=[0.2, 0", "block_out_channels=8, 1", "spacing = kar"] {
            let palette = CommandPalette::with(text);
            assert!(matches!(palette.reading(), LineReading::Value { .. }), "{text}: {:?}", palette.reading());
        }
    }

    #[test]
    fn a_name_that_means_several_keys_or_none_offers_those_it_could() {
        assert_eq!(paths("steps=5"), ["train.steps", "preview.steps", "sample.steps"]);
        assert_eq!(completed("steps=5", 2), "sample.steps=5");
        assert_eq!(paths("path="), ["data.path", "diffusion.path"]);
        assert!(paths("spacin=karras").contains(&"sample.spacing"));
        assert_eq!(completed("seed=1 spacin=ka", 0), "seed=1 sample.spacing=ka");
    }

    #[test]
    fn typing_takes_the_refusal_and_the_choice_away() {
        let mut palette = CommandPalette { chosen: Some(2), refusal: Some("no".into()), ..CommandPalette::with("rh") };
        palette.push('o');
        assert_eq!(palette, CommandPalette::with("rho"));
        (0..1000).for_each(|_| palette.push('x'));
        assert!(palette.text.len() <= LONGEST);
    }
}
