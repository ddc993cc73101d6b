//! The training images of a run that is looked at: a few of them are shown under noise.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use crate::config::{Config, POINT_SETS};
use crate::data::{self, DataIdentity};
use crate::kernels::Workers;
use crate::lab::data_facts::DataFacts;
use crate::process::lower_priority;
use crate::run::autoencoder_of_run;

/// Pixels of all images together beyond which they are not loaded for a look.
const MOST: usize = 200_000_000;

/// What was found of them.
pub enum Looked {
    Found(Box<DataFacts>),
    /// Why not.
    Not(String),
}

/// Begins to load them on a thread of its own. `known` is what a checkpoint says of them. `None`: they are too many, or
/// nobody knows how many.
pub fn look_for(dir: &Path, config: &Config, known: Option<&DataIdentity>) -> Option<Receiver<Looked>> {
    let few = match known {
        Some(data) => data.images.saturating_mul(data.height * data.width * data.channels) <= MOST,
        // Those that come with the program are.
        None => config.data.path.is_empty() || POINT_SETS.contains(&config.data.dataset.as_str()),
    };
    if !few {
        return None;
    }
    let (found_out, found) = bounded(1);
    let (dir, config) = (dir.to_path_buf(), config.clone());
    let load = move || {
        lower_priority();
        let looked = match load(&dir, &config) {
            Ok(facts) => Looked::Found(Box::new(facts)),
            Err(error) => Looked::Not(format!("{error:#}")),
        };
        // Nobody looks any more, which is no matter.
        let _ = found_out.send(looked);
    };
    thread::Builder::new().name("difflab-examples".into()).spawn(load).ok()?;
    Some(found)
}

/// The training images of the run in `dir`; the latents of a few of them as well, where it diffuses in such and its autoencoder
/// reads.
///
/// # Errors
/// Data that cannot be loaded.
pub fn load(dir: &Path, config: &Config) -> anyhow::Result<DataFacts> {
    let dataset = data::load(&config.data)?;
    let held_out = config.data.held_out.of(dataset.len());
    let (train, held_out) = dataset.split_held_out(held_out, config.seed)?;
    let facts = DataFacts::of(&train, &held_out);
    if !config.diffuses_latents() {
        return Ok(facts);
    }
    match autoencoder_of_run(dir, facts.image_shape, &Arc::new(Workers::new(1)?)) {
        Ok(space) => facts.encoded_by(space),
        // Whoever shows it says that they are not there.
        Err(_) => Ok(facts),
    }
}
