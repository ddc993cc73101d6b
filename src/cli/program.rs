//! The program: parses, dispatches, and says how it ended.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use super::{UsageError, bench, compare, data, doctor, eval, export, import, lab, runs, sample, schedule, study};
use crate::config::ConfigError;
use crate::data::DataError;
use crate::lab::Outcome;
use crate::nn::diffusers::NotExpressible;
use crate::run::RunError;

/// Train, watch and understand diffusion models in a terminal.
///
/// Without a subcommand the lab opens: it trains on the bundled MNIST and shows how.
#[derive(Debug, Parser)]
#[command(name = "difflab", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    lab: lab::Args,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    Sample(Box<sample::Args>),
    Schedule(schedule::Args),
    Eval(eval::Args),
    Bench(bench::Args),
    Data(data::Args),
    Runs(runs::Args),
    Compare(compare::Args),
    Export(export::Args),
    Import(import::Args),
    Study(study::Args),
    Doctor(doctor::Args),
}

/// Runs the program. Exit codes: 0 done; 1 it failed (message on stderr); 2 bad usage, config or
/// data; 130 interrupted after saving.
pub fn main() -> ExitCode {
    crate::kernels::threads::prepare();
    let program = Program::parse();
    let result = match program.command {
        None => lab::run(program.lab),
        Some(command) => run(command).map(|()| Outcome::Done),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            // A closed stderr must not turn the exit code into a panic's.
            let _ = writeln!(std::io::stderr(), "difflab: {}", explain(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(command: Subcommands) -> Result<()> {
    match command {
        Subcommands::Sample(args) => sample::run(*args),
        Subcommands::Schedule(args) => schedule::run(args),
        Subcommands::Eval(args) => eval::run(args),
        Subcommands::Bench(args) => bench::run(args),
        Subcommands::Data(args) => data::run(args),
        Subcommands::Runs(args) => runs::run(args),
        Subcommands::Compare(args) => compare::run(args),
        Subcommands::Export(args) => export::run(args),
        Subcommands::Import(args) => import::run(args),
        Subcommands::Study(args) => study::run(args),
        Subcommands::Doctor(args) => doctor::run(args),
    }
}

/// 2 when the user can mend it (usage, config, data, run folder), else 1.
fn exit_code(error: &anyhow::Error) -> u8 {
    let mendable = error.chain().any(|cause| {
        cause.is::<NotExpressible>()
            || cause.is::<UsageError>()
            || cause.is::<ConfigError>()
            || cause.is::<DataError>()
            || cause.is::<RunError>()
    });
    if mendable { 2 } else { 1 }
}

/// The error and its causes, one a line; causes that say nothing new are left out.
fn explain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(|cause| cause.to_string()) {
        if !text.contains(&cause) {
            text += &format!("\n  {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn a_config_name_and_a_subcommand_are_told_apart() {
        let parsed = Program::try_parse_from(["difflab", "mnist", "--no-tui", "--steps", "5"]).unwrap();
        assert!(parsed.command.is_none());
        let parsed = Program::try_parse_from(["difflab", "runs", "--format", "json"]).unwrap();
        assert!(matches!(parsed.command, Some(Subcommands::Runs(_))));
        assert!(Program::try_parse_from(["difflab"]).unwrap().command.is_none());
        // Behind the lab's own options a word is the name of a config.
        assert!(Program::try_parse_from(["difflab", "--no-tui", "runs"]).unwrap().command.is_none());
    }

    #[test]
    fn what_the_user_can_mend_is_code_2_however_deep_it_lies() {
        let usage = Err::<(), _>(UsageError::new("no")).context("outer").unwrap_err();
        assert_eq!(exit_code(&usage), 2);
        assert_eq!(exit_code(&anyhow!("the disk is full")), 1);
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow!("inner").context("middle: inner").context("outer");
        assert_eq!(explain(&error), "outer\n  middle: inner");
    }
}
