//! Nothing that comes in makes the screen panic, at any size.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

use super::album::pictures;
use super::comparing::{folder, others, sampled};
use super::demo::{frame, info, record, row, running};
use super::experiments::{racing, sweeping};
use super::paint::buffer;
use super::panes::kept;
use super::runs::{browsing, listed};
use crate::config::KeepHistory;
use crate::lab::{Event, Phase, StepRecord};
use crate::tui::archive::ArchiveNews;
use crate::tui::browser::RunsNews;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;
use crate::tui::update::update;

fn key() -> impl Strategy<Value = Message> {
    let code = prop_oneof![
        6 => any::<char>().prop_map(KeyCode::Char),
        30 => (32u8..127).prop_map(|c| KeyCode::Char(char::from(c))),
        10 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Left, KeyCode::Right, KeyCode::Up,
            KeyCode::Down, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::F(1), KeyCode::Null,
        ]),
    ];
    let modifiers = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::SHIFT,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    (code, modifiers).prop_map(|(code, modifiers)| Message::Key(KeyEvent::new(code, modifiers)))
}

fn mouse() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Moved,
    ]);
    (kind, 0u16..310, 0u16..110)
        .prop_map(|(kind, column, row)| Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

/// The same, for what is looked at.
fn beside(message: Message) -> Message {
    match message {
        Message::Archive(news) => Message::BesideArchive(news),
        message => message,
    }
}

fn news() -> impl Strategy<Value = Message> {
    prop_oneof![
        (1u64..30_000).prop_map(|step| Message::Lab(Event::Step(record(step)))),
        (12_481u64..30_000, prop::sample::select(vec![0.0, -1.0, 1e300, f64::NAN, f64::INFINITY])).prop_map(
            |(step, v)| Message::Lab(Event::Step(StepRecord {
                loss: v,
                lr: v,
                grad_norm: v,
                images_per_s: v,
                ..record(step)
            }))
        ),
        (1u64..30_000).prop_map(|step| Message::Lab(Event::TimestepLoss(row(step)))),
        (0u64..5, 0usize..26, 0u64..20_000).prop_map(|(n, i, step)| Message::Preview(frame(n, i, step))),
        (0u64..200_000).prop_map(|ms| Message::Tick(Duration::from_millis(ms))),
        prop::sample::select(vec![Phase::Paused, Phase::Training, Phase::Finished, Phase::Stopping])
            .prop_map(|phase| Message::Lab(Event::Phase(phase))),
        Just(Message::Lab(Event::Ended(Err("it broke".into())))),
        Just(Message::Lab(Event::Ready(Arc::new(info(0))))),
        Just(Message::Beside(Event::Ready(Arc::new(info(0))))),
        (1u64..30_000).prop_map(|step| Message::Beside(Event::Step(record(step)))),
        (0u64..5, 0usize..26, 0u64..20_000).prop_map(|(n, i, step)| Message::BesidePreview(frame(n, i, step))),
        Just(Message::Beside(Event::Anew { why: "set back".into() })),
        (0usize..6).prop_map(|few| Message::Runs(RunsNews::Listed(Arc::new(listed().into_iter().take(few).collect())))),
        Just(Message::Runs(RunsNews::Refused("no".into()))),
        Just(Message::Key(KeyEvent::new(KeyCode::Char('R'), KeyModifiers::NONE))),
        ".{0,80}".prop_map(Message::Paste),
        (0u64..3, prop::sample::select(vec![0, 1, 700, 12_000])).prop_map(|(run, steps)| others(run, steps)),
        prop::collection::vec(0u64..4, 0..4).prop_map(|runs| Message::Compare(runs.into_iter().map(folder).collect())),
        (0u64..3, 0usize..26, 0u64..12).prop_map(|(run, index, n)| sampled(run, index, n)),
        prop::collection::vec(1u64..5_000, 1..9).prop_map(|mut steps| {
            steps.sort();
            steps.dedup();
            let dir = info(0).run_dir.display().to_string();
            Message::Archive(ArchiveNews::Kept(vec![kept(&dir, &steps, KeepHistory::Auto)]))
        }),
        Just(Message::Key(KeyEvent::new(KeyCode::Char('T'), KeyModifiers::NONE))),
        (0u64..3, 0usize..26).prop_map(|(run, index)| beside(sampled(run, index, 0))),
        (0u64..3).prop_map(|run| beside(others(run, 700))),
        (0usize..40).prop_map(pictures),
    ]
}

fn size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        (1u16..300, 1u16..100),
        (50u16..110, 12u16..32),
        prop::sample::select(vec![(1, 1), (80, 24), (120, 40), (300, 100), (56, 15), (300, 15), (56, 100), (1, 100)]),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        12 => key(),
        3 => mouse(),
        4 => news(),
        2 => size().prop_map(|(columns, rows)| Message::Resize(columns, rows)),
        1 => prop::sample::select(vec![(1, 2), (10, 20), (7, 15)]).prop_map(|(w, h)| Message::CellSize(w, h)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_messages_makes_it_panic(
        messages in prop::collection::vec(message(), 1..60),
        (columns, rows) in size(),
        start in 0..5,
    ) {
        let options = ScreenOptions::default();
        let mut state = match start {
            0 => State::new(options),
            1 => browsing(columns, rows, options),
            2 => racing(columns, rows, true, options),
            3 => sweeping(columns, rows, options),
            _ => running(columns, rows, options),
        };
        update(&mut state, Message::Resize(columns, rows));
        for message in messages {
            update(&mut state, message);
            // The largest screens are drawn now and then only.
            if u32::from(state.size.0) * u32::from(state.size.1) < 6_000 || state.news.items().count() % 3 == 0 {
                buffer(&state);
            }
        }
        buffer(&state);
    }
}

/// Keys alone, and many of them: from one view to the other and back. `DIFFLAB_KEYS` is their number, for a longer walk.
#[test]
fn any_number_of_random_keys_goes_well() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    let count = std::env::var("DIFFLAB_KEYS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(20_000);
    let others = [KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Up, KeyCode::Down, KeyCode::Backspace];
    let options = ScreenOptions::default;
    for start in [
        browsing(80, 24, options()),
        running(120, 40, options()),
        racing(80, 24, true, options()),
        sweeping(80, 24, options()),
    ] {
        let mut state = start.clone();
        for i in 0..count {
            let code = match random.random_range(0..5) {
                0 => others[random.random_range(0..others.len())],
                1 => KeyCode::Char('R'),
                _ => KeyCode::Char(char::from(random.random_range(32u8..127))),
            };
            let effects = update(&mut state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
            if effects.iter().any(|effect| matches!(effect, Effect::ListRuns(_))) {
                update(&mut state, Message::Runs(RunsNews::Listed(Arc::new(listed()))));
            }
            if effects.iter().any(|effect| matches!(effect, Effect::LookAt(_))) {
                update(&mut state, Message::Beside(Event::Ready(Arc::new(info(0)))));
            }
            if i % 200 == 0 {
                buffer(&state);
            }
        }
    }
}

#[test]
fn every_size_is_drawn() {
    let mut state = running(80, 24, ScreenOptions::default());
    for columns in (1..=300).step_by(13) {
        for rows in (1..=100).step_by(3) {
            update(&mut state, Message::Resize(columns, rows));
            buffer(&state);
        }
    }
}
