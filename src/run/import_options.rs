//! What an import is told, and what it tells.

use crate::config::Config;
use crate::nn::autoencoder::LatentSpace;

/// What a folder alone does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Height and width in pixels, where the folder names none.
    pub image_size: Option<usize>,
    /// Every row of the class table is a class, and none the null class of guidance: one is added.
    pub no_null_class: bool,
}

/// What was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    pub config: Config,
    pub parameters: usize,
    /// What the user should know.
    pub notes: Vec<String>,
    /// In whose latents it draws, if it does.
    pub latents: Option<LatentSpace>,
}
