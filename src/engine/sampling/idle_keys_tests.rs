//! Every key of [sample], with every sampler: two values give different samples, or the table of idle keys says that
//! they do not. Both ways, so that no word is said where it is not true.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::{Denoiser, Guidance, Guided, Prediction, SamplerSettings, Trajectory, sample, starting_noise};
use crate::config::{
    DiffusionConfig, PathName, PredictionType, SampleConfig, SamplerName, TimestepSpacing, VarianceType, keys,
};
use crate::diffusion::{NoiseLevel, Parameterization};

const DEVIATION: f64 = 1.5;

/// Not linear, so that the order of a solver counts; beyond [-1, 1], so that clamps do; told of t and of a class.
struct Bent {
    /// One a sample.
    class: Vec<f64>,
}

impl Denoiser for Bent {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        // The best guess of Gaussian data, x_t itself where there is no noise, so that samples show the way they came.
        let (signal, noise) = ((at.alpha * DEVIATION).powi(2), at.sigma * at.sigma);
        let guess = (x_t * (at.alpha * DEVIATION * DEVIATION / (signal + noise)))?;
        let class: Vec<f32> = self.class.iter().map(|class| *class as f32).collect();
        let class = Tensor::from_vec(class, (self.class.len(), 1, 1, 1), x_t.device())?;
        let bent = ((&guess * 1.5)? + (0.3 + 0.02 * at.t))?.broadcast_add(&class)?.tanh()?;
        // Pixels of all sizes, so that a quantile of them is none of the ends.
        let pixels: Vec<f32> = (0..6).map(|i| i as f32 / 2.5 - 1.0).collect();
        let pixels = (Tensor::from_vec(pixels, (1, 3, 2, 1), x_t.device())? * 1.4)?;
        let bent = bent.broadcast_add(&pixels)?;
        // Never quite x_t itself, so that it makes a difference to end a little above the clean image.
        let share = 0.2 + 0.8 * noise / (signal + noise);
        let x_0 = ((guess * (1.0 - 0.2))? + (bent * share)?)?;
        let epsilon = ((x_t - (&x_0 * at.alpha)?)? * (1.0 / at.sigma))?;
        let mut prediction = Prediction::new(x_0, epsilon);
        prediction.variance_fraction = Some((x_t.zeros_like()? + 0.5)?);
        Ok(prediction)
    }
}

/// One way to sample.
#[derive(Clone)]
struct Way {
    diffusion: DiffusionConfig,
    sample: SampleConfig,
    strength: f64,
    seed: u64,
}

impl Way {
    fn new(path: PathName, sampler: SamplerName) -> Self {
        let diffusion = DiffusionConfig {
            path,
            timesteps: 20,
            prediction_type: PredictionType::VPrediction,
            ..DiffusionConfig::default()
        };
        let sample = SampleConfig { sampler, steps: 7, num: 2, ..SampleConfig::default() };
        Self { diffusion, sample, strength: 1.0, seed: 0 }
    }

    fn spaced(mut self, spacing: Option<TimestepSpacing>) -> Self {
        match spacing {
            Some(spacing) => self.sample.spacing = spacing,
            None => self.sample.timesteps = vec![18.0, 14.0, 11.0, 7.0, 4.0, 1.0],
        }
        self
    }

    /// With this value of a key: `eta=0.5`.
    fn with(&self, set: &str) -> Self {
        let (key, value) = set.split_once('=').unwrap();
        let mut table = toml::Table::try_from(&self.sample).unwrap();
        let value = format!("value = {value}").parse::<toml::Table>().unwrap().remove("value").unwrap();
        assert!(table.insert(key.into(), value).is_some(), "{key} is no key of [sample]");
        Self { sample: table.try_into().unwrap(), ..self.clone() }
    }

