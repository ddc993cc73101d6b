//! The program: parses, dispatches, and says how it ended.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::over_ranks::{self, Processes};
use super::tensor_words::told;
use super::{
    UsageError, autoencoder, bench, card, compare, completions, course, data, doctor, eval, explain, export,
    export_logs, fork, import, interruption, lab, man, numbers, race, ranks, report, runs, sample, schedule, speedrun,
    study, sweep, watch,
};
use crate::ascii;
use crate::config::ConfigError;
use crate::data::{DataError, expanded_arguments};
use crate::kernels::Isa;
use crate::lab::{Outcome, RanksDiffer};
use crate::nn::diffusers::NotExpressible;
use crate::process::interrupt::{BrokenOff, Interrupted};
use crate::process::{last_words, limit_is_an_error};
use crate::ranks::{NotJoined, launched_as};
use crate::run::RunError;
use crate::speak::{self, Unwritten};

/// Train, watch and understand diffusion models in a terminal.
///
/// Without a subcommand the lab opens and trains on the bundled MNIST.
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
    Autoencoder(Box<autoencoder::Args>),
    Watch(watch::Args),
    Compare(compare::Args),
    Fork(fork::Args),
    Race(race::Args),
    Sweep(sweep::Args),
    Card(card::Args),
    Export(export::Args),
    ExportLogs(export_logs::Args),
    Import(import::Args),
    Explain(explain::Args),
    Course(course::Args),
    Report(report::Args),
    Study(study::Args),
    Speedrun(speedrun::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program. Exit codes: 0 done; 1 it failed (message on stderr), a write among it; 2 bad usage, config or
/// data, or a place that cannot be written in, found before the work; 130 interrupted after saving.
pub fn main() -> ExitCode {
    ExitCode::from(program(std::env::args_os(), None))
}

/// The program with `words` for its command line, its own name first; returns its exit code. `after_step` is called
/// by the thread that trains, after each step with its number: what becomes of a panic there can be tested so.
pub fn program(words: impl IntoIterator<Item = OsString>, after_step: Option<fn(u64)>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    match completions::answer(&words, command_line) {
        Ok(false) => {}
        Ok(true) => return 0,
        Err(_) => return 1,
    }
    crate::kernels::threads::prepare();
    last_words::install();
    limit_is_an_error();
    let program = match parsed(expanded_arguments(words.iter().cloned())) {
        Ok(program) => program,
        Err(answer) if answer.use_stderr() => return ranks::end_refused(&words, || say(&answer)),
        Err(answer) => return if launched_as().is_none_or(|rank| rank == 0) { say(&answer) } else { 0 },
    };
    if let Some(wanted) = Isa::asked_in_vain() {
        let names: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
        speak::warn(format_args!(
            "DIFFLAB_ISA = {wanted:?} is none of the instruction sets that the kernels know and this processor has ({}): {} is used",
            names.join(", "),
            Isa::current().name()
        ));
    }
    let (name, processes) = of_processes(program.command.as_ref());
    let processes = if program.lab.only_explains() { Processes::Any } else { processes };
    let result = over_ranks::enter(name, processes, &words).and_then(|()| match program.command {
        None => lab::run(program.lab, after_step),
        Some(Subcommands::Autoencoder(args)) => autoencoder::run(*args),
        Some(Subcommands::Watch(args)) => watch::run(&args),
        Some(Subcommands::Runs(args)) if args.open_browser() => runs::browse(&args),
        Some(Subcommands::Compare(args)) if compare::is_for_the_screen(&args) => compare::show(&args),
        Some(Subcommands::Course(args)) if course::is_for_the_lab(&args) => course::show(&args),
        Some(Subcommands::Fork(args)) => fork::run(args),
        Some(Subcommands::Race(args)) => race::run(args),
        Some(Subcommands::Sweep(args)) => sweep::run(args),
        Some(Subcommands::Study(args)) => match study::train_first(&args) {
            Ok(None | Some(Outcome::Done)) => obeying(Subcommands::Study(args)),
            Ok(Some(Outcome::Interrupted)) => Ok(Outcome::Interrupted),
            Err(error) => Err(error),
        },
        Some(command) => obeying(command),
    });
    match result {
        Ok(Outcome::Done) => ranks::end(0),
        Ok(Outcome::Interrupted) => ranks::end(130),
        Err(error) => ranks::end_in_failure(exit_code(&error), &error, &in_words(&error)),
    }
}

/// A subcommand's name, and what it makes of several processes.
fn of_processes(command: Option<&Subcommands>) -> (&'static str, Processes) {
    let Some(command) = command else { return ("", Processes::Share) };
    match command {
        Subcommands::Autoencoder(_) => ("autoencoder", Processes::Share),
        Subcommands::Fork(_) => ("fork", Processes::Share),
        Subcommands::Sample(_) => ("sample", Processes::Share),
        Subcommands::Eval(_) => ("eval", Processes::Share),
        Subcommands::Study(_) => ("study", Processes::Share),
        Subcommands::Bench(args) if args.is_over_ranks() => ("bench", Processes::Share),
        Subcommands::Bench(_) => ("bench without --mpi", Processes::One),
        Subcommands::Schedule(_) => ("schedule", Processes::One),
        Subcommands::Data(_) => ("data", Processes::One),
        Subcommands::Runs(_) => ("runs", Processes::One),
        Subcommands::Watch(_) => ("watch", Processes::One),
        Subcommands::Compare(_) => ("compare", Processes::One),
        Subcommands::Race(_) => ("race", Processes::One),
        Subcommands::Sweep(_) => ("sweep", Processes::One),
        Subcommands::Card(_) => ("card", Processes::One),
        Subcommands::Export(_) => ("export", Processes::One),
        Subcommands::ExportLogs(_) => ("export-logs", Processes::One),
        Subcommands::Import(_) => ("import", Processes::One),
        Subcommands::Explain(_) => ("explain", Processes::One),
        Subcommands::Course(_) => ("course", Processes::One),
        Subcommands::Report(_) => ("report", Processes::One),
        Subcommands::Speedrun(_) => ("speedrun", Processes::One),
        Subcommands::Doctor(_) => ("doctor", Processes::One),
        Subcommands::Completions(_) => ("completions", Processes::One),
        Subcommands::Man(_) => ("man", Processes::One),
    }
}

/// Runs a subcommand; signals break it off.
fn obeying(command: Subcommands) -> Result<Outcome> {
    // Without a thread to listen with, the system ends the process as it does.
    let _signals = interruption::obey();
    run(command).map(|()| Outcome::Done)
}

fn parsed<S: Into<OsString> + Clone>(words: impl IntoIterator<Item = S>) -> Result<Program, clap::Error> {
    let matches = command_line().try_get_matches_from(words)?;
    Program::from_arg_matches(&matches)
}

/// All subcommands and their arguments.
fn command_line() -> Command {
    numbers::understood(Program::command())
}

/// What clap answers by itself: help and version on standard output, mistakes on standard error.
fn say(answer: &clap::Error) -> u8 {
    if answer.kind() == clap::error::ErrorKind::ValueValidation {
        speak::remark(numbers::plain(&answer.to_string()).trim_end());
        return 2;
    }
    // Coloured by clap, where the terminal has the letters.
    let printed = match (ascii::terminal_has_utf8(), answer.use_stderr()) {
        (true, _) => answer.print(),
        (false, true) => {
            speak::remark(answer.to_string().trim_end());
            Ok(())
        }
        (false, false) => speak::print(&answer.to_string()).map_err(|unwritten| unwritten.0),
    };
    match printed {
        Err(error) if !answer.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            speak::remark(format_args!("difflab: {}", Unwritten(error)));
            1
        }
        // clap's codes are 0 and 2.
        _ => u8::try_from(answer.exit_code()).unwrap_or(2),
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
        // They have a screen or train, and hear of signals as the lab does.
        Subcommands::Autoencoder(_)
        | Subcommands::Watch(_)
        | Subcommands::Fork(_)
        | Subcommands::Race(_)
        | Subcommands::Sweep(_) => Ok(()),
        Subcommands::Card(args) => card::run(args),
        Subcommands::Export(args) => export::run(args),
        Subcommands::ExportLogs(args) => export_logs::run(args),
        Subcommands::Import(args) => import::run(args),
        Subcommands::Report(args) => report::run(args),
        Subcommands::Study(args) => study::run(args),
        Subcommands::Speedrun(args) => speedrun::run(&args),
        Subcommands::Explain(args) => explain::run(&args),
        Subcommands::Course(args) => course::run(&args),
        Subcommands::Doctor(args) => doctor::run(args),
        Subcommands::Completions(args) => completions::run(&args),
        Subcommands::Man(args) => man::run(&args, command_line()),
    }
}

