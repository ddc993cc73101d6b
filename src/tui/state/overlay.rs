//! What lies over the panels.

use crate::tui::action::Action;
use crate::tui::bindings::BINDINGS;

/// A dialog over the panels; at most one.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    Messages {
        scroll: usize,
    },
    Palette(CommandPalette),
    /// "Leave?"
    Quit,
    /// Why the run has failed.
    Failure,
}

/// A line to type in, and the actions that match it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandPalette {
    pub text: String,
    /// Which of the matches is chosen.
    pub chosen: usize,
}

/// Longest line the palette takes.
const LONGEST: usize = 60;

impl CommandPalette {
    /// Types a character.
    pub fn push(&mut self, c: char) {
        if self.text.chars().count() < LONGEST && !c.is_control() {
            self.text.push(c);
            self.chosen = 0;
        }
    }

    /// Takes the last character away.
    pub fn pop(&mut self) {
        self.text.pop();
        self.chosen = 0;
    }

    /// The matching actions with their titles and keys, best first.
    pub fn matches(&self) -> Vec<(Action, String, String)> {
        let mut found: Vec<(u32, usize)> = BINDINGS
            .iter()
            .enumerate()
            .filter(|(i, b)| BINDINGS[..*i].iter().all(|earlier| earlier.action != b.action))
            .filter(|(_, b)| b.action != Action::Palette)
            .filter_map(|(i, b)| fuzzy(&self.text, b.help).map(|cost| (cost, i)))
            .collect();
        found.sort();
        let row = |i: usize| (BINDINGS[i].action, BINDINGS[i].title(), BINDINGS[i].keys_label());
        found.into_iter().map(|(_, i)| row(i)).collect()
    }
}

/// How badly the letters of `wanted`, in their order, fit into `text`; `None` if they don't. Letters at
/// the start of words and in a row cost least.
fn fuzzy(wanted: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut cost = 0;
    let mut from = 0;
    for c in wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let offset = text[from..].iter().position(|t| *t == c)?;
        // A later start of a word is better than an earlier letter within one.
        let at_word = (from..text.len()).find(|&i| text[i] == c && (i == 0 || !text[i - 1].is_alphanumeric()));
        let next = match at_word {
            Some(word) if offset > 0 => word,
            _ => from + offset,
        };
        cost += if next == from { 0 } else { 4 + (next - from).min(20) as u32 };
        from = next + 1;
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Action {
        CommandPalette { text: text.into(), chosen: 0 }.matches()[0].0
    }

    #[test]
    fn a_few_letters_find_the_action() {
        assert_eq!(first("snap"), Action::Snapshot);
        assert_eq!(first("halve"), Action::LearningRateDown);
        assert_eq!(first("freeze"), Action::ToggleFreeze);
        assert_eq!(first("next sampler"), Action::NextSampler);
    }

    #[test]
    fn an_empty_line_lists_everything_once_and_nonsense_nothing() {
        let all = CommandPalette::default().matches();
        for (i, (action, _, _)) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|(other, _, _)| other != action));
        }
        assert!(all.len() > 40);
        assert!(CommandPalette { text: "qqqqzzzz".into(), chosen: 0 }.matches().is_empty());
    }
}
