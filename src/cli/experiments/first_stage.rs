//! Runs that are compared train no first stage: the autoencoder of their config has to be there.

use std::path::Path;

use anyhow::Result;

use crate::config::Config;
use crate::run::own_autoencoder;

/// Before anything is trained: have the new runs among these, in latents of their config's own autoencoder, got it?
///
/// # Errors
/// [`ConfigError`](crate::config::ConfigError) at `data.latents`, with what trains it.
pub fn check_first_stages<'a>(runs: impl Iterator<Item = (&'a Path, &'a Config)>) -> Result<()> {
    for (dir, config) in runs.filter(|(dir, config)| config.has_own_autoencoder() && !dir.exists()) {
        own_autoencoder(config, Some(dir))?;
    }
    Ok(())
}
