//! The course beside the lab: what is typed, what the lab sees for itself, and where keys go.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;

use super::behaviour::press;
use super::demo::{config, frame, info, running};
use super::paint::{buffer, characters, text};
use crate::course::{CourseProgress, Expected, stations};
use crate::explain::{Explanation, Topic};
use crate::lab::{Event, Explained, Phase};
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Lesson, NumberedStation, Overlay, Playback, Said, State};
use crate::tui::update::update;
use crate::tui::words::columns;

fn lesson(number: usize) -> Lesson {
    let all = stations().unwrap().into_iter().enumerate();
    let all = all.map(|(i, station)| NumberedStation { number: Some(i + 1), station }).collect();
    Lesson::new(all, number - 1, 0, CourseProgress::default())
}

/// A lab in the middle of a run, with a station beside it.
fn beside(columns: u16, rows: u16, number: usize, options: ScreenOptions) -> State {
    let mut state = running(120, 40, options);
    state.lesson = Some(Box::new(lesson(number)));
    update(&mut state, Message::Resize(columns, rows));
    state
}

fn open(number: usize) -> State {
    beside(120, 40, number, ScreenOptions::default())
}

fn of(state: &State) -> &Lesson {
    state.lesson.as_ref().unwrap()
}

/// Goes to a task by its id.
fn choose(state: &mut State, id: &str) {
    while of(state).task().unwrap().id != id {
        press(state, KeyCode::Tab);
    }
}

fn write(state: &mut State, words: &str) -> Vec<Effect> {
    words.chars().for_each(|c| _ = press(state, KeyCode::Char(c)));
    press(state, KeyCode::Enter)
}

fn learned(effects: &[Effect]) -> Vec<String> {
    let task = |effect: &Effect| match effect {
        Effect::Learned(learned) => Some(format!("{}/{}", learned.station, learned.task)),
        _ => None,
    };
    effects.iter().filter_map(task).collect()
}

fn pass(state: &mut State, seconds: f64) -> Vec<Effect> {
    update(state, Message::Tick(state.now + Duration::from_secs_f64(seconds)))
}

fn screen(state: &State) -> String {
    characters(&buffer(state))
}

#[test]
fn it_stands_beside_the_lab_and_covers_a_narrow_one() {
    assert_snapshot!("course_100x30", text(&beside(100, 30, 1, ScreenOptions::default())));
    assert_snapshot!("course_160x48", text(&beside(160, 48, 7, ScreenOptions::default())));
    let light = ScreenOptions { theme: crate::tui::theme::ThemeName::Light, ..ScreenOptions::default() };
    let mut state = beside(120, 40, 2, light);
    choose(&mut state, "where");
    press(&mut state, KeyCode::Char('h'));
    assert_snapshot!("course_light_120x40", text(&state));
    let mut narrow = beside(80, 24, 6, ScreenOptions::default());
    assert_snapshot!("course_80x24", text(&narrow));
    press(&mut narrow, KeyCode::F(2));
    assert!(!screen(&narrow).contains("DDIM: a thousand") && screen(&narrow).contains("Denoising"));
    press(&mut narrow, KeyCode::F(2));
    assert!(screen(&narrow).contains("DDIM: a thousand"));
}

#[test]
fn no_word_of_the_page_is_cut() {
    let long = "/home/me/a/very-long-folder-of-mine/with-a-config-in-it/that-is-called.toml";
    let mut own = lesson(10).station().clone();
    own.station.text = format!("Look at {long} first.\n\n$$\\hat{{x}}_0={}$$", "\\hat{x}_0+".repeat(20));
    own.station.runs[0].title = format!("Run {long}");
    let mut all: Vec<Lesson> = (1..=10).map(lesson).collect();
    all.push(Lesson::new(vec![own], 0, u64::MAX, CourseProgress::default()));
    for (mut lesson, width) in all.into_iter().flat_map(|lesson| [24, 40, 62].map(|width| (lesson.clone(), width))) {
        for said in [Said::Hint, Said::Solution, Said::Mend(long.into())] {
            lesson.tasks.iter_mut().for_each(|task| task.said = Some(said.clone()));
            lesson.room = (width, 20);
            lesson.break_lines();
            for line in &lesson.page {
                assert!(columns(&line.text) <= width, "{width}: {}", line.text);
            }
        }
        if lesson.seed == u64::MAX {
            let shown: String = lesson.page.iter().map(|line| line.text.trim()).collect();
            assert_eq!(shown.matches(long).count(), 2 + lesson.tasks.len(), "{shown}");
        }
    }
}

