//! The lab: a worker thread that trains, and the channels to it.
//!
//! [`Lab::spawn`] opens one from a [`LabPlan`]; [`Command`]s go in, [`Event`]s and
//! [`PreviewFrame`]s come out. The screen and the headless printer are two consumers of the same
//! events.

mod begin;
mod budget;
mod field;
mod history;
mod latest;
mod opening;
mod outbox;
mod plan;
mod preview;
mod protocol;
mod resuming;
mod sampling_settings;
mod saving;
mod snapshots;
mod spawn;
mod standing;
mod stopping;
mod throughput;
mod worker;

pub use plan::{Audience, Ending, LabPlan, Outcome, RunChoice};
pub use protocol::*;
pub use sampling_settings::{SamplingSettings, check_sampling};
pub use spawn::{Lab, WORKER_THREAD};
pub use standing::Standing;
