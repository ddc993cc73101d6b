//! `:`: type what you want, Enter does it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::config::{Config, Key, ValueKind};
use crate::tui::state::{CommandPalette, LineReading, Row, State};
use crate::tui::theme::Role;
use crate::tui::update::holds_at_once;
use crate::tui::words::{columns, shorten, wrap};

const ROWS: u16 = 12;
/// Most lines of a key's explanation, and of a refusal.
const MOST_LINES: usize = 5;
/// Columns between what stands left and what stands right in a row.
const GAP: usize = 3;
/// What `beside` does.
const BESIDE: &str = "Settings of this run side by side, all from the same noise. | parts the panes, commas the values of \
                      a key; alone, beside ends it.";

/// Draws it.
pub fn palette(state: &State, palette: &CommandPalette, screen: Rect, buf: &mut Buffer) {
    let theme = &state.theme;
    let inner = dialog::open(state, screen, "Command", 72, ROWS + 2, buf);
    let width = usize::from(inner.width);
    if inner.height < 3 || width < 10 {
        return;
    }
    typed(state, palette, inner, buf);
    let config = state.config_now().unwrap_or_default();
    let mut y = inner.y + 2;
    let mut put = |line: &Line| {
        if y < inner.bottom() {
            buf.set_line(inner.x, y, line, inner.width);
            y += 1;
        }
    };
    let above = above(state, palette, &config, width);
    above.iter().for_each(&mut put);
    let rows = palette.rows(&config);
    if rows.is_empty() {
        if above.is_empty() {
            put(&Line::styled("no match; Esc closes", theme.style(Role::Dim)));
        }
        return;
    }
    if !above.is_empty() {
        put(&Line::default());
    }
    let room = usize::from(inner.bottom().saturating_sub(y));
    let highlight = palette.highlight(rows.len());
    let first = highlight.map_or(0, |at| at.saturating_sub(room.saturating_sub(1)));
    for (i, row) in rows.iter().enumerate().skip(first).take(room) {
        let (left, right) = sides(state, row, width);
        let pad = " ".repeat(width.saturating_sub(left.width() + right.width()));
        let mut line = left;
        line.spans.extend([Span::raw(pad), right]);
        if highlight == Some(i) {
            let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
            line = Line::styled(text, theme.selected());
        }
        buf.set_line(inner.x, y + (i - first) as u16, &line, inner.width);
    }
}

/// The line with its cursor; of one that is too long the end.
fn typed(state: &State, palette: &CommandPalette, inner: Rect, buf: &mut Buffer) {
    let room = usize::from(inner.width).saturating_sub(3);
    let mut from = 0;
    while columns(&palette.text[from..]) > room {
        from += palette.text[from..].chars().next().map_or(1, char::len_utf8);
    }
    let begin = if from > 0 { "…" } else { " " };
    let typed = format!(":{begin}{}", &palette.text[from..]);
    buf.set_stringn(inner.x, inner.y, &typed, usize::from(inner.width), state.theme.style(Role::Strong));
    let cursor = inner.x + (columns(&typed) as u16).min(inner.width - 1);
    if palette.text.is_empty() {
        let hint = "an action, or a config key: spacing=karras";
        buf.set_stringn(cursor + 2, inner.y, hint, room.saturating_sub(2), state.theme.style(Role::Dim));
    }
    if let Some(cell) = buf.cell_mut((cursor, inner.y)) {
        cell.set_style(state.theme.selected());
    }
}

