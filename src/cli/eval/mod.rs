//! `difflab eval`: how good a run's model is.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | which measurements this run allows, and taking them |
//! | `foreseen` | what can be known to be impossible before a run is trained |
//! | `ignored` | flags that mean nothing to what is measured |
//! | `material` | the run's own data, held out and trained on |
//! | `likelihoods` | variational bound and ODE likelihood of held-out images |
//! | `samples` | samples, drawn once for all that follows |
//! | `judged` | what a bundled judge says of them |
//! | `plane` | how far points in the plane are from the run's |
//! | `reconstructions` | how well an autoencoder gives pictures back |
//! | `report` | the results, as a table and as JSON |
//! | `results` | the same, number by number |

mod args;
mod command;
mod foreseen;
mod ignored;
mod judged;
mod likelihoods;
mod material;
mod plane;
mod progress;
mod reconstructions;
mod report;
mod results;
mod samples;

pub use args::{Args, EvalFormat, Metric};
pub use command::{judge_for, measure, run};
pub use foreseen::impossible;
pub use material::Material;
pub use results::EvalResult;
