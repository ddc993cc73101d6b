//! What is explained by: a run's path, its data, its network, and the picture and pixel that are followed.

use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};

use super::names::given;
use crate::config::Config;
use crate::data::Dataset;
use crate::diffusion::{NoiseLevel, Parameterization, combine};
use crate::kernels::Workers;
use crate::nn::Net;
use crate::nn::autoencoder::LatentSpace;
use crate::picture::is_points;
use crate::sampling::starting_noise;
use crate::train::images;

/// Everything that the numbers come from.
#[derive(Clone)]
pub struct ExplainedSubject<'a> {
    pub config: &'a Config,
    pub parameterization: &'a Parameterization,
    /// What the run trains on.
    pub data: &'a Dataset,
    /// The autoencoder whose latents the data are, if they are such.
    pub latents: Option<&'a LatentSpace>,
    /// A trained network; topics that ask it say so where there is none.
    pub network: Option<AskedNetwork<'a>>,
    pub workers: &'a Arc<Workers>,
}

/// A network and which weights it has.
#[derive(Clone)]
pub struct AskedNetwork<'a> {
    pub net: &'a Net,
    /// "EMA weights of step 300".
    pub words: String,
}

/// Where one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Focus {
    /// The cursor's timestep, t ∈ 0..T.
    pub t: usize,
    /// Which training image is followed, from 0.
    pub image: usize,
    /// Row and column of the pixel that is followed by number; `None`: the brightest. Points have one, in row 0, column 0.
    pub pixel: Option<(usize, usize)>,
    /// Which of its channels; of points which coordinate.
    pub channel: usize,
}

/// One picture with its noise, and the place of one pixel.
pub struct Followed {
    /// `[1, H, W, C]` in [-1, 1].
    pub x_0: Tensor,
    /// ε of the same shape.
    pub epsilon: Tensor,
    pub class: Option<usize>,
    /// The pixel's place among the numbers of a picture.
    place: usize,
    /// "the pixel in row 9, column 14".
    pub words: String,
}

impl ExplainedSubject<'_> {
    /// The level of a timestep.
    pub fn at(&self, focus: Focus) -> NoiseLevel {
        self.parameterization.schedule.at(focus.t)
    }

    /// The picture and pixel in focus.
    ///
    /// # Errors
    /// A sentence for a picture, pixel or timestep that is not there.
    pub fn followed(&self, focus: Focus) -> Result<Followed> {
        let data = self.data;
        level(self.parameterization, focus.t)?;
        ensure!(focus.image < data.len(), "image {}: the training set has images 0 to {}", focus.image, data.len() - 1);
        let (h, w, c) = (data.height, data.width, data.channels);
        let x_0 = images(data, &[focus.image], &Device::Cpu)?;
        let numbers = numbers(&x_0)?;
        let (row, column) = match focus.pixel {
            Some((row, column)) => {
                ensure!(row < h && column < w, "pixel {row},{column}: the pictures have {h} rows and {w} columns");
                (row, column)
            }
            None => {
                let brightness = |i: &usize| numbers[i * c..(i + 1) * c].iter().sum::<f64>();
                let brightest = (0..h * w).max_by(|a, b| brightness(a).total_cmp(&brightness(b))).unwrap_or(0);
                (brightest / w, brightest % w)
            }
        };
        let channel = focus.channel;
        ensure!(channel < c, "channel {channel}: the data have {c}, counted from 0");
        let words = match (is_points((h, w, c)), c) {
            (false, _) if self.latents.is_some() => {
                format!("the latent in row {row}, column {column}, its channel {channel}")
            }
            (true, _) => format!("the point's coordinate {}", ["x", "y"].get(channel).unwrap_or(&"?")),
            (false, 1) => format!("the pixel in row {row}, column {column}"),
            (false, 3) => format!("the pixel in row {row}, column {column}, its {}", ["red", "green", "blue"][channel]),
            (false, _) => format!("the pixel in row {row}, column {column}, its channel {channel}"),
        };
        Ok(Followed {
            epsilon: starting_noise(1, h, w, c, self.config.seed, &Device::Cpu)?,
            class: data.class_of(&[focus.image]).first().map(|&class| class as usize),
            place: (row * w + column) * c + channel,
            x_0,
            words,
        })
    }

    /// "Training image 7, of class “3”".
    pub fn picture_words(&self, focus: Focus, followed: &Followed) -> String {
        let what = if is_points((self.data.height, self.data.width, self.data.channels)) { "point" } else { "image" };
        let class = followed.class.and_then(|class| self.data.classes.get(class));
        format!(
            "Training {what} {}{}",
            focus.image,
            class.map_or(String::new(), |name| format!(", of class “{}”", given(name)))
        )
    }
}

impl Followed {
    /// x_t = α·x_0 + σ·ε, as training makes it.
    ///
    /// # Errors
    /// When candle fails.
    pub fn x_t(&self, at: NoiseLevel) -> Result<Tensor> {
        combine(at.alpha, &self.x_0, at.sigma, &self.epsilon)
    }

    /// The followed number of a picture.
    ///
    /// # Errors
    /// When candle fails.
    pub fn of(&self, picture: &Tensor) -> Result<f64> {
        Ok(numbers(picture)?[self.place])
    }
}

/// The level of timestep `t`.
///
/// # Errors
/// A sentence for a timestep that is not there.
pub fn level(parameterization: &Parameterization, t: usize) -> Result<NoiseLevel> {
    let schedule = &parameterization.schedule;
    let last = schedule.timesteps() - 1;
    ensure!(t <= last, "t = {t}: this run's timesteps go from 0 to {last}");
    Ok(schedule.at(t))
}

/// All numbers of a tensor.
///
/// # Errors
/// When candle fails.
pub fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}

/// Mean and (population) variance.
pub fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

/// Σ x².
pub fn squares(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}
