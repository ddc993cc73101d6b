//! The loop on a screen in memory, with a person and a worker who are played.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, unbounded};
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::event_loop::{End, EventLoop};
use super::outbox::CommandQueue;
use super::sources::Sources;
use super::surface::{Painter, Surface};
use super::trials::Trials;
use crate::config::Config;
use crate::lab::{Command, Event, Phase, StepRecord};
use crate::process::signals::Notice;
use crate::tui::options::ScreenOptions;
use crate::tui::pictures::{HalfBlocks, Pictures};
use crate::tui::state::{NewRun, State};
use crate::tui::theme::Capability;

struct Memory {
    terminal: Terminal<TestBackend>,
    /// How often the terminal was asked for: twice a frame.
    uses: usize,
}

impl Surface for Memory {
    type Backend = TestBackend;

    fn terminal(&mut self) -> &mut Terminal<TestBackend> {
        self.uses += 1;
        &mut self.terminal
    }

    fn suspend(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn take_again(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Painter for HalfBlocks {
    fn pictures(&self) -> &dyn Pictures {
        self
    }

    fn erased(&self) {}
}

/// A trial whose news come from the test.
struct Offered {
    events: Receiver<Event>,
    begun: Sender<bool>,
}

impl Trials for Offered {
    fn begin(&mut self, _wanted: &NewRun) -> anyhow::Result<Receiver<Event>> {
        let _ = self.begun.send(true);
        Ok(self.events.clone())
    }

    fn abandon(&mut self) {
        let _ = self.begun.send(false);
    }
}

struct Hands {
    trial: Sender<Event>,
    /// `true` when a trial was begun, `false` when none is wanted any more.
    begun: Receiver<bool>,
    input: Sender<Input>,
    events: Sender<Event>,
    notices: Sender<Notice>,
    commands: Receiver<Command>,
}

/// Runs a loop on a screen in memory while `act` plays the user and the worker; returns how it
/// ended, how many frames were drawn, and the last one.
/// Plays the other side on a thread of its own. What `act` returns is kept until the loop has ended.
fn play<T: Send + 'static>(act: impl FnOnce(Hands) -> T + Send + 'static) -> (End, usize, String) {
    let (input, input_in) = unbounded();
    let (events, events_in) = unbounded();
    let (notices, notices_in) = unbounded();
    let (commands_out, commands) = bounded(64);
    let (trial, trial_in) = unbounded();
    let (begun_out, begun) = unbounded();
    let mut trials = Offered { events: trial_in, begun: begun_out };
    let sources =
        Sources { input: input_in, events: events_in, previews: never(), notices: notices_in, encoded: never() };
    let actor = std::thread::spawn(move || act(Hands { trial, begun, input, events, notices, commands }));
    let mut surface = Memory { terminal: Terminal::new(TestBackend::new(100, 30)).unwrap(), uses: 0 };
    let painter = HalfBlocks { capability: Capability::TrueColor };
    let state = State::new(ScreenOptions { config: Some(Config::default()), ..ScreenOptions::default() });
    let mut ignore = |_: &Event| {};
    let end = EventLoop::new(&mut surface, state, CommandQueue::new(commands_out), &mut ignore, &mut trials)
        .run(sources, &painter);
    actor.join().unwrap();
    (end, surface.uses / 2, surface.terminal.backend().to_string())
}

fn step(step: u64) -> Event {
    Event::Step(StepRecord { loss: 0.1, loss_smoothed: 0.1, ..StepRecord::at(step) })
}

fn key(c: char, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
}

#[test]
fn a_flood_of_news_is_drawn_in_few_frames() {
    let (end, frames, _) = play(|hands| {
        (1..=50_000).for_each(|i| hands.events.send(step(i)).unwrap());
        hands.input.send(key('c', KeyModifiers::CONTROL)).unwrap();
        assert_eq!(hands.commands.recv(), Ok(Command::Leave));
        hands.events.send(Event::Ended(Ok(()))).unwrap();
        hands
    });
    assert_eq!(end, End::Terminated, "Ctrl-C interrupts");
    assert!((1..60).contains(&frames), "{frames} frames");
}

#[test]
fn a_signal_saves_and_ends_as_interrupted() {
    let (end, ..) = play(|hands| {
        hands.notices.send(Notice::Stop).unwrap();
        assert_eq!(hands.commands.recv(), Ok(Command::Quit { save: true }));
        hands.events.send(Event::Ended(Ok(()))).unwrap();
        hands
    });
    assert_eq!(end, End::Terminated);
}

#[test]
fn ctrl_c_saves_and_ends_as_interrupted_and_q_does_not() {
    let leave = |keys: Vec<Input>| {
        play(move |hands| {
            hands.events.send(Event::Phase(Phase::Training)).unwrap();
            keys.into_iter().for_each(|key| hands.input.send(key).unwrap());
            assert_eq!(hands.commands.recv(), Ok(Command::Leave));
            hands.events.send(Event::Ended(Ok(()))).unwrap();
            hands
        })
        .0
    };
    assert_eq!(leave(vec![key('c', KeyModifiers::CONTROL)]), End::Terminated);
    assert_eq!(leave(vec![key('q', KeyModifiers::NONE), key('y', KeyModifiers::NONE)]), End::Quit);
}

#[test]
fn another_run_takes_the_place_once_it_has_made_a_step_unless_a_signal_came_between() {
    let type_in = |hands: &Hands| {
        hands.events.send(Event::Phase(Phase::Training)).unwrap();
        let enter = || Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        let line = ":model.hidden_width=64".chars().map(|c| key(c, KeyModifiers::NONE));
        line.chain([enter(), key('y', KeyModifiers::NONE)]).for_each(|key| hands.input.send(key).unwrap());
        assert_eq!(hands.commands.recv(), Ok(Command::StandAside));
        hands.events.send(Event::StandsAside { step: 0 }).unwrap();
        assert_eq!((hands.begun.recv(), hands.begun.recv()), (Ok(false), Ok(true)));
    };
    let (end, ..) = play(move |hands| {
        type_in(&hands);
        hands.trial.send(step(1)).unwrap();
        assert_eq!(hands.commands.recv(), Ok(Command::Leave));
        hands.events.send(Event::Ended(Ok(()))).unwrap();
        hands
    });
    assert_eq!(end, End::Switch);
    for has_stepped in [false, true] {
        let (end, ..) = play(move |hands| {
            type_in(&hands);
            if has_stepped {
                hands.trial.send(step(1)).unwrap();
                assert_eq!(hands.commands.recv(), Ok(Command::Leave));
            }
            hands.notices.send(Notice::Stop).unwrap();
            assert_eq!(hands.commands.recv(), Ok(Command::Quit { save: true }));
            assert_eq!(hands.begun.recv(), Ok(false), "nothing of the other run stays");
            hands.events.send(Event::Ended(Ok(()))).unwrap();
            hands
        });
        assert_eq!(end, End::Terminated);
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_loop() {
    let (end, ..) = play(|hands| drop(hands.input));
    assert_eq!(end, End::TerminalLost);
}

#[test]
fn a_worker_that_vanishes_is_shown_as_failed_and_the_screen_stays() {
    let (end, _, screen) = play(|hands| {
        hands.events.send(Event::Phase(Phase::Training)).unwrap();
        drop(hands.events);
        std::thread::sleep(Duration::from_millis(300));
        hands.input.send(key('q', KeyModifiers::NONE)).unwrap();
    });
    assert_eq!(end, End::Quit);
    assert!(screen.contains("failed"), "{screen}");
}

#[test]
fn nothing_is_drawn_again_and_again_while_nothing_happens() {
    let (_, frames, _) = play(|hands| {
        std::thread::sleep(Duration::from_secs(1));
        drop(hands.input);
    });
    assert!((1..=7).contains(&frames), "{frames} frames in a second without news");
}
