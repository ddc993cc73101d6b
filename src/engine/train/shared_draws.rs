//! What chance decides alike in several runs: randomness has addresses, so that it follows from their configs.

use crate::config::{Config, Coupling, TimestepSampling};

/// What of their draws several runs share at every step, and why not the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDraws {
    /// "images", "noise" …
    pub shared: Vec<&'static str>,
    /// What is drawn otherwise, with the keys that make it so.
    pub apart: Vec<(&'static str, Vec<&'static str>)>,
    /// Timesteps are drawn where the losses are large: as soon as those differ, so do these.
    pub follow_losses: bool,
}

const TIMESTEP_SAMPLING: &str = "train.timestep_sampling";
/// The weights before the first step.
const WEIGHTS: &str = "first weights";

impl SharedDraws {
    /// Those of runs with these configs, on data that are the same where `[data]` says the same.
    pub fn of(configs: &[&Config]) -> Self {
        let mut draws = Self { shared: Vec::new(), apart: Vec::new(), follow_losses: false };
        let Some((first, others)) = configs.split_first() else { return draws };
        let differing = |keys: &dyn Fn(&str) -> bool| -> Vec<&'static str> {
            let mut found: Vec<&'static str> = Vec::new();
            for other in others {
                let changed = first.changes(other).into_iter().map(|(key, _)| key);
                for key in changed.filter(|key| keys(key)) {
                    if !found.contains(&key) {
                        found.push(key);
                    }
                }
            }
            found
        };
        let batch = |key: &str| matches!(key, "seed" | "train.batch_size");
        let images = |key: &str| batch(key) || key.starts_with("data.");
        let noise = |key: &str| batch(key) || matches!(key, "data.image_size" | "data.channels" | "data.dataset");
        draws.add("images", differing(&images));
        // Which noise goes with an image follows from all images of the batch.
        let coupled = configs.iter().any(|config| config.train.coupling == Coupling::OptimalTransport);
        draws.add("noise", differing(&|key| noise(key) || key == "train.coupling" || coupled && images(key)));
        draws.add("timesteps", timesteps(configs, &differing, &batch));
        draws.follow_losses =
            configs.iter().all(|config| config.train.timestep_sampling == TimestepSampling::Importance);
        if configs.iter().any(|config| config.model.class_conditional) {
            let labels = |key: &str| images(key) || matches!(key, "model.class_conditional" | "train.p_uncond");
            draws.add("labels", differing(&labels));
        }
        let weights = |key: &str| {
            key == "seed"
                || key.starts_with("model.") && key != "model.dropout"
                || matches!(key, "data.channels" | "data.dataset" | "diffusion.variance_type")
        };
        draws.add(WEIGHTS, differing(&weights));
        draws
    }

    fn add(&mut self, what: &'static str, keys: Vec<&'static str>) {
        if keys.is_empty() { self.shared.push(what) } else { self.apart.push((what, keys)) }
    }

    /// All begin with another run's weights, which are the same whatever the seed says.
    pub fn begin_alike(&mut self) {
        self.apart.retain(|(what, _)| *what != WEIGHTS);
        if !self.shared.contains(&WEIGHTS) {
            self.shared.push(WEIGHTS);
        }
    }

    /// Do the runs see the same images, noise and timesteps, step for step?
    pub fn are_paired(&self) -> bool {
        ["images", "noise", "timesteps"].iter().all(|what| self.shared.contains(what))
    }

    /// The whole in few words: "same weights, batches, noise"; "same weights, images, noise; other timesteps".
    pub fn brief(&self) -> String {
        let all: Vec<&str> = self.shared.iter().copied().chain(self.apart.iter().map(|(what, _)| *what)).collect();
        // What each step takes from the data is one thing, where chance treats all of it alike.
        let of_batches = |what: &str| matches!(what, "images" | "timesteps" | "labels");
        let brief = |what: &[&'static str]| -> String {
            let whole = all.iter().filter(|of| of_batches(of)).all(|of| what.contains(of));
            let mut words: Vec<&str> = what.iter().filter(|of| !(whole && of_batches(of))).copied().collect();
            if whole {
                words.insert(0, "batches");
            }
            // What a run begins with comes first.
            words.sort_by_key(|of| *of != WEIGHTS);
            words.iter().map(|of| if *of == WEIGHTS { "weights" } else { of }).collect::<Vec<_>>().join(", ")
        };
        let (same, other) = (&self.shared, self.apart.iter().map(|(what, _)| *what).collect::<Vec<_>>());
        match (same.is_empty(), other.is_empty()) {
            (_, true) => format!("same {}", brief(same)),
            (true, false) => format!("other {}", brief(&other)),
            (false, false) => format!("same {}; other {}", brief(same), brief(&other)),
        }
    }

    /// The whole in a sentence or two.
    pub fn words(&self) -> String {
        let list = |words: &[&str]| match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => words.concat(),
        };
        if self.apart.is_empty() {
            return format!("step for step the same {}: a difference is the change's, not luck", list(&self.shared));
        }
        let shared = match self.shared[..] {
            [] => "nothing of what chance decides is the same".to_string(),
            _ => format!("step for step the same {}", list(&self.shared)),
        };
        // What has the same reason is said at once.
        let mut reasons: Vec<(&[&str], Vec<&str>)> = Vec::new();
        for (what, keys) in &self.apart {
            match reasons.iter_mut().find(|(known, _)| known == keys) {
                Some((_, all)) => all.push(what),
                None => reasons.push((keys, vec![what])),
            }
        }
        let apart = reasons.iter().map(|(keys, what)| match keys[..] {
            [TIMESTEP_SAMPLING] if self.follow_losses => {
                format!("other {}, since importance follows the losses", list(what))
            }
            _ => {
                let differ = if keys.len() == 1 { "differs" } else { "differ" };
                format!("other {}, since {} {differ}", list(what), list(keys))
            }
        });
        format!("{shared}; but {}", apart.collect::<Vec<_>>().join("; "))
    }
}

