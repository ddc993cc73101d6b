//! `difflab study`: the exercises that the project teaches from, as tables and pictures that anyone can
//! make again.
//!
//! | file | what lives there |
//! |---|---|
//! | `combinations` | every path with every target and every sampler |
//! | `dispatch` | which study a word means |
//! | `steps` | quality against the number of steps, for each sampler |
//! | `epochs` | samples after so many epochs |
//! | `training` | the run that a study of epochs is made of |
//! | `guidance` | what the guidance scale does to samples |
//! | `studied_run` | a run under study: samples drawn and judged |
//! | `judging` | what the judge sees, in samples and in real images |
//! | `repeated` | a measurement with several seeds, and its standard error |
//! | `ledger` | what was measured already, so that a study goes on where it stopped |
//! | `report` | the Markdown table and the plot |

mod combinations;
mod dispatch;
mod epochs;
mod guidance;
mod judging;
mod ledger;
mod repeated;
mod report;
mod steps;
mod studied_run;
mod training;

pub use dispatch::{Args, run, train_first};
pub use ledger::Ledger;
