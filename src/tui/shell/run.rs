//! The screen's shell: opens the terminal around the loop, and closes it whatever happens.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::Receiver;
use crossterm::event::Event as Input;
use ratatui::Terminal;

use super::input::{self, KeyboardReader};
use crate::ascii::terminal_has_utf8;
use crate::config::Config;
use crate::lab::{Command, Event, Lab, LabPlan, Outcome};
use crate::process::interrupt::Interrupted;
use crate::process::signals::{Interest, Listening, Notice};
use crate::speak;
use crate::tui::chart::Marker;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::pictures::{Ascii, HalfBlocks, Pictures};
use crate::tui::shell::event_loop::{End, EventLoop};
use crate::tui::shell::farewell::Farewell;
use crate::tui::shell::outbox::CommandQueue;
use crate::tui::shell::sources::Sources;
use crate::tui::shell::surface::{Painter, Surface};
use crate::tui::shell::trials::{KeptLab, OtherRuns};
use crate::tui::state::{Gallery, Gravity, Lesson, State};
use crate::tui::terminal::abilities;
use crate::tui::terminal::encoder::Encoder;
use crate::tui::terminal::image_protocol::{Graphics, ImageProtocol, detect};
use crate::tui::terminal::protocol_pictures::ProtocolPictures;
use crate::tui::terminal::session::{Screen, ScreenBackend};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::{follow_marks, update};

/// What the user chose for the screen at the command line.
#[derive(Clone, Debug, Default)]
pub struct TuiOptions {
    pub images: ImageProtocol,
    /// `None`: after the terminal's background.
    pub theme: Option<ThemeName>,
    /// `None`: braille where the locale has it, else ASCII.
    pub marker: Option<Marker>,
    /// The course, to be read beside the lab.
    pub lesson: Option<Box<Lesson>>,
}

/// Runs the lab on this terminal until the user leaves it; one run after the other, where the user asks in the
/// lab for another config.
///
/// # Errors
/// When the terminal can't be used, or the run failed (the error says why). The terminal has been
/// given back either way.
pub fn run(plan: LabPlan, options: TuiOptions) -> Result<Outcome> {
    let config = plan.config.clone();
    let mut then = plan.then.clone();
    let mut others = OtherRuns::new(plan.clone());
    let mut screen = Screen::open().context("opening the screen (difflab --no-tui runs without one)")?;
    // The worker loads its data while the terminal is asked what it can do.
    let mut session = Session::begin(plan)?;
    // Of the runs that were left for others.
    let mut words = String::new();
    let end = Stage::set(&mut screen, &options).and_then(|stage| {
        let mut state = State { lesson: options.lesson.clone(), ..stage.state(&options, Some(config)) };
        loop {
            let (end, left, told) = session.show(&mut screen, &stage, state, &mut others);
            if end == End::NextStage
                && let Some(next) = then.take()
            {
                then = next.then.clone();
                std::mem::replace(&mut others, OtherRuns::new((*next).clone())).close();
                state = left.again(next.config.clone()).0;
                session.wait();
                let before = std::mem::replace(&mut session, Session::begin(*next)?);
                words.push_str(&before.close().0);
                continue;
            }
            let kept = if end == End::Switch { others.keep() } else { None };
            let Some(kept) = kept else { return Ok(end) };
            state = begin_again(&left, &kept, &told);
            let before = std::mem::replace(&mut session, Session::of_kept(kept, &told)?);
            let asked_to_end = before.asked_to_end();
            // If it failed, the screen has said why.
            let (last, _) = before.close();
            words.push_str(&last);
            if asked_to_end {
                return Ok(End::Terminated);
            }
        }
    });
    let notes = screen.close();
    session.finish();
    others.close();
    let (last, ending) = session.close();
    words.push_str(&last);
    say(&mut io::stdout(), &speak::on_stdout(&words));
    for note in notes {
        say(&mut io::stderr(), &speak::on_stderr(&format!("{note}\n")));
    }
    ending?;
    Ok(match end? {
        End::Quit | End::Switch | End::NextStage | End::Fork(_) => Outcome::Done,
        End::Terminated | End::TerminalLost => Outcome::Interrupted,
    })
}

