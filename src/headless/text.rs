//! Events in words: what the bar and plain text have in common.

use std::io::Write;
use std::time::{Duration, Instant};

use super::output::LogLines;
use crate::data::shown_text;
use crate::lab::{Event, Phase, RunInfo, StepRecord};
use crate::speak::{self, Unwritten};

/// Lines of plain text: what happens, and how the training stands every few seconds.
pub struct Text<W> {
    output: LogLines<W>,
    info: Option<std::sync::Arc<RunInfo>>,
    next: Instant,
}

/// Time between two lines of progress.
const EVERY: Duration = Duration::from_secs(5);

impl<W: Write> Text<W> {
    pub fn new(writer: W) -> Self {
        Self { output: LogLines::new(writer), info: None, next: Instant::now() }
    }

    pub fn event(&mut self, event: &Event) {
        if let Event::Ready(info) = event {
            self.info = Some(info.clone());
        }
        match (event, &self.info) {
            (Event::Step(record), Some(info)) => {
                let last = record.step >= info.config.train.steps;
                if last || record.val_loss.is_some() || Instant::now() >= self.next {
                    self.next = Instant::now() + EVERY;
                    let steps = info.config.train.steps;
                    let standing = standing(record, record.val_loss, info, 1);
                    let line = format!("step {}/{steps} · {standing}", record.step);
                    self.output.line(&speak::on_stdout(&line));
                }
            }
            (Event::Phase(Phase::Loading(text)), _) => {
                if Instant::now() >= self.next {
                    self.next = Instant::now() + EVERY;
                    self.output.line(&speak::on_stdout(&shown_text(text)));
                }
            }
            _ => {
                sentences(event).iter().for_each(|sentence| self.output.line(&speak::on_stdout(&shown_text(sentence))))
            }
        }
    }

    /// Why lines are missing, if any are.
    pub fn failure(&mut self) -> Option<Unwritten> {
        self.output.failure()
    }
}

/// What an event says to a person; nothing for steps.
pub fn sentences(event: &Event) -> Vec<String> {
    match event {
        Event::Phase(Phase::Starting(text)) => vec![text.clone()],
        Event::Phase(Phase::Stopping) => {
            vec!["stopping: saving first (Ctrl-C again, a second later, ends at once)".into()]
        }
        Event::Phase(Phase::Waiting(text)) => {
            vec![format!("training waits: {text} (Ctrl-C saves the run elsewhere and ends)")]
        }
        Event::Phase(Phase::Finished) => vec!["all steps done".into()],
        // A failure is told once, by the program, on stderr.
        Event::Phase(_) => vec![],
        Event::Ready(info) => {
            let stage = info.stage.as_ref().map(|stage| format!("{}: ", stage.words())).unwrap_or_default();
            let mut lines = vec![
                format!(
                    "{stage}{} · {} {} parameters · {} {}, {} more held out (drawn by seed {}) · {} ({})",
                    info.config.name,
                    info.network,
                    info.parameters,
                    info.train_images,
                    info.samples_word(),
                    info.held_out_images,
                    info.config.seed,
                    info.device,
                    if info.threads == 1 { "1 thread".into() } else { format!("{} threads", info.threads) }
                ),
                format!("run folder: {}", info.run_dir.display()),
            ];
            lines.extend(info.going_on());
            lines.extend(info.warnings.iter().map(|warning| format!("warning: {warning}")));
            lines
        }
        Event::SnapshotSaved { step, dir } => vec![format!("snapshot of step {step}: {}", dir.display())],
        Event::PreviewSaved { step, file } => vec![format!("preview of step {step}: {}", file.display())],
        Event::CheckpointSaved { step, dir, .. } => vec![format!("checkpoint of step {step}: {}", dir.display())],
        Event::SettingChanged { step, what } => vec![format!("step {step}: {what}")],
        Event::TimeUse { time_use, .. } if time_use.is_used() => vec![time_use.verdict()],
        Event::TimeUse { time_use, .. } => vec![format!("warning: {}", time_use.verdict())],
        Event::Warning { message, .. } | Event::SnapshotLost { message, .. } => vec![format!("warning: {message}")],
        Event::Note { message, .. } => vec![message.clone()],
        Event::FolderMoved { message, .. } => vec![format!("warning: {message}")],
        Event::CannotSave { reason, .. } => vec![format!("warning: the run cannot be saved: {reason}")],
        Event::PeakMemory { mib } => vec![format!("peak memory: {mib:.0} MiB")],
        Event::Anew { why } => vec![why.clone()],
        Event::StandsAside { .. }
        | Event::Explained(_)
        | Event::Step(_)
        | Event::TimestepLoss(_)
        | Event::History { .. }
        | Event::Ended(_) => vec![],
    }
}

/// "loss 0.0312 · held-out 0.0330 · 205 images/s · 12 min left", and the part of a step that several processes need to tell
/// each other their gradients; `val_loss` is the newest held-out loss. Of
/// `turns` runs that train in turns each has its part of the time.
pub fn standing(record: &StepRecord, val_loss: Option<f64>, info: &RunInfo, turns: usize) -> String {
    let mut text = format!("loss {:.4}", record.loss_smoothed);
    if let Some(val_loss) = val_loss {
        text += &format!(" · held-out {val_loss:.4}");
    }
    let rate = record.images_per_s / turns.max(1) as f64;
    text += &format!(" · {rate:.0} {}/s", info.samples_word());
    if let Some(share) = record.comm_share {
        text += &format!(" · communication {:.0} %", 100.0 * share);
    }
    let left = info.config.train.steps.saturating_sub(record.step) as f64;
    let seconds = left * info.config.train.batch_size as f64 / rate.max(1e-9);
    text + &format!(" · {} left", duration(seconds))
}

/// Seconds as people say them: "40 s", "12 min", "3 h 05 min".
pub fn duration(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e9) as u64;
    match whole {
        0..90 => format!("{whole} s"),
        90..5400 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(duration(40.2), "40 s");
        assert_eq!(duration(725.0), "12 min");
        assert_eq!(duration(11_100.0), "3 h 05 min");
        assert_eq!(duration(f64::NAN), "0 s");
    }

    #[test]
    fn a_network_that_hardly_uses_the_time_is_a_warning_with_the_number() {
        let sentence = |output| {
            let time_use = crate::train::TimeUse { output, blocks: Vec::new() };
            sentences(&Event::TimeUse { step: 300, time_use }).concat()
        };
        assert!(sentence(0.4).starts_with("the network uses t") && sentence(0.4).contains("40 %"));
        assert!(
            sentence(0.002).starts_with("warning: the network hardly uses t") && sentence(0.002).contains("0.20 %")
        );
    }

    #[test]
    fn what_was_saved_is_said_with_its_place() {
        let event = Event::SnapshotSaved { step: 7, dir: "runs/a/snapshots/step-00000007".into() };
        assert_eq!(sentences(&event), ["snapshot of step 7: runs/a/snapshots/step-00000007"]);
    }
}
