//! Events as JSON lines, one object a line, each with its `type`.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::output::LogLines;
use crate::lab::{Event, Phase, PlannedStage, StepRecord};
use crate::speak::Unwritten;

/// Writes events as JSON lines. `step` lines have the keys of metrics.jsonl, and come every
/// `log_every` steps (and where there is a held-out loss).
pub struct JsonLines<W> {
    output: LogLines<W>,
    log_every: u64,
    /// When how far loading is may be told again.
    next_count: Instant,
}

/// A path as text: of a name that is no UTF-8, what can be shown of it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Time between two lines that tell how far loading is.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

impl<W: Write> JsonLines<W> {
    pub fn new(writer: W, log_every: u64) -> Self {
        Self { output: LogLines::new(writer), log_every: log_every.max(1), next_count: Instant::now() + COUNTS_EVERY }
    }

    pub fn event(&mut self, event: &Event) {
        if matches!(event, Event::Phase(Phase::Loading(_))) {
            if Instant::now() < self.next_count {
                return;
            }
            self.next_count = Instant::now() + COUNTS_EVERY;
        }
        if let Some(line) = self.line(event) {
            self.output.line(&line);
        }
    }

    /// Why lines are missing, if any are.
    pub fn failure(&mut self) -> Option<Unwritten> {
        self.output.failure()
    }

    fn line(&self, event: &Event) -> Option<String> {
        let value = match event {
            Event::Phase(phase) => phase_line(phase),
            Event::Ready(info) => json!({
                "type": "ready",
                "run": shown(&info.run_dir),
                "network": info.network,
                "parameters": info.parameters,
                "train_images": info.train_images,
                "held_out_images": info.held_out_images,
                "image_shape": [info.image_shape.0, info.image_shape.1, info.image_shape.2],
                "classes": info.classes,
                "device": info.device,
                "threads": info.threads,
                "start_step": info.start_step,
                "steps": info.config.train.steps,
                "stage": info.stage.as_ref().map(PlannedStage::words),
                "warnings": info.warnings,
                "chosen": info.chosen,
                "still_set": info.live.words(&info.config, &info.classes),
            }),
            Event::Step(record) if record.step % self.log_every == 0 || record.val_loss.is_some() => {
                return step_line(record);
            }
            // Both are in the run folder, whole.
            Event::Step(_) | Event::TimestepLoss(_) | Event::History { .. } | Event::Explained(_) => return None,
            Event::SnapshotSaved { step, dir } => json!({"type": "snapshot", "step": step, "path": shown(dir)}),
            Event::PreviewSaved { step, file } => json!({"type": "preview", "step": step, "path": shown(file)}),
            Event::CheckpointSaved { step, dir, took } => {
                json!({"type": "checkpoint", "step": step, "path": shown(dir), "took_s": took.as_secs_f64()})
            }
            Event::SettingChanged { step, what } => json!({"type": "setting", "step": step, "what": what}),
            Event::TimeUse { step, time_use } => {
                let (change, used) = (time_use.output, time_use.is_used());
                json!({"type": "time_use", "step": step, "output_change": change, "used": used})
            }
            Event::Warning { step, message } | Event::SnapshotLost { step, message } => {
                json!({"type": "warning", "step": step, "message": message})
            }
            Event::Note { step, message } => json!({"type": "note", "step": step, "message": message}),
            Event::FolderMoved { step, dir, message } => {
                json!({"type": "moved", "step": step, "run": shown(dir), "message": message})
            }
            Event::Anew { why } => json!({"type": "anew", "why": why}),
            Event::StandsAside { step } => json!({"type": "stands_aside", "step": step}),
            Event::CannotSave { step, reason, elsewhere } => {
                json!({"type": "cannot_save", "step": step, "reason": reason, "elsewhere": shown(elsewhere)})
            }
            Event::PeakMemory { mib } => json!({"type": "memory", "peak_memory_mib": mib}),
            Event::Ended(Ok(())) => json!({"type": "ended", "ok": true}),
            Event::Ended(Err(error)) => json!({"type": "ended", "ok": false, "error": error}),
        };
        Some(value.to_string())
    }
}

/// Serialized in the order of metrics.jsonl, with its type in front.
fn step_line(record: &StepRecord) -> Option<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        record: &'a StepRecord,
    }
    serde_json::to_string(&Line { r#type: "step", record }).ok()
}

fn phase_line(phase: &Phase) -> Value {
    let (name, message) = match phase {
        Phase::Starting(text) | Phase::Loading(text) => ("starting", Some(text)),
        Phase::Training => ("training", None),
        Phase::Paused => ("paused", None),
        Phase::Waiting(text) => ("waiting", Some(text)),
        Phase::Stopping => ("stopping", None),
        Phase::Finished => ("finished", None),
        Phase::Failed(text) => ("failed", Some(text)),
        Phase::Resting { state, why } => (state.word(), why.as_ref()),
    };
    match message {
        Some(message) => json!({"type": "phase", "phase": name, "message": message}),
        None => json!({"type": "phase", "phase": name}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, val_loss: Option<f64>) -> StepRecord {
        StepRecord {
            epoch: 0.5,
            loss: 0.25,
            loss_smoothed: 0.5,
            val_loss,
            grad_norm: 2.0,
            elapsed_s: 3.0,
            ..StepRecord::at(step)
        }
    }

    #[test]
    fn every_line_is_one_object_with_a_type_and_steps_come_as_often_as_asked() {
        let mut bytes = Vec::new();
        let mut lines = JsonLines::new(&mut bytes, 10);
        lines.event(&Event::Phase(Phase::Starting("loading \"x\"\nslowly".into())));
        (1..=20).for_each(|step| lines.event(&Event::Step(record(step, (step == 7).then_some(0.1)))));
        lines.event(&Event::Ended(Err("disk full".into())));
        // Counts come once a second at most.
        (0..50).for_each(|n| lines.event(&Event::Phase(Phase::Loading(format!("loading {n} of 50 pictures")))));
        let text = String::from_utf8(bytes).unwrap();
        let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let types: Vec<&str> = values.iter().map(|v| v["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["phase", "step", "step", "step", "ended"]);
        assert_eq!(values[1]["val_loss"], 0.1);
        assert_eq!(values[2]["step"], 10);
        assert!(values[2].get("val_loss").is_none());
    }
}
