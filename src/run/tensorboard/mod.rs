//! A run's logs as TensorBoard reads them: scalars, the loss by quarters of t, and pictures.
//!
//! | file | what it does |
//! |---|---|
//! | `wire` | the few fields of protocol buffers |
//! | `record` | records with their checksums, one behind the other |
//! | `event` | an event of the file: what it holds, as bytes and back |
//! | `tags` | what is written of a line of metrics.jsonl, of timestep_loss.jsonl, and of a picture |
//! | `clock` | when a step was done, for logs that are written later |
//! | `cut` | cutting event files back to a step |
//! | `whole` | all events of a run, from its other files |
//! | `live` | events as they come, in the run's own folder |

mod clock;
mod cut;
mod event;
mod live;
mod record;
mod tags;
mod whole;
mod wire;

pub use live::{FOLDER, LiveEvents};
pub use tags::{QUARTERS, by_quarter};
pub use whole::{export, has_events};
