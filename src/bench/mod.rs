//! How fast this machine trains and samples: the trainer's own step and the samplers' own network
//! call, timed on random pictures, beside the machine's own matrix product.
//!
//! | file | what lives there |
//! |---|---|
//! | `subject` | what is measured: an experiment, its network, random pictures of its size |
//! | `plan` | which measurements, and running them |
//! | `timing` | repeated runs, their median and minimum |
//! | `sgemm` | the ceiling: matrix products |
//! | `memory` | the process's peak memory |
//! | `report` | what came out |

mod memory;
mod plan;
mod report;
mod sgemm;
mod subject;
mod timing;

pub use memory::{peak_resident_bytes, peak_resident_mib};
pub use plan::Plan;
pub use report::{Machine, Measured, Report, Sgemm};
pub use subject::{OWN_NAMES, Subject};
pub use timing::Times;