/// The screen of the run that takes the place of the one that was `left`, with what it has `told` on trial.
fn begin_again(left: &State, kept: &KeptLab, told: &[Event]) -> State {
    let (mut state, before) = left.again(kept.config.clone());
    for event in told {
        // What they ask for was done for the trial.
        update(&mut state, Message::Lab(event.clone()));
    }
    let here = state.live.info.as_ref().map(|info| format!("this run is in {}", info.run_dir.display()));
    let words: Vec<String> = here.into_iter().chain(before).collect();
    if !words.is_empty() {
        state.news.tell(state.now, Gravity::Info, words.join("; "));
    }
    state
}

/// A terminal that is gone takes no words, and that is no reason to panic.
pub(super) fn say(out: &mut dyn Write, words: &str) {
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
}

/// One run on the screen: its worker, and who listens to it.
struct Session {
    lab: Lab,
    notices: Receiver<Notice>,
    _signals: Listening,
    farewell: Farewell,
}

impl Session {
    fn begin(plan: LabPlan) -> Result<Self> {
        Self::of(Lab::spawn(plan)?)
    }

    /// Of a run that has stood its trial: it is told that it stays.
    fn of_kept(kept: KeptLab, told: &[Event]) -> Result<Self> {
        let mut session = Self::of(kept.lab)?;
        told.iter().for_each(|event| session.farewell.observe(event));
        let _ = session.lab.commands.send(Command::Keep);
        drop(kept.signals);
        Ok(session)
    }

    fn of(lab: Lab) -> Result<Self> {
        // A screen that has hung must not stop the thread that listens, so nothing blocks.
        let (send, notices) = crossbeam_channel::bounded(16);
        let tell = move |notice| _ = send.try_send(notice);
        let signals = lab.obey_signals(Interest::StoppingAndJobs, tell).context("listening for signals")?;
        Ok(Self { lab, notices, _signals: signals, farewell: Farewell::default() })
    }

    /// Runs the loop on the screen; returns how it ended, the state it left, and what a run on trial has told.
    fn show(
        &mut self,
        screen: &mut Screen,
        stage: &Stage,
        mut state: State,
        others: &mut OtherRuns,
    ) -> (End, State, Vec<Event>) {
        let sources = Sources {
            input: stage.input.clone(),
            events: self.lab.events.clone(),
            previews: self.lab.previews.clone(),
            notices: self.notices.clone(),
            encoded: stage.brush.encoded(),
        };
        stage.brush.begin_anew();
        let mut observe = |event: &Event| self.farewell.observe(event);
        let outbox = CommandQueue::new(self.lab.commands.clone());
        // Where this run took the place of another, the marked ones are compared with it.
        let marks = follow_marks(&mut state);
        let mut event_loop = EventLoop::new(screen, state, outbox, &mut observe, others);
        event_loop.begin_with(marks, &stage.brush);
        let end = event_loop.run(sources, &stage.brush);
        let (state, told) = event_loop.into_parts();
        (end, state, told)
    }

    /// Has a signal come that nobody has taken notice of?
    fn asked_to_end(&self) -> bool {
        self.notices.try_iter().any(|notice| notice == Notice::Stop)
    }

    /// Whoever left without waiting for the worker waits here, with the normal screen back.
    fn finish(&mut self) {
        if !self.farewell.ended() {
            say(&mut io::stderr(), &speak::on_stderr("difflab: saving the run …\n"));
            self.wait();
        }
    }

    /// The same without a word, which has no place on the lab's screen.
    fn wait(&mut self) {
        if self.farewell.ended() {
            return;
        }
        let _ = self.lab.commands.send(Command::Quit { save: true });
        for event in &self.lab.events {
            self.farewell.observe(&event);
            if self.farewell.ended() {
                break;
            }
        }
    }

    /// Waits for the worker's thread; returns what is to be said of the run, and whether it failed.
    fn close(self) -> (String, Result<()>) {
        match self.lab.join() {
            // It was left before it began, which is no failure.
            Err(error) if Interrupted::caused(&error) => (format!("{error}\n"), Ok(())),
            ended => (self.farewell.words(), ended.map(drop)),
        }
    }
}

