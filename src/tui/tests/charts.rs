//! The charts where data are few, many, odd or missing: characters and colours.

use std::cell::RefCell;
use std::collections::HashSet;

use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::behaviour::act;
use super::demo::{BINS, opened, record, row, running};
use super::paint::{buffer, characters, text};
use crate::lab::{Event, StepRecord, TimestepLossRow};
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::layout;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::pictures::{ChartContent, Picture, PictureSlot, Pictures};
use crate::tui::state::{ScheduleView, State};
use crate::tui::terminal::sixel;
use crate::tui::theme::Capability;
use crate::tui::update::update;
use crate::tui::view;

fn lab(state: &mut State, event: Event) {
    update(state, Message::Lab(event));
}

/// A zoomed panel of a run with so many steps and, every tenth step, a row of the heatmap.
fn zoomed(panel: Panel, steps: u64, options: ScreenOptions) -> State {
    let mut state = opened(80, 24, options);
    state.focus = panel;
    state.zoomed = true;
    for step in 1..=steps {
        lab(&mut state, Event::Step(record(step)));
        if step.is_multiple_of(10) {
            lab(&mut state, Event::TimestepLoss(row(step)));
        }
    }
    state
}

fn with_odd_step(state: &mut State, step: u64, loss: f64) {
    lab(state, Event::Step(StepRecord { loss, val_loss: None, ..record(step) }));
}

#[test]
fn few_and_many_columns_of_the_heatmap() {
    for (steps, name) in [(30, "few"), (6_000, "many")] {
        let state = zoomed(Panel::Heatmap, steps, ScreenOptions::default());
        assert_snapshot!(format!("heatmap_{name}_columns_80x24"), text(&state));
    }
}

#[test]
fn empty_bins_and_an_odd_one() {
    for marker in [Marker::Braille, Marker::Ascii] {
        let capability = if marker == Marker::Ascii { Capability::None } else { Capability::TrueColor };
        let mut state = zoomed(Panel::Heatmap, 200, ScreenOptions { marker, capability, ..ScreenOptions::default() });
        for step in (210..=400).step_by(10) {
            let TimestepLossRow { mut mean, mut count, .. } = row(step);
            for bin in 10..14 {
                (mean[bin], count[bin]) = (f32::NAN, 0);
            }
            mean[30] = 1e6;
            lab(&mut state, Event::TimestepLoss(TimestepLossRow { step, mean, count }));
        }
        state.cursor_t = 30 * 1000 / BINS + 5;
        let name = if marker == Marker::Ascii { "ascii" } else { "colours" };
        let shown = text(&state);
        assert!(shown.contains(if marker == Marker::Ascii { ">= " } else { "≥ " }), "{shown}");
        assert_snapshot!(format!("heatmap_empty_and_odd_{name}_80x24"), shown);
    }
}

#[test]
fn a_spike_leaves_the_curve_its_room_and_is_marked() {
    for log in [true, false] {
        let mut state = zoomed(Panel::Loss, 2_000, ScreenOptions::default());
        state.plots.log_y = log;
        with_odd_step(&mut state, 2_001, 1e9);
        (2_002..=2_400).for_each(|step| lab(&mut state, Event::Step(record(step))));
        let shown = text(&state);
        assert!(shown.contains("points above"), "{shown}");
        assert_snapshot!(format!("loss_spike_{}_80x24", if log { "log" } else { "linear" }), shown);
    }
}

#[test]
fn the_huge_losses_of_the_first_steps_do_not_flatten_the_rest() {
    let mut state = opened(120, 40, ScreenOptions::default());
    state.zoomed = true;
    state.plots.log_y = false;
    for step in 1..=3_000 {
        let first = 1e4 * (-(step as f64) / 4.0).exp();
        lab(&mut state, Event::Step(StepRecord { loss: record(step).loss + first, ..record(step) }));
    }
    let screen = characters(&buffer(&state));
    assert!(screen.contains("▲") && !screen.contains("1000"), "{screen}");
    assert!(screen.lines().any(|line| line.contains("0.1") && line.contains('┤')), "{screen}");
}

#[test]
fn losses_that_are_no_numbers_are_said_and_marked() {
    let mut state = zoomed(Panel::Loss, 300, ScreenOptions::default());
    with_odd_step(&mut state, 301, f64::NAN);
    with_odd_step(&mut state, 302, f64::INFINITY);
    lab(&mut state, Event::Step(record(303)));
    let screen = characters(&buffer(&state));
    assert!(screen.contains("× 2 not finite"), "{screen}");
    assert!(screen.lines().nth(2).unwrap().contains('×'), "{screen}");
}

#[test]
fn crossing_curves() {
    for (marker, name) in [(Marker::Braille, "braille"), (Marker::Octant, "octants"), (Marker::Block, "blocks")] {
        let mut state = running(80, 24, ScreenOptions { marker, ..ScreenOptions::default() });
        state.zoomed = true;
        act(&mut state, Action::Focus(Panel::Schedule));
        while state.plots.schedule_view != ScheduleView::Coefficients {
            act(&mut state, Action::NextScheduleView);
        }
        assert_snapshot!(format!("crossing_{name}_80x24"), text(&state));
    }
}

