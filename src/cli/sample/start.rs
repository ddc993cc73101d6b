//! What samples start from: noise of a seed, noise on the way between two, or noise from a file.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::args::Args;
use super::edit::{Edit, INTERPOLATED};
use crate::cli::{UsageError, memory};
use crate::config::Config;
use crate::run::{self, HowFound, LoadedModel};
use crate::sampling::{self, editing};

/// The noise of a file, if one was given, and the settings to sample with unless flags say otherwise.
pub struct Given {
    noise: Option<Tensor>,
    /// The run's own config, or for noise that `--invert` found, with the settings that it was found with.
    pub config: Config,
    /// How the noise was found, if by `--invert`.
    pub how: Option<HowFound>,
}

impl Given {
    /// # Errors
    /// A usage error for a file that can't be read, or that this run can't sample from.
    pub fn read(args: &Args, model: &LoadedModel) -> Result<Self> {
        let Some(path) = &args.noise else {
            return Ok(Self { noise: None, config: model.config.clone(), how: None });
        };
        let read = run::read_noise(path, model.sample_shape);
        let (noise, how) = read.map_err(|e| UsageError::new(format!("--noise: {e:#}")))?;
        let config = match &how {
            Some(how) => Config { sample: how.sample.clone(), ..model.config.clone() }.with_overrides(&args.set)?,
            None => model.config.clone(),
        };
        let classes = model.net.num_classes().unwrap_or(0);
        if let Some(class) = how.as_ref().and_then(|how| how.class).filter(|&class| class >= classes) {
            let message = format!(
                "--noise {}: it was found with class {class}, and this run has {classes} classes: use the run that \
                 found it",
                path.display()
            );
            return Err(UsageError::new(message).into());
        }
        Ok(Self { noise: Some(noise), config, how })
    }

    /// The noise of `num` samples, `[N, H, W, C]`.
    ///
    /// # Errors
    /// A usage error for a number that can't be had.
    pub fn noise(&self, num: Option<usize>, model: &LoadedModel, edit: Option<&Edit>, seed: u64) -> Result<Tensor> {
        let (h, w, c) = model.sample_shape;
        let of = |num: usize, seed: u64| sampling::starting_noise(num, h, w, c, seed, &Device::Cpu);
        let usage = |message: String| Err(UsageError::new(message).into());
        match (&self.noise, edit, num) {
            (_, Some(Edit::Invert { .. }), None | Some(1)) => of(1, seed),
            (_, Some(Edit::Invert { .. }), _) => usage("--invert: one picture has one noise; leave --num out".into()),
            (_, _, Some(0)) => usage("--num 0: there is nothing to sample".into()),
            (None, Some(Edit::Interpolate { seeds: (a, b) }), num) => {
                let way = editing::slerp(&of(1, *a)?, &of(1, *b)?, num.unwrap_or(INTERPOLATED));
                Ok(way.map_err(|e| UsageError::new(format!("{e:#}")))?)
            }
            (None, _, num) => {
                let num = num.unwrap_or(self.config.sample.num).max(1);
                memory::check("--num", num, (h, w, c))?;
                of(num, seed)
            }
            (Some(noise), _, num) => match (noise.dim(0)?, num) {
                (held, Some(num)) if num > held => {
                    usage(format!("--num {num}: the noise file starts only {held} samples"))
                }
                (held, num) => Ok(noise.narrow(0, 0, num.unwrap_or(held))?),
            },
        }
    }
}
