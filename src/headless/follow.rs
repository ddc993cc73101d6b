//! Following several labs at once, until all have ended: their progress goes to standard error, since standard output is
//! for what comes of them.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::never;
use indicatif::{MultiProgress, ProgressBar};

use super::bar::style;
use super::text::{sentences, standing};
use crate::data::shown_text;
use crate::lab::{Event, LabPlan, Phase, RunInfo, Together, train_together};
use crate::speak;

/// Time between two lines of progress of one run, where no terminal shows bars.
const EVERY: Duration = Duration::from_secs(10);

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
/// As [`train_together`].
pub fn follow(runs: Vec<(String, LabPlan)>) -> Result<Together> {
    let on_terminal = io::stderr().is_terminal();
    let bars = MultiProgress::new();
    let (mut plans, mut shown) = (Vec::new(), Vec::new());
    for (name, plan) in runs {
        let bar = bars.add(ProgressBar::new(plan.config.train.steps));
        bar.set_style(style("{prefix} {spinner} {msg}"));
        bar.set_prefix(name.clone());
        shown.push(Shown { name, bar, info: None, val_loss: None, next: Instant::now() });
        plans.push(plan);
    }
    train_together(plans, &never(), &mut |which, event, turns| shown[which].event(event, on_terminal, turns))
}
