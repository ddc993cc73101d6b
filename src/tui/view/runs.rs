//! The list of runs on the screen: the list itself, the lab's progress beside its head, status and keys below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::bars::progress_in_brief;
use crate::tui::browser::{self, Looks, RunsLayout};
use crate::tui::panels;
use crate::tui::state::{Bench, State};

/// Draws it.
pub fn runs(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(list) = state.browser.as_deref() else { return };
    let looked_at = state.live.info.as_ref().map(|info| info.run_dir.as_path());
    let looks = Looks { theme: &state.theme, marker: state.plots.marker, marked: &state.marked, looked_at };
    browser::view(list, &looks, area, buf);
    let Some(layout) = RunsLayout::of(area) else { return };
    if state.experiment.is_some() {
        let blank = " ".repeat(usize::from(layout.header.width));
        buf.set_string(layout.header.x, layout.header.y, blank, state.theme.base());
        panels::header(state, layout.header, buf);
    } else if state.bench == Bench::Training {
        let room = layout.header.width / 2;
        let line = progress_in_brief(state, room);
        let width = line.width() as u16;
        let x = layout.header.right().saturating_sub(width + 1);
        let free = (x.saturating_sub(2)..x).all(|x| buf.cell((x, layout.header.y)).is_none_or(|c| c.symbol() == " "));
        if free {
            buf.set_line(x, layout.header.y, &line, width);
        }
    }
    panels::footer(state, layout.status, layout.footer, buf);
}