/// Of the keys that it is told of, those that not all configs agree on.
type Differing<'a> = &'a dyn Fn(&dyn Fn(&str) -> bool) -> Vec<&'static str>;

/// The keys by which timesteps are drawn otherwise. What is drawn where losses are large is another's draw as soon as
/// the losses are others.
fn timesteps(configs: &[&Config], differing: Differing, batch: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let kinds: Vec<TimestepSampling> =
        configs.iter().map(|config| config.train.timestep_sampling.on(config.diffusion.path)).collect();
    let by_path = ["diffusion.path", "diffusion.timesteps", "diffusion.shift"];
    let mut keys = differing(&|key| {
        batch(key)
            || by_path.contains(&key)
            || matches!(key, "train.p_mean" | "train.p_std") && kinds.contains(&TimestepSampling::LogNormal)
            || matches!(key, "train.logit_mean" | "train.logit_std") && kinds.contains(&TimestepSampling::LogitNormal)
    });
    let alike = kinds.windows(2).all(|pair| pair[0] == pair[1]);
    if !alike && !keys.contains(&"diffusion.path") || kinds.contains(&TimestepSampling::Importance) {
        keys.push(TIMESTEP_SAMPLING);
    }
    // ln σ and logit u are drawn, and the schedule turns them into t.
    if keys.is_empty() && kinds.iter().any(|kind| matches!(kind, TimestepSampling::LogNormal)) {
        keys = differing(&|key| key.starts_with("diffusion.") && key != "diffusion.prediction_type");
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;

    use super::*;
    use crate::config::NetworkKind;
    use crate::data::Dataset;
    use crate::kernels::Workers;
    use crate::train::Trainer;

    fn config(sets: &[&str]) -> Config {
        let mut config = Config::default();
        config.train.batch_size = 7;
        config.model.kind = NetworkKind::Unet;
        (config.model.block_out_channels, config.model.norm_num_groups) = (vec![4, 8], 2);
        config.model.mid_attention = false;
        config.with_overrides(&sets.iter().map(|set| set.to_string()).collect::<Vec<_>>()).unwrap()
    }

    fn trainer(config: &Config) -> Trainer {
        let data = |n: usize| Dataset {
            name: "stripes".into(),
            source: "a test".into(),
            height: 8,
            width: 8,
            channels: 1,
            pixels: (0..n * 64).map(|i| (i * i % 251) as u8).collect::<Vec<u8>>().into(),
            labels: Arc::new((0..n as u32).map(|i| i % 2).collect()),
            classes: vec!["a".into(), "b".into()],
            warnings: vec![],
        };
        let workers = Arc::new(Workers::new(2).unwrap());
        Trainer::new(config, data(40), &data(10), &Device::Cpu, workers).unwrap()
    }

    /// What two runs really draw at some steps, bit for bit, held against what is said.
    fn check(sets: &[&str]) -> SharedDraws {
        let (one, other) = (config(&[]), config(sets));
        let said = SharedDraws::of(&[&one, &other]);
        let (mut a, mut b) = (trainer(&one), trainer(&other));
        let weights = |trainer: &Trainer| -> Vec<f32> {
            let state = trainer.state().unwrap();
            state.weights.iter().flat_map(|(_, w)| w.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
        };
        let is =
            |what: &str, same: bool| assert_eq!(said.shared.contains(&what), same, "{what} with {sets:?}: {said:?}");
        is("first weights", weights(&a) == weights(&b));
        // Importance sampling draws as all do until it has seen enough.
        let warm = if sets.iter().any(|set| set.contains("importance")) { 0 } else { 3 };
        for step in [0, 1, 2, 999, 123_456] {
            if step == 2 {
                (0..warm).for_each(|_| drop((a.step().unwrap(), b.step().unwrap())));
            }
            let (x, y) = (a.draws(step), b.draws(step));
            is("images", x.pixels == y.pixels);
            is("noise", x.noise == y.noise);
            if warm > 0 {
                is("timesteps", x.drawn == y.drawn);
            }
        }
        said
    }

    #[test]
    fn what_is_said_to_be_the_same_is_so_bit_for_bit() {
        for sets in [
            &["diffusion.schedule=linear"][..],
            &["train.learning_rate=0.01", "train.loss_weighting=min_snr"],
            &["diffusion.prediction_type=epsilon"],
            &["train.ema_decay=0.5", "train.weight_decay=0.1", "train.min_snr_gamma=1"],
        ] {
            let said = check(sets);
            assert!(said.are_paired() && said.apart.is_empty(), "{said:?}");
            assert_eq!(said.brief(), "same weights, batches, noise");
            assert!(said.words().contains("not luck"), "{}", said.words());
        }
    }

    #[test]
    fn what_differs_is_said_with_the_keys_that_make_it_so() {
        let said = check(&["seed=3"]);
        assert!(said.shared.is_empty() && !said.are_paired());
        assert_eq!(said.brief(), "other weights, batches, noise");
        let words = said.words();
        assert!(words.starts_with("nothing of what chance decides is the same; but other images, noise, "), "{words}");
        assert!(words.ends_with(" and first weights, since seed differs"), "{words}");
        let said = check(&["model.block_out_channels=8,8"]);
        assert!(
            said.are_paired() && said.words().ends_with("other first weights, since model.block_out_channels differs")
        );
        for (sets, keys) in [
            (&["train.timestep_sampling=stratified"][..], "train.timestep_sampling"),
            (&["diffusion.timesteps=500"], "diffusion.timesteps"),
            (&["diffusion.path=flow", "diffusion.prediction_type=flow"], "diffusion.path"),
            (&["train.timestep_sampling=importance"], "train.timestep_sampling"),
        ] {
            let said = check(sets);
            assert_eq!(said.apart, [("timesteps", vec![keys])], "{sets:?}");
        }
        assert!(!check(&["train.batch_size=5"]).are_paired());
        assert_eq!(check(&["train.coupling=optimal_transport"]).apart, [("noise", vec!["train.coupling"])]);
        let one = config(&["train.timestep_sampling=importance"]);
        let other = config(&["train.timestep_sampling=importance", "train.weight_decay=0.1"]);
        assert!(
            SharedDraws::of(&[&one, &other]).words().ends_with("other timesteps, since importance follows the losses")
        );
        let one = config(&["model.class_conditional=true"]);
        let other = config(&["model.class_conditional=true", "train.p_uncond=0.3"]);
        let said = SharedDraws::of(&[&one, &other]);
        assert_eq!(said.apart, [("labels", vec!["train.p_uncond"])]);
        assert_eq!(said.brief(), "same weights, images, noise, timesteps; other labels");
    }
}
