//! The screen as a pure function of the state.

mod ascii_screen;
pub mod console_font;
mod runs;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::lab::Phase;
use crate::tui::browser::RunsLayout;
use crate::tui::layout;
use crate::tui::panels;
use crate::tui::pictures::{Pictures, Spared};
use crate::tui::state::{Overlay, State};
use crate::tui::theme::Capability;

/// Draws the whole screen. Changes nothing, and takes the time from the state.
pub fn view(state: &State, frame: &mut Frame, pictures: &dyn Pictures) {
    let area = frame.area();
    draw(state, area, pictures, frame.buffer_mut());
    if state.ascii {
        ascii_screen::fold(frame.buffer_mut(), state.theme.capability.has_colors());
    }
}

/// As [`view`], into a buffer.
pub fn draw(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    match &state.lesson {
        Some(lesson) => {
            let room = layout::course(area, state.reads_lesson());
            if room.page != room.lab {
                lab(state, room.lab, pictures, buf);
            }
            if !room.page.is_empty() {
                panels::lesson(state, lesson, room.page, buf);
            }
        }
        None => lab(state, area, pictures, buf),
    }
    if state.theme.capability == Capability::Console {
        ascii_screen::spell_marks(buf);
        console_font::fit(buf);
    }
}

/// The lab, or what is on the screen in its place.
fn lab(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    buf.set_style(area, state.theme.base());
    if state.is_browsing {
        if state.overlay == Some(Overlay::Quit) && RunsLayout::of(area).is_none() {
            // The question is asked wherever it is heard.
            return panels::too_small(state, area, buf);
        }
        runs::runs(state, area, buf);
        // Where the list has no room its dialogs have none.
        if let Some(shown) = state.overlay.as_ref().filter(|_| RunsLayout::of(area).is_some()) {
            overlay(state, shown, area, buf);
        }
        return;
    }
    if let Some(beside) = &state.beside {
        return lab(beside, area, pictures, buf);
    }
    let Some(layout) = state.layout_in(area) else {
        panels::too_small(state, area, buf);
        return;
    };
    panels::header(state, layout.header, buf);
    let over = |shown| move |buf: &mut Buffer| overlay(state, shown, area, buf);
    let spared = state.overlay.as_ref().map(|shown| Spared::new(pictures, state.theme.capability, area, over(shown)));
    let pictures = spared.as_ref().map_or(pictures, |spared| spared as &dyn Pictures);
    match &state.album {
        Some(album) => panels::album(state, album, layout.main(), pictures, buf),
        None => layout.panels.iter().for_each(|place| panels::panel(state, place, pictures, buf)),
    }
    panels::footer(state, layout.status, layout.footer, buf);
    if let Some(shown) = &state.overlay {
        overlay(state, shown, area, buf);
    }
}

fn overlay(state: &State, shown: &Overlay, area: Rect, buf: &mut Buffer) {
    match shown {
        Overlay::Help { scroll, filter } => panels::help(state, *scroll, filter, area, buf),
        Overlay::Messages { scroll } => panels::messages(state, *scroll, area, buf),
        Overlay::Palette(palette) => panels::palette(state, palette, area, buf),
        Overlay::NewRun(asked) => panels::new_run(state, asked, area, buf),
        Overlay::CannotSave { reason, path } => panels::cannot_save(state, reason, path, area, buf),
        Overlay::Ask { what, text, refusal } => panels::ask(state, *what, text, refusal.as_deref(), area, buf),
        Overlay::Differences { scroll } => panels::configs(state, *scroll, area, buf),
        Overlay::Explain(shown) => panels::explaining(state, shown, area, buf),
        Overlay::Opening => panels::opening(state, area, buf),
        Overlay::NotBegun { why, .. } => panels::not_begun(state, why, area, buf),
        Overlay::Quit => match &state.experiment {
            Some(under_way) => panels::leave_experiment(state, under_way, area, buf),
            None => panels::quit(state, area, buf),
        },
        Overlay::Failure => {
            if let Phase::Failed(why) = &state.phase {
                panels::failure(state, why, area, buf);
            }
        }
    }
}
