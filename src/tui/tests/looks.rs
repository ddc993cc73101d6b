//! Snapshots of the screen: characters and colours.

use insta::assert_snapshot;

use super::demo::{opened, running};
use super::paint::text;
use crate::tui::action::Action;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;

fn show(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

#[test]
fn the_whole_screen() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        assert_snapshot!(format!("whole_{columns}x{rows}"), text(&show(columns, rows)));
    }
    let _ = (opened as fn(_, _, _) -> _, Action::Help);
}
