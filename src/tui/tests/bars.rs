//! The lines above and below the panels: hints to click, answers and messages, the story.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::behaviour::{act, press};
use super::demo::{digit, frame, info, opened, record, running};
use super::paint::{buffer, characters};
use crate::lab::{Command, Event, Phase, StepRecord};
use crate::tui::action::Action;
use crate::tui::bars;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};
use crate::tui::update::update;

const SIZES: [(u16, u16); 6] = [(56, 15), (80, 24), (100, 30), (120, 40), (200, 60), (300, 100)];

fn row(state: &State, y: u16) -> String {
    let buffer = buffer(state);
    (0..state.size.0).map(|x| buffer[(x, y)].symbol()).collect()
}

/// Clicks where a text stands in a row.
fn click(state: &mut State, y: u16, on: &str) -> Vec<Effect> {
    let text = row(state, y);
    let at = text.find(on).unwrap_or_else(|| panic!("{on:?} is not in {text:?}"));
    let column = text[..at].chars().count() as u16;
    let kind = MouseEventKind::Down(MouseButton::Left);
    update(state, Message::Mouse(MouseEvent { kind, column, row: y, modifiers: KeyModifiers::NONE }))
}

#[test]
fn a_click_on_a_hint_does_what_its_key_does() {
    let mut state = running(120, 40, ScreenOptions::default());
    assert_eq!(click(&mut state, 39, "space pause"), [Effect::Send(Command::Pause)]);
    click(&mut state, 39, "zoom");
    assert!(state.zoomed);
    click(&mut state, 39, "Tab");
    assert_eq!(state.focus, Panel::Heatmap);
    state.focus = Panel::Loss;
    act(&mut state, Action::CursorFirst);
    click(&mut state, 39, "→");
    assert_eq!(state.cursor_t, 10);
    click(&mut state, 39, "←");
    assert_eq!(state.cursor_t, 0);
    click(&mut state, 39, "? help");
    assert!(matches!(state.overlay, Some(Overlay::Help { .. })));
    press(&mut state, KeyCode::Esc);
    click(&mut state, 39, "q quit");
    assert_eq!(state.overlay, Some(Overlay::Quit));
}

#[test]
fn each_hint_is_where_it_is_drawn_at_every_size() {
    for (columns, rows) in SIZES {
        for focus in Panel::ALL {
            let mut state = running(columns, rows, ScreenOptions::default());
            state.focus = focus;
            let layout = state.layout().unwrap();
            let pieces = bars::footer(&state, layout.footer);
            let drawn: Vec<char> = row(&state, rows - 1).chars().collect();
            for piece in &pieces {
                let text: String = drawn[usize::from(piece.x)..][..piece.line.width()].iter().collect();
                assert_eq!(text, piece.line.to_string());
                assert!(piece.action.is_some());
            }
            let words: Vec<String> = pieces.iter().map(|piece| piece.line.to_string()).collect();
            assert_eq!(words[words.len() - 2..], ["? help", "q quit"], "{columns}×{rows}");
        }
    }
}

#[test]
fn the_header_says_what_part_of_a_step_several_processes_talk() {
    let mut state = running(160, 40, ScreenOptions::default());
    assert!(!row(&state, 0).contains("comm"));
    update(&mut state, Message::Lab(Event::Step(StepRecord { comm_share: Some(0.124), ..record(12_481) })));
    assert!(row(&state, 0).contains("comm 12 %"), "{}", row(&state, 0));
}

#[test]
fn the_header_can_be_clicked_where_it_makes_sense() {
    let mut state = running(120, 40, ScreenOptions::default());
    assert_eq!(click(&mut state, 0, "training"), [Effect::Send(Command::Pause)]);
    update(&mut state, Message::Lab(Event::Warning { step: 3, message: "one file was skipped".into() }));
    click(&mut state, 0, "! 1 warning");
    assert!(matches!(state.overlay, Some(Overlay::Messages { .. })));
    state.overlay = None;
    assert_eq!(click(&mut state, 0, "difflab"), []);
    act(&mut state, Action::ToggleFreeze);
    click(&mut state, 0, "display frozen");
    assert!(state.frozen.is_none());
}

#[test]
fn the_hints_stay_whatever_is_said() {
    for (columns, rows) in SIZES {
        let mut state = running(columns, rows, ScreenOptions::default());
        let message = "a long story about a file that was skipped, and why it was skipped, and what to do ".repeat(4);
        update(&mut state, Message::Lab(Event::Warning { step: 3, message }));
        assert!(row(&state, rows - 1).contains("q quit"), "{columns}×{rows}");
        assert!(row(&state, rows - 2).contains("a long story") && row(&state, rows - 2).contains("(! shows all)"));
    }
}

