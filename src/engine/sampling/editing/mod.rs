//! What a trained model can do with given images and noises: ways between two noises, new images from an
//! old one, holes filled, and the noise that belongs to an image.

mod inpainting;
mod interpolation;
mod inversion;
mod sdedit;

pub use inpainting::{Inpainting, Resampling};
pub use interpolation::{SharedNoise, slerp};
pub use inversion::{Inversion, invert};
pub use sdedit::noised;
