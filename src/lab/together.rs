//! Labs that train together: their events in one stream, and one word to all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Select, TryRecvError, never};

use super::plan::{Ending, LabPlan};
use super::protocol::{Command, Event, RunInfo};
use super::spawn::Lab;
use super::stopping::obey_signals;
use crate::process::signals::Interest;
use crate::thousands::thousands;

/// How long a worker may take to take a command.
const LEAVE: Duration = Duration::from_secs(2);

/// What all are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskAll {
    Pause,
    Resume,
    /// Save, and end.
    Stop,
}

/// How the runs ended.
pub struct Together {
    /// One of each, in their order.
    pub ended: Vec<Result<Ending>>,
    /// A signal or [`AskAll::Stop`] asked them to stop before all was done.
    pub interrupted: bool,
    /// Steps done and images seen, by all together, from the first step on.
    pub steps: u64,
    pub images: u64,
    /// "images" or "points".
    pub noun: &'static str,
    pub seconds: f64,
}

impl Together {
    /// "1,200 steps, 38,400 images in 21.0 s: 1,828 images/s in all".
    pub fn words(&self) -> String {
        let thousands = |n: u64| usize::try_from(n).map_or_else(|_| n.to_string(), thousands);
        let rate = self.images as f64 / self.seconds.max(1e-9);
        format!(
            "{} steps, {} {noun} in {:.1} s: {} {noun}/s in all",
            thousands(self.steps),
            thousands(self.images),
            self.seconds,
            thousands(rate as u64),
            noun = self.noun,
        )
    }
}

/// Opens a lab on each plan and returns when all have ended. `hear` is told each event with the place of its run and how
/// many runs have yet to end. The first signal makes all save and end.
///
/// # Errors
/// When the system refuses a thread or the handlers; how each run ended is not among them.
pub fn train_together(
    plans: Vec<LabPlan>,
    asks: &Receiver<AskAll>,
    hear: &mut dyn FnMut(usize, &Event, usize),
) -> Result<Together> {
    let labs = plans.into_iter().map(Lab::spawn).collect::<Result<Vec<Lab>>>()?;
    let signals = obey_signals(&labs.iter().collect::<Vec<_>>(), Interest::Stopping, |_| {});
    let _signals = signals.context("listening for signals")?;
    let standings: Vec<_> = labs.iter().map(|lab| lab.standing.clone()).collect();
    let mut asks = asks.clone();

    let mut infos: Vec<Option<Arc<RunInfo>>> = vec![None; labs.len()];
    let (mut steps, mut images, mut first, mut last) = (0, 0, None, Instant::now());
    let mut open: BTreeMap<usize, _> = labs.iter().map(|lab| lab.events.clone()).enumerate().collect();
    while !open.is_empty() {
        let mut select = Select::new();
        let order: Vec<usize> = open.keys().copied().collect();
        open.values().for_each(|events| _ = select.recv(events));
        let of_asks = select.recv(&asks);
        let ready = select.ready();
        if ready == of_asks {
            match asks.try_recv() {
                Ok(ask) => labs.iter().for_each(|lab| lab.is_asked(ask)),
                Err(TryRecvError::Disconnected) => asks = never(),
                Err(TryRecvError::Empty) => {}
            }
            continue;
        }
        let which = order[ready];
        // The worker's end closes its channel.
        let ended = match open[&which].try_recv() {
            Ok(event) => {
                if let Event::Ready(info) = &event {
                    infos[which] = Some(info.clone());
                }
                if let (Event::Step(_), Some(info)) = (&event, &infos[which]) {
                    first.get_or_insert_with(Instant::now);
                    last = Instant::now();
                    (steps, images) = (steps + 1, images + info.config.train.batch_size as u64);
                }
                hear(which, &event, open.len());
                matches!(event, Event::Ended(_))
            }
            Err(error) => error == TryRecvError::Disconnected,
        };
        if ended {
            open.remove(&which);
        }
    }
    let ended: Vec<Result<Ending>> = labs.into_iter().map(Lab::join).collect();
    let interrupted = standings
        .iter()
        .zip(&ended)
        .any(|(standing, ended)| standing.asked_to_stop() && !ended.as_ref().is_ok_and(|ending| ending.finished));
    let seconds = first.map_or(0.0, |first| (last - first).as_secs_f64());
    let noun = infos.iter().flatten().next().map_or("images", |info| info.samples_word());
    Ok(Together { ended, interrupted, steps, images, noun, seconds })
}

impl Lab {
    fn is_asked(&self, ask: AskAll) {
        let command = match ask {
            AskAll::Pause => Command::Pause,
            AskAll::Resume => Command::Resume,
            AskAll::Stop => {
                self.standing.ask_to_stop();
                Command::Quit { save: true }
            }
        };
        // One that has ended takes nothing any more.
        let _ = self.commands.send_timeout(command, LEAVE);
    }
}