#[test]
fn the_answer_to_a_key_is_seen_although_a_message_shows() {
    let mut state = running(80, 24, ScreenOptions::default());
    let message = "one file was skipped".to_string();
    update(&mut state, Message::Lab(Event::Warning { step: 3, message }));
    act(&mut state, Action::NextMarker);
    assert!(row(&state, 22).contains("curves in blocks"), "{}", row(&state, 22));
    act(&mut state, Action::NextEta);
    let what = "η 0.5".to_string();
    update(&mut state, Message::Lab(Event::SettingChanged { step: 12_481, what }));
    update(&mut state, Message::Lab(Event::Note { step: 12_481, message: "a note".into() }));
    assert!(row(&state, 22).contains("η 0.5"), "{}", row(&state, 22));
    update(&mut state, Message::Tick(Duration::from_secs(66)));
    assert!(row(&state, 22).contains("a note") || row(&state, 22).contains("skipped"), "{}", row(&state, 22));
}

#[test]
fn nothing_is_left_of_a_run_that_is_done() {
    let mut state = running(120, 40, ScreenOptions::default());
    assert!(row(&state, 0).contains("min left") || row(&state, 0).contains("h "), "{}", row(&state, 0));
    for step in [39_999, 40_000] {
        update(&mut state, Message::Lab(Event::Step(record(step))));
        assert!(!characters(&buffer(&state)).contains("0 s left"));
    }
    update(&mut state, Message::Lab(Event::Phase(Phase::Finished)));
    assert!(!characters(&buffer(&state)).contains("left"), "{}", characters(&buffer(&state)));
}

#[test]
fn numbers_stand_at_their_names() {
    let mut state = running(200, 60, ScreenOptions::default());
    act(&mut state, Action::CursorFirst);
    let screen = characters(&buffer(&state));
    for gap in ["t   0", "step       ", "at t   ", "epoch  "] {
        assert!(!screen.contains(gap), "{gap:?} in\n{screen}");
    }
}

#[test]
fn a_long_name_of_a_class_is_shortened() {
    let mut state = opened(120, 40, ScreenOptions::default());
    let mut long = info(0);
    long.classes[0] = "an extraordinarily long name of a class that nobody would choose".into();
    update(&mut state, Message::Lab(Event::Ready(std::sync::Arc::new(long))));
    update(&mut state, Message::Preview(frame(1, 0, 3)));
    act(&mut state, Action::ClassNext);
    let screen = characters(&buffer(&state));
    assert!(screen.contains("class an extraord") && screen.contains('…'), "{screen}");
}

#[test]
fn the_first_two_minutes_are_told_from_what_is_measured() {
    let mut state = opened(120, 40, ScreenOptions::default());
    let tick = |state: &mut State, s: u64| {
        update(state, Message::Tick(Duration::from_secs(s)));
        row(state, 38)
    };
    let line = tick(&mut state, 1);
    assert!(line.contains("loading 60,000 digits …"), "{line}");
    let mut facts = info(0);
    facts.examples = (0..10).map(|class| std::sync::Arc::new(digit(class))).collect();
    update(&mut state, Message::Lab(Event::Ready(std::sync::Arc::new(facts))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    update(&mut state, Message::Lab(Event::Step(StepRecord { loss: 1.02, ..record(1) })));
    let line = tick(&mut state, 3);
    assert!(line.contains("the network knows nothing") && line.contains("g sample now"), "{line}");
    for step in 2..=300 {
        update(&mut state, Message::Lab(Event::Step(record(step))));
    }
    let line = tick(&mut state, 12);
    assert!(line.contains("step 300: the loss is"), "{line}");
    // A finished film: its backgrounds are compared with the data's, and the keys to try next are shown.
    for index in 0..=25 {
        update(&mut state, Message::Preview(frame(1, index, 300)));
    }
    let line = tick(&mut state, 20);
    assert!(line.contains("backgrounds are black"), "{line}");
    assert!(line.contains("w stronger guidance") && line.contains("←→ through the noise"), "{line}");
    press(&mut state, KeyCode::Char('w'));
    let line = tick(&mut state, 40);
    assert!(!line.contains("stronger guidance"), "{line}");
}

#[test]
fn an_invitation_can_be_clicked() {
    let mut state = opened(120, 40, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(std::sync::Arc::new(info(0)))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    update(&mut state, Message::Tick(Duration::from_secs(9)));
    assert_eq!(click(&mut state, 38, "g sample now"), [Effect::Send(Command::SampleNow)]);
}

#[test]
fn with_few_columns_the_story_and_the_invitation_take_turns() {
    let mut state = opened(80, 24, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(std::sync::Arc::new(info(0)))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    update(&mut state, Message::Lab(Event::Step(record(1))));
    let mut seen = (false, false);
    for s in 6..40 {
        update(&mut state, Message::Tick(Duration::from_secs(s)));
        let line = row(&state, 22);
        let told = line.contains("the network") || line.contains("warm-up");
        let invited = line.contains("sample now");
        assert!(told || invited);
        seen = (seen.0 || told, seen.1 || invited);
    }
    assert_eq!(seen, (true, true));
}

#[test]
fn nothing_is_told_of_the_backgrounds_of_points() {
    let mut state = super::plane::moons(120, 40, ScreenOptions::default());
    for s in 61..200 {
        update(&mut state, Message::Tick(Duration::from_secs(s)));
        let line = row(&state, 38);
        assert!(!line.contains("background") && !line.contains("coarse"), "{line}");
    }
}
