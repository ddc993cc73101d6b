//! Which losses of several runs can be compared: those that are the same mean of the same errors.

use std::collections::{BTreeMap, BTreeSet};

use super::OWN_LATENTS;

type Values = BTreeMap<String, toml::Value>;

/// The keys that keep losses of several runs from being compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparable {
    /// Keys that make every loss another's: training and held-out.
    pub of_every_loss: Vec<String>,
    /// Keys that weight the training loss in another way.
    pub of_training: Vec<String>,
    /// Are some of the runs, or all, autoencoders? Do some diffuse in latents?
    encodes: (bool, bool),
    in_latents: bool,
}

/// What an autoencoder's training loss is of; its held-out loss is the plain squared error.
const OF_RECONSTRUCTION: [&str; 4] =
    ["autoencoder.loss", "autoencoder.kl_weight", "autoencoder.gradient_weight", "autoencoder.multi_scale_weight"];

/// Keys that change what the training loss is the mean of; each with the key and the words (any, where none is given)
/// under which it does.
const OF_THE_TRAINING_LOSS: [(&str, &str, &[&str]); 11] = [
    ("train.loss_weighting", "train.loss_weighting", &[]),
    ("train.min_snr_gamma", "train.loss_weighting", &["min_snr"]),
    ("train.p2_gamma", "train.loss_weighting", &["p2"]),
    ("train.p2_k", "train.loss_weighting", &["p2"]),
    ("diffusion.variance_type", "diffusion.variance_type", &["learned_range"]),
    ("train.vlb_weight", "diffusion.variance_type", &["learned_range"]),
    // The other ways draw every timestep alike, or divide it out again.
    ("train.timestep_sampling", "train.timestep_sampling", &["log_normal", "logit_normal"]),
    ("train.p_mean", "train.timestep_sampling", &["log_normal"]),
    ("train.p_std", "train.timestep_sampling", &["log_normal"]),
    ("train.logit_mean", "train.timestep_sampling", &["logit_normal"]),
    ("train.logit_std", "train.timestep_sampling", &["logit_normal"]),
];

/// The keys on which not all runs agree, by name.
pub fn differing<'a>(runs: &[&'a Values]) -> Vec<&'a str> {
    let all: BTreeSet<&str> = runs.iter().flat_map(|keys| keys.keys().map(String::as_str)).collect();
    let differs = |key: &&str| runs.windows(2).any(|pair| pair[0].get(*key) != pair[1].get(*key));
    all.into_iter().filter(differs).collect()
}

/// Of runs with these keys ([`Config::values`](super::Config::values)).
pub fn comparable(runs: &[&Values]) -> Comparable {
    let differing = differing(runs);
    let words = |keys: Vec<&str>| keys.into_iter().map(String::from).collect();
    // The held-out loss is the plain squared error of the network's own output, at every noise level alike.
    let encodes = |keys: &Values| keys.get("model.kind").and_then(toml::Value::as_str) == Some("autoencoder");
    let autoencoders = runs.iter().filter(|keys| encodes(keys)).count();
    let latents =
        |keys: &Values| keys.get("data.latents").and_then(toml::Value::as_str).unwrap_or_default().to_string();
    // Latents of two autoencoders are not the same numbers.
    let own_latents = autoencoders == 0 && runs.iter().all(|keys| latents(keys) == OWN_LATENTS);
    let every = |key: &&str| {
        // One that is of pictures, and one of noise.
        if *key == "model.kind" {
            return autoencoders > 0 && autoencoders < runs.len();
        }
        key.starts_with("diffusion.") && *key != "diffusion.variance_type" && autoencoders < runs.len()
            || *key == "data.latents" && autoencoders < runs.len()
            || key.starts_with("autoencoder.") && own_latents
            || matches!(*key, "data.dataset" | "data.path" | "data.image_size" | "data.channels" | "data.held_out")
    };
    let is = |keys: &Values, key: &str, words: &[&str]| {
        let word = keys.get(key).and_then(toml::Value::as_str);
        words.is_empty() || word.is_some_and(|word| words.contains(&word))
    };
    let matters = |key: &&str| {
        if autoencoders == runs.len() {
            return OF_RECONSTRUCTION.contains(key);
        }
        OF_THE_TRAINING_LOSS.iter().any(|(known, by, words)| known == key && runs.iter().any(|run| is(run, by, words)))
    };
    Comparable {
        of_every_loss: words(differing.iter().copied().filter(every).collect()),
        of_training: words(differing.iter().copied().filter(matters).collect()),
        encodes: (autoencoders > 0, autoencoders == runs.len()),
        in_latents: runs.iter().any(|keys| !encodes(keys) && !latents(keys).is_empty()),
    }
}

