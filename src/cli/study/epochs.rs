//! `difflab study epochs`: samples after so many epochs, and when digits become recognizable.

use anyhow::Result;

use super::ledger::Ledger;
use super::report::{FLOOR, all_finite, distance, percent, picture as shown, quality, share, table, told, write};
use super::studied_run::{Options, StudiedRun, make_out, samples_of};
use super::training::train;
use crate::cli::UsageError;
use crate::lab::Outcome;
use crate::run::{self, LoadedModel, StepRecord, checkpoint};
use crate::sampling::SamplerSettings;
use crate::speak;

/// From this share on, samples count as recognizable.
const RECOGNIZABLE: f64 = 0.9;

/// Samples of a run's checkpoints: after how many epochs digits become recognizable.
///
/// A run keeps only its newest checkpoints by default. --train makes a run for this study:
/// difflab study epochs runs/long --train mnist --epochs 10,50,100
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Only the checkpoints nearest to these epochs, such as 10,50,100. Default: every checkpoint.
    #[arg(long, value_name = "E,E,…", value_delimiter = ',')]
    epochs: Vec<f64>,
    /// Train this config first (a shipped one, a .toml file, or your data), in the run folder RUN, for the most of
    /// --epochs, with a checkpoint at each. A run that is there already goes on.
    #[arg(long, value_name = "CONFIG", requires = "epochs")]
    train: Option<String>,
    /// Set any config key of that training, e.g. --set train.batch_size=128; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", requires = "train")]
    set: Vec<String>,
    /// w in (1 + w)·ε_cond − w·ε_uncond. Default: the run's own.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    guidance_scale: Option<f64>,
    /// Sampling steps. Default: the run's sample.steps.
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
}

/// Trains what is to be studied, where that was asked for.
///
/// # Errors
/// Those of a training.
pub fn train_first(args: &Args) -> Result<Option<Outcome>> {
    let Args { options, epochs, set, .. } = args;
    let trained = args.train.as_ref().map(|config| train(config, &options.run, epochs, set, options.threads));
    trained.transpose()
}

