//! Runs that are compared on a screen where none is trained.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use crossbeam_channel::{bounded, never};

use super::event_loop::{End, EventLoop, Sources};
use super::outbox::CommandQueue;
use super::run::{Stage, TuiOptions, say};
use super::trials::NoTrials;
use crate::lab::{Outcome, Phase};
use crate::process::interrupt;
use crate::process::signals::{Interest, Notice, listen};
use crate::run::config_of;
use crate::speak;
use crate::tui::message::Message;
use crate::tui::terminal::session::Screen;

/// Compares the runs in these folders on this terminal until the user leaves.
///
/// # Errors
/// When the terminal can't be used, or the first of the runs can't be read. The terminal has been given back either way.
pub fn compare(dirs: Vec<PathBuf>, options: &TuiOptions) -> Result<Outcome> {
    let first = dirs.first().context("there is no run to look at")?;
    let config = config_of(first)?;
    let mut screen = Screen::open().context("opening the screen (--format table compares without one)")?;
    let end = Stage::set(&mut screen, options).and_then(|stage| {
        // A screen that has hung must not stop the thread that listens, so nothing blocks.
        let (send, notices) = bounded(16);
        let tell = move |notice| {
            if notice == Notice::Stop {
                interrupt::ask();
            }
            _ = send.try_send(notice);
        };
        let _signals = listen(Interest::StoppingAndJobs, tell).context("listening for signals")?;
        let mut state = stage.state(options, config);
        (state.ended, state.phase) = (true, Phase::Finished);
        // Nobody trains, so nobody is told anything.
        let (commands, _) = bounded(1);
        let sources = Sources {
            input: stage.input.clone(),
            events: never(),
            previews: never(),
            notices,
            encoded: stage.brush.encoded(),
        };
        let (mut observe, mut trials) = (|_: &crate::lab::Event| {}, NoTrials);
        let mut event_loop = EventLoop::new(&mut screen, state, CommandQueue::new(commands), &mut observe, &mut trials);
        event_loop.take(Message::Compare(dirs), &stage.brush);
        Ok(event_loop.run(sources, &stage.brush))
    });
    for note in screen.close() {
        say(&mut io::stderr(), &speak::on_stderr(&format!("{note}\n")));
    }
    Ok(match end? {
        End::Quit | End::Switch => Outcome::Done,
        End::Terminated | End::TerminalLost => Outcome::Interrupted,
    })
}
