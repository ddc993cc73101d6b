//! The thread that follows a run's files, and tells of them as a worker tells of its training.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::data::{Looked, look_for};
use super::facts::{data_of, run_info};
use super::past::PastLines;
use super::sampler::{Wish, wait_for_wishes};
use super::told::{mark, told};
use crate::config::Config;
use crate::data::DataIdentity;
use crate::lab::data_facts::DataFacts;
use crate::lab::film_channel::FilmSender;
use crate::lab::outbox::EventOutbox;
use crate::lab::protocol::{Command, Event, Phase};
use crate::run::catalogue::{RunState, Summary};
use crate::run::config_of;
use crate::run::follow::{FollowedRun, RunNews, WhyRestarted};
use crate::run::io_words::unread;
use crate::thousands::thousands;

/// How often the files are looked at: a look is a glance at three lengths.
const WHILE_TRAINING: Duration = Duration::from_millis(150);
const WHILE_RESTING: Duration = Duration::from_millis(500);
/// More lines at once than this come as one piece of history.
const AT_ONCE: usize = 200;
/// How often it is said how far reading is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Follows the run in `dir` until nobody sends commands any more.
pub fn look_on(dir: &Path, commands: &Receiver<Command>, events: &Sender<Event>, frames: FilmSender) {
    let mut outbox = EventOutbox::new(events.clone());
    outbox.send(Event::Phase(Phase::Starting(format!("reading {}", dir.display()))));
    let begun = wait_for_wishes(dir.to_path_buf(), frames, events.clone())
        .and_then(|wishes| Looker::begin(dir, wishes, &mut outbox));
    let mut looker = match begun {
        Ok(looker) => looker,
        Err(error) => {
            let why = format!("{error:#}");
            outbox.send(Event::Phase(Phase::Failed(why.clone())));
            outbox.send(Event::Ended(Err(why)));
            outbox.drain(Duration::from_secs(2));
            return;
        }
    };
    loop {
        looker.look(commands, &mut outbox);
        outbox.flush();
        let pace = if looker.phase == Some(Phase::Training) { WHILE_TRAINING } else { WHILE_RESTING };
        match commands.recv_timeout(pace) {
            Ok(command) => looker.obey(command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What is known of the run so far.
struct Looker {
    dir: PathBuf,
    config: Config,
    followed: FollowedRun,
    wishes: Sender<Wish>,
    /// What its checkpoint says of its data, what was loaded of them, and what is about to be.
    data: Option<DataIdentity>,
    found: Option<Box<DataFacts>>,
    looked_for: Option<Receiver<Looked>>,
    /// What was told last.
    phase: Option<Phase>,
    /// The process that trains it stands still.
    paused: bool,
    /// Troubles that were told, each once.
    gone: bool,
    unreadable: Option<String>,
    /// What of its files can't be read.
    problem: Option<String>,
}

impl Looker {
    fn begin(dir: &Path, wishes: Sender<Wish>, outbox: &mut EventOutbox) -> Result<Self> {
        let config = config_of(dir)?;
        let mut looker = Self {
            dir: dir.to_path_buf(),
            config,
            followed: FollowedRun::new(dir),
            wishes,
            data: None,
            found: None,
            looked_for: None,
            phase: None,
            paused: false,
            gone: false,
            unreadable: None,
            problem: None,
        };
        looker.learn(outbox);
        Ok(looker)
    }

    /// Finds out what the files say beside the curves, and tells it.
    fn learn(&mut self, outbox: &mut EventOutbox) {
        self.data = data_of(&self.dir);
        if self.found.is_none() && self.looked_for.is_none() {
            self.looked_for = look_for(&self.dir, &self.config, self.data.as_ref());
        }
        self.tell_facts(outbox);
    }

    fn tell_facts(&self, outbox: &mut EventOutbox) {
        let info = run_info(&self.dir, &self.config, self.data.as_ref(), self.found.as_deref());
        outbox.send(Event::Ready(info.into()));
    }

    /// Looks once, and tells what has come. The first time, and after the run was set back, that is its whole history.
    fn look(&mut self, commands: &Receiver<Command>, outbox: &mut EventOutbox) {
        self.see_data(outbox);
        let mut past = PastLines::default();
        let mut said = Instant::now();
        let first = self.phase.is_none();
        loop {
            let news = match self.followed.look() {
                Ok(news) => news,
                Err(error) => return self.cannot_read(&error, outbox),
            };
            self.unreadable = None;
            if let Some(why) = restarted(&news) {
                past = PastLines::default();
                self.begin_again(why, outbox);
                continue;
            }
            let more = news.more();
            self.take(news, first, &mut past, outbox);
            if !more {
                break;
            }
            // A long history takes a moment, and may not be wanted any more.
            match commands.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {}
            }
            if first && said.elapsed() >= TOLD_EVERY {
                said = Instant::now();
                let step = thousands(past.newest().unwrap_or(0));
                outbox.send(Event::Phase(Phase::Loading(format!("reading its history: step {step}"))));
                outbox.flush();
            }
        }
        if !past.is_empty() {
            outbox.send(past.into_event());
        }
        if first {
            self.tell_phase(outbox);
        }
    }

    fn take(&mut self, news: RunNews, first: bool, past: &mut PastLines, outbox: &mut EventOutbox) {
        let events = news.events.records;
        let telling = news.is_news || !events.is_empty();
        let new_checkpoint = events.iter().any(|event| event.kind == "checkpoint");
        for event in &events {
            match event.kind.as_str() {
                "pause" => self.paused = true,
                "unpause" | "start" | "resume" | "fork" | "stop" => self.paused = false,
                _ => {}
            }
        }
        let (steps, rows) = (news.steps.records, news.rows.records);
        if first || steps.len() + rows.len() > AT_ONCE {
            past.take(steps, rows, events.into_iter().filter_map(mark).collect());
        } else {
            steps.into_iter().for_each(|record| outbox.send(Event::Step(record)));
            rows.into_iter().for_each(|row| outbox.send(Event::TimestepLoss(row)));
            events.into_iter().filter_map(told).for_each(|event| outbox.send(event));
        }
        if !first && new_checkpoint && self.data.is_none() {
            self.learn(outbox);
        }
        if !first && telling {
            self.tell_phase(outbox);
        }
        if news.steps.gone && !std::mem::replace(&mut self.gone, news.steps.gone) {
            let message = format!("{} is not there any more: it was moved or deleted", self.dir.display());
            outbox.send(Event::Warning { step: 0, message });
        }
    }

    /// What was told of steps and rows does not hold any more; all of it is read again.
    fn begin_again(&mut self, why: WhyRestarted, outbox: &mut EventOutbox) {
        let why = match why {
            WhyRestarted::CutBack => "the run was set back to an earlier step",
            WhyRestarted::Replaced => "another run is in the folder now",
        };
        self.followed = FollowedRun::new(&self.dir);
        outbox.send(Event::Anew { why: why.into() });
        if let Ok(config) = config_of(&self.dir) {
            self.config = config;
        }
        self.learn(outbox);
    }

    /// Whether somebody trains it, and how it stands where nobody does: by its lock and the end of its files.
    fn tell_phase(&mut self, outbox: &mut EventOutbox) {
        let Summary { state, why, problem, .. } = Summary::of(&self.dir);
        if let Some(message) = problem.clone().filter(|_| problem != self.problem) {
            outbox.send(Event::Warning { step: 0, message });
        }
        self.problem = problem;
        let phase = match state {
            RunState::Training if self.paused => Phase::Paused,
            RunState::Training => Phase::Training,
            state => Phase::Resting { state, why },
        };
        if self.phase.as_ref() != Some(&phase) {
            self.phase = Some(phase.clone());
            outbox.send(Event::Phase(phase));
        }
    }

    fn see_data(&mut self, outbox: &mut EventOutbox) {
        let Some(looked) = self.looked_for.as_ref().and_then(|looked_for| looked_for.try_recv().ok()) else { return };
        self.looked_for = None;
        match looked {
            Looked::Found(found) => {
                self.found = Some(found);
                self.tell_facts(outbox);
            }
            Looked::Not(why) => {
                let message = format!("its training images cannot be shown here: {why}");
                outbox.send(Event::Note { step: 0, message });
            }
        }
    }

    fn cannot_read(&mut self, error: &std::io::Error, outbox: &mut EventOutbox) {
        let message = format!("{} cannot be read: {}; tried again", self.dir.display(), unread(error));
        if self.unreadable.as_ref() != Some(&message) {
            outbox.send(Event::Warning { step: 0, message: message.clone() });
            self.unreadable = Some(message);
        }
        if self.phase.is_none() {
            self.tell_phase(outbox);
        }
    }

    /// Samples are drawn here; everything else belongs to the run's owner.
    fn obey(&self, command: Command) {
        let wish = match command {
            Command::SampleNow => Wish::Now,
            Command::SetSampling(settings) => Wish::Settings(settings),
            Command::Explain(request) => Wish::Explain(request),
            _ => return,
        };
        // Its thread ends with this one.
        let _ = self.wishes.send(wish);
    }
}

/// Why what was told holds no more, if so.
fn restarted(news: &RunNews) -> Option<WhyRestarted> {
    let restarts = [news.steps.restart, news.rows.restart, news.events.restart];
    restarts.into_iter().flatten().map(|restart| restart.why).next()
}
