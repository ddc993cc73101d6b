//! `difflab/state.json`: the small numbers of a checkpoint.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::Identified;
use crate::run::RunError;
use crate::train::{LossAverage, LossRange, TimestepLoss};

/// The newest checkpoint format that this binary reads and writes.
pub const FORMAT_VERSION: u64 = 1;

/// What a run has counted and averaged so far, beside what its trainer keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Time spent training, in seconds, over all sessions.
    pub elapsed_s: f64,
    pub loss_average: LossAverage,
    /// The least and the largest loss since the last line of metrics.jsonl.
    pub loss_range: LossRange,
    /// Losses per timestep since the last row.
    pub timestep_loss: TimestepLoss,
    /// Training threads of the newest session, which the last bits of all numbers depend on; 0: not known.
    pub threads: usize,
    /// Which data it is trained on; `None` until they are named.
    pub data: Option<Identified>,
    /// What was set beside the config.
    pub live: LiveSettings,
}

/// Settings that a person has changed while the run went on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSettings {
    /// "sample.guidance_scale=3.0"
    #[serde(default)]
    pub keys: Vec<String>,
    /// The one class that is sampled; none: each in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<usize>,
}

impl Progress {
    /// Decay β of the smoothed loss.
    pub const LOSS_DECAY: f64 = 0.98;

    /// Nothing yet.
    pub fn new(config: &Config) -> Self {
        Self {
            elapsed_s: 0.0,
            loss_average: LossAverage::new(Self::LOSS_DECAY),
            loss_range: LossRange::default(),
            timestep_loss: TimestepLoss::new(config.diffusion.timesteps, config.train.timestep_bins),
            threads: 0,
            data: None,
            live: LiveSettings::default(),
        }
    }
}

/// The file. Numbers that must come back bit for bit are written as text: readers of JSON may
/// round the last digit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StateFile {
    pub format_version: u64,
    /// Version of the program that wrote it.
    pub difflab: String,
    pub written: String,
    pub step: u64,
    /// Not 0 after a fork from weights alone; older checkpoints lack it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moments_since: u64,
    #[serde(with = "exact")]
    pub learning_rate_scale: f64,
    #[serde(with = "exact")]
    pub elapsed_s: f64,
    #[serde(with = "exact")]
    pub loss_smoothed: f64,
    pub losses_averaged: u64,
    /// Least and most since the last line; none, and in older checkpoints: nothing since.
    #[serde(default, with = "exact_list", skip_serializing_if = "Vec::is_empty")]
    pub loss_range: Vec<f64>,
    #[serde(with = "exact_list")]
    pub timestep_loss_sum: Vec<f64>,
    pub timestep_loss_count: Vec<u32>,
    /// The run that wrote it ([`Identity`](crate::run::Identity)); those of difflab 0.1.0 don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Kept when training diverged: the weights are finite, but of doubtful use, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoiled: Option<String>,
    /// Older checkpoints lack it.
    #[serde(default)]
    pub threads: usize,
    /// Older checkpoints lack it.
    #[serde(default)]
    pub live: LiveSettings,
}

fn is_zero(step: &u64) -> bool {
    *step == 0
}

/// Reads the version first: a newer file may look different in every other respect.
pub(super) fn parse(path: &Path, text: &str) -> Result<StateFile, RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    let damaged = |error: serde_json::Error| RunError::damaged(path, format!("difflab/state.json: {error}"));
    let Version { format_version: found } = serde_json::from_str(text).map_err(damaged)?;
    if found > FORMAT_VERSION {
        return Err(RunError::NewerFormat { path: path.to_path_buf(), found, known: FORMAT_VERSION });
    }
    serde_json::from_str(text).map_err(damaged)
}

/// An f64 as the shortest text that reads back as the same bits.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(x: &f64, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&x.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

mod exact_list {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(values: &[f64], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(values.iter().map(f64::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<f64>, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let awkward = [0.1 + 0.2, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 123456.78901234567];
        let file = StateFile {
            format_version: 1,
            difflab: "0.1.0".into(),
            written: "now".into(),
            step: u64::MAX,
            moments_since: 0,
            learning_rate_scale: awkward[0],
            elapsed_s: awkward[1],
            loss_smoothed: awkward[4],
            loss_range: Vec::new(),
            losses_averaged: 3,
            timestep_loss_sum: awkward.to_vec(),
            timestep_loss_count: vec![1, 2, 3, 4, 5],
            run: None,
            seed: None,
            spoiled: None,
            threads: 4,
            live: LiveSettings::default(),
        };
        let text = serde_json::to_string(&file).unwrap();
        let back = parse(Path::new("x"), &text).unwrap();
        assert_eq!(back.step, u64::MAX);
        assert_eq!(back.elapsed_s.to_bits(), awkward[1].to_bits());
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back.timestep_loss_sum), bits(&awkward));
    }

    #[test]
    fn a_newer_format_is_told_apart_from_a_damaged_file() {
        let newer = parse(Path::new("x"), "{\"format_version\": 99, \"all\": \"else\"}").unwrap_err();
        assert!(matches!(newer, RunError::NewerFormat { found: 99, .. }));
        assert!(matches!(parse(Path::new("x"), "{\"form").unwrap_err(), RunError::Damaged { .. }));
    }
}