#[test]
fn numbers_are_judged_and_kept_when_they_are_right() {
    let mut state = open(1);
    choose(&mut state, "x_t");
    let Expected::Number { value, .. } = of(&state).task().unwrap().question.expected else { panic!() };
    assert!(write(&mut state, "").is_empty());
    assert!(matches!(&of(&state).task().unwrap().said, Some(Said::Mend(why)) if why.contains("a number")));
    assert!(write(&mut state, "99").is_empty());
    assert_eq!(of(&state).task().unwrap().said, Some(Said::Wrong("99".into())));
    assert!(screen(&state).contains("99 is not it") && screen(&state).contains("Hint:"));
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    assert_eq!(learned(&write(&mut state, &format!("{value:.4}"))), ["destroying-data/x_t"]);
    assert!(of(&state).task().unwrap().done && of(&state).progress.of("destroying-data").contains("x_t"));
    assert!(screen(&state).contains("Right.") && screen(&state).contains("1/6 done"));
    // Letters that no number has are commands.
    press(&mut state, KeyCode::Char('s'));
    assert!(screen(&state).contains("Answer:"));
}

#[test]
fn of_several_sentences_a_letter_answers() {
    let mut state = open(4);
    choose(&mut state, "where-hard");
    let Expected::Choice { right, ref choices } = of(&state).task().unwrap().question.expected else { panic!() };
    let letter = |i: usize| char::from(b'a' + i as u8);
    let wrong = letter((right + 1) % choices.len());
    let right = letter(right).to_ascii_uppercase().to_string();
    assert!(write(&mut state, &wrong.to_string()).is_empty());
    // Another letter takes the place of the first.
    assert_eq!(learned(&write(&mut state, &right)), ["the-loss/where-hard"]);
}

#[test]
fn the_lab_sees_where_the_cursor_is_put_and_stays() {
    let mut state = open(2);
    choose(&mut state, "where");
    assert!(write(&mut state, "").is_empty());
    assert!(screen(&state).contains("The lab sees it"));
    press(&mut state, KeyCode::F(2));
    state.playback = Playback::Held;
    (state.focus, state.zoomed) = (Panel::Schedule, true);
    let wanted = state.curves.as_ref().unwrap().run.level_of(1.0);
    let equal = (0..1000).find(|t| state.curves.as_ref().unwrap().run.at(*t).snr() <= wanted.snr()).unwrap();
    press(&mut state, KeyCode::Home);
    while state.cursor_t < equal {
        let key = KeyEvent::new(
            KeyCode::Right,
            if equal - state.cursor_t < 10 { KeyModifiers::CONTROL } else { KeyModifiers::NONE },
        );
        assert!(learned(&update(&mut state, Message::Key(key))).is_empty(), "on the way nothing counts");
    }
    assert!(learned(&pass(&mut state, 0.3)).is_empty());
    assert_eq!(learned(&pass(&mut state, 0.6)), ["what-t-means/where"]);
    assert!(learned(&pass(&mut state, 0.6)).is_empty(), "once");
    assert!(screen(&state).contains("✓ task 6 of the course is done"), "{}", screen(&state));

    // Held where the film is, it is put there as well.
    let mut state = open(2);
    press(&mut state, KeyCode::F(2));
    let before = state.cursor_t;
    press(&mut state, KeyCode::Char('k'));
    assert_eq!((state.playback, state.cursor_t), (Playback::Held, before));
    pass(&mut state, 1.0);
    assert_eq!(of(&state).sight.put(before, state.now), Some(before));
}

