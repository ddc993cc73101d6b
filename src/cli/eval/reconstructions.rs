//! How well an autoencoder gives back pictures that it never saw.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use super::material::Material;
use super::progress::progress;
use super::samples::Samples;
use crate::eval::{Estimate, Reconstructed};
use crate::kernels::Workers;
use crate::nn::autoencoder::{Autoencoder, LatentChannel};
use crate::thousands::thousands;

/// What was measured of the reconstructions.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconstructionMeasure {
    pub images: usize,
    pub mse: Estimate,
    pub l1: Estimate,
    /// In dB.
    pub psnr: Estimate,
    /// In nats a picture; `None` where the encoder says no variance.
    pub kl: Option<Estimate>,
    pub channels: Vec<LatentChannel>,
}

/// Gives back up to `wanted` unseen images, with their measure; the reconstructions stand where samples would.
///
/// # Errors
/// When the data don't fit the autoencoder.
pub fn reconstruct(
    autoencoder: &Autoencoder,
    material: &Material,
    wanted: usize,
    workers: &Arc<Workers>,
) -> Result<(ReconstructionMeasure, Samples)> {
    let data = material.unseen();
    let indices = data.spread(wanted);
    let bar = progress("reconstructing", indices.len() as u64)?;
    let given = Reconstructed::of(autoencoder, data, &indices, workers, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let given = given?;
    let classes: Vec<usize> = data.class_of(&indices).into_iter().map(|class| class as usize).collect();
    let classes = (classes.len() == indices.len()).then_some(classes);
    let measure = ReconstructionMeasure {
        images: indices.len(),
        mse: given.mse(),
        l1: Estimate::of(&given.absolute),
        psnr: given.psnr(),
        kl: given.kl.as_deref().map(Estimate::of),
        channels: given.channels,
    };
    Ok((measure, Samples { images: given.images.clamp(-1f32, 1f32)?, classes }))
}

impl ReconstructionMeasure {
    /// Sections for a person; `data` are the pictures in words.
    pub fn table(&self, data: &str) -> String {
        let mut out = format!("\nreconstructions of {} of {data}, in [-1, 1]\n", thousands(self.images));
        let mut line = |name: &str, value: String| out += &format!("  {name:<22} {value}\n");
        line("mean squared error", self.mse.text(5));
        line("mean absolute error", self.l1.text(5));
        line("PSNR, dB", self.psnr.text(2));
        if let Some(kl) = self.kl {
            line("KL, nats a picture", kl.text(1));
        }
        out += "\n  latents     mean  deviation";
        out += if self.kl.is_some() { "    KL, nats\n" } else { "\n" };
        for (i, channel) in self.channels.iter().enumerate() {
            let kl = channel.kl.map_or(String::new(), |kl| format!(" {kl:>11.2}"));
            out += &format!("  {:>7} {:>8.3} {:>10.3}{kl}\n", i + 1, channel.mean, channel.deviation);
        }
        out
    }

    pub fn json(&self) -> Value {
        let number = |estimate: Estimate| json!({"mean": estimate.mean, "standard_error": estimate.standard_error});
        let channels = self
            .channels
            .iter()
            .map(|channel| json!({"mean": channel.mean, "deviation": channel.deviation, "kl": channel.kl}));
        json!({
            "images": self.images,
            "mse": number(self.mse),
            "l1": number(self.l1),
            "psnr_db": number(self.psnr),
            "kl_nats": self.kl.map(number),
            "latent_channels": channels.collect::<Vec<_>>(),
        })
    }
}
