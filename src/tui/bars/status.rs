//! The line above the keys: what was just said; else what is going on, and what a newcomer may press.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Piece, experiment};
use crate::tui::action::Action;
use crate::tui::guide::why_not;
use crate::tui::state::{Gravity, Item, State};
use crate::tui::theme::Role;
use crate::tui::words::{columns, shorten};

/// Where there is no room for both, the invitation shows for the last part of this many seconds.
const ROUND: u64 = 12;
const INVITED: u64 = 4;

/// A message, or the story with the invitation at its right.
pub fn status(state: &State, row: Rect) -> Vec<Piece> {
    match (state.news.showing(), &state.experiment) {
        (Some(item), _) => message(state, item, row),
        (None, Some(under_way)) => experiment::status(state, under_way, row),
        // The story is the lab's.
        (None, None) if state.is_browsing => Vec::new(),
        (None, None) => story(state, row),
    }
}

fn message(state: &State, item: &Item, row: Rect) -> Vec<Piece> {
    let role = match item.gravity {
        Gravity::Info => Role::Text,
        Gravity::Warning => Role::Warning,
        Gravity::Error => Role::Error,
    };
    let first = item.text.lines().next().unwrap_or_default();
    let room = usize::from(row.width).saturating_sub(2);
    let more = match item.gravity {
        Gravity::Error => "  (! shows all, Esc dismisses)",
        _ if columns(first) > room || first.len() < item.text.trim_end().len() => "  (! shows all)",
        _ => "",
    };
    let text = shorten(first, room.saturating_sub(more.len()));
    let spans = vec![Span::styled(text, state.theme.style(role)), Span::styled(more, state.theme.style(Role::Dim))];
    vec![Piece { x: row.x + 1, line: Line::from(spans), action: Some(Action::Messages) }]
}

fn story(state: &State, row: Rect) -> Vec<Piece> {
    let room = usize::from(row.width).saturating_sub(2);
    let story = state.story.line().unwrap_or_default();
    let invited = invitation(state);
    let width = invited.iter().map(|piece| piece.line.width()).sum::<usize>() + 3 * invited.len().saturating_sub(1);
    let both = columns(story) + 4 + width <= room;
    let turn = state.now.as_secs() % ROUND >= ROUND - INVITED;
    let mut pieces = Vec::new();
    if both || !turn || invited.is_empty() {
        let text = shorten(story, room);
        pieces.push(Piece { x: row.x + 1, line: Line::styled(text, state.theme.style(Role::Dim)), action: None });
    }
    if !invited.is_empty() && (both || turn) && width <= room {
        let mut x = row.right() - 1 - width as u16;
        for piece in invited {
            let line_width = piece.line.width() as u16;
            pieces.push(Piece { x, ..piece });
            x += line_width + 3;
        }
    }
    pieces
}

fn invitation(state: &State) -> Vec<Piece> {
    // Who compares is no newcomer, and what is invited to isn't on the screen.
    if state.shows_several() || state.album.is_some() {
        return Vec::new();
    }
    let film = state.live.films.finished().is_some();
    let samples = state.live.info.is_some() && why_not(state, Action::SampleNow).is_none();
    let guidance = why_not(state, Action::GuidanceUp).is_none() && !state.ended;
    let invited = state.story.hello.invitation(film, guidance, samples);
    let piece = |(key, word, action): (&str, &str, Action)| {
        let word = match action {
            Action::SampleNow if state.trains_autoencoder() => "new film",
            Action::CursorUp if state.trains_autoencoder() => "from picture to picture",
            _ => word,
        };
        let spans = vec![
            Span::styled(key.to_string(), state.theme.style(Role::Accent)),
            Span::styled(format!(" {word}"), state.theme.style(Role::Text)),
        ];
        Piece { x: 0, line: Line::from(spans), action: Some(action) }
    };
    invited.into_iter().map(piece).collect()
}
