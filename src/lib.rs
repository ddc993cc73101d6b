//! difflab: train, watch and understand diffusion models in a terminal.
//!
//! The house has floors, and imports only point down:
//!
//! | floor | what lives there |
//! |---|---|
//! | [`cli`] | one file a subcommand: parses, calls, prints |
//! | [`tui`] | the interactive lab |
//! | [`headless`] | the same lab without a screen |
//! | [`speak`] | what the program says: results that must arrive, remarks that must not hurt |
//! | [`lab`] | the protocol, and the worker thread that owns the trainer |
//! | [`report`] | runs as one file for a browser |
//! | [`course`] | stations, their questions, and how far a learner has come |
//! | [`run`] | the run folder: config, metrics, checkpoints, snapshots, model card |
//! | [`explain`](mod@explain) | the mathematics of what one sees, with the live numbers |
//! | [`eval`] | the judge: how many samples read as what they should be |
//! | [`bench`](mod@bench) | how fast this machine trains and samples |
//! | [`train`] | the trainer: one step in, one report out |
//! | [`sampling`] | samplers, guidance, respacing |
//! | [`nn`] | the U-Net, with diffusers' names of layers and parameters, and an MLP for points |
//! | [`kernels`] | forward and backward operations, fast on a CPU |
//! | [`diffusion`] | schedules, paths, parameterizations: pure f64 mathematics |
//! | [`data`] | datasets and batching |
//! | [`picture`] | grids, films and plots; the colours that mean the same everywhere |
//! | [`config`] | the experiment file: schema, defaults, validation, overrides |
//! | [`ranks`] | processes that work together, and the order in which they add up |
//! | [`random`] | the seeded generators that all randomness flows from |
//! | [`process`](mod@process) | signals and cancellation, memory, and what must be tidied up at the end |
//! | [`ascii`](mod@ascii) | text for terminals that have nothing but ASCII |
//! | [`thousands`](mod@thousands) | counts as people write them |

// They panic where nobody listens any more: see `speak`.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub use difflab_engine::{
    ascii, bench, config, data, diffusion, eval, kernels, nn, picture, process, random, ranks, sampling, thousands,
    train,
};

pub mod cli;
pub mod course;
pub mod explain;
pub mod headless;
pub mod lab;
pub mod report;
pub mod run;
pub mod speak;
pub mod tui;
