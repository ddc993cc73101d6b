//! One training batch: images, their timesteps, the noise, and what the network should say.

use std::ops::Range;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use rand::RngExt;

use super::coupling::by_optimal_transport;
use super::timestep_sampler::{Drawn, TimestepSampler};
use crate::config::Coupling;
use crate::data::Dataset;
use crate::diffusion::{NoiseLevel, Parameterization, Target};
use crate::kernels::Workers;
use crate::random::{Stream, fill_normal, generator, generator_of_sample};

/// N noisy images with the network's targets. Tensors lie on the training device. Where several ranks share a batch, each
/// has the tensors of its own samples alone, which begin with sample `first`.
pub struct Batch {
    pub first: usize,
    /// What the network sees: x_t times the path's input scale, `[N, H, W, C]`.
    pub input: Tensor,
    /// What the network should output, `[N, H, W, C]`.
    pub target: Tensor,
    /// Timestep of each sample, t ∈ 0..T; between the ticks on continuous paths.
    pub timesteps: Vec<f64>,
    /// What the loss of each sample is multiplied by for how its timestep was drawn; `None`: 1.
    pub corrections: Option<Vec<f64>>,
    /// The time that the network is told, `[N]` f32.
    pub t: Tensor,
    /// Class of each sample, `[N]` u32; the null class where the label was dropped.
    pub classes: Option<Tensor>,
    /// What an autoencoder draws its latents with, `[N, h, w, L]`; `None`: it takes the means.
    pub latent_noise: Option<Tensor>,
}

/// What a batch is made with.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    pub parameterization: &'a Parameterization,
    pub device: &'a Device,
    /// They draw the noise.
    pub workers: &'a Workers,
}

/// Noise for these samples of step `step`, `size` numbers each, one sample after the other: drawn by all workers.
fn noise(workers: &Workers, (seed, step): (u64, u64), samples: Range<usize>, size: usize) -> Vec<f32> {
    let mut noise = vec![0.0; samples.len() * size];
    let length = samples.len().div_ceil(workers.threads()).max(1);
    let parts: Vec<(usize, &mut [f32])> =
        (samples.start..).step_by(length).zip(noise.chunks_mut((length * size).max(1))).collect();
    workers.run_on(parts, |(first, part)| {
        for (sample, part) in (first as u64..).zip(part.chunks_mut(size)) {
            fill_normal(&mut generator_of_sample(seed, Stream::Noise, step, sample), part);
        }
    });
    noise
}

/// The images at `indices` that `samples` are of, half of all mirrored left to right where `flip` says so.
fn flipped(data: &Dataset, indices: &[usize], samples: Range<usize>, (seed, step): (u64, u64), flip: bool) -> Vec<f32> {
    let flips: Option<Vec<bool>> = flip.then(|| {
        let mut rng = generator(seed, Stream::Augment, step);
        indices.iter().map(|_| rng.random_bool(0.5)).collect()
    });
    data.gather(&indices[samples.clone()], flips.as_deref().map(|flips| &flips[samples]))
}

/// How the classes of a training batch are treated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelDrop {
    /// Index of the null class.
    pub null_class: u32,
    /// Rate at which a label is replaced by it (Ho & Salimans 2022).
    pub p_uncond: f64,
}

/// What is done to the images of a training batch, to their classes and their noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Treatment {
    /// Half of the images are mirrored left to right.
    pub horizontal_flip: bool,
    pub labels: Option<LabelDrop>,
    pub coupling: Coupling,
}

/// What chance decides of a training batch: of all its samples, images and noise of some alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Draws {
    /// The images of the samples asked for, flipped where that fell to them, one after the other.
    pub pixels: Vec<f32>,
    /// The noise of the same samples.
    pub noise: Vec<f32>,
    pub drawn: Drawn,
    pub classes: Option<Vec<u32>>,
}