impl Comparable {
    /// Can the training losses be compared?
    pub fn training(&self) -> bool {
        self.held_out() && self.of_training.is_empty()
    }

    /// Can the held-out losses be compared?
    pub fn held_out(&self) -> bool {
        self.of_every_loss.is_empty()
    }

    /// What to compare where no losses can be.
    fn instead(&self) -> &'static str {
        match (self.encodes, self.in_latents) {
            ((_, true), _) => "Compare what `difflab eval RUN` measures of each on the same pictures",
            ((true, _), _) => {
                "An autoencoder gives pictures back and the others draw them: nothing that `difflab eval RUN` measures is of both \
                 but, of digits and clothes, the judge-FID, of reconstructions here and of samples there"
            }
            (_, true) => {
                "Compare what `difflab eval RUN` measures of their samples: of digits and clothes the judge-FID. Likelihoods in \
                 latents are of other numbers than those in pixels"
            }
            _ => {
                "Compare what `difflab eval RUN` measures of each: bits/dim on the same data, and of digits the judge-FID of \
                 their samples"
            }
        }
    }

    /// What can't, and why; `None` where all losses can.
    pub fn words(&self) -> Option<String> {
        let are =
            |keys: &[String]| format!("{} {}", keys.join(", "), if keys.len() == 1 { "differs" } else { "differ" });
        match (self.held_out(), self.of_training.is_empty()) {
            (false, _) => Some(format!(
                "Neither training nor held-out losses of these runs can be compared, since {}: each is an error of \
                 something else, or at other noise levels. {}.",
                are(&self.of_every_loss),
                self.instead()
            )),
            (true, false) => Some(format!(
                "The training losses of these runs cannot be compared, since {}: each is weighted in its own way. The \
                 held-out losses can: they are plain squared errors in all runs.",
                are(&self.of_training)
            )),
            (true, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn of(set: &str) -> Comparable {
        let one = Config::default();
        let other = one.clone().with_overrides(&[set.to_string()]).unwrap();
        comparable(&[&one.values(), &other.values()])
    }

    #[test]
    fn losses_of_other_things_cannot_be_compared_and_others_can() {
        assert!(of("train.learning_rate=0.1").training() && of("sample.steps=3").words().is_none());
        assert!(!of("diffusion.schedule=linear").held_out());
        let weighting = of("train.loss_weighting=min_snr");
        assert!(weighting.held_out() && !weighting.training());
        let latents = of("data.latents=own");
        assert!(!latents.held_out() && latents.words().unwrap().contains("Likelihoods in latents"));
        assert!(of("autoencoder.kl_weight=1").training(), "no autoencoder in it");
        let own = ["data.latents=own", "autoencoder.kl_weight=1"].map(|set| set.to_string());
        let other = Config::default().with_overrides(&own).unwrap();
        let one = Config::default().with_overrides(&own[..1]).unwrap();
        assert!(!comparable(&[&one.values(), &other.values()]).held_out());
        let encodes = comparable(&[&one.values(), &one.clone().autoencoder_run().values()]);
        assert!(encodes.words().unwrap().contains("gives pictures back"));
        // A key is only what the schema has.
        let known = Config::default().values();
        assert!(OF_THE_TRAINING_LOSS.iter().all(|(key, by, _)| known.contains_key(*key) && known.contains_key(*by)));
    }
}