    /// The samples; `None` where the settings are refused, which is a word too.
    fn samples(&self) -> Option<Vec<f32>> {
        let config = &self.sample;
        let parameterization = Parameterization::from_config(&self.diffusion).unwrap();
        let settings = SamplerSettings { strength: self.strength, ..SamplerSettings::from(config) };
        let n = config.num;
        let names = ["a", "b"].map(String::from);
        let guidance = Guidance::from_config(config, config.guidance_scale, &names).unwrap();
        let plain = || Bent { class: vec![0.5; n] };
        let denoiser: Box<dyn Denoiser + Send> = if guidance.scale == 0.0 {
            Box::new(plain())
        } else {
            let other = if guidance.negative_class.is_some() { -1.0 } else { -0.3 };
            let both = Bent { class: [vec![0.5; n], vec![other; n]].concat() };
            Box::new(Guided::new(plain(), both, guidance, parameterization.clone()))
        };
        // The same noise for every way: the seed is that of the noise on the way.
        let noise = starting_noise(n, 3, 2, 1, 1, &Device::Cpu).unwrap();
        let schedule: Arc<_> = parameterization.schedule.clone();
        let trajectory = Trajectory::new(denoiser, schedule, &settings, noise, self.seed).ok()?;
        let samples: Vec<f32> = sample(trajectory).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert!(samples.iter().all(|x| x.is_finite()), "{}", self.name());
        Some(samples)
    }

    fn is_idle(&self, path: &str) -> bool {
        self.sample.idle_keys(&self.diffusion, self.strength == 1.0).iter().any(|key| key.path == path)
    }

    fn name(&self) -> String {
        let Self { diffusion, sample, strength, .. } = self;
        let usual = Way::new(diffusion.path, sample.sampler).sample;
        let changed: Vec<String> = sample.differing_keys(&usual);
        let table = toml::Table::try_from(sample).unwrap();
        let value = |key: &String| format!("{key}={}", table[key.trim_start_matches("sample.")]);
        let changed: Vec<String> = changed.iter().map(value).collect();
        format!("{} on {} from {strength} with {}", sample.sampler.name(), diffusion.path.name(), changed.join(" "))
    }
}

fn differ(a: &[f32], b: &[f32]) -> bool {
    let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    a.len() != b.len() || off > 1e-6 * (1.0 + a.iter().map(|a| a.abs()).fold(0.0, f32::max))
}

/// Values of a key, of which one at least is no default and gives other samples where the key means something.
fn values(key: &str) -> &'static [&'static str] {
    match key {
        "sampler" => &["\"ddpm\"", "\"euler\"", "\"flow_heun\""],
        "steps" => &["3", "9"],
        "rtol" | "atol" => &["0.1", "1e-5"],
        "corrector_snr" => &["0.5"],
        "corrector_steps" => &["2"],
        "eta" => &["0.7"],
        "spacing" => &["\"trailing\"", "\"leading\"", "\"karras\"", "\"beta\""],
        "steps_offset" => &["0", "1"],
        "set_alpha_to_one" => &["false"],
        "equal_strides" => &["true"],
        "rho" => &["3.0"],
        "sigma_min" => &["0.3"],
        "sigma_max" => &["4.0"],
        "sigma_range" => &["\"whole\"", "\"leading\"", "\"trailing\""],
        "interpolation_type" => &["\"log_linear\"", "\"linear\""],
        "lambda_min_clipped" => &["-3.0", "-2.0", "-1.0"],
        "shift_terminal" => &["0.2"],
        "timesteps" => &["[15.0, 8.0, 2.5]"],
        "solver_order" => &["1", "3"],
        "solver_type" => &["\"midpoint\"", "\"heun\"", "\"bh1\"", "\"bh2\""],
        "lower_order_final" => &["true", "false"],
        "euler_at_final" => &["true"],
        "final_sigmas_type" => &["\"zero\"", "\"sigma_min\""],
        "predict_x0" => &["true", "false"],
        "disable_corrector" => &["[0, 1, 2, 3, 4, 5]"],
        "skip_prk_steps" => &["false"],
        "pndm_velocity" => &["true"],
        "s_churn" => &["0.0", "3.0"],
        "s_tmin" => &["0.5"],
        "s_tmax" => &["0.5"],
        "s_noise" => &["1.5"],
        "guidance_scale" => &["1.0", "2.0"],
        "guidance_rescale" => &["0.7"],
        "guidance_interval" => &["[0.2, 0.6]"],
        "negative_class" => &["\"b\""],
        "clip_sample" => &["true", "false"],
        "clip_sample_range" => &["1.5"],
        "thresholding" => &["true", "false"],
        "dynamic_thresholding_ratio" => &["0.5"],
        "sample_max_value" => &["1.7"],
        "num" => &["3"],
        _ => panic!("{key}: give it two values here that sample differently, and a place in config::idle_keys"),
    }
}

