//! Help, and the legend of the screen.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::demo::{info, opened, running};
use super::paint::{buffer, characters, text};
use crate::lab::Event;
use crate::tui::action::Action;
use crate::tui::bindings::BINDINGS;
use crate::tui::guide::{keys, legend};
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};
use crate::tui::update::update;

fn helped(columns: u16, rows: u16) -> State {
    let mut state = running(columns, rows, ScreenOptions::default());
    act(&mut state, Action::Help);
    state
}

/// Everything that help shows while it is scrolled from its top to its end, line by line, words apart by one blank.
fn scrolled(state: &mut State) -> String {
    let (mut all, mut last) = (String::new(), String::new());
    for _ in 0..300 {
        let screen = characters(&buffer(state));
        if screen == last {
            break;
        }
        last = screen.clone();
        for line in screen.lines() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if !all.contains(&line) {
                all.push_str(&line);
                all.push('\n');
            }
        }
        press(state, KeyCode::Down);
    }
    all
}

#[test]
fn every_key_and_every_word_is_found_at_every_size() {
    for (columns, rows) in [(80, 24), (100, 30), (120, 40), (150, 45), (200, 60), (300, 100), (56, 15)] {
        for focus in Panel::ALL {
            let mut state = helped(columns, rows);
            state.focus = focus;
            let all = scrolled(&mut state);
            for entry in keys(&state, "").into_iter().flat_map(|section| section.entries) {
                for word in entry.keys.split(", ").chain(entry.text.split(' ')) {
                    assert!(all.contains(word), "{columns}×{rows}, {focus:?}: {word:?} of {entry:?} in\n{all}");
                }
            }
        }
    }
}

#[test]
fn no_line_of_help_is_cut() {
    for (columns, rows) in [(80, 24), (150, 45), (200, 60)] {
        let mut state = helped(columns, rows);
        let texts: Vec<String> =
            keys(&state, "").into_iter().flat_map(|section| section.entries).map(|entry| entry.text).collect();
        let all = scrolled(&mut state).replace('\n', " ");
        // The last words of each explanation stand there whole.
        for text in texts {
            let last = text.rsplit(' ').next().unwrap();
            assert!(all.split([' ', '│']).any(|word| word == last), "{columns}×{rows}: {last:?} of {text:?}");
        }
    }
}

#[test]
fn each_key_stands_once_as_what_it_means_here() {
    for focus in Panel::ALL {
        let mut state = running(120, 40, ScreenOptions::default());
        state.focus = focus;
        let entries: Vec<_> = keys(&state, "").into_iter().flat_map(|section| section.entries).collect();
        let mut seen: Vec<&str> = entries.iter().flat_map(|entry| entry.keys.split(", ")).collect();
        seen.retain(|key| !key.is_empty());
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "{focus:?}: a key stands twice");
        for key in BINDINGS.iter().filter(|b| b.context.is_none_or(|c| c == focus)).flat_map(|b| b.keys) {
            assert!(seen.contains(&key.label().as_str()), "{focus:?}: {}", key.label());
        }
    }
}

#[test]
fn the_focused_panel_comes_first_and_what_has_no_use_last() {
    let mut state = running(120, 40, ScreenOptions::default());
    state.focus = Panel::Denoising;
    let titles: Vec<String> = keys(&state, "").into_iter().map(|section| section.title).collect();
    assert_eq!(titles[0], "Denoising (has the focus)");
    assert_eq!(titles.last().unwrap(), "Without use in this run", "points are no images");
    for section in keys(&state, "loss over") {
        assert_eq!(section.title, "Loss");
    }

    let mut state = opened(120, 40, ScreenOptions::default());
    let mut unconditional = info(0);
    (unconditional.conditional, unconditional.config.model.class_conditional) = (false, false);
    update(&mut state, Message::Lab(Event::Ready(Arc::new(unconditional))));
    let sections = keys(&state, "");
    let useless = &sections.last().unwrap().entries;
    assert!(useless.iter().any(|e| e.keys == "c" && e.text.contains("knows no classes")), "{useless:?}");
    assert_eq!(sections.iter().flat_map(|s| &s.entries).filter(|e| e.keys == "w").count(), 1);
}

