//! The training before a study of epochs: one run, with a checkpoint at every epoch asked for.

use std::path::Path;

use anyhow::Result;

use crate::cli::{UsageError, lab, source};
use crate::config::Config;
use crate::data;
use crate::lab::Outcome;
use crate::run;
use crate::speak;

/// Epochs are told apart down to this share of one.
const FINEST: f64 = 0.01;
/// More checkpoints than this are a slip of the finger.
const MOST_CHECKPOINTS: f64 = 1000.0;

/// Trains `config` in the run folder `run` for the largest of `epochs`, with a checkpoint at each; goes on with a run
/// that is there already, and leaves one alone that has so many. `sets` are further `KEY=VALUE`.
///
/// # Errors
/// A usage error for epochs that make no training; else what went wrong while training.
pub fn train(config: &str, run: &str, epochs: &[f64], sets: &[String], threads: usize) -> Result<Outcome> {
    let (stride, most) = stride(epochs)?;
    let folder = Path::new(run);
    let mut sets = sets.to_vec();
    sets.push(format!("train.epochs={most}"));
    let begun = folder.is_dir();
    if begun {
        let done = run::read_metrics(folder)?.last().map_or(0.0, |record| record.epoch);
        if done + FINEST * FINEST >= most {
            speak::remark(format_args!("{run} has its {most} epochs already"));
            return Ok(Outcome::Done);
        }
        speak::remark(format_args!("{run} is there already: it goes on with its own config, not with {config}"));
    }
    let resolved = match begun {
        true => run::config_of(folder)?.with_overrides(&sets)?,
        false => source::config_of(config, &sets)?.0,
    };
    sets.push(format!("train.checkpoint_every={}", resolved.train.steps_of(stride, training_images(&resolved)?)));
    sets.push(format!("train.keep_checkpoints={MOST_CHECKPOINTS}"));
    lab::train(config, folder, sets, threads)
}

/// The epochs between two checkpoints that meet all of those asked for, and the most of them.
fn stride(epochs: &[f64]) -> Result<(f64, f64)> {
    let refuse = |problem: String| Err(UsageError::new(format!("--epochs: {problem}")).into());
    if let Some(epoch) = epochs.iter().find(|epoch| !(**epoch >= FINEST && epoch.is_finite())) {
        return refuse(format!("a training takes {FINEST} epochs or more, not {epoch}"));
    }
    let gcd = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let stride = epochs.iter().map(|epoch| (epoch / FINEST).round() as u64).fold(0, gcd) as f64 * FINEST;
    let most = epochs.iter().copied().fold(0.0, f64::max);
    match most / stride {
        n if n <= MOST_CHECKPOINTS => Ok((stride, most)),
        n => refuse(format!("a checkpoint every {stride} epochs would be {n:.0} of them; choose rounder numbers")),
    }
}

fn training_images(config: &Config) -> Result<usize> {
    let images = data::survey(&config.data, &mut |_| {})?.images;
    Ok(images.saturating_sub(config.data.held_out.of(images)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_meet_every_epoch_asked_for() {
        assert_eq!(stride(&[10.0, 50.0, 100.0]).unwrap(), (10.0, 100.0));
        assert_eq!(stride(&[3.0]).unwrap(), (3.0, 3.0));
        let (fine, most) = stride(&[0.5, 1.25]).unwrap();
        assert!((fine - 0.25).abs() < 1e-12 && most == 1.25);
        for epochs in [&[0.0][..], &[f64::NAN], &[-1.0, 5.0]] {
            assert!(stride(epochs).unwrap_err().is::<UsageError>(), "{epochs:?}");
        }
        assert!(stride(&[0.01, 50.0]).unwrap_err().to_string().contains("5000 of them"));
    }
}