/// 130 when a signal broke it off; 2 when the user can mend it (usage, config, data, run folder), else 1.
fn exit_code(error: &anyhow::Error) -> u8 {
    if Interrupted::caused(error) {
        return interruption::CODE;
    }
    let mendable = error.chain().any(|cause| {
        cause.is::<NotExpressible>()
            || cause.is::<UsageError>()
            || cause.is::<ConfigError>()
            || cause.is::<DataError>()
            || cause.is::<RunError>()
            || cause.is::<NotJoined>()
            || cause.is::<RanksDiffer>()
    });
    if mendable { 2 } else { 1 }
}

/// The error and its causes, one a line; causes that say nothing new are left out.
fn in_words(error: &anyhow::Error) -> String {
    if Interrupted::caused(error) {
        // How deep in the work it came is no matter to anybody.
        return error.downcast_ref::<BrokenOff>().map_or_else(|| interruption::WORDS.into(), |said| said.0.clone());
    }
    let mut causes = error.chain().map(told);
    let mut text = causes.next().unwrap_or_default();
    for cause in causes {
        if !text.contains(&cause) {
            text += &format!("\n  {cause}");
        }
    }
    without_numbers(&text)
}

/// Rust ends what the system says in "(os error 28)", which tells a person nothing.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => plain += rest,
            _ => plain += &format!(" (os error {part}"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn a_config_name_and_a_subcommand_are_told_apart() {
        let program = parsed(["difflab", "mnist", "--no-tui", "--steps", "5"]).unwrap();
        assert!(program.command.is_none());
        let program = parsed(["difflab", "runs", "--format", "json"]).unwrap();
        assert!(matches!(program.command, Some(Subcommands::Runs(_))));
        assert!(parsed(["difflab"]).unwrap().command.is_none());
        // Behind the lab's own options a word is the name of a config.
        assert!(parsed(["difflab", "--no-tui", "runs"]).unwrap().command.is_none());
    }

    #[test]
    fn what_the_user_can_mend_is_code_2_however_deep_it_lies() {
        let usage = Err::<(), _>(UsageError::new("no")).context("outer").unwrap_err();
        assert_eq!(exit_code(&usage), 2);
        assert_eq!(exit_code(&anyhow!("the disk is full")), 1);
    }

    #[test]
    fn what_a_signal_broke_off_is_code_130_and_said_for_people() {
        let deep = Err::<(), _>(Interrupted).context("writing a.png").unwrap_err();
        assert_eq!((exit_code(&deep), in_words(&deep).as_str()), (130, interruption::WORDS));
        let told = deep.context(BrokenOff("stopped before the first step".into()));
        assert_eq!((exit_code(&told), in_words(&told).as_str()), (130, "stopped before the first step"));
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow!("inner").context("middle: inner").context("outer");
        assert_eq!(in_words(&error), "outer\n  middle: inner");
    }

    #[test]
    fn numbers_of_the_system_are_left_out() {
        let error = anyhow!("reading a: denied (os error 13), b: none (os error 2)\n  (os error x)");
        assert_eq!(in_words(&error), "reading a: denied, b: none\n  (os error x)");
    }
}
