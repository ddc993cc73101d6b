//! The command line: one file a subcommand.

pub mod data;
pub mod doctor;
pub mod eval;
pub mod sample;
pub mod schedule;
mod usage;
mod values;

pub use usage::UsageError;

/// Runs the program and says how it ended.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
