//! What is said on the normal screen once the lab has closed.

use std::path::PathBuf;

use crate::lab::{Event, Phase};

/// Collects from the lab's events what the last words need.
#[derive(Clone, Debug, Default)]
pub struct Farewell {
    run_dir: Option<PathBuf>,
    steps: u64,
    step: u64,
    saved: Option<u64>,
    snapshots: usize,
    /// What was said of those that will not come.
    lost: Vec<String>,
    ended: bool,
    /// The run ended by itself; its error says what is left and how to go on.
    failed: bool,
    /// It gives pictures back, and draws none.
    trains_autoencoder: bool,
    /// What is trained after it in the same lab.
    next_stage: Option<String>,
}

impl Farewell {
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Ready(info) => {
                self.run_dir = Some(info.run_dir.clone());
                self.steps = info.config.train.steps;
                self.step = info.start_step;
                self.trains_autoencoder = info.config.trains_autoencoder();
                self.next_stage = info.stage.as_ref().and_then(|stage| stage.next.clone());
                // A resumed run has the checkpoint that it goes on from.
                self.saved = (info.start_step > 0).then_some(info.start_step);
            }
            Event::Step(record) => self.step = record.step,
            Event::FolderMoved { dir, .. } => self.run_dir = Some(dir.clone()),
            Event::CheckpointSaved { step, .. } => self.saved = Some(*step),
            Event::SnapshotSaved { .. } => self.snapshots += 1,
            Event::SnapshotLost { message, .. } => self.lost.push(message.clone()),
            Event::Phase(Phase::Failed(_)) => self.failed = true,
            Event::Ended(_) => self.ended = true,
            _ => {}
        }
    }

    /// Has the worker ended?
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// All steps done?
    fn finished(&self) -> bool {
        self.steps > 0 && self.step >= self.steps
    }

    /// Where the run is and how to go on with it; empty when there is no run.
    pub fn words(&self) -> String {
        let Some(dir) = &self.run_dir else { return String::new() };
        let dir = dir.display();
        let mut words = match self.saved {
            // Of a failure its error says what is left.
            Some(saved) if saved < self.step && !self.failed => {
                let lost = self.step - saved;
                let (them, were) = if lost == 1 { ("step", "was") } else { ("steps", "were") };
                format!(
                    "Run folder: {dir}. Its newest checkpoint is of step {saved}; {lost} {them} after it {were} not saved.\n"
                )
            }
            Some(saved) => format!("Run saved in {dir} (checkpoint of step {saved}).\n"),
            None if self.failed => format!("Run folder: {dir}\n"),
            None => format!("Run folder: {dir} (no checkpoint was written).\n"),
        };
        if self.snapshots > 0 {
            let plural = if self.snapshots == 1 { "" } else { "s" };
            words.push_str(&format!("{} snapshot{plural} in {dir}/snapshots.\n", self.snapshots));
        }
        for message in &self.lost {
            let mut letters = message.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            words.push_str(&format!("{first}{}.\n", letters.as_str()));
        }
        if self.saved.is_some() && !self.finished() && !self.failed {
            words.push_str(&format!("Resume:  difflab --resume {dir}\n"));
        }
        if let Some(next) = self.next_stage.as_ref().filter(|_| !self.finished()) {
            words.push_str(&format!("The command that began it goes on with it, and then with {next}.\n"));
        }
        if self.saved.is_some() {
            words.push_str(&match self.trains_autoencoder {
                true => format!("Measure: difflab eval {dir}\n"),
                false => format!("Sample:  difflab sample {dir}\n"),
            });
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::lab::{Live, RunInfo, StepRecord};

    fn ready() -> Event {
        let mut config = Config::default();
        config.train.steps = 10;
        Event::Ready(Arc::new(RunInfo {
            run_dir: "runs/x".into(),
            live: Live::new(&config),
            config,
            network: "U-Net".into(),
            parameters: 1,
            train_images: 1,
            held_out_images: 0,
            steps_per_epoch: 1.0,
            image_shape: (8, 8, 1),
            sample_shape: (8, 8, 1),
            classes: vec![],
            conditional: false,
            alphas_cumprod: Arc::new(vec![]),
            examples: vec![],
            points: Arc::default(),
            device: "cpu".into(),
            threads: 1,
            start_step: 0,
            warnings: vec![],
            chosen: vec![],
            stage: None,
            latent_examples: vec![],
        }))
    }

    fn saved(step: u64) -> Event {
        Event::CheckpointSaved { step, dir: "runs/x/checkpoints".into(), took: Duration::ZERO }
    }

    #[test]
    fn a_saved_run_says_where_it_is_and_how_to_go_on() {
        let mut farewell = Farewell::default();
        assert_eq!(farewell.words(), "");
        for event in [ready(), saved(3), saved(7), Event::Ended(Ok(()))] {
            farewell.observe(&event);
        }
        let words = farewell.words();
        assert!(words.contains("runs/x (checkpoint of step 7)"), "{words}");
        assert!(words.contains("difflab --resume runs/x"), "{words}");
        assert!(farewell.ended());
    }

    #[test]
    fn a_run_that_was_saved_elsewhere_is_named_by_its_new_folder() {
        let mut farewell = Farewell::default();
        farewell.observe(&ready());
        farewell.observe(&Event::FolderMoved { step: 3, dir: "/home/me/kept".into(), message: String::new() });
        farewell.observe(&saved(3));
        assert!(farewell.words().contains("difflab --resume /home/me/kept"), "{}", farewell.words());
        assert!(!farewell.words().contains("runs/x"));
    }

    #[test]
    fn steps_after_the_newest_checkpoint_are_not_said_to_be_saved() {
        let mut farewell = Farewell::default();
        let record = |step| {
            Event::Step(StepRecord {
                loss: 0.1,
                loss_smoothed: 0.1,
                images_per_s: 1.0,
                elapsed_s: 1.0,
                ..StepRecord::at(step)
            })
        };
        for event in [ready(), saved(4), record(7), Event::Ended(Ok(()))] {
            farewell.observe(&event);
        }
        let words = farewell.words();
        assert!(!words.contains("saved in") && words.contains("step 4; 3 steps after it were not saved"), "{words}");
        assert!(words.contains("--resume runs/x"), "{words}");
    }

    #[test]
    fn without_a_checkpoint_nothing_is_promised() {
        let mut farewell = Farewell::default();
        farewell.observe(&ready());
        assert!(!farewell.words().contains("--resume"));
        assert!(farewell.words().contains("no checkpoint"));
    }
}
