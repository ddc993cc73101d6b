//! The keys of the list of runs.

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::action::{Action, RunsAction as R};
use crate::tui::bindings::{Binding, Group, Hint as H, row};
use crate::tui::key_press::{KeyPress, code, ctrl, key, normalized};

const fn runs(action: R, keys: &'static [KeyPress], help: &'static str, hint: H) -> Binding {
    row(Action::InRuns(action), keys, Group::Runs, help, hint)
}

/// Every binding, in the order of the help and of the footer.
pub const BINDINGS: &[Binding] = &[
    runs(
        R::Open,
        &[code(KeyCode::Enter)],
        "look at the run; of the one that trains here, back to it",
        H::Always("open"),
    ),
    runs(
        R::Filter,
        &[key('/')],
        "filter as you type: words of the name, keys and results, as in schedule=cosine lr>1e-3 -tag:old val_loss<0.12",
        H::Always("filter"),
    ),
    runs(R::SortNext, &[key('s')], "sort by the next column; a click on a heading does it too", H::Always("sort")),
    runs(R::SortPrevious, &[key('S')], "sort by the column before", H::No),
    runs(R::SortOtherWay, &[key('r')], "the other way round", H::No),
    runs(R::Mark, &[key(' ')], "mark the run, to hold it against others", H::Always("mark")),
    runs(R::Pin, &[key('P')], "pin the run as the one that others are held against", H::Always("pin")),
    runs(R::Compare, &[key('V')], "draw the marked runs over one another", H::Always("compare")),
    runs(R::Unmark, &[key('c')], "clear all marks", H::No),
    runs(R::Note, &[key('n')], "write a note on the run; an empty one removes it", H::Always("note")),
    runs(R::Tags, &[key('t')], "change the run's tags", H::Always("tags")),
    runs(R::Fork, &[key('F')], "fork: a new run from the run's weights, with other settings", H::Always("fork")),
    runs(
        R::Trash,
        &[key('d'), code(KeyCode::Delete)],
        "move the run to the trash, after a question; never one that trains",
        H::Always("delete"),
    ),
    runs(R::Restore, &[key('u')], "bring back what was last moved to the trash here", H::No),
    runs(R::Up, &[code(KeyCode::Up), key('k')], "the run above", H::No),
    runs(R::Down, &[code(KeyCode::Down), key('j')], "the run below", H::No),
    runs(R::PageUp, &[code(KeyCode::PageUp), ctrl('b')], "a page up", H::No),
    runs(R::PageDown, &[code(KeyCode::PageDown), ctrl('f')], "a page down", H::No),
    runs(R::First, &[code(KeyCode::Home), key('g')], "the first run", H::No),
    runs(R::Last, &[code(KeyCode::End), key('G')], "the last run", H::No),
    runs(R::Back, &[code(KeyCode::Esc)], "show all runs again, or go back", H::No),
    row(Action::Messages, &[key('!')], Group::Runs, "all messages so far", H::No),
    row(Action::Redraw, &[ctrl('l')], Group::Runs, "redraw everything", H::No),
    row(Action::Help, &[key('?'), code(KeyCode::F(1))], Group::Runs, "the keys of the list", H::Always("help")),
    runs(R::Leave, &[key('q'), key('R')], "back to the lab; without one, leave", H::Always("back")),
];

/// What a key press means in the list.
pub fn find(event: &KeyEvent) -> Option<Action> {
    let pressed = normalized(event);
    BINDINGS.iter().find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.action)
}

/// The rows of the key table in docs/keys.md.
pub fn markdown() -> String {
    let mut out = format!("| **{}** | |\n", Group::Runs.title());
    for binding in BINDINGS {
        let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{}`", k.label())).collect();
        out.push_str(&format!("| {} | {} |\n", keys.join(" "), binding.help));
    }
    out
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    #[test]
    fn no_key_means_two_things_and_each_is_found() {
        for (i, binding) in BINDINGS.iter().enumerate() {
            for key in binding.keys {
                assert!(BINDINGS[i + 1..].iter().all(|other| !other.keys.contains(key)), "{}", key.label());
                assert_eq!(find(&KeyEvent::new(key.code, key.modifiers)), Some(binding.action));
            }
        }
        assert_eq!(find(&KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE)), None);
    }

    #[test]
    fn the_page_of_keys_has_this_table() {
        let page = include_str!("../../../docs/keys.md");
        assert!(page.contains(&markdown()), "put this below the table of docs/keys.md:\n{}", markdown());
    }
}
