//! `?`: every key and what it does here and now, and what the symbols on this screen mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::guide::{self, Entry, Section};
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{columns, wrap};

/// A column of text is no wider than this; where the screen has room for two, there are two.
const WIDEST: u16 = 84;
const NARROWEST: u16 = 56;
/// Between two columns.
const GAP: u16 = 4;
/// Keys that are longer than this have a line of their own.
const KEYS: usize = 24;

/// Draws it over `buf`, where the panels are drawn already: the legend is of what they show.
pub fn help(state: &State, scroll: usize, filter: &str, screen: Rect, buf: &mut Buffer) {
    let sections = sections(state, filter, screen, buf);
    let room = screen.width.saturating_sub(8);
    let rows = usize::from(screen.height.saturating_sub(6));
    let narrow = room.min(WIDEST);
    let wide = ((room.saturating_sub(GAP)) / 2).min(WIDEST);
    let in_two = (wide >= NARROWEST)
        .then(|| halves(&sections.iter().flat_map(|s| block(state, s, wide)).collect::<Vec<_>>()))
        .filter(|(left, right)| left.len().max(right.len()) <= rows && right.len() > 1);
    let (inner, height) = match &in_two {
        Some((left, right)) => (2 * wide + GAP, left.len().max(right.len())),
        None => (narrow, sections.iter().flat_map(|s| block(state, s, narrow)).map(|piece| piece.len()).sum()),
    };
    // While one types the box stays as it is.
    let height = if filter.is_empty() { height + 2 } else { rows };
    let inner = dialog::open(state, screen, "Help", inner, height.min(rows + 2) as u16, buf);
    // With a line of air below it, where there is room.
    let top = Rect { height: if inner.height > 8 { 2 } else { 1.min(inner.height) }, ..inner };
    buf.set_line(top.x, top.y, &how(state, filter), top.width);
    let below = Rect { y: inner.y + top.height, height: inner.height - top.height, ..inner };
    match in_two {
        Some((left, right)) => {
            dialog::scrolled(state, &left, 0, Rect { width: wide, ..below }, buf);
            let second = Rect { x: below.x + wide + GAP, width: wide, ..below };
            dialog::scrolled(state, &right, 0, second, buf);
        }
        None => {
            let lines: Vec<Line> = sections.iter().flat_map(|s| block(state, s, inner.width)).flatten().collect();
            dialog::scrolled(state, &lines, scroll, below, buf);
        }
    }
}

/// Entries with the role of what stands at the left.
struct Block {
    title: String,
    entries: Vec<(Role, Entry)>,
}

fn sections(state: &State, filter: &str, screen: Rect, buf: &Buffer) -> Vec<Block> {
    let keys = |section: Section| Block {
        title: section.title,
        entries: section.entries.into_iter().map(|entry| (Role::Accent, entry)).collect(),
    };
    let mut blocks: Vec<Block> = guide::keys(state, filter).into_iter().map(keys).collect();
    let row = |y: u16| (screen.x..screen.right()).map(|x| buf[(x, y)].symbol()).collect::<String>();
    let rows: Vec<String> = (screen.y..screen.bottom()).map(row).collect();
    let mut symbols = guide::legend(state, |symbol| rows.iter().any(|row| row.contains(symbol)));
    let title = "Legend: what is on this screen";
    let wanted = filter.trim().to_lowercase();
    symbols
        .retain(|(_, entry)| wanted.len() > 2 && title.to_lowercase().contains(&wanted) || entry.is_found_by(filter));
    let legend = Block { title: title.into(), entries: symbols };
    if !legend.entries.is_empty() {
        // After the first panel's keys, before those of everywhere.
        blocks.insert(if filter.is_empty() { 1.min(blocks.len()) } else { blocks.len() }, legend);
    }
    if blocks.is_empty() {
        let nothing = Entry { keys: String::new(), text: "nothing like that; Backspace, or Esc shows all".into() };
        blocks.push(Block { title: String::new(), entries: vec![(Role::Dim, nothing)] });
    }
    blocks
}

/// How to find something here, or what is searched.
fn how(state: &State, filter: &str) -> Line<'static> {
    let style = |role| state.theme.style(role);
    if filter.is_empty() {
        let text = "type to search · ↑↓ PgUp PgDn or the wheel scroll · Esc closes";
        return Line::styled(text, style(Role::Dim));
    }
    Line::from(vec![
        Span::styled("/", style(Role::Accent)),
        Span::styled(format!("{filter}_"), style(Role::Strong)),
        Span::styled("   Esc shows all again", style(Role::Dim)),
    ])
}

/// A heading and its entries, wrapped to a width; nothing is cut. In pieces that stay together: a heading with the first
/// of its entries.
fn block(state: &State, section: &Block, width: u16) -> Vec<Vec<Line<'static>>> {
    let style = |role| state.theme.style(role);
    let mut pieces = Vec::new();
    let mut lines = vec![Line::styled(section.title.clone(), style(Role::Strong))];
    let longest = section.entries.iter().map(|(_, entry)| columns(&entry.keys)).max().unwrap_or(0);
    let gutter = if longest == 0 { 2 } else { longest.min(KEYS) + 2 };
    let room = usize::from(width).saturating_sub(gutter);
    for (role, entry) in &section.entries {
        let role_of_text = if entry.keys.is_empty() { Role::Dim } else { Role::Text };
        let mut lead = entry.keys.clone();
        if columns(&lead) > KEYS {
            lines.extend(wrap(&lead, usize::from(width)).into_iter().map(|line| Line::styled(line, style(*role))));
            lead.clear();
        }
        for (i, text) in wrap(&entry.text, room).into_iter().enumerate() {
            let lead = if i == 0 { lead.as_str() } else { "" };
            let pad = " ".repeat(gutter.saturating_sub(columns(lead)));
            lines.push(Line::from(vec![
                Span::styled(format!("{lead}{pad}"), style(*role)),
                Span::styled(text, style(role_of_text)),
            ]));
        }
        pieces.push(std::mem::take(&mut lines));
    }
    lines.push(Line::default());
    match pieces.last_mut() {
        Some(last) => last.append(&mut lines),
        None => pieces.push(lines),
    }
    pieces
}

/// As even as pieces allow, in their order.
fn halves(blocks: &[Vec<Line<'static>>]) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let height = |blocks: &[Vec<Line>]| blocks.iter().map(Vec::len).sum::<usize>();
    let best = (0..=blocks.len()).min_by_key(|&at| height(&blocks[..at]).max(height(&blocks[at..]))).unwrap_or(0);
    (blocks[..best].concat(), blocks[best..].concat())
}
