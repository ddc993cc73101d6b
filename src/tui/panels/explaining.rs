//! `E`: the mathematics of what is seen, over the panels or, where there is room, beside them.

use image::RgbImage;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{dialog, drawing};
use crate::explain::document::ShownPicture;
use crate::explain::latex::unicode;
use crate::explain::{Part, Topic, text};
use crate::lab::Phase;
use crate::picture;
use crate::tui::format::thousands;
use crate::tui::pictures::Picture;
use crate::tui::state::{Explaining, State};
use crate::tui::theme::Role;
use crate::tui::words::wrap;

/// Screens from this width on keep the left panels in sight.
const WIDE: u16 = 150;
/// Columns of the text at most: longer lines are hard to read.
const WIDEST: u16 = 104;

/// Draws it between header and footer.
pub fn explaining(state: &State, shown: &Explaining, screen: Rect, buf: &mut Buffer) {
    let width = match screen.width {
        WIDE.. => (screen.width / 2).min(WIDEST),
        width => width.min(WIDEST),
    };
    let height = screen.height.saturating_sub(3).max(screen.height.min(6));
    let x = if screen.width >= WIDE { screen.right() - width } else { screen.x + (screen.width - width) / 2 };
    let area = Rect { x, y: screen.y + screen.height.min(1), width, height }.intersection(screen);
    let inner = dialog::open_at(state, area, &format!("Explain · {}", shown.topic.title()), buf);
    if inner.height < 4 || inner.width < 20 {
        return;
    }
    let head = Rect { height: 1, ..inner };
    buf.set_line(head.x, head.y, &topics(state, shown.topic, inner.width), inner.width);
    let foot = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    buf.set_line(foot.x, foot.y, &keys(state, inner.width), inner.width);
    let body = Rect { y: inner.y + 2, height: inner.height - 4, ..inner };
    let room = (usize::from(body.width), usize::from(body.height));
    dialog::scrolled(state, &lines(state, shown, room), shown.scroll, body, buf);
}

/// All topics by name, the one that is shown bright; those around it where not all have room.
fn topics(state: &State, shown: Topic, width: u16) -> Line<'static> {
    let at = Topic::ALL.iter().position(|topic| *topic == shown).unwrap_or(0);
    let columns = |from: usize| Topic::ALL[from..=at].iter().map(|topic| topic.name().len() + 2).sum::<usize>();
    let first = (0..=at).find(|&from| columns(from) <= usize::from(width)).unwrap_or(at);
    let mut spans = Vec::new();
    for topic in &Topic::ALL[first..] {
        let role = if *topic == shown { Role::Strong } else { Role::Dim };
        spans.push(Span::styled(format!("{}  ", topic.name()), state.theme.style(role)));
    }
    Line::from(spans)
}

fn keys(state: &State, width: u16) -> Line<'static> {
    let shape = state.live.info.as_ref().map_or((1, 1, 1), |info| info.image_shape);
    let (pixel, channels) = match (picture::is_points(shape), shape.2) {
        (true, _) => ("coordinate", None),
        (false, 1) => ("pixel", None),
        (false, _) => ("pixel", Some(("c", "channel"))),
    };
    let by_hand = (!state.is_watched()).then_some(("n", "step by hand"));
    let all = [("Tab", "topic"), ("←→", "t"), ("↑↓", "scroll"), ("Esc", "close"), ("Shift-arrows", pixel)];
    let mut spans = Vec::new();
    let mut used = 0;
    let rest = [Some(("o", "image")), channels].into_iter().flatten();
    for (key, what) in all.into_iter().chain(by_hand).chain(rest) {
        let columns = key.chars().count() + what.len() + 3;
        if used + columns > usize::from(width) + 2 {
            continue;
        }
        used += columns;
        spans.push(Span::styled(format!("{key} "), state.theme.style(Role::Text)));
        spans.push(Span::styled(format!("{what}  "), state.theme.style(Role::Dim)));
    }
    Line::from(spans)
}

fn lines(state: &State, shown: &Explaining, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let dim = state.theme.style(Role::Dim);
    let plain = |text: String, role: Role| -> Vec<Line<'static>> {
        wrap(&text, width).into_iter().map(|line| Line::styled(line, state.theme.style(role))).collect()
    };
    let Some(answer) = &shown.answer else {
        let waits = match &state.phase {
            Phase::Failed(_) => {
                "this run has failed, and has no numbers of now: `difflab explain --run` shows those of its checkpoints"
            }
            _ => "asking the run for its numbers …",
        };
        return plain(waits.into(), Role::Dim);
    };
    let explanation = match &answer.said {
        Ok(explanation) => explanation,
        Err(why) => return plain(format!("it can't be explained: {why}"), Role::Warning),
    };
    let mut lines = vec![Line::styled(
        match answer.t {
            Some(t) => format!("t {} · weights of step {}", thousands(t as u64), thousands(answer.step)),
            None => format!("weights of step {}", thousands(answer.step)),
        },
        dim,
    )];
    for part in &explanation.parts {
        lines.push(Line::default());
        match part {
            Part::Pictures(row) => {
                lines.extend(pictures(state, row, (width, height.saturating_sub(1))));
                let symbols: Vec<String> = row.iter().map(|picture| unicode(&picture.symbol)).collect();
                lines.extend(
                    text::wrapped(&symbols.join(" · "), width).iter().map(|line| styled(state, line, Role::Dim)),
                );
            }
            Part::Heading(_) => {
                let heading = text::fitted_lines(part, width).into_iter().next().unwrap_or_default();
                lines.push(Line::styled(heading, state.theme.style(Role::Strong)));
            }
            Part::Formula(_) => {
                lines.extend(text::fitted_lines(part, width).iter().map(|line| styled(state, line, Role::Strong)))
            }
            Part::Numbers(_) => lines.extend(text::fitted_lines(part, width).iter().map(|line| number(state, line))),
            Part::Source(_) => {
                lines.extend(text::fitted_lines(part, width).iter().map(|line| styled(state, line, Role::Dim)))
            }
            Part::Text(_) | Part::Table(_) => {
                lines.extend(text::fitted_lines(part, width).iter().map(|line| styled(state, line, Role::Text)));
            }
        }
    }
    lines
}

