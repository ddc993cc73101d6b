//! Snapshots of the list of runs and of a run that is looked at: characters and colours.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::behaviour::press;
use super::paint::text;
use super::runs::{browsing, choose, looking};
use crate::tui::chart::Marker;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;
use crate::tui::theme::{Capability, ThemeName};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn marked(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = browsing(columns, rows, options);
    choose(&mut state, "sweep/lr=0.01");
    press(&mut state, KeyCode::Char(' '));
    choose(&mut state, "2026-11-20-mnist-linear-11aa");
    press(&mut state, KeyCode::Char('P'));
    choose(&mut state, "sweep/lr=0.01");
    state.news.dismiss();
    state
}

#[test]
fn the_list() {
    for (columns, rows) in SIZES {
        assert_snapshot!(format!("list_{columns}x{rows}"), text(&marked(columns, rows, ScreenOptions::default())));
    }
    let light = ScreenOptions { theme: ThemeName::Light, ..ScreenOptions::default() };
    assert_snapshot!("list_light_120x40", text(&marked(120, 40, light)));
    let plain =
        ScreenOptions { capability: Capability::None, marker: Marker::Ascii, ascii: true, ..ScreenOptions::default() };
    assert_snapshot!("list_ascii_80x24", text(&marked(80, 24, plain)));
}

#[test]
fn what_is_typed_over_the_list() {
    let mut state = marked(80, 24, ScreenOptions::default());
    "/mnist sched".chars().for_each(|c| _ = press(&mut state, KeyCode::Char(c)));
    assert_snapshot!("filter_80x24", text(&state));
    "=cosin lr>".chars().for_each(|c| _ = press(&mut state, KeyCode::Char(c)));
    assert_snapshot!("filter_wrong_80x24", text(&state));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('d'));
    assert_snapshot!("trash_80x24", text(&state));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('F'));
    assert_snapshot!("fork_80x24", text(&state));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('?'));
    assert_snapshot!("help_80x24", text(&state));
}

#[test]
fn a_run_that_is_looked_at() {
    for (columns, rows) in SIZES {
        assert_snapshot!(format!("looked_at_{columns}x{rows}"), text(&looking(columns, rows)));
    }
}
