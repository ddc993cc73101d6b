//! One explanation, made and printed.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;

use super::args::{Args, Format};
use super::ignored::ignored;
use super::{notes, pictures};
use crate::cli::UsageError;
use crate::cli::data_elsewhere::{EXAMPLE, with_data};
use crate::cli::eval::Material;
use crate::cli::output::OutputFile;
use crate::cli::sample::at_the_shell;
use crate::config::Config;
use crate::data::DataError;
use crate::diffusion::Parameterization;
use crate::explain::document::ShownPicture;
use crate::explain::{self, ExplainedSubject, Explanation, Focus, Part, Topic, text, training_step};
use crate::kernels::Workers;
use crate::picture;
use crate::run::{self, ExplainedRun, LoadedModel, RecentLosses};
use crate::speak;
use crate::train::Trainer;

/// Columns of text where there is no terminal to ask, and at most.
const WIDTH: usize = 100;

/// Why there is nothing to explain of an autoencoder.
const NO_DIFFUSION: &str = "the explanations are of diffusion";

/// Lists the topics, or explains one.
///
/// # Errors
/// A usage error for what is not there; what the run's files or the network report.
pub fn run(args: &Args) -> Result<()> {
    let Some(topic) = args.topic else { return Ok(speak::print(&topics())?) };
    if args.weight.is_some() && topic != Topic::TrainingStep {
        return Err(UsageError::new("--weight is of topic training-step alone").into());
    }
    if args.out.is_some() && args.format == Some(Format::Text) {
        return Err(
            UsageError::new("--out writes Markdown, and --format text asks for a terminal's: leave one out").into()
        );
    }
    let out = args.out.as_deref().map(|path| OutputFile::new(path, "--out", &["md"])).transpose()?;
    ignored(args, topic).iter().for_each(speak::warn);
    let explanation = match topic.needs_no_data() {
        true => of_the_path(args, topic)?,
        false => explanation(args, topic)?,
    };
    match (out, args.format) {
        (Some(out), _) => notes::write(&explanation, topic, &out),
        (None, Some(Format::Md)) => notes::print(&explanation),
        (None, _) => print_text(args, &explanation),
    }
}

fn topics() -> String {
    let width = Topic::ALL.iter().map(|topic| topic.name().len()).max().unwrap_or(0);
    let line = |topic: &Topic| format!("  {:width$}  {}\n", topic.name(), topic.about());
    let lines: String = Topic::ALL.iter().map(line).collect();
    format!("difflab explain TOPIC [--run RUN] [--at t]\n\n{lines}")
}

fn print_text(args: &Args, explanation: &Explanation) -> Result<()> {
    let on_terminal = io::stdout().is_terminal();
    let width = match crossterm::terminal::size() {
        Ok((columns, _)) if on_terminal && columns > 20 => usize::from(columns).min(WIDTH),
        _ => WIDTH,
    };
    let mut waiting = text::title(explanation);
    for part in &explanation.parts {
        waiting.push('\n');
        let Part::Pictures(row) = part else {
            for line in text::lines(part, width) {
                waiting.push_str(line.trim_end());
                waiting.push('\n');
            }
            continue;
        };
        if on_terminal {
            speak::print(&waiting)?;
            waiting.clear();
            picture::print_in_terminal(&pictures::row(row, 3), at_the_shell(args.images))?;
        } else {
            waiting.push_str(&in_characters(row, width));
        }
        waiting.push_str(&format!("    {}\n", pictures::caption(row)));
    }
    Ok(speak::print(&waiting)?)
}

/// For pipes and files: from dark to bright in characters.
fn in_characters(row: &[ShownPicture], width: usize) -> String {
    let picture = pictures::row(row, 1);
    let columns = (picture.width() as usize).min(width) as u32;
    let lines = (columns * picture.height() / picture.width().max(1) / 2).max(1);
    picture::in_characters(&picture, columns, lines)
}