#[test]
fn the_lab_sees_frames_explanations_and_films() {
    let mut state = open(5);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Char('4'));
    let mut done = Vec::new();
    for _ in 0..12 {
        done.extend(learned(&press(&mut state, KeyCode::Left)));
    }
    for _ in 0..12 {
        done.extend(learned(&press(&mut state, KeyCode::Right)));
    }
    assert_eq!(done, ["ancestral-sampling/film"]);

    let mut state = open(3);
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Char('E'));
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Char('n'));
    let explained = Explained { topic: Topic::TrainingStep, t: None, step: 1, said: Ok(Explanation::new("By hand")) };
    assert!(learned(&update(&mut state, Message::Lab(Event::Explained(Arc::new(explained))))).is_empty());
    // What is only turned past was not read.
    let read = state.now + Duration::from_secs(6);
    assert_eq!(learned(&update(&mut state, Message::Tick(read))), ["a-denoiser/by-hand"]);
    // It stays open while the page is read.
    press(&mut state, KeyCode::F(2));
    assert!(matches!(state.overlay, Some(Overlay::Explain(_))) && state.reads_lesson());

    let mut state = open(7);
    let mut done = Vec::new();
    for (film, w) in [(11, 0.0), (12, 1.0), (13, 3.0), (14, 15.0)] {
        assert!(done.is_empty(), "before {w}");
        for index in 0..=25 {
            let mut frame = frame(film, index, 12_480);
            let mut settings = (*frame.settings).clone();
            settings.sample.guidance_scale = w;
            frame.settings = Arc::new(settings);
            update(&mut state, Message::Preview(frame));
        }
        for _ in 0..300 {
            done.extend(learned(&pass(&mut state, 0.04)));
        }
    }
    assert_eq!(done, ["guidance/from-0-to-15"]);
}