/// `symbol = value  meaning`: the value stands out, the meaning steps back.
fn number(state: &State, line: &str) -> Line<'static> {
    // A symbol may be an equation itself: the number is what begins like one.
    let is_value = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || "−∞".contains(c));
    let signs = line.match_indices(" = ").map(|(at, sign)| (&line[..at], &line[at + sign.len()..]));
    let split = signs.clone().find(|(_, rest)| is_value(rest)).or_else(|| signs.clone().next());
    let Some((symbol, rest)) = split else { return styled(state, line, Role::Dim) };
    let value = rest.len() - rest.trim_start().len();
    let end = rest[value..].find("  ").map_or(rest.len(), |end| value + end);
    let mut spans = styled(state, symbol, Role::Text).spans;
    spans.push(Span::styled(" = ", state.theme.style(Role::Dim)));
    spans.push(Span::styled(rest[..end].to_string(), state.theme.style(Role::Strong)));
    spans.extend(styled(state, &rest[end..], Role::Dim).spans);
    Line::from(spans)
}

/// Symbols that have a colour on the panels have it here too.
const COLOURED: [(&str, Role); 5] = [
    ("x\u{302}_0", Role::Clean),
    ("x_0", Role::Clean),
    ("x_t", Role::Noisy),
    ("x_s", Role::Noisy),
    ("x_{t−1}", Role::Noisy),
];

fn styled(state: &State, line: &str, role: Role) -> Line<'static> {
    let base = state.theme.style(role);
    let (mut spans, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let next = COLOURED
            .iter()
            .filter_map(|(symbol, role)| Some((rest.find(symbol)?, *symbol, *role)))
            .min_by_key(|next| next.0);
        let Some((at, symbol, colour)) = next else { break };
        spans.push(Span::styled(rest[..at].to_string(), base));
        spans.push(Span::styled(symbol.to_string(), state.theme.style(colour)));
        rest = &rest[at + symbol.len()..];
    }
    spans.push(Span::styled(rest.to_string(), base));
    Line::from(spans)
}

/// Beside each other, two pixels a cell, all of them in sight at once.
fn pictures(state: &State, row: &[ShownPicture], (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let Some(first) = row.first() else { return Vec::new() };
    let (h, w, c) = first.shape;
    let pixels: Vec<f32> = row.iter().flat_map(|picture| picture.pixels.iter().copied()).collect();
    let grid = picture::grid(&pixels, row.len(), h, w, c, row.len(), 1, 1);
    if row.iter().all(|picture| picture.drawing) && state.theme.capability.has_colors() && !state.ascii {
        return drawing::lines(state, &grid, (width, height));
    }
    let (wide, high) = (grid.width().max(1) as usize, grid.height().max(1) as usize);
    let columns = wide.min(width).min(2 * height * wide / high).max(1);
    let rows = (columns * high).div_ceil(2 * wide).max(1);
    if !state.theme.capability.has_colors() || state.ascii {
        let text = picture::in_characters(&grid, columns as u32, rows as u32);
        return text.lines().map(|line| Line::styled(line.to_string(), state.theme.style(Role::Text))).collect();
    }
    let picture = of_cells(&grid);
    let color = |x: usize, y: usize| {
        let (x, y) = (x as f64 / columns as f64, y as f64 / (2 * rows) as f64);
        let (dx, dy) = (1.0 / columns as f64, 1.0 / (2 * rows) as f64);
        state.theme.capability.color(picture.mean_color(x, y, x + dx, y + dy))
    };
    let line = |y: usize| {
        let cell = |x: usize| Span::styled("▀", Style::new().fg(color(x, 2 * y)).bg(color(x, 2 * y + 1)));
        Line::from((0..columns).map(cell).collect::<Vec<_>>())
    };
    (0..rows).map(line).collect()
}

fn of_cells(image: &RgbImage) -> Picture {
    let rgb = std::sync::Arc::new(image.as_raw().clone());
    Picture { version: 0, width: image.width(), height: image.height(), rgb, images: None }
}
