//! The loop: wait, take in everything there is, draw once.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, never, select};
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};
use ratatui::backend::Backend;

use crate::lab::{Event, PreviewFrame};
use crate::process::signals::Notice;
use crate::tui::archive::{Archive, ArchiveNews};
use crate::tui::browser::{ReadyFork, RunsNews};
use crate::tui::effect::Effect;
use crate::tui::experiment::ExperimentNews;
use crate::tui::message::Message;
use crate::tui::shell::behind::Behind;
use crate::tui::shell::learning::ProgressKeeper;
use crate::tui::shell::onlooker::Onlooker;
use crate::tui::shell::outbox::CommandQueue;
use crate::tui::shell::pacing::Pacing;
use crate::tui::shell::sources::{AT_ONCE, Sources, arrived};
use crate::tui::shell::surface::{Painter, Surface};
use crate::tui::shell::trials::Trials;
use crate::tui::state::{Gravity, NewRun, State};
use crate::tui::terminal::session::erase;
use crate::tui::update::{next_motion, update};
use crate::tui::view::view;

/// How soon to try again when the worker's channel was full.
const RETRY: Duration = Duration::from_millis(5);

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The state asked for it.
    Quit,
    /// The run has ended, and the one that was tried takes its place.
    Switch,
    /// All steps are done and saved, and the next stage is to be trained.
    NextStage,
    /// There is no run here, and this fork is to be trained.
    Fork(Box<ReadyFork>),
    /// A signal or Ctrl-C asked for it.
    Terminated,
    /// The terminal is gone; the worker has not been told.
    TerminalLost,
}

/// The loop's own state.
pub struct EventLoop<'a, S: Surface> {
    surface: &'a mut S,
    state: State,
    outbox: CommandQueue,
    pacing: Pacing,
    start: Instant,
    /// Sees each of the lab's events before the state does.
    observe: &'a mut dyn FnMut(&Event),
    trials: &'a mut dyn Trials,
    /// News of the run on trial, and what it has told so far.
    trial: Receiver<Event>,
    tried: Vec<Event>,
    /// What is looked at beside the run: the list of runs, and another run.
    onlooker: Onlooker,
    /// Other runs that are looked into.
    archive: Archive,
    /// The experiment that trains behind the screen, where one does.
    behind: Behind,
    /// What a learner has done.
    progress: ProgressKeeper,
    end: Option<End>,
    terminated: bool,
    worker_ended: bool,
    /// The terminal has had another size since the last frame.
    resized: bool,
}

impl<'a, S: Surface> EventLoop<'a, S> {
    pub fn new(
        surface: &'a mut S,
        state: State,
        outbox: CommandQueue,
        observe: &'a mut dyn FnMut(&Event),
        trials: &'a mut dyn Trials,
    ) -> Self {
        Self {
            surface,
            state,
            outbox,
            pacing: Pacing::default(),
            start: Instant::now(),
            observe,
            trials,
            trial: never(),
            tried: Vec::new(),
            onlooker: Onlooker::default(),
            archive: Archive::default(),
            behind: Behind::default(),
            progress: ProgressKeeper::default(),
            end: None,
            terminated: false,
            worker_ended: false,
            resized: false,
        }
    }

    /// With an experiment behind the screen.
    pub fn before(self, behind: Behind) -> Self {
        Self { behind, ..self }
    }

    /// What the person sees, to go on with, and what the run has told that takes this one's place.
    pub fn into_parts(self) -> (State, Vec<Event>) {
        (self.state, self.tried)
    }

    /// Runs until the screen is to be left.
    pub fn run(&mut self, mut sources: Sources, painter: &dyn Painter) -> End {
        loop {
            let now = Instant::now();
            if now >= self.pacing.due(now) && self.draw(painter).is_err() {
                return End::TerminalLost;
            }
            self.wait(&sources, painter);
            self.drain(&mut sources, painter);
            self.outbox.flush();
            self.onlooker.flush();
            if let Some(end) = self.end.take() {
                return if end != End::TerminalLost && self.terminated { End::Terminated } else { end };
            }
        }
    }

    /// Takes one message into the state and does what it asks for.
    pub fn take(&mut self, message: Message, painter: &dyn Painter) {
        let effects = update(&mut self.state, message);
        self.begin_with(effects, painter);
    }

    /// Does what a state asks for.
    pub fn begin_with(&mut self, effects: Vec<Effect>, painter: &dyn Painter) {
        for effect in effects {
            match effect {
                Effect::Send(command) => self.outbox.push(command),
                Effect::AskExperiment(ask) => self.behind.ask(ask),
                Effect::Redraw => self.redraw(painter),
                Effect::Turn => {
                    self.onlooker.list_is_seen(self.state.is_browsing);
                    painter.begin_anew();
                    self.redraw(painter);
                }
                Effect::ListRuns(place) => self.look(|onlooker| onlooker.list(&place), painter),
                Effect::InRuns(request) => self.onlooker.ask(request),
                Effect::LookAt(dir) => self.look(|onlooker| onlooker.look_at(&dir), painter),
                Effect::LookAway => self.onlooker.look_away(),
                Effect::AskBeside(request) => self.onlooker.archive.ask(request),
                Effect::SendBeside(command) => self.onlooker.send(command),
                Effect::Quit if self.state.interrupted => self.end = Some(End::Terminated),
                Effect::Quit => self.end = Some(End::Quit),
                Effect::Try(wanted) => self.begin_trial(&wanted, painter),
                Effect::Abandon => self.abandon_trial(),
                Effect::Switch => self.end = Some(End::Switch),
                Effect::NextStage => self.end = Some(End::NextStage),
                Effect::Begin(fork) => self.end = Some(End::Fork(fork)),
                Effect::Ask(request) => self.archive.ask(request),
                Effect::Learned(learned) => self.progress.keep(learned),
            }
        }
    }