/// Where the table and the samples disagree.
fn disagreements(way: &Way, keys: &[&str]) -> Vec<String> {
    let Some(base) = way.samples() else { return Vec::new() };
    let mut found = Vec::new();
    for key in keys {
        // An adaptive sampler takes one level of a spacing, a list of timesteps at most the size of the noise: those
        // spacings that begin as all others do say nothing to them.
        let values = match *key {
            "spacing" if way.sample.sampler.is_adaptive() || !way.sample.timesteps.is_empty() => &["\"trailing\""],
            "sigma_range" if way.sample.sampler.is_adaptive() => &["\"whole\""],
            key => values(key),
        };
        let others: Vec<Vec<f32>> =
            values.iter().filter_map(|value| way.with(&format!("{key}={value}")).samples()).collect();
        let idle = way.is_idle(&format!("sample.{key}"));
        let differs = others.iter().any(|other| differ(&base, other));
        if !others.is_empty() && idle == differs {
            let said = if idle { "said to do nothing, and does" } else { "does nothing, and nothing is said" };
            found.push(format!("{key} of {}: {said}", way.name()));
        }
    }
    found
}

const PATHS: [PathName; 3] = [PathName::Vp, PathName::Ve, PathName::Flow];

/// Spacings, and a list of timesteps in the place of one. What divides σ/α is all alike off path vp.
fn spacings(path: PathName) -> &'static [Option<TimestepSpacing>] {
    use TimestepSpacing::*;
    match path {
        PathName::Vp => &[
            Some(Leading),
            Some(Trailing),
            Some(Linspace),
            Some(Karras),
            Some(Exponential),
            Some(Beta),
            Some(Lu),
            None,
        ],
        _ => &[Some(Leading), Some(Trailing), Some(Karras), None],
    }
}

