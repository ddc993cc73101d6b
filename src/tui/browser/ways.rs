//! The box above a line that is typed: how it could go on, or why it is refused.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::looks::Looks;
use crate::run::catalogue::Completions;
use crate::tui::outline::outline;
use crate::tui::theme::Role;
use crate::tui::words::{columns, shorten, wrap};

/// Ways to go on that are shown at once.
const WAYS: usize = 6;
/// Columns of a box with sentences.
const WIDE: u16 = 76;

/// How `line` could go on; its text begins `lead` columns into the screen.
pub fn draw(
    found: &Completions,
    (line, chosen): (&str, Option<usize>),
    (lead, looks): (u16, &Looks),
    frame: Rect,
    buf: &mut Buffer,
) {
    let candidates = &found.candidates;
    // A whole word that goes on with nothing else needs no list.
    let typed = line.get(found.range.clone()).unwrap_or_default();
    if candidates.is_empty() || (candidates.len() == 1 && candidates[0].text == typed) {
        return;
    }
    let rows = candidates.len().min(WAYS).min(usize::from(frame.height.saturating_sub(3)));
    let first = chosen.map_or(0, |at| (at + 1).saturating_sub(rows));
    let wide = candidates.iter().map(|way| columns(&way.text)).max().unwrap_or(0).min(28);
    let about = candidates.iter().any(|way| !way.about.is_empty());
    let width = (if about { usize::from(WIDE) } else { wide + 6 }).min(usize::from(frame.width)) as u16;
    let from = line.get(..found.range.start).map_or(0, columns) as u16 + lead;
    let place = opened(frame, from, (width, rows as u16), looks, buf);
    let room = usize::from(width).saturating_sub(4);
    for (i, way) in candidates.iter().enumerate().skip(first).take(rows) {
        let y = place.y + 1 + (i - first) as u16;
        let text = shorten(&way.text, wide);
        let pad = " ".repeat(wide + 2 - columns(&text));
        let about = shorten(way.about, room.saturating_sub(wide + 2));
        let line = Line::from(vec![
            Span::styled(text, looks.style(Role::Text)),
            Span::styled(format!("{pad}{about}"), looks.style(Role::Dim)),
        ]);
        buf.set_line(place.x + 2, y, &line, room as u16);
        if chosen == Some(i) {
            buf.set_style(Rect { x: place.x + 1, y, width: width - 2, height: 1 }, looks.theme.selected());
        }
    }
    let hint = " Tab completes · ↓↑ choose ";
    if columns(hint) + 4 <= usize::from(width) {
        buf.set_string(place.x + 2, place.bottom() - 1, hint, looks.style(Role::Dim));
    }
}

/// Why the line was not taken, until it is changed.
pub fn refusal(why: &str, looks: &Looks, frame: Rect, buf: &mut Buffer) {
    let width = WIDE.min(frame.width);
    let mut lines = wrap(why, usize::from(width.saturating_sub(4)));
    lines.truncate(usize::from(frame.height.saturating_sub(3)));
    let place = opened(frame, 0, (width, lines.len() as u16), looks, buf);
    for (y, line) in (place.y + 1..).zip(&lines) {
        buf.set_stringn(place.x + 2, y, line, usize::from(width.saturating_sub(4)), looks.style(Role::Warning));
    }
}

/// An empty box at the bottom of the frame, where the rows of the table are still seen while one types.
fn opened(frame: Rect, from: u16, (width, rows): (u16, u16), looks: &Looks, buf: &mut Buffer) -> Rect {
    let x = (frame.x + from).min(frame.right().saturating_sub(width));
    let height = rows + 2;
    let y = frame.bottom().saturating_sub(height);
    let place = Rect { x, y, width, height }.intersection(frame);
    for position in place.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
            cell.set_style(looks.theme.dialog());
        }
    }
    outline(place, Role::Border, looks.theme, looks.marker, buf);
    place
}