    /// Begins to look at something; says why not, where that can't be.
    fn look(&mut self, begin: impl FnOnce(&mut Onlooker) -> anyhow::Result<()>, painter: &dyn Painter) {
        if let Err(error) = begin(&mut self.onlooker) {
            self.take(Message::Runs(RunsNews::Refused(format!("{error:#}"))), painter);
        }
    }

    fn begin_trial(&mut self, wanted: &NewRun, painter: &dyn Painter) {
        self.abandon_trial();
        match self.trials.begin(wanted) {
            Ok(events) => self.trial = events,
            Err(error) => self.take(Message::Tried(Event::Ended(Err(format!("{error:#}")))), painter),
        }
    }

    fn abandon_trial(&mut self) {
        self.trials.abandon();
        self.trial = never();
        self.tried.clear();
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, painter: &dyn Painter) -> std::result::Result<(), <S::Backend as Backend>::Error> {
        let begin = Instant::now();
        let size = self.surface.terminal().size()?;
        if self.state.terminal_size() != (size.width, size.height) {
            self.take(Message::Resize(size.width, size.height), painter);
        }
        self.take(Message::Tick(begin.duration_since(self.start)), painter);
        if !self.state.is_browsing {
            painter.prepare(&self.state.shown().gallery);
        }
        let pace = painter.pace();
        if pace != self.state.picture_pace {
            self.take(Message::PicturePace(pace), painter);
        }
        if std::mem::take(&mut self.resized) {
            erase(self.surface.terminal())?;
        }
        let begin = Instant::now();
        let (state, pictures) = (&self.state, painter.pictures());
        self.surface.terminal().draw(|frame| view(state, frame, pictures))?;
        self.pacing.drawn(begin, Instant::now());
        let moving = Some(self.state.shown()).filter(|_| !self.state.is_browsing);
        self.pacing.moves(moving.and_then(next_motion).map(|at| self.start + at));
        Ok(())
    }

    /// Sleeps until there is something to do. While a frame waits for its time anyway, the lab's news
    /// don't wake the loop: they are taken in together when the frame is due.
    fn wait(&mut self, sources: &Sources, painter: &dyn Painter) {
        let now = Instant::now();
        let mut timeout = self.pacing.due(now).saturating_duration_since(now);
        if !self.outbox.is_empty() {
            timeout = timeout.min(RETRY);
        }
        if self.pacing.waits() {
            select! {
                recv(sources.input) -> input => self.input(input.ok(), painter),
                recv(sources.notices) -> notice => self.notice(notice.ok(), painter),
                recv(after(timeout)) -> _ => {}
            }
        } else {
            select! {
                recv(sources.input) -> input => self.input(input.ok(), painter),
                recv(sources.notices) -> notice => self.notice(notice.ok(), painter),
                recv(self.trial) -> event => if let Ok(event) = event { self.tried(event, painter) },
                recv(sources.events) -> event => match event {
                    Ok(event) => self.event(event, painter),
                    // Dealt with in `drain`, which is next.
                    Err(_) => self.pacing.changed(),
                },
                recv(sources.previews) -> frame => if let Ok(frame) = frame { self.preview(frame, painter) },
                recv(self.onlooker.runs) -> news => if let Ok(news) = news { self.listed(news, painter) },
                recv(self.onlooker.events) -> event => if let Ok(event) = event { self.looked(Message::Beside(event), painter) },
                recv(self.onlooker.previews) -> frame => {
                    if let Ok(frame) = frame { self.looked(Message::BesidePreview(frame), painter) }
                }
                recv(self.onlooker.archive.news()) -> news => {
                    if let Ok(news) = news { self.looked(Message::BesideArchive(news), painter) }
                }
                recv(sources.encoded) -> _ => self.pacing.changed(),
                recv(self.behind.news) -> news => if let Ok(news) = news { self.experiment(news, painter) },
                recv(self.archive.news()) -> news => if let Ok(news) = news { self.archive_news(news, painter) },
                recv(after(timeout)) -> _ => {}
            }
        }
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self, sources: &mut Sources, painter: &dyn Painter) {
        let (inputs, open) = arrived(&mut sources.input);
        if !open {
            self.end.get_or_insert(End::TerminalLost);
        }
        for input in inputs {
            self.input(Some(input), painter);
        }
        for notice in arrived(&mut sources.notices).0 {
            self.notice(Some(notice), painter);
        }
        let (events, open) = arrived(&mut sources.events);
        for event in events {
            self.event(event, painter);
        }
        if !open && !self.worker_ended {
            let silent = "the training thread ended without saying why".to_owned();
            self.event(Event::Ended(Err(silent)), painter);
        }
        for news in arrived(&mut self.behind.news).0 {
            self.experiment(news, painter);
        }
        for event in arrived(&mut self.trial).0 {
            self.tried(event, painter);
        }
        for news in arrived(&mut self.onlooker.runs).0 {
            self.listed(news, painter);
        }
        for event in arrived(&mut self.onlooker.events).0 {
            self.looked(Message::Beside(event), painter);
        }
        for frame in arrived(&mut self.onlooker.previews).0 {
            self.looked(Message::BesidePreview(frame), painter);
        }
        // Each frame of a trajectory may be scrubbed to later, so all are taken.
        for frame in arrived(&mut sources.previews).0 {
            self.preview(frame, painter);
        }
        let found: Vec<ArchiveNews> = self.archive.news().try_iter().take(AT_ONCE).collect();
        for news in found {
            self.archive_news(news, painter);
        }
        let found: Vec<ArchiveNews> = self.onlooker.archive.news().try_iter().take(AT_ONCE).collect();
        for news in found {
            self.looked(Message::BesideArchive(news), painter);
        }
        if !arrived(&mut sources.encoded).0.is_empty() {
            self.pacing.changed();
        }
        for trouble in self.progress.troubles.try_iter() {
            self.state.news.tell(self.state.now, Gravity::Warning, trouble);
            self.pacing.changed();
        }
    }