#[test]
fn typing_searches_and_escape_shows_all_again() {
    let mut state = helped(80, 24);
    press(&mut state, KeyCode::Char('/'));
    for c in "guidance".chars() {
        press(&mut state, KeyCode::Char(c));
    }
    let screen = characters(&buffer(&state));
    assert!(screen.contains("/guidance_") && screen.contains("guidance scale w up"), "{screen}");
    assert!(!screen.contains("checkpoint now"), "{screen}");
    press(&mut state, KeyCode::Esc);
    assert!(matches!(&state.overlay, Some(Overlay::Help { filter, .. }) if filter.is_empty()));
    // A key by itself.
    press(&mut state, KeyCode::Char('K'));
    assert!(characters(&buffer(&state)).contains("save a checkpoint now"));
    press(&mut state, KeyCode::Backspace);
    for c in "xyzzy".chars() {
        press(&mut state, KeyCode::Char(c));
    }
    assert!(characters(&buffer(&state)).contains("nothing like that"));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.overlay, None);
}

#[test]
fn help_scrolls_by_keys_and_by_the_wheel() {
    let mut state = helped(80, 24);
    let first = characters(&buffer(&state));
    let wheel = MouseEvent { kind: MouseEventKind::ScrollDown, column: 5, row: 5, modifiers: KeyModifiers::NONE };
    update(&mut state, Message::Mouse(wheel));
    let wheeled = characters(&buffer(&state));
    assert_ne!(first, wheeled);
    update(&mut state, Message::Mouse(MouseEvent { kind: MouseEventKind::ScrollUp, ..wheel }));
    assert_eq!(characters(&buffer(&state)), first);
    press(&mut state, KeyCode::PageDown);
    assert_ne!(characters(&buffer(&state)), first);
    press(&mut state, KeyCode::Home);
    assert_eq!(characters(&buffer(&state)), first);
    update(&mut state, Message::Key(KeyEvent::new(KeyCode::F(1), KeyModifiers::NONE)));
    assert_eq!(state.overlay, None, "the key that opens it closes it");
}

#[test]
fn the_legend_is_of_this_screen() {
    let mut state = running(200, 60, ScreenOptions::default());
    let meanings = |state: &State| {
        let screen = characters(&buffer(state));
        let found = legend(state, |symbol| screen.contains(symbol));
        found.into_iter().map(|(_, entry)| format!("{}: {}\n", entry.keys, entry.text)).collect::<String>()
    };
    let all = meanings(&state);
    for part in ["held-out: ", "◆: on the loss: a snapshot", "▴: on the loss", "x̂_0: what the network", "EMA: "] {
        assert!(all.contains(part), "{part} is missing:\n{all}");
    }
    assert!(!all.contains("↻") && !all.contains("▾"), "{all}");
    act(&mut state, Action::Help);
    assert!(scrolled(&mut state).contains("Legend: what is on this screen"));
    state.overlay = None;
    act(&mut state, Action::Focus(Panel::Schedule));
    act(&mut state, Action::Zoom);
    let all = meanings(&state);
    assert!(!all.contains("◆") && !all.contains("x̂_0: "), "{all}");
    assert!(all.contains("data's variance is left"), "{all}");
}

#[test]
fn help_looks() {
    for (columns, rows) in [(80, 24), (120, 40), (150, 45)] {
        let mut state = running(columns, rows, ScreenOptions::default());
        state.focus = Panel::Denoising;
        act(&mut state, Action::Help);
        assert_snapshot!(format!("help_denoising_{columns}x{rows}"), text(&state));
        for c in "noise".chars() {
            press(&mut state, KeyCode::Char(c));
        }
        if columns == 120 {
            assert_snapshot!("help_search_120x40", text(&state));
        }
    }
}
