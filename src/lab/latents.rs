//! The latents of a run that is being opened: which autoencoder they are of, and the data encoded by it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::outbox::EventOutbox;
use super::plan::RunChoice;
use super::protocol::{Event, Phase};
use crate::config::Config;
use crate::data::{DataIdentity, Dataset};
use crate::kernels::Workers;
use crate::nn::autoencoder::LatentSpace;
use crate::nn::network_config;
use crate::run::{Encoding, encoded, kept_autoencoder, named_autoencoder, own_autoencoder};
use crate::thousands::thousands;

/// What a run that diffuses in latents is opened with.
pub struct OpenedLatents {
    pub space: LatentSpace,
    /// The data by their latents, in the order of the pictures.
    pub data: Dataset,
    /// "of runs/digits, averaged weights of step 3,000: 7×7 with 4 channels"; of a new run alone.
    pub words: Option<String>,
    pub warnings: Vec<String>,
}

impl OpenedLatents {
    /// Those of `config`, where it asks for such. A run that goes on, or forks from `parent`, takes the autoencoder that
    /// lies in the checkpoint; a new one that which its config names.
    ///
    /// # Errors
    /// When there is no such autoencoder, or it doesn't fit the data; `Interrupted`.
    pub fn open(
        (choice, parent): (&RunChoice, Option<(&Path, &Path)>),
        config: &Config,
        (pictures, identity): (&Dataset, &DataIdentity),
        workers: &Arc<Workers>,
        outbox: &mut EventOutbox,
    ) -> Result<Option<Self>> {
        if !config.diffuses_latents() {
            return Ok(None);
        }
        let (mut words, mut warnings) = (None, Vec::new());
        let space = match parent {
            Some((run, checkpoint)) => {
                let (space, said) = kept_autoencoder(run, checkpoint, &network_config(checkpoint)?, workers)?;
                warnings.extend(said);
                space
            }
            None => {
                let named = match config.has_own_autoencoder() {
                    true => own_autoencoder(config, choice.new_dir())?.display().to_string(),
                    false => config.data.latents.clone(),
                };
                let named = named_autoencoder(&named)?;
                outbox.send(Event::Phase(Phase::Starting(format!("looking at the latents of {}", named.words))));
                let space = named.space(config, pictures, workers)?;
                let (h, w, l) = space.shape();
                words = Some(format!("latents of {}: {w}×{h} with {l} channels", named.words));
                warnings.extend(named.other_size(pictures));
                warnings.extend(named.warnings);
                space
            }
        };
        let asked = Encoding { data: pictures, content: &identity.content, mirrored: config.data.horizontal_flip };
        let data = encoded(asked, &space, &mut |done, total| {
            let told = format!("encoding {} of {} pictures", thousands(done), thousands(total));
            outbox.send(Event::Phase(Phase::Loading(told)));
        })?;
        Ok(Some(Self { space, data, words, warnings }))
    }
}
