//! The loop: wait, take in everything there is, draw once.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, after, never, select};
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::Backend;

use crate::lab::{Event, PreviewFrame};
use crate::process::signals::Notice;
use crate::tui::archive::{Archive, ArchiveNews};
use crate::tui::browser::{ReadyFork, RunsNews};
use crate::tui::effect::Effect;
use crate::tui::experiment::ExperimentNews;
use crate::tui::message::Message;
use crate::tui::pictures::Pictures;
use crate::tui::shell::behind::Behind;
use crate::tui::shell::learning::ProgressKeeper;
use crate::tui::shell::onlooker::Onlooker;
use crate::tui::shell::outbox::CommandQueue;
use crate::tui::shell::pacing::Pacing;
use crate::tui::shell::trials::Trials;
use crate::tui::state::{Gallery, Gravity, NewRun, State};
use crate::tui::terminal::session::erase;
use crate::tui::update::{next_motion, update};
use crate::tui::view::view;

/// How soon to try again when the worker's channel was full.
const RETRY: Duration = Duration::from_millis(5);

/// News of the lab that are taken in before one frame; the rest waits for the next.
const AT_ONCE: usize = 20_000;

/// Where news come from.
pub struct Sources {
    pub input: Receiver<Input>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
    pub notices: Receiver<Notice>,
    /// A picture was encoded.
    pub encoded: Receiver<()>,
}

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The state asked for it.
    Quit,
    /// The run has ended, and the one that was tried takes its place.
    Switch,
    /// There is no run here, and this fork is to be trained.
    Fork(Box<ReadyFork>),
    /// A signal or Ctrl-C asked for it.
    Terminated,
    /// The terminal is gone; the worker has not been told.
    TerminalLost,
}

/// What the loop needs of the terminal besides drawing.
pub trait Surface {
    type Backend: Backend;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Stops the program until the user wants it back.
    fn suspend(&mut self) -> std::io::Result<()>;

    /// Takes the terminal again after another program had it.
    fn take_again(&mut self) -> std::io::Result<()>;
}

/// How pictures are drawn, and what they have to know.
pub trait Painter {
    fn pictures(&self) -> &dyn Pictures;

    /// Everything on the terminal was erased.
    fn erased(&self);

    /// What is shown from now on has nothing to do with what was.
    fn begin_anew(&self) {}

    /// Gets the pictures of the frame that is about to be drawn ready; waits for them, but not for ever.
    fn prepare(&self, _gallery: &Gallery) {}

    /// The shortest time between two pictures of a film.
    fn pace(&self) -> Duration {
        Duration::ZERO
    }
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

/// What has arrived, and whether the channel is still open. A closed one is replaced by one that
/// never wakes the loop again.
fn arrived<T>(receiver: &mut Receiver<T>) -> (Vec<T>, bool) {
    let mut values = Vec::new();
    while values.len() < AT_ONCE {
        match receiver.try_recv() {
            Ok(value) => values.push(value),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => {
                *receiver = never();
                return (values, false);
            }
        }
    }
    (values, true)
}

fn is_suspend(key: &KeyEvent) -> bool {
    cfg!(unix) && key.code == KeyCode::Char('z') && key.modifiers.contains(KeyModifiers::CONTROL)
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Sender, bounded, unbounded};
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::config::Config;
    use crate::lab::{Command, Phase, StepRecord};
    use crate::tui::options::ScreenOptions;
    use crate::tui::pictures::HalfBlocks;
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
}
