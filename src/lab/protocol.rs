//! What the lab and its consumers say to each other.
//!
//! The worker thread owns the trainer. Consumers (the screen and the headless printer) see only
//! these values, so the two can't drift apart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::autoencoder_look::AutoencoderLook;
use super::live::Live;
use super::plan::PlannedStage;
use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::explain::{Explanation, Focus, Topic};
use crate::run::catalogue::RunState;
pub use crate::run::{StepRecord, TimestepLossRow};
use crate::train::TimeUse;

/// What a consumer asks of the worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Pause,
    Resume,
    /// One training step, then pause.
    StepOnce,
    /// Write a snapshot folder with these settings and the newest EMA weights.
    Snapshot,
    /// Drop the preview under way and start a new one, with new noise.
    SampleNow,
    /// Multiply the learning-rate schedule by this factor (1 = as configured) from now on.
    SetLearningRateScale(f64),
    /// Turn the previews on or off.
    SetPreviewEnabled(bool),
    /// Largest share of time for previews, 0 to 1.
    SetPreviewBudget(f64),
    /// New settings for previews and snapshots; the preview starts again.
    SetSampling(Box<SamplingSettings>),
    /// Write a checkpoint now.
    Checkpoint,
    /// End the run whatever happens. With `save`, write a checkpoint first: elsewhere, with the whole run, where
    /// its own folder does not take it.
    Quit {
        save: bool,
    },
    /// Save and end the run. Where it cannot be saved it goes on, and [`Event::CannotSave`] says so.
    Leave,
    /// Save the whole run in this new folder, and end it.
    SaveElsewhere {
        dir: PathBuf,
    },
    /// Save, and stand still, while another run is tried: [`Event::StandsAside`] answers, or
    /// [`Event::CannotSave`] where the run goes on because it cannot be saved.
    StandAside,
    /// No other run takes this one's place: on as before.
    GoOn,
    /// Explain a topic with the numbers of now; [`Event::Explained`] answers.
    Explain(ExplainRequest),
    /// One training step, everything that it is made of kept and explained, then pause.
    StepByHand,
    /// To a run on trial ([`Lab::on_trial`](super::Lab::on_trial)): it stays, and goes on.
    Keep,
}

/// What is to be explained, and where one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainRequest {
    pub topic: Topic,
    pub focus: Focus,
}

/// An explanation that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    pub topic: Topic,
    /// The timestep that it is of; `None` where a training step drew its own.
    pub t: Option<usize>,
    /// The training step whose weights it is of.
    pub step: u64,
    /// `Err`: why it can't be given.
    pub said: Result<Explanation, String>,
}

/// What the worker is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Before the first step: a sentence such as "loading 60,000 digits".
    Starting(String),
    /// Before that, how far loading is: "loading 12,400 of 60,000 pictures", at most ten times a second.
    Loading(String),
    Training,
    Paused,
    /// Training stands still until there is room to write again; the text says what is in the way. It goes on by
    /// itself.
    Waiting(String),
    /// Saving before it ends.
    Stopping,
    /// All steps done and saved.
    Finished,
    /// The run failed; the text says what happened and what to do.
    Failed(String),
    /// Of a run that is looked at: nobody trains it. How it stands, and why, where that is more than the word says.
    Resting {
        state: RunState,
        why: Option<String>,
    },
}

/// Fixed facts of the run, known before the first step.
#[derive(Clone, Debug)]
pub struct RunInfo {
    pub run_dir: PathBuf,
    pub config: Config,
    /// "U-Net".
    pub network: String,
    pub parameters: usize,
    /// Number of training and held-out images.
    pub train_images: usize,
    pub held_out_images: usize,
    /// Steps an epoch, as a fraction: train_images / batch_size.
    pub steps_per_epoch: f64,
    /// Height, width, channels of the pictures.
    pub image_shape: (usize, usize, usize),
    /// The same of what diffusion sees: the latents, where it happens in such.
    pub sample_shape: (usize, usize, usize),
    /// Names of the classes; empty when unlabelled.
    pub classes: Vec<String>,
    /// Is the network class-conditional?
    pub conditional: bool,
    /// ᾱ_t of the run's schedule, t ∈ 0..T.
    pub alphas_cumprod: Arc<Vec<f64>>,
    /// A few training images for the forward-process picture, pixels in [-1, 1], `[H, W, C]` each.
    pub examples: Vec<Arc<Vec<f32>>>,
    /// Their latents where diffusion happens in such, as pictures `[h, w, 3]` of about unit variance; else empty.
    pub latent_examples: Vec<Arc<Vec<f32>>>,
    /// Where the data are points in the plane: a few thousand of them, `[N, 2]`; else empty.
    pub points: Arc<Vec<f32>>,
    /// "cpu" or "cuda:0", and threads.
    pub device: String,
    pub threads: usize,
    /// The step the run starts from (0, or where it resumes).
    pub start_step: u64,
    /// Warnings about the config or the data (a broken file skipped, a large terminal SNR).
    pub warnings: Vec<String>,
    /// What was chosen for the user.
    pub chosen: Vec<String>,
    /// Which of several trainings in a row it is.
    pub stage: Option<PlannedStage>,
    /// What was set while the run went on before; as the config says where nothing was.
    pub live: Live,
}