#[test]
fn a_zoomed_loss_says_its_steps() {
    let mut state = zoomed(Panel::Loss, 4_000, ScreenOptions::default());
    for _ in 0..5 {
        act(&mut state, Action::LossCloser);
    }
    act(&mut state, Action::LossEarlier);
    let shown = text(&state);
    assert!(shown.contains("steps 2,") && shown.contains(" of 4,000"), "{shown}");
    assert_snapshot!("loss_window_80x24", shown);
    act(&mut state, Action::NextXAxis);
    act(&mut state, Action::NextXAxis);
    assert!(characters(&buffer(&state)).contains(" of 4,000"));
    act(&mut state, Action::LossWhole);
    assert!(!characters(&buffer(&state)).contains(" of 4,000"));
}

#[test]
fn the_key_for_curves_goes_through_what_the_terminal_can() {
    let round = |options: ScreenOptions| {
        let mut state = opened(80, 24, options);
        let mut met = vec![(state.draws_pictures(), state.plots.marker)];
        loop {
            act(&mut state, Action::NextMarker);
            let now = (state.draws_pictures(), state.plots.marker);
            if now == met[0] {
                return met;
            }
            met.push(now);
        }
    };
    let characters = [(false, Marker::Braille), (false, Marker::Block), (false, Marker::Ascii)];
    assert_eq!(round(ScreenOptions::default()), characters);
    let pixels = ScreenOptions { cell_size: (8, 15), background: Some([16; 3]), ..ScreenOptions::default() };
    let mut all = vec![(true, Marker::Braille)];
    all.extend(characters);
    assert_eq!(round(pixels.clone()), all);
    let unknown = ScreenOptions { background: None, ..pixels.clone() };
    assert_eq!(round(unknown), characters, "lines are smoothed towards a background that is known");
    let octants = round(ScreenOptions { has_octants: true, ..pixels });
    assert_eq!((octants.len(), octants[2].1), (5, Marker::Octant));
}

/// Takes the pictures of charts, and says what it would cost to send them.
#[derive(Default)]
struct Scales {
    /// Slot, pixels, colours, bytes.
    weighed: RefCell<Vec<(PictureSlot, usize, usize, usize)>>,
}

impl Pictures for Scales {
    fn draw(&self, _: PictureSlot, _: &Picture, _: Rect, _: &mut Buffer) {}

    fn chart(
        &self,
        slot: PictureSlot,
        _: ChartContent,
        area: Rect,
        paint: &dyn Fn((u16, u16)) -> Vec<u8>,
        _: &mut Buffer,
    ) -> bool {
        let rgb = paint((8, 15));
        let (width, height) = (usize::from(area.width) * 8, usize::from(area.height) * 15);
        let colors = rgb.chunks_exact(3).collect::<HashSet<_>>().len();
        let bytes = sixel::encode(&rgb, width, height, 256).unwrap().len();
        self.weighed.borrow_mut().push((slot, width * height, colors, bytes));
        true
    }

    fn cell_size(&self) -> (u16, u16) {
        (8, 15)
    }
}

#[test]
fn pictures_of_charts_have_few_colours_and_few_bytes() {
    let options = ScreenOptions { cell_size: (8, 15), background: Some([16, 16, 20]), ..ScreenOptions::default() };
    for (columns, rows) in [(120, 40), (200, 60)] {
        for view in 0..4 {
            let mut state = running(columns, rows, options.clone());
            (0..view).for_each(|_| drop(act(&mut state, Action::NextScheduleView)));
            let (scales, area) = (Scales::default(), Rect::new(0, 0, columns, rows));
            view::draw(&state, area, &scales, &mut Buffer::empty(area));
            let weighed = scales.weighed.into_inner();
            assert_eq!(weighed.len(), 2, "the loss and the schedules");
            for (slot, pixels, colors, bytes) in weighed {
                println!("{columns}×{rows} {slot:?}: {pixels} pixels, {colors} colours, {bytes} bytes");
                assert!(colors <= 160, "{slot:?}: {colors} colours would be dithered");
                assert!(bytes < pixels / 3, "{slot:?}: {bytes} bytes for {pixels} pixels");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_map_spans_its_panel(columns in 56u16..300, rows in prop_oneof![Just(1u64), 2u64..40, 40u64..900]) {
        let mut state = opened(columns, 24, ScreenOptions::default());
        state.focus = Panel::Heatmap;
        state.zoomed = true;
        for i in 1..=rows {
            lab(&mut state, Event::Step(record(i * 10)));
            lab(&mut state, Event::TimestepLoss(row(i * 10)));
        }
        let place = *state.layout().unwrap().place(Panel::Heatmap).unwrap();
        let map = layout::heatmap_full(place.inner()).map;
        let buf = buffer(&state);
        for position in map.positions() {
            prop_assert!(matches!(buf[position].bg, Color::Rgb(..)), "{} at {}", buf[position].symbol(), position);
        }
    }
}
