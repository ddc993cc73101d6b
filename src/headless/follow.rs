//! Following several labs at once, until all have ended: their progress goes to standard error, since standard output is
//! for what comes of them.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::Select;
use indicatif::{MultiProgress, ProgressBar};

use super::bar::style;
use super::text::{sentences, standing};
use crate::data::shown_text;
use crate::lab::{Ending, Event, Lab, LabPlan, Phase, RunInfo, obey_signals};
use crate::process::signals::Interest;
use crate::speak;

/// Time between two lines of progress of one run, where no terminal shows bars.
const EVERY: Duration = Duration::from_secs(10);

/// How the runs ended.
pub struct Followed {
    /// One of each, in their order.
    pub ended: Vec<Result<Ending>>,
    /// A signal asked them to stop before all was done.
    pub interrupted: bool,
    /// Steps done and images seen, by all together, from the first step on.
    pub steps: u64,
    pub images: u64,
    /// "images" or "points".
    pub noun: &'static str,
    pub seconds: f64,
}

impl Followed {
    /// "1,200 steps, 38,400 images in 21.0 s: 1,828 images/s in all".
    pub fn words(&self) -> String {
        let thousands = |n: u64| usize::try_from(n).map_or_else(|_| n.to_string(), crate::thousands::thousands);
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

/// One run's line or bar.
struct Shown {
    name: String,
    bar: ProgressBar,
    info: Option<Arc<RunInfo>>,
    val_loss: Option<f64>,
    next: Instant,
}

impl Shown {
    /// `turns` runs train in turns at present.
    fn event(&mut self, event: &Event, on_terminal: bool, turns: usize) {
        match event {
            Event::Phase(Phase::Starting(text) | Phase::Loading(text)) => self.bar.set_message(text.clone()),
            Event::Ready(info) => {
                self.bar.set_style(style("{prefix} {human_pos}/{human_len} {wide_bar:.cyan/blue} {msg}"));
                self.bar.set_length(info.config.train.steps);
                self.bar.set_position(info.start_step);
                self.say(format!("run folder: {}", info.run_dir.display()));
                info.going_on().into_iter().for_each(|line| self.say(line));
                info.warnings.iter().for_each(|warning| self.say(format!("warning: {warning}")));
                self.info = Some(info.clone());
            }
            Event::Step(record) => {
                self.val_loss = record.val_loss.or(self.val_loss);
                let Some(info) = &self.info else { return };
                let standing = standing(record, self.val_loss, info, turns);
                let steps = info.config.train.steps;
                self.bar.set_position(record.step);
                if on_terminal {
                    self.bar.set_message(standing);
                } else if record.step >= steps || Instant::now() >= self.next {
                    self.next = Instant::now() + EVERY;
                    self.say(format!("step {}/{steps} · {standing}", record.step));
                }
            }
            // What each run writes, its folder says; what needs a person is said here.
            Event::Warning { .. }
            | Event::FolderMoved { .. }
            | Event::CannotSave { .. }
            | Event::Phase(Phase::Waiting(_) | Phase::Stopping) => {
                sentences(event).into_iter().for_each(|s| self.say(s))
            }
            Event::Ended(_) => self.bar.finish_and_clear(),
            _ => {}
        }
    }

    fn say(&self, sentence: String) {
        let line = shown_text(&format!("{}: {sentence}", self.name)).to_string();
        // Above the bars, where there are any.
        match self.bar.is_hidden() {
            true => speak::remark(line),
            false => self.bar.println(line),
        }
    }
}

/// Opens a lab on each plan, under its name, tells their progress on standard error, and returns when all have ended.
/// The first signal makes all save and end.
///
/// # Errors
/// When the system refuses a thread or the handlers; how each run ended is not among them.
pub fn follow(runs: Vec<(String, LabPlan)>) -> Result<Followed> {
    let on_terminal = io::stderr().is_terminal();
    let bars = MultiProgress::new();
    let (mut labs, mut shown) = (Vec::new(), Vec::new());
    for (name, plan) in runs {
        let bar = bars.add(ProgressBar::new(plan.config.train.steps));
        bar.set_style(style("{prefix} {spinner} {msg}"));
        bar.set_prefix(name.clone());
        shown.push(Shown { name, bar, info: None, val_loss: None, next: Instant::now() });
        labs.push(Lab::spawn(plan)?);
    }
    let signals = obey_signals(&labs.iter().collect::<Vec<_>>(), Interest::Stopping, |_| {});
    let _signals = signals.context("listening for signals")?;
    let standings: Vec<_> = labs.iter().map(|lab| lab.standing.clone()).collect();

    let (mut steps, mut images, mut first, mut last) = (0, 0, None, Instant::now());
    let mut open: BTreeMap<usize, _> = labs.iter().map(|lab| lab.events.clone()).enumerate().collect();
    while !open.is_empty() {
        let mut select = Select::new();
        let order: Vec<usize> = open.keys().copied().collect();
        open.values().for_each(|events| _ = select.recv(events));
        let which = order[select.ready()];
        // The worker's end closes its channel.
        let ended = match open[&which].try_recv() {
            Ok(event) => {
                if let (Event::Step(_), Some(info)) = (&event, &shown[which].info) {
                    first.get_or_insert_with(Instant::now);
                    last = Instant::now();
                    (steps, images) = (steps + 1, images + info.config.train.batch_size as u64);
                }
                shown[which].event(&event, on_terminal, open.len());
                matches!(event, Event::Ended(_))
            }
            Err(error) => error == crossbeam_channel::TryRecvError::Disconnected,
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
    let noun = shown.iter().find_map(|run| run.info.as_ref()).map_or("images", |info| info.samples_word());
    Ok(Followed { ended, interrupted, steps, images, noun, seconds })
}
