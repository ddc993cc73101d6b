//! Snapshots of the screen: characters and colours.

use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::demo::{opened, running};
use super::paint::text;
use super::settings::type_in;
use crate::lab::{Event, Phase};
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::State;
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::update;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn show(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

#[test]
fn the_whole_screen() {
    for (columns, rows) in SIZES {
        assert_snapshot!(format!("whole_{columns}x{rows}"), text(&show(columns, rows)));
    }
}

#[test]
fn each_panel_zoomed() {
    for (columns, rows) in SIZES {
        let mut state = show(columns, rows);
        state.zoomed = true;
        for (panel, name) in Panel::ALL.into_iter().zip(["loss", "heatmap", "schedule", "denoising"]) {
            act(&mut state, Action::Focus(panel));
            assert_snapshot!(format!("{name}_{columns}x{rows}"), text(&state));
        }
    }
}

#[test]
fn each_panel_in_focus_at_80_by_24() {
    let mut state = show(80, 24);
    for (panel, name) in Panel::ALL.into_iter().zip(["loss", "heatmap", "schedule", "denoising"]) {
        act(&mut state, Action::Focus(panel));
        assert_snapshot!(format!("focus_{name}_80x24"), text(&state));
    }
}

#[test]
fn other_terminals() {
    let theme = |theme, capability, marker| {
        running(120, 40, ScreenOptions { theme, capability, marker, ..ScreenOptions::default() })
    };
    let light = theme(ThemeName::Light, Capability::TrueColor, Marker::Braille);
    assert_snapshot!("light_120x40", text(&light));
    let plain = theme(ThemeName::Dark, Capability::None, Marker::Ascii);
    assert_snapshot!("no_color_ascii_120x40", text(&plain));
    let sixteen = theme(ThemeName::Dark, Capability::Ansi16, Marker::Block);
    assert_snapshot!("sixteen_colours_blocks_120x40", text(&sixteen));
    let console = theme(ThemeName::Dark, Capability::Console, Marker::Ascii);
    assert_snapshot!("linux_console_120x40", text(&console));
    let light = theme(ThemeName::Light, Capability::Ansi16, Marker::Block);
    assert_snapshot!("sixteen_colours_light_120x40", text(&light));
    let many = theme(ThemeName::Dark, Capability::Ansi256, Marker::Block);
    assert_snapshot!("256_colours_blocks_120x40", text(&many));
}

#[test]
fn for_the_back_row() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut state = show(columns, rows);
        act(&mut state, Action::NextTheme);
        act(&mut state, Action::NextTheme);
        assert_eq!(state.plots.marker, Marker::Block, "thick curves");
        update(&mut state, Message::Tick(Duration::from_secs(80)));
        assert_snapshot!(format!("projector_{columns}x{rows}"), text(&state));
        act(&mut state, Action::NextTheme);
        assert_eq!((state.theme.name, state.plots.marker), (ThemeName::Dark, Marker::Braille));
    }
}

#[test]
fn the_first_seconds() {
    assert_snapshot!("starting_120x40", text(&opened(120, 40, ScreenOptions::default())));
    assert_snapshot!("starting_80x24", text(&opened(80, 24, ScreenOptions::default())));
}

#[test]
fn dialogs() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut state = show(columns, rows);
        act(&mut state, Action::Help);
        assert_snapshot!(format!("help_{columns}x{rows}"), text(&state));
    }
    let mut state = show(80, 24);
    act(&mut state, Action::Quit);
    assert_snapshot!("quit_80x24", text(&state));
    act(&mut state, Action::Palette);
    for c in "snap".chars() {
        press(&mut state, KeyCode::Char(c));
    }
    assert_snapshot!("palette_80x24", text(&state));
    act(&mut state, Action::Messages);
    assert_snapshot!("messages_80x24", text(&state));
}

#[test]
fn keys_in_the_palette() {
    for (line, name) in [
        (":guid", "palette_actions_and_keys"),
        (":spacing=", "palette_words"),
        (":path=flow pred", "palette_next_key"),
        (":sampler=flow_heun\n", "palette_refused"),
        (":seed=3 loss_weighting=min_snr\n", "new_run"),
    ] {
        let mut state = show(80, 24);
        type_in(&mut state, line);
        assert_snapshot!(format!("{name}_80x24"), text(&state));
    }
    let mut state = show(120, 40);
    type_in(&mut state, ":sample.");
    assert_snapshot!("palette_keys_120x40", text(&state));
}

#[test]
fn moments() {
    let mut held = show(120, 40);
    act(&mut held, Action::FrameNext);
    act(&mut held, Action::Focus(Panel::Denoising));
    act(&mut held, Action::ToggleFreeze);
    assert_snapshot!("held_and_frozen_120x40", text(&held));

    let mut failed = show(80, 24);
    let why = "the loss became NaN at step 12,481; the last good checkpoint is step 12,000. Try a lower \
               train.learning_rate (now 1e-3), or train.max_grad_norm = 0.5";
    update(&mut failed, Message::Lab(Event::Ended(Err(why.into()))));
    assert_snapshot!("failed_80x24", text(&failed));

    let mut saved = show(120, 40);
    let dir = "runs/2026-11-22-mnist-4f2a/snapshots/step-00012480".into();
    update(&mut saved, Message::Lab(Event::SnapshotSaved { step: 12_480, dir }));
    update(&mut saved, Message::Lab(Event::Phase(Phase::Paused)));
    assert_snapshot!("snapshot_saved_paused_120x40", text(&saved));
    update(&mut saved, Message::Tick(Duration::from_secs(90)));
    assert!(!text(&saved).contains("saved in"), "the message goes away");
}

#[test]
fn other_views() {
    let mut state = show(120, 40);
    for action in [Action::NextScheduleView, Action::ToggleHeatScale, Action::ToggleLogY, Action::NextXAxis] {
        act(&mut state, action);
    }
    assert_snapshot!("betas_relative_linear_epoch_120x40", text(&state));
    for action in [Action::NextScheduleView, Action::NextTimeAxis, Action::NextXAxis, Action::NextSmoothing] {
        act(&mut state, action);
    }
    assert_snapshot!("coefficients_sigma_time_120x40", text(&state));
    for action in [Action::NextScheduleView, Action::NextTimeAxis] {
        act(&mut state, action);
    }
    assert_snapshot!("snr_120x40", text(&state));
}

#[test]
fn the_bound_beside_the_heatmap() {
    let mut state = show(120, 40);
    state.zoomed = true;
    act(&mut state, Action::Focus(Panel::Heatmap));
    act(&mut state, Action::ToggleBound);
    let shown = text(&state);
    assert!(shown.contains("bits/dim · without L_0"), "{shown}");
    assert_snapshot!("bound_120x40", shown);
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    assert_snapshot!("too_small_40x10", text(&show(40, 10)));
}