/// Asks all samplers, half of them a thread.
fn of_all_samplers(ask: impl Fn(SamplerName) -> Vec<String> + Sync) {
    let (left, right) = SamplerName::ALL.split_at(SamplerName::ALL.len() / 2);
    let found: Vec<String> = std::thread::scope(|scope| {
        let halves = [left, right].map(|half| scope.spawn(|| half.iter().flat_map(|s| ask(*s)).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_key_changes_the_samples_or_is_said_not_to() {
    let known = keys().iter().filter_map(|key| key.path.strip_prefix("sample."));
    // The precision is the network's, and here nothing is a network.
    let known: Vec<&str> = known.filter(|key| *key != "precision").collect();
    of_all_samplers(|sampler| {
        let mut found = Vec::new();
        for path in PATHS {
            for spacing in spacings(path) {
                found.extend(disagreements(&Way::new(path, sampler).spaced(*spacing), &known));
            }
        }
        found
    });
}

#[test]
fn keys_that_hang_on_others_do_so_as_the_table_has_it() {
    const LEVELS: [&str; 7] =
        ["steps", "spacing", "timesteps", "sigma_max", "sigma_range", "steps_offset", "lambda_min_clipped"];
    const ENDS: [&str; 6] = [
        "lower_order_final",
        "euler_at_final",
        "final_sigmas_type",
        "solver_type",
        "solver_order",
        "interpolation_type",
    ];
    const CLAMPS: [&str; 5] =
        ["clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio", "sample_max_value"];
    let cases: [(&[&str], &[&str]); 19] = [
        // Thresholding at 1 is the same clamp.
        (&["clip_sample=true"], &CLAMPS[..2]),
        (&["thresholding=true"], &CLAMPS),
        (&["thresholding=true", "sample_max_value=2.0"], &CLAMPS),
        (&["thresholding=true", "sample_max_value=2.0", "predict_x0=false"], &CLAMPS),
        (&["s_churn=3.0"], &["s_churn", "s_tmin", "s_tmax", "s_noise"]),
        (&["corrector_steps=0"], &["corrector_snr", "corrector_steps"]),
        (&["sigma_min=0.1", "sigma_max=5.0"], &LEVELS),
        (&["sigma_max=5.0"], &LEVELS),
        (&["sigma_range=\"leading\""], &LEVELS),
        (&["steps_offset=1"], &LEVELS),
        (&["spacing=\"leading\""], &LEVELS),
        (&["solver_order=1"], &ENDS),
        (&["solver_order=3"], &ENDS),
        (&["solver_order=3", "steps=16"], &ENDS[..3]),
        (&["final_sigmas_type=\"sigma_min\""], &ENDS),
        (&["final_sigmas_type=\"sigma_min\"", "lower_order_final=false"], &ENDS),
        (&["interpolation_type=\"log_linear\""], &ENDS),
        (&["guidance_scale=1.0"], &["guidance_scale", "guidance_rescale", "guidance_interval", "negative_class"]),
        (&["steps=2"], &["rho", "sigma_min", "shift_terminal"]),
    ];
    of_all_samplers(|sampler| {
        use TimestepSpacing::*;
        let mut found = Vec::new();
        for path in [PathName::Vp, PathName::VpSde, PathName::Flow] {
            for spacing in [Some(Leading), Some(Trailing), Some(Karras), None] {
                if path == PathName::VpSde && spacing != Some(Trailing) {
                    continue;
                }
                for (sets, keys) in cases {
                    let way = Way::new(path, sampler).spaced(spacing);
                    found.extend(disagreements(&sets.iter().fold(way, |way, set| way.with(set)), keys));
                }
                let below = Way { strength: 0.5, ..Way::new(path, sampler).spaced(spacing) };
                found.extend(disagreements(&below, &["steps", "spacing", "timesteps"]));
                found.extend(disagreements(&below.with("sigma_max=5.0"), &["spacing", "sigma_max"]));
            }
        }
        found
    });
}

#[test]
fn the_keys_of_diffusion_that_sampling_may_change_do_so_as_the_table_has_it() {
    of_all_samplers(|sampler| {
        let mut found = Vec::new();
        for (path, key) in [(PathName::Vp, "diffusion.variance_type"), (PathName::Flow, "diffusion.shift")] {
            for spacing in spacings(path) {
                let way = Way::new(path, sampler).spaced(*spacing);
                let mut other = way.clone();
                match path {
                    PathName::Vp => other.diffusion.variance_type = VarianceType::FixedLarge,
                    _ => other.diffusion.shift = 3.0,
                }
                if let (Some(a), Some(b)) = (way.samples(), other.samples())
                    && way.is_idle(key) == differ(&a, &b)
                {
                    found.push(format!("{key} of {}", way.name()));
                }
            }
        }
        found
    });
}

#[test]
fn the_noise_on_the_way_is_drawn_by_those_that_say_so() {
    of_all_samplers(|sampler| {
        let mut found = Vec::new();
        for set in ["eta=0.0", "eta=0.7", "s_churn=3.0", "corrector_steps=0"] {
            for path in PATHS {
                let way = Way::new(path, sampler).with(set);
                let other = Way { seed: 1, ..way.clone() };
                if let (Some(a), Some(b)) = (way.samples(), other.samples())
                    && way.sample.draws_noise() != differ(&a, &b)
                {
                    found.push(way.name());
                }
            }
        }
        found
    });
}
