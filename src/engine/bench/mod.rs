//! How fast this machine trains and samples: the trainer's own step and the samplers' own network
//! call, timed on random pictures, beside the machine's own matrix product.
//!
//! | file | what lives there |
//! |---|---|
//! | `model` | what is measured: an experiment, its network, random pictures of its size |
//! | `plan` | which measurements, and running them |
//! | `timing` | repeated runs, their median and minimum |
//! | `sgemm` | what a matrix product reaches |
//! | `peak` | the ceiling: products and sums from registers to registers |
//! | `report` | what came out |
//! | `agreement` | whether another device computes what the CPU does |
//! | `over_ranks` | several ranks: a step, and the sum of their gradients |
//! | `scaling` | what more ranks would bring, by a model |

mod agreement;
mod model;
mod over_ranks;
mod peak;
mod plan;
mod report;
mod scaling;
mod sgemm;
mod timing;

pub use agreement::{Compared, TOLERANCE, agreement};
pub use model::{BenchModel, OWN_NAMES};
pub use over_ranks::{RanksPlan, RanksReport};
pub use plan::BenchPlan;
pub use report::{BenchReport, Machine, Measured, Peak, Sgemm};
pub use scaling::{Computing, Link, Predicted, Scaling, SumTime};
pub use timing::Times;
