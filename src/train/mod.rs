//! The trainer: one step in, one report out.

mod batch;
mod divergence;
mod ema;
mod error;
mod gradients;
mod held_out;
mod learning_rate;
mod loss_average;
mod loss_history;
mod loss_range;
mod objective;
mod optimizer;
mod precision;
mod shared_draws;
mod shares;
mod state;
mod time_use;
mod times;
mod timestep_loss;
mod timestep_sampler;
mod trainer;
mod variance_loss;

pub use batch::{Batch, LabelDrop, Recipe};
pub use divergence::tenth;
pub use ema::Ema;
pub use error::TrainError;
pub use learning_rate::learning_rate;
pub use loss_average::LossAverage;
pub use loss_range::LossRange;
pub use optimizer::{AdamW, AdamWSettings, Update};
pub use shared_draws::SharedDraws;
pub use state::TrainerState;
pub use time_use::{TimeUse, percent};
pub use timestep_loss::TimestepLoss;
pub use trainer::{StepReport, Trainer};
