//! What the arguments of the command line take, by their types and by what help calls them.

use std::any::TypeId;
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::engine::{PathCompleter, ValueCompleter};
use clap_complete::{ArgValueCompleter, CompletionCandidate};

use super::settings::{sample_settings, sampling_setting, setting, settings, words_of};
use crate::config::{PrecisionChoice, SamplerName, TimestepSpacing, shipped};
use crate::data::catalogue;
use crate::explain::Topic;
use crate::run::{last_written, runs_under};

type Candidates = Vec<CompletionCandidate>;
/// What a word may become.
type Values = fn(&str) -> Candidates;

/// The command with its arguments, and those of its subcommands, knowing what they take.
pub fn completed(command: Command) -> Command {
    let name = command.get_name().to_string();
    let with_values = |arg: Arg| match taken(&name, &arg) {
        Some(values) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| values(&typed.to_string_lossy()))),
        None => arg,
    };
    command.mut_args(with_values).mut_subcommands(completed)
}

/// What an argument takes, where a shell can't know; flags, numbers, files and choices it knows by themselves.
fn taken(command: &str, arg: &Arg) -> Option<Values> {
    let kind = arg.get_value_parser().type_id();
    let by_type: [(TypeId, Values); 4] = [
        (TypeId::of::<SamplerName>(), |typed| words_of("sample.sampler", typed)),
        (TypeId::of::<TimestepSpacing>(), |typed| words_of("sample.spacing", typed)),
        (TypeId::of::<PrecisionChoice>(), |typed| words_of("sample.precision", typed)),
        (TypeId::of::<Topic>(), topics),
    ];
    if let Some((_, values)) = by_type.into_iter().find(|(of, _)| kind == *of) {
        return Some(values);
    }
    let called = arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    if (command, called) == ("schedule", "NAME") {
        return Some(schedules);
    }
    if kind != TypeId::of::<String>() {
        return None;
    }
    Some(match (command, called) {
        ("data" | "show", "NAME") => datasets,
        ("restore", _) => return None,
        ("sample", "KEY=V,V,…") => sample_settings,
        (_, "KEY=V,V") => settings,
        ("sample", "KEY=VALUE") => sampling_setting,
        (_, "KEY=VALUE") => setting,
        (_, "CONFIG") => configs,
        (_, "CONFIG|RUN") => configs_and_runs,
        (_, "DEVICE") => devices,
        (_, "RUN" | "RUNS" | "FOLDER") => runs,
        _ => return None,
    })
}

fn topics(typed: &str) -> Candidates {
    let known = Topic::ALL.map(Topic::name).into_iter().filter(|name| name.starts_with(typed));
    known.map(CompletionCandidate::new).collect()
}

/// Those of a formula; `given` is a list in a config.
fn schedules(typed: &str) -> Candidates {
    words_of("diffusion.schedule", typed).into_iter().filter(|word| word.get_value() != "given").collect()
}

/// `latest` and the runs in `runs/`, the one last written to first; a folder, where none begins so.
fn runs(typed: &str) -> Candidates {
    let mut known = runs_under(Path::new("runs")).unwrap_or_default();
    // Shells part candidates by lines and tabs, and take a dash for a flag: such runs are named by their folders.
    known.retain(|run| !run.name.starts_with('-') && !run.name.contains(|c: char| c.is_control() || c == '\u{fffd}'));
    known.sort_by_cached_key(|run| Reverse(last_written(&run.path)));
    let latest = known.first().map(|run| ("latest", Some(run.name.clone().into())));
    let all = latest.into_iter().chain(known.iter().map(|run| (run.name.as_str(), None)));
    let fitting = all.filter(|(name, _)| name.starts_with(typed));
    let found = in_this_order(fitting.map(|(name, newest)| CompletionCandidate::new(name).help(newest)));
    if !found.is_empty() {
        return found;
    }
    let folders = PathCompleter::dir().complete(OsStr::new(typed));
    folders.into_iter().filter(|folder| folder.get_value() != ".").collect()
}

/// The configs that difflab carries; files: those of configs before anything is typed, then all.
fn configs(typed: &str) -> Candidates {
    let carried = shipped().iter().filter(|(name, _)| name.starts_with(typed));
    let about = |text: &str| text.lines().next().map(|line| line.trim_start_matches("# ").to_string().into());
    let mut found = in_this_order(carried.map(|(name, text)| CompletionCandidate::new(*name).help(about(text))));
    let is_config = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let files = match typed.is_empty() {
        true => PathCompleter::file().filter(is_config),
        false => PathCompleter::any(),
    };
    found.extend(files.complete(OsStr::new(typed)));
    found
}

fn configs_and_runs(typed: &str) -> Candidates {
    let mut found = configs(typed);
    found.extend(runs(typed).into_iter().filter(|run| !run.get_value().to_string_lossy().ends_with('/')));
    found
}

/// The bundled datasets, and files.
fn datasets(typed: &str) -> Candidates {
    let known = catalogue();
    let bundled = known.iter().filter(|entry| entry.name.starts_with(typed));
    let mut found: Candidates =
        bundled.map(|entry| CompletionCandidate::new(entry.name).help(Some(entry.description.into()))).collect();
    if !typed.is_empty() || found.is_empty() {
        found.extend(PathCompleter::any().complete(OsStr::new(typed)));
    }
    found
}

/// What this difflab was built for.
fn devices(typed: &str) -> Candidates {
    let built = [("cpu", true), ("cuda:0", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))];
    let known = built.into_iter().filter(|(name, is_in)| *is_in && name.starts_with(typed));
    known.map(|(name, _)| CompletionCandidate::new(name)).collect()
}

/// The engine sorts by this number.
fn in_this_order(candidates: impl Iterator<Item = CompletionCandidate>) -> Candidates {
    candidates.enumerate().map(|(at, candidate)| candidate.display_order(Some(at))).collect()
}
