//! The command line: one file a subcommand.

mod bench;
pub mod data;
mod device;
pub mod doctor;
pub mod eval;
mod lab;
mod program;
mod runs;
pub mod sample;
pub mod schedule;
mod study;
mod usage;
mod values;

pub use program::main;
pub use usage::UsageError;