impl Draws {
    /// Those of step `step` (from 0), as [`Batch::training`] says.
    pub fn of(
        workers: &Workers,
        data: &Dataset,
        (indices, samples): (&[usize], Range<usize>),
        (seed, step): (u64, u64),
        treatment: Treatment,
        times: &TimestepSampler,
    ) -> Self {
        let drawn = times.draw(indices.len(), &mut generator(seed, Stream::Timesteps, step));
        // Which noise goes with which image is decided for the whole batch.
        let drawn_for = match treatment.coupling {
            Coupling::Independent => samples.clone(),
            Coupling::OptimalTransport => 0..indices.len(),
        };
        let pixels = flipped(data, indices, drawn_for.clone(), (seed, step), treatment.horizontal_flip);
        let size = data.image_len();
        let noise = noise(workers, (seed, step), drawn_for, size);
        let (pixels, noise) = match treatment.coupling {
            Coupling::Independent => (pixels, noise),
            Coupling::OptimalTransport => {
                let noise = by_optimal_transport(&pixels, noise, size);
                let of = |all: Vec<f32>| match samples.len() == indices.len() {
                    true => all,
                    false => all[samples.start * size..samples.end * size].to_vec(),
                };
                (of(pixels), of(noise))
            }
        };
        let classes = treatment.labels.map(|drop| {
            let mut rng = generator(seed, Stream::LabelDrop, step);
            let mut classes = data.class_of(indices);
            for class in &mut classes {
                if rng.random_bool(drop.p_uncond.clamp(0.0, 1.0)) {
                    *class = drop.null_class;
                }
            }
            classes
        });
        Self { pixels, noise, drawn, classes }
    }
}

impl Batch {
    /// The batch of training step `step` (from 0): the images at `indices`, with timesteps, noise,
    /// flips and dropped labels that depend on `seed`, `step` and what `times` has learned alone. Tensors are made of
    /// these samples of it.
    ///
    /// # Errors
    /// When a tensor cannot be made on the device.
    pub fn training(
        recipe: Recipe,
        data: &Dataset,
        (indices, samples): (&[usize], Range<usize>),
        (seed, step): (u64, u64),
        treatment: Treatment,
        times: &TimestepSampler,
    ) -> Result<Self> {
        let draws = Draws::of(recipe.workers, data, (indices, samples.clone()), (seed, step), treatment, times);
        let Draws { pixels, noise, drawn: Drawn { timesteps, corrections }, classes } = draws;
        let shape = (data.height, data.width, data.channels);
        let (own, first) = (timesteps[samples.clone()].to_vec(), samples.start);
        let classes = classes.map(|classes| classes[samples].to_vec());
        let own = Self::assemble(recipe, shape, pixels, noise, own, classes)?;
        Ok(Self { first, timesteps, corrections, ..own })
    }

    /// Puts images, noise, timesteps and classes together: x_t and the target.
    pub fn assemble(
        recipe: Recipe,
        (height, width, channels): (usize, usize, usize),
        pixels: Vec<f32>,
        noise: Vec<f32>,
        timesteps: Vec<f64>,
        classes: Option<Vec<u32>>,
    ) -> Result<Self> {
        let n = timesteps.len();
        let Recipe { parameterization, device, .. } = recipe;
        let levels: Vec<NoiseLevel> = timesteps.iter().map(|&t| parameterization.schedule.level(t)).collect();
        let targets: Vec<Target> = levels.iter().map(|&at| parameterization.target(at)).collect();
        let shape = (n, height, width, channels);
        let x_0 = Tensor::from_vec(pixels, shape, device)?;
        let epsilon = Tensor::from_vec(noise, shape, device)?;
        let scale = |i: usize| parameterization.input_scale(levels[i]);
        let factors: [&dyn Fn(usize) -> f64; 4] =
            [&|i| scale(i) * levels[i].alpha, &|i| scale(i) * levels[i].sigma, &|i| targets[i].x_0, &|i| {
                targets[i].epsilon
            }];
        // All of them go to the device together.
        let columns: Vec<f32> = factors.iter().flat_map(|factor| (0..n).map(|i| factor(i) as f32)).collect();
        let columns = Tensor::from_vec(columns, (4, n, 1, 1, 1), device)?;
        // a·x_0 + b·ε, each sample with its own a and b.
        let mix = |a: usize, b: usize| -> Result<Tensor> {
            Ok((x_0.broadcast_mul(&columns.get(a)?)? + epsilon.broadcast_mul(&columns.get(b)?)?)?)
        };
        let (input, target) = (mix(0, 1)?, mix(2, 3)?);
        let times: Vec<f32> = levels.iter().map(|&at| parameterization.network_time(at) as f32).collect();
        let t = Tensor::from_vec(times, n, device)?;
        let classes = classes.map(|classes| Tensor::from_vec(classes, n, device)).transpose()?;
        Ok(Self { first: 0, input, target, timesteps, corrections: None, t, classes, latent_noise: None })
    }

