//! Differences of losses that were drawn alike, with their standard errors.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;

use super::results::Results;
use crate::data;
use crate::eval::Estimate;
use crate::kernels::Workers;
use crate::run::{self, LoadedModel, checkpoint, seen_data};
use crate::train::Trainer;

/// Blocks whose means stand for independent draws.
const BLOCKS: usize = 20;
/// Fewer blocks than this say nothing of an error.
const FEWEST: usize = 4;
/// Steps a block has at least.
const SHORTEST: usize = 4;

/// How much larger one run's loss is than another's, pair by pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    pub difference: Estimate,
    /// Of what: "steps 301 to 600, in 20 blocks of 15".
    pub of: String,
}

/// The training losses of `b` less those of `a` in the second half of the steps that both have written.
///
/// Losses of neighbouring steps are correlated (weights change slowly), so that s/√n of single steps would be too small:
/// the error is that of the means of consecutive blocks.
pub fn of_steps(a: &Results, b: &Results) -> Option<Paired> {
    let of_a: BTreeMap<u64, f64> = a.steps.iter().map(|record| (record.step, record.loss)).collect();
    let pairs: Vec<(u64, f64)> =
        b.steps.iter().filter_map(|record| Some((record.step, record.loss - of_a.get(&record.step)?))).collect();
    let late = &pairs[pairs.len() / 2..];
    let ((first, _), (last, _)) = (*late.first()?, *late.last()?);
    let blocks = BLOCKS.min(late.len() / SHORTEST);
    let mean = |pairs: &[(u64, f64)]| pairs.iter().map(|(_, d)| d).sum::<f64>() / pairs.len() as f64;
    let standard_error = match blocks {
        FEWEST.. => {
            let means: Vec<f64> =
                (0..blocks).map(|i| mean(&late[i * late.len() / blocks..(i + 1) * late.len() / blocks])).collect();
            Estimate::of(&means).standard_error
        }
        _ => f64::NAN,
    };
    let of = match blocks {
        FEWEST.. => format!("steps {first} to {last}, in {blocks} blocks of {}", late.len() / blocks),
        _ => format!("steps {first} to {last}, too few for an error"),
    };
    Some(Paired { difference: Estimate { mean: mean(late), standard_error }, of })
}

/// The squared errors of a run's newest weights on its held-out images, image by image: the same images, timesteps and
/// noise in every run of this seed and process. Empty when none are held out.
///
/// # Errors
/// When the run, or its data, cannot be read.
pub fn held_out_errors(dir: &Path, workers: &Arc<Workers>) -> Result<Vec<f64>> {
    let config = run::config_of(dir)?;
    let (_, folder, _) = checkpoint::newest_good(dir)?;
    let dataset = data::load(&config.data)?;
    let latents = match config.diffuses_latents() {
        true => LoadedModel::open(dir, None)?.latents,
        false => None,
    };
    let dataset = seen_data(&config, dataset, None, latents.as_ref())?;
    let held_out = config.data.held_out.of(dataset.len());
    let (train, held_out) = dataset.split_held_out(held_out, config.seed)?;
    let mut trainer = Trainer::new(&config, train, &held_out, &Device::Cpu, workers.clone())?;
    trainer.restore(&checkpoint::load(&folder, &config, &Device::Cpu)?.state)?;
    trainer.held_out_errors()
}

impl Paired {
    /// The errors of `b` less those of `a`, which are of independent images, or of points: `noun` says what they are.
    pub fn of_images(a: &[f64], b: &[f64], noun: &str) -> Option<Self> {
        if a.is_empty() || a.len() != b.len() {
            return None;
        }
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        Some(Self { difference: Estimate::of(&differences), of: format!("{} held-out {noun}", a.len()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StepRecord;

    fn results(losses: impl IntoIterator<Item = f64>) -> Results {
        let steps = losses.into_iter().zip(1..).map(|(loss, step)| StepRecord {
            epoch: 0.0,
            loss,
            loss_smoothed: loss,
            lr: 0.0,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: 0.0,
            ..StepRecord::at(step)
        });
        Results { steps: steps.collect() }
    }

    #[test]
    fn only_the_steps_of_both_count_and_what_is_common_falls_out() {
        let common = |i: usize| ((i * 7919) % 101) as f64 / 100.0;
        let a = results((0..200).map(common));
        let b = results((0..180).map(|i| common(i) - 0.01));
        let paired = of_steps(&a, &b).unwrap();
        assert!((paired.difference.mean + 0.01).abs() < 1e-12 && paired.difference.standard_error < 1e-12);
        assert_eq!(paired.of, "steps 91 to 180, in 20 blocks of 4");
        assert_eq!(of_steps(&a, &results([])), None);
        let few = of_steps(&results([1.0, 2.0, 3.0]), &results([2.0, 2.0, 5.0])).unwrap();
        assert!(few.difference.standard_error.is_nan() && few.difference.mean == 1.0);
    }

    #[test]
    fn steps_that_hang_together_count_as_fewer() {
        // Each value stays for 30 steps: as good as one draw.
        let slow = |i: usize| (((i / 30) * 7919) % 101) as f64 / 100.0 - 0.5;
        let (a, b) = (results((0..1200).map(|_| 0.0)), results((0..1200).map(slow)));
        let paired = of_steps(&a, &b).unwrap().difference;
        let naive = Estimate::of(&(600..1200).map(slow).collect::<Vec<_>>());
        assert!((paired.mean - naive.mean).abs() < 1e-12);
        assert!(paired.standard_error > 4.0 * naive.standard_error, "{paired:?} and {naive:?}");
    }

    #[test]
    fn held_out_images_are_compared_one_by_one() {
        let paired = Paired::of_images(&[1.0, 2.0, 3.0], &[0.5, 1.5, 2.5], "points").unwrap();
        assert_eq!((paired.difference.mean, paired.difference.standard_error), (-0.5, 0.0));
        assert_eq!(paired.of, "3 held-out points");
        assert!(Paired::of_images(&[], &[], "images").is_none());
        assert!(Paired::of_images(&[1.0], &[1.0, 2.0], "images").is_none());
    }
}