/// What stays the same from run to run: how this terminal is drawn on and listened to.
pub(super) struct Stage {
    graphics: Graphics,
    capability: Capability,
    pub(super) brush: Brush,
    pub(super) input: Receiver<Input>,
    _reading: KeyboardReader,
}

impl Stage {
    /// Asks the terminal what it can do, and starts to listen to the keyboard.
    pub(super) fn set(screen: &mut Screen, options: &TuiOptions) -> Result<Self> {
        let mut graphics = detect(options.images);
        // kitty's pictures are held in place by letters beyond ASCII.
        if !terminal_has_utf8() && graphics.protocol == ImageProtocol::Kitty {
            graphics.protocol = ImageProtocol::Halfblock;
        }
        if graphics.protocol == ImageProtocol::Kitty {
            screen.use_kitty_pictures();
        }
        let capability = abilities::colors(&graphics);
        let brush = Brush::new(&graphics, capability)?;
        let (input, reading) = input::listen(&graphics).context("listening to the keyboard")?;
        Ok(Self { graphics, capability, brush, input, _reading: reading })
    }

    /// The state of a screen that has just opened.
    pub(super) fn state(&self, options: &TuiOptions, config: Option<Config>) -> State {
        State::new(ScreenOptions {
            theme: options.theme.unwrap_or_else(|| abilities::theme(&self.graphics)),
            capability: self.capability,
            ascii: !terminal_has_utf8(),
            marker: options.marker.unwrap_or_else(abilities::marker),
            cell_size: self.brush.pictures().cell_size(),
            has_octants: abilities::octants(),
            images: self.graphics.protocol.to_string(),
            background: self.graphics.background,
            paints_background: self.graphics.background.is_none(),
            config,
        })
    }
}

impl Surface for Screen {
    type Backend = ScreenBackend;

    fn terminal(&mut self) -> &mut Terminal<ScreenBackend> {
        &mut self.terminal
    }

    fn suspend(&mut self) -> io::Result<()> {
        Screen::suspend(self)
    }

    fn take_again(&mut self) -> io::Result<()> {
        Screen::take_again(self)
    }
}

/// The way to draw pictures that this terminal has.
pub(super) enum Brush {
    Pixels(ProtocolPictures),
    Characters(Box<dyn Pictures>),
}

impl Brush {
    fn new(graphics: &Graphics, capability: Capability) -> Result<Self> {
        let half_blocks = HalfBlocks { capability };
        Ok(if graphics.has_pixels() {
            let encoder = Encoder::spawn(graphics).context("starting the thread that encodes pictures")?;
            Brush::Pixels(ProtocolPictures::new(encoder, graphics, half_blocks))
        } else if graphics.protocol == ImageProtocol::Ascii || !capability.has_colors() {
            Brush::Characters(Box::new(Ascii))
        } else {
            Brush::Characters(Box::new(half_blocks))
        })
    }

    pub(super) fn encoded(&self) -> Receiver<()> {
        match self {
            Brush::Pixels(pixels) => pixels.encoder().finished().clone(),
            Brush::Characters(_) => crossbeam_channel::never(),
        }
    }
}

impl Painter for Brush {
    fn pictures(&self) -> &dyn Pictures {
        match self {
            Brush::Pixels(pixels) => pixels,
            Brush::Characters(pictures) => pictures.as_ref(),
        }
    }

    fn erased(&self) {
        if let Brush::Pixels(pixels) = self {
            pixels.forget();
        }
    }

    /// The pictures of the run before are none of the next one's.
    fn begin_anew(&self) {
        if let Brush::Pixels(pixels) = self {
            pixels.begin_anew();
        }
    }

    fn prepare(&self, gallery: &Gallery) {
        if let Brush::Pixels(pixels) = self {
            pixels.prepare(gallery);
        }
    }

    fn pace(&self) -> Duration {
        match self {
            Brush::Pixels(pixels) => pixels.encoder().pace(),
            Brush::Characters(_) => Duration::ZERO,
        }
    }
}