    /// Clean pictures `[N, H, W, C]`, which an autoencoder is to give back; `latent_noise` draws its latents.
    ///
    /// # Errors
    /// When candle fails.
    pub fn pictures(x: Tensor, latent_noise: Option<Tensor>) -> Result<Self> {
        let n = x.dim(0)?;
        let t = Tensor::zeros(n, DType::F32, x.device())?;
        let timesteps = vec![0.0; n];
        let input = x.clone();
        Ok(Self { first: 0, input, target: x, timesteps, corrections: None, t, classes: None, latent_noise })
    }

    /// The same of training step `step` (from 0): pictures, flips and noise depend on `seed` and `step` alone. `latents`:
    /// height, width and channels.
    ///
    /// # Errors
    /// When a tensor cannot be made on the device.
    pub fn training_pictures(
        (workers, device): (&Workers, &Device),
        data: &Dataset,
        (indices, samples): (&[usize], Range<usize>),
        address: (u64, u64),
        horizontal_flip: bool,
        (h, w, c): (usize, usize, usize),
    ) -> Result<Self> {
        let (n, first) = (samples.len(), samples.start);
        let pixels = flipped(data, indices, samples.clone(), address, horizontal_flip);
        let x = Tensor::from_vec(pixels, (n, data.height, data.width, data.channels), device)?;
        let noise = Tensor::from_vec(noise(workers, address, samples, h * w * c), (n, h, w, c), device)?;
        Ok(Self { first, timesteps: vec![0.0; indices.len()], ..Self::pictures(x, Some(noise))? })
    }

    /// Number of samples, those of other ranks included.
    pub fn len(&self) -> usize {
        self.timesteps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.timesteps.is_empty()
    }

    /// The samples of `range`, of which this rank must have the tensors, as a batch of their own (sharing storage).
    pub fn narrow(&self, range: Range<usize>) -> Result<Self> {
        let start = range.start.checked_sub(self.first).context("samples of another rank")?;
        let len = range.len();
        Ok(Self {
            first: 0,
            input: self.input.narrow(0, start, len)?,
            target: self.target.narrow(0, start, len)?,
            timesteps: self.timesteps[range.clone()].to_vec(),
            corrections: self.corrections.as_ref().map(|corrections| corrections[range].to_vec()),
            t: self.t.narrow(0, start, len)?,
            classes: self.classes.as_ref().map(|classes| classes.narrow(0, start, len)).transpose()?,
            latent_noise: self.latent_noise.as_ref().map(|noise| noise.narrow(0, start, len)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_does_not_depend_on_how_many_draw_it() {
        let of = |threads| noise(&Workers::new(threads).unwrap(), (7, 3), 0..5, 4);
        let alone = of(1);
        for threads in [2, 3, 8] {
            assert_eq!(of(threads), alone);
        }
        assert!((0..5).all(|i| (0..i).all(|j| alone[4 * i..4 * i + 4] != alone[4 * j..4 * j + 4])));
        assert_eq!(noise(&Workers::new(2).unwrap(), (7, 3), 2..5, 4), alone[8..], "nor on which of them are drawn");
        assert!(noise(&Workers::new(2).unwrap(), (7, 3), 0..0, 0).is_empty());
    }
}