#[test]
fn samples_are_drawn_and_read_for_the_fewest_steps() {
    let mut state = open(6);
    choose(&mut state, "fewest");
    assert!(write(&mut state, "").is_empty());
    assert!(screen(&state).contains("Type a number of steps"));
    assert!(write(&mut state, "2000").is_empty());
    assert!(screen(&state).contains("There are 1000 timesteps"));
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    let effects = write(&mut state, "9");
    let [Effect::Ask(ArchiveRequest::ReadAsAsked(request))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((request.steps.as_slice(), request.num, &request.dir), (&[9, 6][..], 200, &info(0).run_dir));
    assert!(write(&mut state, "").is_empty(), "one at a time");
    let came = |state: &mut State, read: Result<(u64, Vec<usize>), String>| {
        let task = of(state).tasks.iter().position(|task| task.id == "fewest").unwrap();
        state.lesson.as_mut().unwrap().tasks[task].said = Some(Said::Measuring(String::new()));
        update(state, Message::Archive(ArchiveNews::ReadAsAsked { request: request.clone(), read }))
    };
    assert!(came(&mut state, Err("the disk is gone".into())).is_empty());
    let said = |state: &State| of(state).task().unwrap().said.clone();
    assert_eq!(said(&state), Some(Said::Mend("The samples can't be read: the disk is gone.".into())));
    assert!(came(&mut state, Ok((900, vec![120, 90]))).is_empty());
    assert!(matches!(said(&state), Some(Said::Measured(false, words)) if words.contains("60.0 %")));
    assert!(came(&mut state, Ok((900, vec![198, 197]))).is_empty());
    assert!(matches!(said(&state), Some(Said::Measured(false, words)) if words.starts_with("Fewer steps do")));
    assert_eq!(learned(&came(&mut state, Ok((900, vec![182, 150])))), ["ddim/fewest"]);
    assert!(matches!(said(&state), Some(Said::Measured(true, words)) if words.contains("91.0 %")));
}

#[test]
fn a_station_s_run_is_opened_in_place_of_the_one_on_the_screen() {
    let mut state = open(8);
    assert!(screen(&state).contains("another run is shown"));
    press(&mut state, KeyCode::Char('r'));
    let Some(Overlay::NewRun(asked)) = &state.overlay else { panic!("{:?}", state.overlay) };
    assert_eq!((asked.config.name.as_str(), asked.config.data.dataset.as_str()), ("course-score-and-sde", "two_moons"));
    assert!(!state.reads_lesson(), "the question is answered first");
    press(&mut state, KeyCode::Char('n'));
    assert!(state.overlay.is_none() && state.reads_lesson());
    press(&mut state, KeyCode::Char('r'));
    press(&mut state, KeyCode::Char('y'));
    assert_eq!(state.overlay, Some(Overlay::Opening));
    // The course goes along.
    let wanted = of(&state).wanted_run().unwrap().config.clone().unwrap();
    let (next, _) = state.again(wanted.clone());
    assert_eq!((of(&next).at, of(&next).run_on_screen(&wanted)), (7, Some(0)));
    assert!(of(&next).run_on_screen(&config()).is_none());
}

#[test]
fn keys_go_where_the_frame_is_bright() {
    let mut state = open(3);
    assert!(state.reads_lesson());
    // On the page p is the station before; in the lab it switches previews.
    press(&mut state, KeyCode::Char('p'));
    assert_eq!(of(&state).station().number, Some(2));
    press(&mut state, KeyCode::Char('n'));
    press(&mut state, KeyCode::Char('n'));
    assert_eq!(of(&state).station().number, Some(4));
    press(&mut state, KeyCode::End);
    let end = of(&state).scroll;
    press(&mut state, KeyCode::PageDown);
    assert_eq!(of(&state).scroll, end);
    press(&mut state, KeyCode::Home);
    assert_eq!(of(&state).scroll, 0);
    press(&mut state, KeyCode::Esc);
    assert!(!state.reads_lesson());
    press(&mut state, KeyCode::Char('p'));
    assert!(!state.controls.live.previews && of(&state).station().number == Some(4));
    press(&mut state, KeyCode::F(2));
    press(&mut state, KeyCode::Char('?'));
    assert!(matches!(state.overlay, Some(Overlay::Help { .. })));
    press(&mut state, KeyCode::Esc);
    assert!(state.reads_lesson(), "back to where one was");
    press(&mut state, KeyCode::Char('q'));
    assert_eq!(state.overlay, Some(Overlay::Quit));
    press(&mut state, KeyCode::Esc);
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    update(&mut state, click(100, 10));
    assert!(state.reads_lesson());
    update(&mut state, click(10, 10));
    assert!(!state.reads_lesson());
    let wheel = |kind| Message::Mouse(MouseEvent { kind, column: 100, row: 10, modifiers: KeyModifiers::NONE });
    update(&mut state, wheel(MouseEventKind::ScrollDown));
    assert_eq!(of(&state).scroll, 3);
    update(&mut state, wheel(MouseEventKind::ScrollUp));
    assert_eq!(of(&state).scroll, 0);
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    press(&mut state, KeyCode::F(2));
    assert!(!update(&mut state, Message::Key(ctrl_c)).is_empty());
}

#[test]
fn a_run_that_ends_in_noise_mends_the_broken_one() {
    let mut state = open(10);
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    let mut done = learned(&pass(&mut state, 1.0));
    done.extend(learned(&pass(&mut state, 1.0)));
    assert!(of(&state).tasks.iter().filter(|task| task.deed.is_some()).all(|task| !task.parts.is_empty()));
    // The demo's run is a sound one of 12,480 steps.
    assert!(done.is_empty() || done.iter().all(|task| task.starts_with("what-breaks/")), "{done:?}");
}

#[test]
fn no_size_and_no_key_makes_it_panic() {
    for number in [1, 6, 10] {
        for (columns, rows) in [(1, 1), (20, 9), (60, 15), (99, 30), (100, 15), (100, 10), (300, 100)] {
            let mut state = beside(columns, rows, number, ScreenOptions::default());
            for code in [
                KeyCode::Tab,
                KeyCode::Char('h'),
                KeyCode::Char('s'),
                KeyCode::End,
                KeyCode::BackTab,
                KeyCode::Enter,
                KeyCode::F(2),
                KeyCode::Char('E'),
                KeyCode::F(2),
                KeyCode::Char('n'),
                KeyCode::Char('R'),
                KeyCode::Char('r'),
            ] {
                press(&mut state, code);
                buffer(&state);
            }
        }
    }
}
