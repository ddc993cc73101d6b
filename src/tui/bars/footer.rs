//! The last line: which keys do what, in the focused panel and everywhere.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Piece;
use crate::lab::Phase;
use crate::tui::action::{Action, RunsAction};
use crate::tui::bindings::{BINDINGS, Binding, Group, Hint, meaning};
use crate::tui::browser;
use crate::tui::guide::why_not;
use crate::tui::panel::Panel;
use crate::tui::state::{Bench, State};
use crate::tui::theme::Role;
use crate::tui::words::columns;

/// A key with its word.
struct Shown {
    /// Each key and what it does here.
    keys: Vec<(String, Action)>,
    word: &'static str,
    own: bool,
    /// What goes last where there is no room.
    rank: u8,
}

/// The hints, those of the focused panel first. Where there is no room for all, the least needed are left out; help
/// and quit never are.
pub fn footer(state: &State, row: Rect) -> Vec<Piece> {
    if state.album.is_some() {
        return of_album(state, row);
    }
    let mut shown = hints(state);
    let room = usize::from(row.width.saturating_sub(2));
    let width = |hint: &Shown| hint.keys.iter().map(|(key, _)| columns(key)).sum::<usize>() + 1 + columns(hint.word);
    let total = |hints: &[Shown]| hints.iter().map(width).sum::<usize>() + 2 * hints.len().saturating_sub(1);
    while shown.len() > 2 && total(&shown) > room {
        // Of equals the last.
        let least = (0..shown.len()).rev().min_by_key(|&i| shown[i].rank).unwrap_or(0);
        shown.remove(least);
    }
    let mut pieces = Vec::new();
    let mut x = row.x + 1;
    for hint in shown {
        let last = hint.keys.len().saturating_sub(1);
        for (i, (key, action)) in hint.keys.into_iter().enumerate() {
            let mut spans = vec![Span::styled(key, state.theme.style(Role::Text))];
            if i == last {
                spans.push(Span::styled(format!(" {}", hint.word), state.theme.style(Role::Dim)));
            }
            let line = Line::from(spans);
            let width = line.width() as u16;
            if x + width <= row.right() {
                pieces.push(Piece { x, line, action: Some(action) });
            }
            x += width;
        }
        x += 2;
    }
    pieces
}

/// The album's own keys, which no other place has.
fn of_album(state: &State, row: Rect) -> Vec<Piece> {
    let open = state.album.as_ref().is_some_and(|album| album.open.is_some());
    let hints: &[(&str, &str)] = match open {
        true => &[("←→", "choose"), ("s", "next snapshot"), ("space", "beside"), ("Enter", "small"), ("Esc", "back")],
        false => &[
            ("←→↑↓", "choose"),
            ("Enter", "play"),
            ("space", "beside"),
            ("s", "next snapshot"),
            ("r", "look again"),
            ("Esc", "close"),
        ],
    };
    let mut x = row.x + 1;
    let mut pieces = Vec::new();
    for (key, word) in hints {
        let spans = vec![
            Span::styled((*key).to_string(), state.theme.style(Role::Text)),
            Span::styled(format!(" {word}"), state.theme.style(Role::Dim)),
        ];
        let line = Line::from(spans);
        let width = line.width() as u16;
        if x + width <= row.right() {
            pieces.push(Piece { x, line, action: None });
        }
        x += width + 2;
    }
    pieces
}

fn hints(state: &State) -> Vec<Shown> {
    let mut own = 0;
    let table = if state.is_browsing { browser::BINDINGS } else { BINDINGS };
    let mut hints: Vec<Shown> = table
        .iter()
        .filter(|binding| why_not(state, binding.action).is_none())
        .filter_map(|binding| {
            let (word, own_rank) = match binding.hint {
                Hint::Always(_) | Hint::Keys(..) if state.theme.is_for_the_back_row() && rank(binding.action) < 80 => {
                    return None;
                }
                Hint::Always(word) | Hint::Keys(_, word) => (word, None),
                Hint::In(..) if state.theme.is_for_the_back_row() && own == 1 => return None,
                Hint::In(panel, word) if panel == state.focus => {
                    own += 1;
                    // The first is what the panel is there for.
                    // While runs are compared that is what one is there for.
                    let rank = if binding.group == Group::Compare { 75 } else { 58 - own };
                    (word, Some(if own == 1 { 80 } else { rank }))
                }
                _ => return None,
            };
            let keys = match binding.hint {
                Hint::Keys(keys, _) => each(keys, state),
                _ => vec![(first_key(binding), binding.action)],
            };
            let word = match (binding.action, &state.phase) {
                (Action::TogglePause, Phase::Paused | Phase::Waiting(_)) => "resume",
                (Action::InRuns(RunsAction::Leave), _) if state.bench == Bench::Browsing => "quit",
                (Action::CursorUp, _) if state.learning().is_some() && state.focus == Panel::Denoising => "training",
                (Action::Quit, _) if state.bench == Bench::Beside => "back",
                (Action::CursorUp, _) if state.trains_autoencoder() => "film",
                (Action::SampleNow, _) if state.trains_autoencoder() => "new film",
                (Action::Snapshot, _) if state.trains_autoencoder() => "picture",
                _ => word,
            };
            let rank = own_rank.unwrap_or_else(|| rank(binding.action));
            Some(Shown { keys, word, own: own_rank.is_some(), rank })
        })
        .collect();
    hints.sort_by_key(|hint| !hint.own);
    hints
}

/// What is needed most has the highest.
fn rank(action: Action) -> u8 {
    match action {
        Action::Help => 100,
        Action::Quit | Action::InRuns(RunsAction::Leave) => 99,
        Action::InRuns(RunsAction::Open) => 90,
        Action::InRuns(RunsAction::Filter) => 85,
        Action::InRuns(RunsAction::Mark) => 70,
        Action::InRuns(RunsAction::Compare) => 68,
        Action::InRuns(RunsAction::SortNext) => 65,
        Action::InRuns(RunsAction::Trash) => 52,
        Action::InRuns(RunsAction::Tags) => 50,
        Action::TogglePause => 90,
        Action::CursorUp => 85,
        Action::Palette => 70,
        Action::Zoom => 65,
        Action::FocusNext => 60,
        Action::Snapshot => 52,
        _ => 40,
    }
}

/// "←→" as two keys, each with what it does while the present panel has the focus.
fn each(keys: &str, state: &State) -> Vec<(String, Action)> {
    let action = |label: &str| {
        let key = BINDINGS.iter().flat_map(|b| b.keys).find(|key| key.label() == label)?;
        meaning(key, state.focus).map(|binding| binding.action)
    };
    keys.chars().map(String::from).filter_map(|label| action(&label).map(|action| (label, action))).collect()
}

fn first_key(binding: &Binding) -> String {
    binding.keys.first().map(|key| key.label()).unwrap_or_default()
}
