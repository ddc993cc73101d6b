//! `auto` in a run's precisions: what it stands for is found when the run begins, and kept in its config.

use std::fmt;

use anyhow::Result;
use candle_core::Device;

use crate::config::{Config, Precision, PrecisionChoice};
use crate::kernels::precision::faster;
use crate::ranks::Collective;

/// What `auto` was found to stand for. In words: "train.precision, sample.precision: bf16, faster here than f32 (amx)".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The keys that said `auto`.
    pub keys: Vec<&'static str>,
    pub precision: Precision,
    /// The precision, and why.
    words: String,
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.keys.join(", "), self.words)
    }
}

/// Puts into `config` what `auto` stands for on `device`, and returns it, where something was `auto`. All ranks make this call,
/// with the same config.
///
/// # Errors
/// When the connection to the others has ended.
pub fn decide(config: &mut Config, device: &Device, ranks: &dyn Collective) -> Result<Option<Decided>> {
    let keys = [("train.precision", &mut config.train.precision), ("sample.precision", &mut config.sample.precision)];
    let (keys, choices): (Vec<_>, Vec<_>) =
        keys.into_iter().filter(|(_, choice)| **choice == PrecisionChoice::Auto).unzip();
    if keys.is_empty() {
        return Ok(None);
    }
    let (precision, words) = faster(config.model.kind, device, ranks)?;
    choices.into_iter().for_each(|choice| *choice = precision.into());
    Ok(Some(Decided { keys, precision, words }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkKind;
    use crate::kernels::precision::taken;
    use crate::ranks::Alone;

    fn decided(overrides: &[&str]) -> (Config, Option<String>) {
        let overrides: Vec<String> = overrides.iter().map(|set| set.to_string()).collect();
        let mut config = Config::default().with_overrides(&overrides).unwrap();
        let decided = decide(&mut config, &Device::Cpu, &Alone).unwrap();
        (config, decided.map(|decided| decided.to_string()))
    }

    #[test]
    fn auto_becomes_what_this_machine_takes_and_what_was_named_stays() {
        let faster = PrecisionChoice::from(taken(PrecisionChoice::Auto, NetworkKind::Unet, &Device::Cpu));
        let (config, words) = decided(&["train.precision=auto", "sample.precision=auto"]);
        assert_eq!((config.train.precision, config.sample.precision), (faster, faster));
        assert!(words.unwrap().starts_with("train.precision, sample.precision: "));
        let (config, words) = decided(&["train.precision=bf16", "sample.precision=auto"]);
        assert_eq!((config.train.precision, config.sample.precision), (PrecisionChoice::Bf16, faster));
        assert!(words.unwrap().starts_with("sample.precision: "));
        let (config, words) = decided(&["train.precision=bf16"]);
        assert_eq!((config.train.precision, config.sample.precision), (PrecisionChoice::Bf16, PrecisionChoice::F32));
        assert_eq!(words, None);
    }

    #[test]
    fn nothing_of_an_mlp_is_faster() {
        let (config, words) = decided(&["model.kind=mlp", "train.precision=auto"]);
        assert_eq!(config.train.precision, PrecisionChoice::F32);
        assert_eq!(words.as_deref(), Some("train.precision: f32, as an mlp always is"));
    }
}