/// Why the line was refused, or what the key before the `=` is.
fn above(state: &State, palette: &CommandPalette, config: &Config, width: usize) -> Vec<Line<'static>> {
    let lines = |text: &str, role| -> Vec<Line<'static>> {
        let mut lines = wrap(text, width);
        if lines.len() > MOST_LINES {
            lines.truncate(MOST_LINES);
            if let Some(last) = lines.last_mut() {
                *last = format!("{} …", shorten(last, width.saturating_sub(2)));
            }
        }
        let style: Style = state.theme.style(role);
        lines.into_iter().map(|line| Line::styled(line, style)).collect()
    };
    if let Some(why) = &palette.refusal {
        return lines(why, Role::Warning);
    }
    if let LineReading::Beside(_) = palette.reading() {
        return lines(BESIDE, Role::Dim);
    }
    let LineReading::Value { key: Some(key), .. } = palette.reading() else { return Vec::new() };
    let value = config.values().get(&key.path).map(toml::Value::to_string).unwrap_or_default();
    let when = if holds_at_once(&key.path) { "holds at once" } else { "needs a new run" };
    let now = shorten(&format!("{} = {value}", key.path), width.saturating_sub(columns(when) + GAP));
    let pad = " ".repeat(width.saturating_sub(columns(&now) + columns(when)));
    let style = |role| state.theme.style(role);
    let mut told = vec![Line::from(vec![
        Span::styled(now, style(Role::Text)),
        Span::raw(pad),
        Span::styled(when, style(Role::Accent)),
    ])];
    told.extend(lines(&first_sentence(&key.doc).replace('`', ""), Role::Dim));
    if !matches!(key.kind, ValueKind::Choice(_) | ValueKind::Bool) {
        told.extend(lines(&format!("It takes {}.", key.kind.describe()), Role::Dim));
    }
    told
}

/// A text up to its first full stop that ends a sentence; that of "et al." doesn't.
fn first_sentence(text: &str) -> &str {
    let ends = |at: usize| {
        let after = text[at + 2..].chars().next();
        !text[..at].ends_with(" al") && after.is_some_and(|c| c.is_uppercase() || c == '`')
    };
    text.match_indices(". ").find(|(at, _)| ends(*at)).map_or(text, |(at, _)| &text[..=at])
}

/// A row's name, and what stands right of it.
fn sides(state: &State, row: &Row, width: usize) -> (Line<'static>, Span<'static>) {
    let style = |role| state.theme.style(role);
    match row {
        Row::Action { title, keys, .. } => {
            let title = shorten(title, width.saturating_sub(columns(keys) + GAP));
            (Line::styled(title, style(Role::Text)), Span::styled(keys.clone(), style(Role::Dim)))
        }
        Row::Key { key, value } => {
            let value = shorten(value, width.saturating_sub(columns(&key.path) + 3));
            let left = Line::from(vec![
                Span::styled(key.path.clone(), style(Role::Text)),
                Span::styled(format!(" = {value}"), style(Role::Dim)),
            ]);
            let room = width.saturating_sub(left.width() + GAP);
            (left, Span::styled(shorten(&takes(key), room), style(Role::Dim)))
        }
        Row::Setting { name, value, takes } => {
            let value = shorten(value, width.saturating_sub(columns(name) + 3));
            let left = Line::from(vec![
                Span::styled(name.clone(), style(Role::Text)),
                Span::styled(format!(" = {value}"), style(Role::Dim)),
            ]);
            let room = width.saturating_sub(left.width() + GAP);
            (left, Span::styled(shorten(takes, room), style(Role::Dim)))
        }
        Row::Word(word) => (Line::styled(word.clone(), style(Role::Text)), Span::default()),
    }
}

/// What a key takes: its words, or its kind.
fn takes(key: &Key) -> String {
    match &key.kind {
        ValueKind::Choice(words) => words.join(" "),
        kind => kind.short(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn sentences_end_at_full_stops_but_not_at_those_of_citations() {
        assert_eq!(first_sentence("One. Two."), "One.");
        assert_eq!(first_sentence("`a` (Ho et al. 2020), b. `c` is d."), "`a` (Ho et al. 2020), b.");
        assert_eq!(first_sentence("Nothing else"), "Nothing else");
        for key in keys() {
            let sentence = first_sentence(&key.doc);
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{}: {sentence}", key.path);
        }
    }
}
