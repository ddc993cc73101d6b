//! The lab of a run that trains an autoencoder: its panels, and what its keys do.

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;

use super::behaviour::act;
use super::paint::{buffer, characters, text};
use super::settings::type_in;
use crate::config::Config;
use crate::lab::{AutoencoderLook, Command, Event, Phase, PreviewFrame, RunInfo};
use crate::nn::autoencoder::LatentChannel;
use crate::tui::action::Action;
use crate::tui::bindings::{self, BINDINGS};
use crate::tui::effect::Effect;
use crate::tui::guide;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, Playback, State};
use crate::tui::update::update;

const NUM: usize = 4;
const TOTAL: usize = 24;

fn config(channels: usize) -> Config {
    let set = [format!("autoencoder.latent_channels={channels}")];
    super::demo::config().with_overrides(&set).unwrap().autoencoder_run()
}

/// The digits, on their way from each to the next, given back a little too dark at the edges.
fn frame(index: usize, channels: usize, has_kl: bool) -> PreviewFrame {
    let digits: Vec<Vec<f32>> = (0..NUM).map(super::demo::digit).collect();
    let share = index as f32 / TOTAL as f32;
    let mixed = |i: usize| -> Vec<f32> {
        let pair = digits[i].iter().zip(&digits[(i + 1) % NUM]);
        pair.map(|(from, to)| 0.9 * ((1.0 - share) * from + share * to) - 0.1).collect()
    };
    let error = digits[0].iter().enumerate().map(|(i, x)| 0.02 * (x + 1.1) * (1.0 + (i % 28) as f32 / 28.0)).collect();
    let channel = |i: usize| LatentChannel {
        mean: 0.4 - 0.3 * i as f64,
        deviation: 0.5 + 0.25 * i as f64,
        kl: has_kl.then_some(80.0 / (1.0 + i as f64 * i as f64)),
    };
    let look = AutoencoderLook { error, channels: (0..channels).map(channel).collect(), latent_size: (7, 7) };
    PreviewFrame {
        trajectory: 1,
        index,
        total: TOTAL,
        t: 999 * (TOTAL - index) / TOTAL,
        step: 1500,
        x_t: Arc::new((0..NUM).flat_map(mixed).collect()),
        x_0: Arc::new(digits.concat()),
        num: NUM,
        classes: Vec::new(),
        settings: super::demo::settings().into(),
        field: None,
        look: Some(Arc::new(look)),
    }
}

/// In the middle of its training, with so many channels of latents.
fn encoding(columns: u16, rows: u16, channels: usize, has_kl: bool) -> State {
    let config = config(channels);
    let mut state = State::new(ScreenOptions { config: Some(config.clone()), ..ScreenOptions::default() });
    let info = RunInfo {
        network: "autoencoder".into(),
        parameters: 96_121,
        conditional: false,
        config: config.clone(),
        ..super::demo::info(0)
    };
    update(&mut state, Message::Resize(columns, rows));
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    for step in 1..=1500 {
        update(&mut state, Message::Lab(Event::Step(super::demo::record(step))));
    }
    for index in 0..=TOTAL {
        update(&mut state, Message::Preview(frame(index, channels, has_kl)));
    }
    super::demo::watch(&mut state, 0, 2);
    update(&mut state, Message::Tick(Duration::from_secs(60)));
    state
}

#[test]
fn at_every_size() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        assert_snapshot!(format!("autoencoder_{columns}x{rows}"), text(&encoding(columns, rows, 4, true)));
    }
    let mut state = encoding(120, 40, 4, true);
    state.zoomed = true;
    for panel in [Panel::Heatmap, Panel::Schedule, Panel::Denoising] {
        act(&mut state, Action::Focus(panel));
        assert_snapshot!(format!("autoencoder_{panel:?}_zoomed_120x40"), text(&state));
    }
}

#[test]
fn the_tiny_kind_has_no_kl_and_many_channels_are_counted() {
    let plain = characters(&buffer(&encoding(120, 40, 4, false)));
    assert!(plain.contains("std") && !plain.contains("KL"), "{plain}");
    let many = characters(&buffer(&encoding(80, 24, 64, true)));
    assert!(many.contains("channels more"), "{many}");
}

#[test]
fn nothing_of_diffusion_is_offered_or_shown() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let state = encoding(columns, rows, 4, true);
        let screen = characters(&buffer(&state));
        for word in [
            "cosine",
            "predicts",
            "ddim",
            "Schedule",
            "Denoising",
            "timestep",
            "sample now",
            "α²/σ²",
            "through the noise",
            "→ t",
        ] {
            assert!(!screen.contains(word), "{word} at {columns}×{rows}:\n{screen}");
        }
    }
    let state = encoding(120, 40, 4, true);
    for section in guide::keys(&state, "").iter().filter(|section| section.title != "Without use in this run") {
        for entry in &section.entries {
            for word in ["noise", "timestep", "Denoising", "sampler", "guidance"] {
                assert!(!entry.text.contains(word), "{}: {} {}", section.title, entry.keys, entry.text);
            }
        }
    }
}

#[test]
fn every_key_does_something_or_says_why_not() {
    for binding in BINDINGS {
        for size in [(80, 24), (120, 40)] {
            let mut state = encoding(size.0, size.1, 4, true);
            act(&mut state, Action::Focus(binding.context.unwrap_or(Panel::Denoising)));
            act(&mut state, binding.action);
            // Draws without a panic.
            let screen = characters(&buffer(&state));
            // Its key may mean something else in this panel.
            let meant = bindings::meaning(&binding.keys[0], state.focus).map_or(binding.action, |found| found.action);
            if let Some(why) = guide::of_autoencoder(&state, meant) {
                assert!(
                    state.news.showing().is_some_and(|item| item.text.contains(why)),
                    "{:?}: {screen}",
                    binding.action
                );
            }
        }
    }
}

#[test]
fn keys_of_sampling_are_refused_in_the_palette() {
    for (line, key) in [
        (":sample.steps=7\n", "sample.steps"),
        (":sampler=ddpm\n", "sample.sampler"),
        (":preview.steps=9\n", "preview.steps"),
    ] {
        let mut state = encoding(80, 24, 4, true);
        assert!(type_in(&mut state, line).is_empty(), "{line}");
        let Some(Overlay::Palette(palette)) = &state.overlay else { panic!("{line}: {:?}", state.overlay) };
        let why = palette.refusal.as_deref().unwrap_or_default();
        assert!(why.contains(&format!("{key} has no effect here")) && why.contains("trains an autoencoder"), "{why}");
    }
}

#[test]
fn the_keys_of_t_move_the_film() {
    let mut state = encoding(120, 40, 4, true);
    let index = |state: &State| state.shown_still().unwrap().1.index;
    act(&mut state, Action::CursorFirst);
    assert_eq!((index(&state), state.playback), (0, Playback::Held));
    act(&mut state, Action::CursorUp);
    assert_eq!(index(&state), 1);
    act(&mut state, Action::CursorFarUp);
    assert_eq!(index(&state), 7);
    act(&mut state, Action::CursorDown);
    assert_eq!(index(&state), 6);
    act(&mut state, Action::CursorLast);
    assert_eq!(index(&state), TOTAL);
    let effects = act(&mut state, Action::Snapshot);
    assert_eq!(effects, [Effect::Send(Command::Snapshot)]);
    assert_eq!(state.snapshots_awaited, 0, "its picture is told by a note");
}