    fn event(&mut self, event: Event, painter: &dyn Painter) {
        (self.observe)(&event);
        self.worker_ended |= matches!(event, Event::Ended(_));
        self.pacing.changed();
        self.take(Message::Lab(event), painter);
    }

    fn tried(&mut self, event: Event, painter: &dyn Painter) {
        self.pacing.changed();
        self.tried.push(event.clone());
        self.take(Message::Tried(event), painter);
    }

    fn archive_news(&mut self, news: ArchiveNews, painter: &dyn Painter) {
        self.pacing.changed();
        self.take(Message::Archive(news), painter);
    }

    fn preview(&mut self, frame: PreviewFrame, painter: &dyn Painter) {
        self.pacing.changed();
        self.take(Message::Preview(frame), painter);
    }

    fn experiment(&mut self, news: ExperimentNews, painter: &dyn Painter) {
        self.pacing.changed();
        self.take(Message::Experiment(news), painter);
    }

    fn listed(&mut self, news: RunsNews, painter: &dyn Painter) {
        self.looked(Message::Runs(news), painter);
    }

    fn looked(&mut self, message: Message, painter: &dyn Painter) {
        self.pacing.changed();
        self.take(message, painter);
    }

    fn notice(&mut self, notice: Option<Notice>, painter: &dyn Painter) {
        match notice {
            Some(Notice::Stop) => {
                self.terminated = true;
                self.pacing.answer();
                self.take(Message::Terminate, painter);
            }
            Some(Notice::Suspend) => self.suspend(painter),
            Some(Notice::Continue) => {
                // A terminal that hangs up sends this signal too.
                match self.surface.take_again() {
                    Ok(()) => self.redraw(painter),
                    Err(_) => self.end = Some(End::TerminalLost),
                }
            }
            // The program is ending already.
            Some(Notice::Force) | None => {}
        }
    }

    fn input(&mut self, input: Option<Input>, painter: &dyn Painter) {
        let message = match input {
            // The reader has ended: dealt with in `drain`.
            None => return,
            Some(Input::Key(key)) if key.kind == KeyEventKind::Release => return,
            Some(Input::Key(key)) if is_suspend(&key) => return self.suspend(painter),
            Some(Input::Key(key)) => Message::Key(key),
            // Nothing follows the mouse without a button.
            Some(Input::Mouse(mouse)) if mouse.kind == MouseEventKind::Moved => return,
            Some(Input::Mouse(mouse)) => Message::Mouse(mouse),
            Some(Input::Paste(text)) => Message::Paste(text),
            Some(Input::Resize(columns, rows)) => {
                // One that has been smaller meanwhile has lost what stood there, although its size is the same again.
                self.resized = true;
                painter.erased();
                Message::Resize(columns, rows)
            }
            Some(Input::FocusGained | Input::FocusLost) => return,
        };
        self.pacing.answer();
        self.take(message, painter);
    }

    fn suspend(&mut self, painter: &dyn Painter) {
        match self.surface.suspend() {
            Ok(()) => self.redraw(painter),
            Err(_) => self.end = Some(End::TerminalLost),
        }
    }

    fn redraw(&mut self, painter: &dyn Painter) {
        // A terminal that is gone is noticed by the frame that follows.
        let _ = erase(self.surface.terminal());
        painter.erased();
        self.pacing.answer();
    }
}

fn is_suspend(key: &KeyEvent) -> bool {
    cfg!(unix) && key.code == KeyCode::Char('z') && key.modifiers.contains(KeyModifiers::CONTROL)
}
