//! `[data]`: what to train on.

// Help speaks of sections, [sample], as the file writes them.
#![allow(rustdoc::broken_intra_doc_links)]

use serde::{Deserialize, Serialize};

use crate::config::held_out::HeldOut;

/// What to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Pictures `mnist`, `mnist-10k`, `fashion-mnist-10k`, `emoji-32` or `emoji-64`; points in the plane `two_moons`, `swiss_roll`,
    /// `eight_gaussians`, `checkerboard`, `pinwheel` or `picture`; or your own at `path`: `images`, `idx`, `npz` or
    /// `cifar`. `images` are a folder of pictures (sub-folders are classes), `idx` files as MNIST's, `npz` NumPy arrays,
    /// `cifar` CIFAR-10 or CIFAR-100, binary. The points of `picture` are the dark pixels of the drawing at `path`, of a
    /// cat if that is empty; the others are made by formula.
    pub dataset: String,
    /// File or folder for `images`, `idx`, `npz`, `cifar` and `picture`; for bundled names, overrides where they are looked
    /// for. Empty: not set.
    pub path: String,
    /// Labels file for `idx`; labels file or name of an array for `npz`. Empty: found by its usual name, else
    /// unlabelled.
    pub labels: String,
    /// Height and width of the training images in pixels; others are cropped to their central
    /// square and resized. 0: as stored.
    pub image_size: usize,
    /// Colour channels: 1 (grey), 3 (RGB), or 0: as stored.
    pub channels: usize,
    /// How much of the data to keep out of training, for the held-out loss: below 1 a share of the images
    /// (rounded down), from 1 on their number. Which ones follows from `seed`.
    pub held_out: HeldOut,
    /// Mirror each training image left-right with probability one half.
    pub horizontal_flip: bool,
    /// Diffusion in the latents of an autoencoder instead of in pixels (Rombach et al. 2022): a RUN of `difflab autoencoder`,
    /// or a folder of diffusers' AutoencoderKL or AutoencoderTiny. `own`: that of this config's [autoencoder], trained first
    /// where no run of it is found. Empty: pixels.
    pub latents: String,
    /// How many points a point set has, the held-out ones included; always the same ones.
    pub num_points: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            dataset: "mnist".into(),
            path: String::new(),
            labels: String::new(),
            image_size: 0,
            channels: 0,
            held_out: HeldOut::Share(0.05),
            horizontal_flip: false,
            latents: String::new(),
            num_points: 20_000,
        }
    }
}
