//! The command line: one file a subcommand.

mod bench;
mod compare;
mod course;
pub mod data;
mod device;
pub mod doctor;
mod doctor_run;
pub mod eval;
mod experiments;
mod explain;
mod export;
mod fork;
mod import;
mod interruption;
mod lab;
mod memory;
mod numbers;
mod output;
mod program;
mod race;
mod runs;
pub mod sample;
mod sampling_precision;
pub mod schedule;
mod source;
mod speedrun;
mod study;
mod sweep;
mod tensor_words;
mod usage;
mod values;
mod watch;

pub use program::{main, program};
pub use usage::UsageError;
