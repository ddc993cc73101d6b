//! A run that goes on stays in the latents that it was made with.

use super::super::error::RunError;
use crate::config::Config;

/// May a run of the config `before` go on, or be forked, with `now`? Its network draws latents of the autoencoder that it keeps.
///
/// # Errors
/// [`RunError::NotTheSame`] with the key that can't change.
pub fn check_same_latents(before: &Config, now: &Config) -> Result<(), RunError> {
    let of_autoencoder = before.diffuses_latents() && before.autoencoder != now.autoencoder;
    if before.data.latents == now.data.latents && !of_autoencoder {
        return Ok(());
    }
    let key = if of_autoencoder { "the keys of [autoencoder]" } else { "data.latents" };
    let space = |config: &Config| match config.data.latents.as_str() {
        "" => "in pixels".to_string(),
        latents => format!("in latents (data.latents = {latents:?})"),
    };
    Err(RunError::NotTheSame(format!(
        "{key} can't change any more: the network was trained {}, and keeps the autoencoder that these are of in its \
         checkpoints; leave that out, or begin a new run",
        space(before)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stays_in_its_latents() {
        let config = |set: &[&str]| {
            Config::default().with_overrides(&set.iter().map(|set| set.to_string()).collect::<Vec<_>>()).unwrap()
        };
        let own = config(&["data.latents=own"]);
        assert!(check_same_latents(&own, &config(&["data.latents=own", "seed=3", "train.steps=9"])).is_ok());
        // Of a run in pixels it says nothing.
        assert!(check_same_latents(&config(&[]), &config(&["autoencoder.steps=9"])).is_ok());
        for other in [&["data.latents=runs/b"][..], &[], &["data.latents=own", "autoencoder.latent_channels=3"]] {
            let said = check_same_latents(&own, &config(other)).unwrap_err().to_string();
            assert!(said.contains("can't change any more"), "{other:?}: {said}");
        }
        assert!(check_same_latents(&config(&[]), &own).unwrap_err().to_string().contains("trained in pixels"));
    }
}
