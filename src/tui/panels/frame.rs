//! The border of a panel, its title, and which panel is drawn inside.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{denoising, heatmap, loss, schedule};
use crate::tui::chart::Marker;
use crate::tui::layout::{Density, PanelPlace};
use crate::tui::pictures::{Pictures, Slot};
use crate::tui::state::{Panel, Placed, State};
use crate::tui::theme::{Role, Theme};
use crate::tui::words::Words;

/// Draws a panel with its border.
pub fn panel(state: &State, place: &PanelPlace, pictures: &dyn Pictures, buf: &mut Buffer) {
    let focused = state.focus == place.panel;
    let brief = place.density == Density::Brief;
    let subtitle = match place.panel {
        _ if brief => Words::new(&state.theme),
        Panel::Loss => loss::subtitle(state),
        Panel::Heatmap => heatmap::subtitle(state),
        Panel::Schedule => schedule::subtitle(state),
        Panel::Denoising => denoising::subtitle(state),
    };
    border(place.area, place.panel.title(), &subtitle, focused, state, buf);
    let inner = place.inner();
    if inner.is_empty() {
        return;
    }
    match (place.panel, brief) {
        (Panel::Loss, false) => loss::full(state, inner, buf),
        (Panel::Loss, true) => loss::brief(state, inner, buf),
        (Panel::Heatmap, false) => heatmap::full(state, inner, buf),
        (Panel::Heatmap, true) => heatmap::brief(state, inner, buf),
        (Panel::Schedule, false) => schedule::full(state, inner, pictures, buf),
        (Panel::Schedule, true) => schedule::brief(state, inner, buf),
        (Panel::Denoising, false) => denoising::full(state, inner, pictures, buf),
        (Panel::Denoising, true) => denoising::brief(state, inner, pictures, buf),
    }
}

/// The characters of a border: corners (top left, top right, bottom left, bottom right), flat, upright.
pub fn border_characters(marker: Marker) -> [&'static str; 6] {
    if marker == Marker::Ascii { ["+", "+", "+", "+", "-", "|"] } else { ["╭", "╮", "╰", "╯", "─", "│"] }
}

fn border(area: Rect, title: &str, subtitle: &Words, focused: bool, state: &State, buf: &mut Buffer) {
    let theme = &state.theme;
    let role = if focused { Role::Accent } else { Role::Border };
    outline(area, role, theme, state.plots.marker, buf);
    if area.width < 8 {
        return;
    }
    let title_role = if focused { Role::Accent } else { Role::Text };
    let title = Line::from(Span::styled(format!(" {title} "), theme.style(title_role)));
    let room = area.width - 4;
    buf.set_line(area.x + 2, area.y, &title, room);
    let left = title.width() as u16 + 1;
    let line = subtitle.fit(room.saturating_sub(left + 2));
    let width = line.width() as u16;
    if width > 0 {
        let x = area.right() - width - 3;
        buf.set_string(x - 1, area.y, " ", theme.base());
        buf.set_line(x, area.y, &line, width);
        buf.set_string(x + width, area.y, " ", theme.base());
    }
}

/// A rectangle of border characters.
pub fn outline(area: Rect, role: Role, theme: &Theme, marker: Marker, buf: &mut Buffer) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let style = theme.style(role);
    let [top_left, top_right, bottom_left, bottom_right, flat, upright] = border_characters(marker);
    let line = flat.repeat(usize::from(area.width - 2));
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    buf.set_string(area.x, area.y, format!("{top_left}{line}{top_right}"), style);
    for y in area.y + 1..bottom {
        buf.set_string(area.x, y, upright, style);
        buf.set_string(right, y, upright, style);
    }
    buf.set_string(area.x, bottom, format!("{bottom_left}{line}{bottom_right}"), style);
}

/// Draws a picture in its place; not at all while the terminal has another size than the state knows.
pub fn picture(slot: Slot, placed: Option<&Placed>, within: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if let Some(placed) = placed.filter(|p| within.intersection(p.area) == p.area) {
        pictures.draw(slot, &placed.picture, placed.area, buf);
    }
}

/// A sentence in the middle of an empty panel.
pub fn sentence(text: &str, area: Rect, role: Role, theme: &Theme, buf: &mut Buffer) {
    let lines = crate::tui::words::wrap(text, usize::from(area.width));
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
    for (i, line) in lines.iter().take(usize::from(area.height)).enumerate() {
        let width = crate::tui::words::columns(line) as u16;
        buf.set_string(area.x + area.width.saturating_sub(width) / 2, top + i as u16, line, theme.style(role));
    }
}