/// A topic that a path and a run's losses tell alone: neither data nor a checkpoint has to be there.
fn of_the_path(args: &Args, topic: Topic) -> Result<Explanation> {
    let (config, losses) = match &args.run {
        Some(run) => {
            let dir = run::find(run)?;
            run::check_draws(&dir, NO_DIFFUSION)?;
            let losses = (topic == Topic::Bound).then(|| RecentLosses::of(&dir)).transpose()?;
            losses.iter().filter_map(|(_, unread)| unread.words()).for_each(speak::warn);
            let losses = losses.and_then(|(losses, _)| losses.column());
            (with_data(&run::config_of(&dir)?, &args.set)?, losses)
        }
        None => (Config::load(&args.config, &[])?, None),
    };
    let parameterization = Parameterization::from_config(&config.diffusion)?;
    let t = timestep(args, &parameterization);
    explain::level(&parameterization, t).map_err(|error| UsageError::new(format!("{error:#}")))?;
    explain::of_the_path(topic, &parameterization, t, losses.as_ref())
}

/// Of a run, or of a config.
fn explanation(args: &Args, topic: Topic) -> Result<Explanation> {
    let workers = Arc::new(Workers::new(args.threads)?);
    let weight = args.weight.as_deref();
    if let Some(run) = &args.run {
        let run = opened(args, run, workers)?;
        run.warnings.iter().for_each(speak::warn);
        let focus = focus(args, &run.subject())?;
        return match topic {
            Topic::TrainingStep => run.training_step(weight).map_err(|error| unknown_weight(args, error)),
            topic => run.explain(topic, focus),
        };
    }
    let config = Config::load(&args.config, &[])?;
    if config.diffuses_latents() {
        let message = format!(
            "{} diffuses in the latents of an autoencoder, and {} is explained by these: train it, and name the run with \
             --run",
            args.config,
            topic.name()
        );
        return Err(UsageError::new(message).into());
    }
    let material = Material::load(&config)?;
    let parameterization = Parameterization::from_config(&config.diffusion)?;
    let subject = ExplainedSubject {
        config: &config,
        parameterization: &parameterization,
        data: &material.train,
        latents: None,
        network: None,
        workers: &workers,
    };
    let focus = focus(args, &subject)?;
    if topic == Topic::TrainingStep {
        let (train, held_out) = (material.train.clone(), &material.held_out);
        let mut trainer = Trainer::new(&config, train, held_out, &Device::Cpu, workers.clone())?;
        let step = trainer.step_by_hand(weight).map_err(|error| unknown_weight(args, error))?;
        return training_step::explain(&step, &config, &material.train, "a new run of this config");
    }
    explain::explain(topic, &subject, focus, None)
}

/// The run with its network and data.
///
/// # Errors
/// As [`ExplainedRun::of`]; of data that are not there, what helps.
fn opened(args: &Args, run: &str, workers: Arc<Workers>) -> Result<ExplainedRun> {
    let dir = run::find(run)?;
    run::check_draws(&dir, NO_DIFFUSION)?;
    let mut model = LoadedModel::open(&dir, args.checkpoint)?;
    model.config = with_data(&model.config, &args.set)?;
    ExplainedRun::of(&dir, model, args.accept_data, workers).map_err(|error| match error.downcast_ref::<DataError>() {
        Some(missing) => UsageError::new(format!(
            "{missing}\n  the run's data are needed here: where they have moved, name them with --set {EXAMPLE}; without \
             them there are the topics time and bound"
        ))
        .into(),
        None => error,
    })
}

/// A weight that is not there is a mistake on the command line.
fn unknown_weight(args: &Args, error: anyhow::Error) -> anyhow::Error {
    match &args.weight {
        Some(name) if error.to_string().contains("no weight called") => {
            UsageError::new(format!("--weight {name}: {error}")).into()
        }
        _ => error,
    }
}

/// The timestep to look at: where signal and noise are equal, unless one is named.
fn timestep(args: &Args, parameterization: &Parameterization) -> usize {
    let schedule = &parameterization.schedule;
    let equal = schedule.level_of(1.0).t.round().max(0.0) as usize;
    args.at.unwrap_or(equal.min(schedule.timesteps() - 1))
}

/// Where the flags look.
///
/// # Errors
/// A usage error for a timestep, picture or pixel that is not there.
fn focus(args: &Args, subject: &ExplainedSubject) -> Result<Focus> {
    let t = timestep(args, subject.parameterization);
    let focus = Focus {
        t,
        image: args.image.unwrap_or(0),
        pixel: args.pixel.map(|(row, column, _)| (row, column)),
        channel: args.pixel.map_or(0, |(_, _, channel)| channel),
    };
    subject.followed(focus).map_err(|error| UsageError::new(format!("{error:#}")))?;
    Ok(focus)
}