/// Runs the study.
///
/// # Errors
/// A usage error for a run without checkpoints; else what went wrong while sampling or writing.
pub fn run(args: Args) -> Result<()> {
    let path = run::find(&args.options.run)?;
    let metrics = run::read_metrics(&path)?;
    let all: Vec<u64> = checkpoint::all(&path).into_iter().map(|(step, _)| step).collect();
    let chosen = chosen(&all, &metrics, &args.epochs);
    if all.is_empty() {
        // It says why.
        LoadedModel::open(&path, None)?;
    }
    if chosen.is_empty() {
        return Err(UsageError::new(format!("{} has no checkpoints to sample", path.display())).into());
    }
    let out = &args.options.out;
    make_out(out)?;
    let mut ledger = Ledger::open(&out.join("measured.jsonl"))?;
    let (mut rows, mut points, mut caption) = (Vec::new(), Vec::new(), String::new());
    let (mut recognizable, mut floor) = (None, None);
    for step in chosen {
        let subject = StudiedRun::open(&args.options, Some(step))?;
        let mut settings = SamplerSettings::from(&subject.model.config.sample);
        if let Some(steps) = args.steps {
            // Steps asked for take the place of the run's own list of timesteps.
            (settings.steps, settings.timesteps) = (steps, Vec::new());
        }
        let conditional = subject.model.net.num_classes().is_some();
        let usual = if conditional { subject.model.config.sample.guidance_scale } else { 0.0 };
        let w = args.guidance_scale.unwrap_or(usual);
        let picture = format!("epochs/step-{step}.png");
        let key = format!("epochs {}", subject.key()?);
        let measured = subject.repeat(&mut ledger, &key, &settings, w, &out.join(&picture))?;
        let record = record_at(&metrics, step);
        let (epoch, minutes) = (record.map(|r| r.epoch), record.map(|r| r.elapsed_s / 60.0));
        speak::remark(told(&format!("step {step}"), &measured));
        if measured.accuracy().is_some_and(|share| share.mean >= RECOGNIZABLE) && recognizable.is_none() {
            recognizable = Some((step, epoch, minutes));
        }
        let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.2}"));
        rows.push(vec![
            step.to_string(),
            number(epoch),
            number(minutes),
            percent(measured.accuracy()),
            distance(measured.fid()),
            share(measured.recall()),
            shown(&measured, &format!("samples of step {step}"), &picture),
        ]);
        points.push((epoch.unwrap_or(step as f64), measured));
        floor = subject.floor()?;
        caption = format!(
            "Run `{}`, EMA weights; {}{}. Sampler {}, {} steps, w = {w} (s = {}).",
            subject.model.config.name,
            samples_of(args.options.num, args.options.seed, args.options.seeds),
            subject.read_by(),
            settings.sampler.name(),
            settings.steps,
            1.0 + w
        );
    }
    let verdict = match recognizable {
        Some((step, epoch, minutes)) => format!(
            "The samples are recognizable ({:.0} % read as asked) from step {step} on: {:.2} epochs, {:.1} minutes of training.\n",
            100.0 * RECOGNIZABLE,
            epoch.unwrap_or(f64::NAN),
            minutes.unwrap_or(f64::NAN)
        ),
        None if points.iter().all(|(_, measured)| measured.accuracy().is_none()) => String::new(),
        None => format!("At no checkpoint are {:.0} % read as asked.\n", 100.0 * RECOGNIZABLE),
    };
    if let Some(floor) = floor {
        let (accuracy, fid, recall) = (percent(floor.accuracy()), distance(floor.fid()), share(floor.recall()));
        rows.push(vec!["floor".into(), String::new(), String::new(), accuracy, fid, recall, String::new()]);
    }
    let plots = quality("When samples become recognizable", "epoch", &points);
    let show = if plots.is_empty() { "" } else { "![The table as a plot](epochs.png)\n\n" };
    let header = ["step", "epoch", "minutes", "read as asked", "judge-FID", "recall", "samples"];
    let text = format!("{caption}\n{verdict}\n{show}{FLOOR}{}", table(&header, &rows));
    write(out, "epochs", &text, &plots)?;
    all_finite(points.iter().map(|(_, measured)| measured))
}

/// The newest record up to a step: not every step is logged.
fn record_at(metrics: &[StepRecord], step: u64) -> Option<&StepRecord> {
    metrics.iter().rev().find(|record| record.step <= step)
}

/// The checkpoints nearest to the epochs asked for, each once; all of them when none are asked for.
fn chosen(all: &[u64], metrics: &[StepRecord], epochs: &[f64]) -> Vec<u64> {
    if epochs.is_empty() {
        return all.to_vec();
    }
    let epoch = |step: u64| record_at(metrics, step).map_or(0.0, |record| record.epoch);
    let nearest = |wanted: &f64| {
        let distance = |step: u64| (epoch(step) - wanted).abs();
        all.iter().copied().min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
    };
    let mut steps: Vec<u64> = epochs.iter().filter_map(nearest).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_chosen_by_the_nearest_epoch() {
        let record = |step: u64| StepRecord {
            epoch: step as f64 / 100.0,
            loss: 0.0,
            loss_smoothed: 0.0,
            lr: 0.0,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: 0.0,
            ..StepRecord::at(step)
        };
        let metrics: Vec<StepRecord> = (0..=50).map(|i| record(20 * i)).collect();
        let all = [110, 500, 1000];
        assert_eq!(chosen(&all, &metrics, &[]), all);
        assert_eq!(chosen(&all, &metrics, &[10.0, 50.0, 100.0, 1.2]), [110, 1000]);
        assert_eq!(record_at(&metrics, 110).unwrap().step, 100);
        assert!(chosen(&[], &metrics, &[1.0]).is_empty());
    }
}
