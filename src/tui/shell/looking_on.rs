//! The screen without a run of its own: the list of runs, or a run that is looked at.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::Device;
use crossbeam_channel::{Receiver, Sender, bounded, never};

use super::behind::Behind;
use super::event_loop::{End, EventLoop};
use super::outbox::CommandQueue;
use super::run::{Stage, TuiOptions, run, say};
use super::sources::Sources;
use super::trials::{NoTrials, folder_of_fork};
use crate::config::Config;
use crate::lab::{Audience, Command, Event, LabPlan, Outcome, Phase, PreviewFrame, RunChoice, Watcher};
use crate::process::end_at_once;
use crate::process::signals::{Interest, Notice, listen};
use crate::run::catalogue::RunOrder;
use crate::run::config_of;
use crate::speak;
use crate::tui::browser::{Browser, ReadyFork};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::shell::surface::Surface;
use crate::tui::state::{Bench, State};
use crate::tui::terminal::session::Screen;
use crate::tui::update::{open_runs, update};

/// Shows the runs in `place` until the person leaves, at first those that `filter` admits, in this order.
///
/// # Errors
/// When the terminal can't be used. It has been given back either way.
pub fn browse(place: &Path, filter: &str, order: Option<RunOrder>, options: TuiOptions) -> Result<Outcome> {
    let (commands, _nobody) = bounded(1);
    let browser = Browser::new(place).with(filter, order);
    let prepare = |state: &mut State| {
        state.bench = Bench::Browsing;
        // There is no run that would have to be saved.
        state.ended = true;
        state.browser = Some(Box::new(browser));
        open_runs(state)
    };
    on_alone(show(&options, None, prepare, (commands, never(), never()))?, &options)
}

/// Compares the runs in these folders until the person leaves.
///
/// # Errors
/// As [`browse`], and when the first of the runs can't be read.
pub fn compare(dirs: Vec<PathBuf>, options: TuiOptions) -> Result<Outcome> {
    let first = dirs.first().context("there is no run to look at")?;
    let config = config_of(first)?;
    let (commands, _nobody) = bounded(1);
    let prepare = |state: &mut State| {
        state.bench = Bench::Watching;
        (state.ended, state.phase) = (true, Phase::Finished);
        update(state, Message::Compare(dirs))
    };
    on_alone(show(&options, Some(config), prepare, (commands, never(), never()))?, &options)
}

/// Shows the run in `dir`, which is not trained here, until the person leaves.
///
/// # Errors
/// As [`browse`].
pub fn watch(dir: &Path, options: TuiOptions) -> Result<Outcome> {
    let Watcher { commands, events, previews, .. } = Watcher::open(dir)?;
    let prepare = |state: &mut State| {
        state.bench = Bench::Watching;
        Vec::new()
    };
    on_alone(show(&options, None, prepare, (commands, events, previews))?, &options)
}

/// What follows on a screen without a run of its own.
fn on_alone(end: End, options: &TuiOptions) -> Result<Outcome> {
    Ok(match end {
        End::Fork(fork) => return begin_fork(*fork, options.clone()),
        End::Quit | End::Switch | End::NextStage => Outcome::Done,
        End::Terminated | End::TerminalLost => Outcome::Interrupted,
    })
}

/// Opens the lab on a fork that was asked for on a screen that is closed by now.
///
/// # Errors
/// When it can't begin; as [`run`].
pub fn begin_fork(fork: ReadyFork, options: TuiOptions) -> Result<Outcome> {
    run(plan(fork)?, options)
}

pub(super) type Channels = (Sender<Command>, Receiver<Event>, Receiver<PreviewFrame>);

fn show(
    options: &TuiOptions,
    config: Option<Config>,
    prepare: impl FnOnce(&mut State) -> Vec<Effect>,
    channels: Channels,
) -> Result<End> {
    show_before(options, config, |state| Ok((prepare(state), Behind::default())), channels)
}

/// Opens the screen, on what `prepare` makes of its first state, and says how it ended.
///
/// # Errors
/// As [`browse`], and what `prepare` fails with.
pub(super) fn show_before(
    options: &TuiOptions,
    config: Option<Config>,
    prepare: impl FnOnce(&mut State) -> Result<(Vec<Effect>, Behind)>,
    (commands, events, previews): Channels,
) -> Result<End> {
    let mut screen = Screen::open().context("opening the screen")?;
    let shown = Stage::set(&mut screen, options).and_then(|stage| {
        let (send, notices) = bounded(16);
        let _signals = listen(Interest::StoppingAndJobs, move |notice| {
            if notice == Notice::Force {
                end_at_once(130, "ended at once by a second signal");
            }
            // A screen that has hung must not stop the thread that listens.
            let _ = send.try_send(notice);
        })
        .context("listening for signals")?;
        let mut state = stage.state(options, config);
        let size = screen.terminal().size()?;
        update(&mut state, Message::Resize(size.width, size.height));
        let (effects, behind) = prepare(&mut state)?;
        let sources = Sources { input: stage.input.clone(), events, previews, notices, encoded: stage.brush.encoded() };
        let (mut unheard, mut trials) = (|_: &Event| {}, NoTrials);
        let outbox = CommandQueue::new(commands);
        let event_loop = EventLoop::new(&mut screen, state, outbox, &mut unheard, &mut trials);
        let mut event_loop = event_loop.before(behind);
        event_loop.begin_with(effects, &stage.brush);
        Ok(event_loop.run(sources, &stage.brush))
    });
    for note in screen.close() {
        say(&mut io::stderr(), &speak::on_stderr(&format!("{note}\n")));
    }
    shown
}

/// The fork as a run that is trained here.
fn plan(fork: ReadyFork) -> Result<LabPlan> {
    let ReadyFork { from, config, changes, warnings } = fork;
    let dir = Some(folder_of_fork(&from, &config)?);
    Ok(LabPlan {
        config,
        run: RunChoice::Fork { from: Box::new(from), dir },
        device: Device::Cpu,
        threads: 0,
        accept_data: false,
        audience: Audience::Screen,
        warnings,
        chosen: changes,
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    })
}
