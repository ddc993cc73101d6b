//! The screen as a pure function of the state.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::lab::Phase;
use crate::tui::console_font;
use crate::tui::panels;
use crate::tui::pictures::{HalfBlocks, Pictures};
use crate::tui::state::{Overlay, State};
use crate::tui::theme::Capability;

/// Draws the whole screen. Changes nothing, and takes the time from the state.
pub fn view(state: &State, frame: &mut Frame, pictures: &dyn Pictures) {
    let area = frame.area();
    draw(state, area, pictures, frame.buffer_mut());
}

/// As [`view`], into a buffer.
pub fn draw(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    buf.set_style(area, state.theme.base());
    let Some(layout) = state.layout_in(area) else {
        panels::too_small(state, area, buf);
        return;
    };
    panels::header(state, layout.header, buf);
    // A terminal's own pictures would shine through a dialog: under one, pictures are characters.
    let plain = HalfBlocks { capability: state.theme.capability };
    let pictures = if state.overlay.is_some() && state.theme.capability.has_colors() { &plain } else { pictures };
    for place in &layout.panels {
        panels::panel(state, place, pictures, buf);
    }
    panels::footer(state, layout.status, layout.footer, buf);
    overlay(state, area, buf);
    if state.theme.capability == Capability::Console {
        console_font::fit(buf);
    }
}

fn overlay(state: &State, area: Rect, buf: &mut Buffer) {
    match &state.overlay {
        Some(Overlay::Help { scroll, filter }) => panels::help(state, *scroll, filter, area, buf),
        Some(Overlay::Messages { scroll }) => panels::messages(state, *scroll, area, buf),
        Some(Overlay::Palette(palette)) => panels::palette(state, palette, area, buf),
        Some(Overlay::NewRun(asked)) => panels::new_run(state, asked, area, buf),
        Some(Overlay::CannotSave { reason, path }) => panels::cannot_save(state, reason, path, area, buf),
        Some(Overlay::Quit) => panels::quit(state, area, buf),
        Some(Overlay::Failure) => {
            if let Phase::Failed(why) = &state.phase {
                panels::failure(state, why, area, buf);
            }
        }
        None => {}
    }
}