impl RunInfo {
    /// What the run is trained on, in the plural.
    pub fn samples_word(&self) -> &'static str {
        if self.points.is_empty() { "images" } else { "points" }
    }

    /// From where a resumed run goes on, and with what that is no part of its config.
    pub fn going_on(&self) -> Option<String> {
        let set =
            self.live.words(&self.config, &self.classes).map_or(String::new(), |set| format!(", still with {set}"));
        (self.start_step > 0).then(|| format!("going on from step {}{set}", self.start_step))
    }
}

/// One frame of a denoising trajectory.
#[derive(Clone, Debug)]
pub struct PreviewFrame {
    /// Which trajectory: grows by one with each new preview.
    pub trajectory: u64,
    /// Frame index, 0 (pure noise) ..= total.
    pub index: usize,
    /// Network calls of the whole trajectory.
    pub total: usize,
    /// Timestep that x_t stands at (T − 1 at the start, 0 at the end).
    pub t: usize,
    /// Training step of the EMA weights used.
    pub step: u64,
    /// x_t and x̂_0 of every image, `[N, H, W, C]`, unclipped.
    pub x_t: Arc<Vec<f32>>,
    pub x_0: Arc<Vec<f32>>,
    /// Number of images N.
    pub num: usize,
    /// Class of each image; empty when unconditional.
    pub classes: Vec<usize>,
    pub settings: Arc<SamplingSettings>,
    /// For points in the plane: what the network says elsewhere at this t.
    pub field: Option<Arc<Field>>,
    /// Of an autoencoder, whose films lead from each picture to the next: x_t is what it decodes, x̂_0 the pictures.
    pub look: Option<Arc<AutoencoderLook>>,
}

/// What a network says on a grid of places in the plane, all at one t.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Places a side. They cover [-reach, reach] on both axes, row by row, the uppermost first, from left
    /// to right; the outermost lie on the edges.
    pub side: usize,
    pub reach: f32,
    /// The score ∇ log p(x_t) = −ε̂/σ at each place, `[side², 2]`: right and up.
    pub score: Vec<f32>,
    /// The probability flow towards the data, −dx/du = −(dα/du·x̂_0 + dσ/du·ε̂) (Song et al. 2021, eq. 13),
    /// `[side², 2]`.
    pub velocity: Vec<f32>,
}

/// What the worker reports.
#[derive(Clone, Debug)]
pub enum Event {
    Phase(Phase),
    /// Sent once, before the first step; of a run that is looked at, again when more is known.
    Ready(Arc<RunInfo>),
    Step(StepRecord),
    TimestepLoss(TimestepLossRow),
    /// A snapshot folder was written.
    SnapshotSaved {
        step: u64,
        dir: PathBuf,
    },
    /// A snapshot was begun and will not come.
    SnapshotLost {
        step: u64,
        message: String,
    },
    /// A preview picture was written.
    PreviewSaved {
        step: u64,
        file: PathBuf,
    },
    CheckpointSaved {
        step: u64,
        dir: PathBuf,
        took: Duration,
    },
    /// A live setting changed: "learning rate 0.002 (0.5 × the configured 0.004)".
    SettingChanged {
        step: u64,
        what: String,
    },
    /// How much the network's output depends on t alone, measured once early in the run.
    TimeUse {
        step: u64,
        time_use: TimeUse,
    },
    /// Of the live numbers, for who has asked.
    Explained(Arc<Explained>),
    /// Something that the user should know, but that does not stop the run.
    Warning {
        step: u64,
        message: String,
    },
    /// Something that the user may like to know.
    Note {
        step: u64,
        message: String,
    },
    /// The run is in another folder from now on: it was renamed, deleted, or could not be saved where it was.
    FolderMoved {
        step: u64,
        dir: PathBuf,
        message: String,
    },
    /// [`Command::Leave`] was not carried out: the run cannot be saved where it is. `elsewhere` is a folder that
    /// may be offered.
    CannotSave {
        step: u64,
        reason: String,
        elsewhere: PathBuf,
    },
    /// History of a resumed run, in order, sent before the first new step.
    History {
        steps: Vec<StepRecord>,
        rows: Vec<TimestepLossRow>,
        marks: Vec<HistoryMark>,
    },
    /// Of a run that is looked at: what was told of its steps, rows and marks holds no more; all of it follows again.
    Anew {
        why: String,
    },
    /// [`Command::StandAside`] was carried out: saved at this step, the run stands still.
    StandsAside {
        step: u64,
    },
    /// The most memory that the process has had in RAM at once, in MiB; sent once, at the end of a
    /// run, where the system tells it.
    PeakMemory {
        mib: f64,
    },
    /// The worker has ended; nothing follows. `Err` says why a run failed.
    Ended(Result<(), String>),
}

/// A past event that the loss curve marks.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryMark {
    pub step: u64,
    /// "snapshot", "checkpoint", "resume", "setting" …
    pub kind: String,
    pub what: String,
}
