//! The lab: a worker thread that trains, and the channels to it.
//!
//! [`Lab::spawn`] opens one from a [`LabPlan`]; [`Command`]s go in, [`Event`]s and
//! [`PreviewFrame`]s come out. The screen and the headless printer are two consumers of the same
//! events.

mod autoencoder_look;
mod begin;
mod budget;
mod data_facts;
mod diverged;
mod explaining;
mod field;
mod film_channel;
mod followers;
mod forking;
mod handover;
mod history;
mod keeping;
mod kept_history;
mod latents;
mod live;
mod opening;
mod outbox;
mod panics;
mod plan;
mod precision;
mod preview;
mod preview_network;
mod protocol;
mod racing;
mod rescue;
mod resuming;
mod sampling_settings;
mod saving;
mod snapshots;
mod snapshots_due;
mod spawn;
mod standing;
mod stopping;
mod suggestion;
mod throughput;
mod together;
mod training;
mod trouble;
mod turns;
mod watching;
mod worker;
mod writing;
mod writing_state;

pub use autoencoder_look::AutoencoderLook;
pub use followers::{RanksDiffer, follow, let_go};
pub use live::Live;
pub use plan::{Audience, Ending, LabPlan, Outcome, PlannedStage, RunChoice};
pub use precision::{Decided, decide};
pub use protocol::*;
pub use racing::Racing;
pub use rescue::what_remains;
pub use sampling_settings::{SamplingSettings, check_sampling};
pub use spawn::{Lab, WORKER_THREAD};
pub use standing::Standing;
pub use stopping::obey_signals;
pub use suggestion::{Suggestion, side_for, suggest};
pub use together::{AskAll, Together, train_together};
pub use turns::Turns;
pub use watching::Watcher;
