//! One training step, with everything that it is made of kept: for whoever wants to follow it by hand.

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::optimizer::Update;
use super::step_report::StepReport;
use super::trainer::Trainer;

/// A step that the trainer took, as [`Trainer::step`] takes it, and what became of one weight.
#[derive(Clone, Debug)]
pub struct ByHand {
    pub report: StepReport,
    /// The first sample of the batch, of `batch_size`.
    pub sample: OneSample,
    pub batch_size: usize,
    /// The parameter that is followed, and which of its numbers.
    pub parameter: String,
    pub place: usize,
    /// Its gradient, before clipping.
    pub gradient: f64,
    pub update: Update,
    pub before: OneWeight,
    pub after: OneWeight,
}

/// The batch's first sample; tensors `[1, H, W, C]`.
#[derive(Clone, Debug)]
pub struct OneSample {
    /// Which training image.
    pub image: usize,
    pub timestep: f64,
    /// The class that the network was told; the null class where the label was dropped.
    pub class: Option<u32>,
    /// What the network saw, what it should say, and what it said (without dropout).
    pub input: Tensor,
    pub target: Tensor,
    pub output: Tensor,
    /// Its mean squared error, as the step counted it.
    pub error: f64,
}

/// A weight with its moments and its average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneWeight {
    pub value: f64,
    /// m: AdamW's first moment, or Muon's momentum.
    pub first: f64,
    /// v, AdamW's second moment; `None`: the weight is Muon's.
    pub second: Option<f64>,
    pub average: f64,
}

impl Trainer {
    /// Takes one step, the same that [`Trainer::step`] takes, and keeps what it is made of. `parameter` is the name of a
    /// weight; by default the first convolution's, or while that has no gradient (`model.zero_init`) the last one's, or the first that
    /// AdamW moves. Of it the number with the largest gradient is followed.
    ///
    /// # Errors
    /// As [`Trainer::step`], and when there is no such parameter.
    pub fn step_by_hand(&mut self, parameter: Option<&str>) -> Result<ByHand> {
        let batch = self.batch()?;
        let first = batch.narrow(0..1)?;
        let output = self.detached()?.forward(&first.input, &first.t, first.classes.as_ref())?;
        let image = self.coming_images().first().copied().context("a batch without images")?;
        let moved_by_adamw = |name: &str| self.moments().iter().any(|(moment, _)| *moment == format!("v.{name}"));
        let position = |wanted: &str| self.parameters().iter().position(|(name, _)| name == wanted);
        let usable = match parameter {
            Some(wanted) => vec![position(wanted).with_context(|| {
                format!("the network has no weight called {wanted}; one is {}", self.parameters()[0].0)
            })?],
            None => {
                let usual = ["conv_in.weight", "conv_out.weight"].into_iter().filter(|name| moved_by_adamw(name));
                let any = self.parameters().iter().position(|(name, _)| moved_by_adamw(name)).unwrap_or(0);
                usual.filter_map(position).chain([any]).collect::<Vec<usize>>()
            }
        };
        let before: Vec<(usize, Copies)> =
            usable.into_iter().map(|index| Ok((index, self.copies(index)?))).collect::<Result<_>>()?;
        let learned = self.learn(&batch)?;
        let gradients = before.iter().map(|(index, _)| numbers(&learned.gradients[*index]));
        let gradients = gradients.collect::<Result<Vec<_>>>()?;
        let moves = |gradient: &Vec<f64>| gradient.iter().any(|&g| g != 0.0);
        let followed = gradients.iter().position(moves).unwrap_or(0);
        let (gradient, (index, before)) = (&gradients[followed], &before[followed]);
        let index = *index;
        let place = (0..gradient.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap_or(0);
        let sample = OneSample {
            image,
            timestep: first.timesteps[0],
            class: first
                .classes
                .as_ref()
                .map(|classes| classes.to_vec1::<u32>())
                .transpose()?
                .map(|classes| classes[0]),
            input: first.input,
            target: first.target,
            output,
            error: learned.report.samples[0].1,
        };
        Ok(ByHand {
            sample,
            batch_size: batch.len(),
            parameter: self.parameters()[index].0.clone(),
            place,
            gradient: gradient[place],
            update: learned.update,
            before: before.at(place),
            after: self.copies(index)?.at(place),
            report: learned.report,
        })
    }

    /// A parameter and what belongs to it, as they are now.
    fn copies(&self, index: usize) -> Result<Copies> {
        let (name, parameter) = &self.parameters()[index];
        let moments = self.moments();
        let moment = |letter: &str| {
            let wanted = format!("{letter}.{name}");
            moments.iter().find(|(name, _)| *name == wanted).map(|(_, moment)| numbers(moment)).transpose()
        };
        let averages = self.ema_weights();
        Ok(Copies {
            value: numbers(parameter)?,
            first: moment("m")?.with_context(|| format!("{name} has no moment"))?,
            second: moment("v")?,
            average: numbers(averages.get(name).with_context(|| format!("{name} has no average"))?)?,
        })
    }
}

struct Copies {
    value: Vec<f64>,
    first: Vec<f64>,
    second: Option<Vec<f64>>,
    average: Vec<f64>,
}

impl Copies {
    fn at(&self, i: usize) -> OneWeight {
        OneWeight {
            value: self.value[i],
            first: self.first[i],
            second: self.second.as_ref().map(|second| second[i]),
            average: self.average[i],
        }
    }
}

fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}
