//! Does a sampler make much of a network's small errors?
//!
//! It is tried rather than derived: the sampler itself walks its own levels with a denoiser whose right answer
//! is known, a little off. So every sampler, spacing, path, target and clamp counts as it is, and a cure is
//! named only where it helps in the same trial.

use std::f64::consts::{SQRT_2, TAU};

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::{Denoiser, Prediction, SamplerSettings, SeededNoise, Trajectory, levels, make, sample, starting_noise};
use crate::config::{
    Config, POINT_SETS, PathName, PredictionType, SamplerName, ScheduleName, TimestepSpacing, VarianceType,
};
use crate::diffusion::{NoiseLevel, Parameterization};

/// Standard deviation of the data of the trial: N(0, s²), about that of images in [-1, 1].
const DEVIATION: f64 = 0.5;
/// Root mean square of the error in the network's output, as a share of the target's own size. Between 1 and
/// 2 % a trained network does as the trial does.
const ERROR: f64 = 0.02;
/// Samples of the trial.
const SAMPLES: usize = 1024;
/// Beyond it, steps are too short to make much of anything, and a trial would be felt.
const MOST_STEPS: usize = 1000;
/// Samples this many times as wide as the data are spoilt. Where a sampler works the trial says 0.8 to 1.2; where
/// it said 2.4, half of an MNIST run's samples could be read as the class asked for, and all where it said 1.1.
const TOO_WIDE: f64 = 1.5;
/// From here on the error's factor, rather than the range of σ/α, is the reason that is told.
const LARGE_FACTOR: f64 = 1000.0;

/// What is tried: one way to sample a network.
#[derive(Clone)]
struct Trial {
    parameterization: Parameterization,
    settings: SamplerSettings,
    /// w of classifier-free guidance.
    guidance_scale: f64,
}

/// The best denoiser of N(0, s²), with an error in the target that it would say. The error of each sample
/// changes smoothly with log(α/σ), over about one unit of it, as a network's does with t.
struct NearlyRight {
    parameterization: Parameterization,
    error: f64,
}

impl Denoiser for NearlyRight {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let variance = DEVIATION * DEVIATION;
        let x_0 = (x_t * (at.alpha * variance / (at.alpha * at.alpha * variance + at.sigma * at.sigma)))?;
        let epsilon = ((x_t - (&x_0 * at.alpha)?)? * (1.0 / at.sigma))?;
        let target = self.parameterization.target(at);
        let size = self.error * SQRT_2 * (target.x_0 * DEVIATION).hypot(target.epsilon);
        // Without signal it is −∞.
        let lambda = at.lambda().clamp(-50.0, 50.0);
        // Irrational multiples fill their range evenly (Weyl), so that no two samples err alike.
        let fraction = |i: usize, step: f64| (i as f64 * step).fract();
        let wave = |i| (size * ((0.5 + fraction(i, SQRT_2)) * lambda + TAU * fraction(i, 3f64.sqrt())).sin()) as f32;
        let error: Vec<f32> = (0..x_t.elem_count()).map(wave).collect();
        let error = Tensor::from_vec(error, x_t.shape(), x_t.device())?;
        let output = (self.parameterization.from_x_0_and_epsilon(&x_0, &epsilon, at)? + error)?;
        let (x_0, epsilon) = self.parameterization.to_x_0_and_epsilon(&output, x_t, at)?;
        let mut prediction = Prediction::new(x_0, epsilon);
        if self.parameterization.schedule.variance_type == VarianceType::LearnedRange {
            prediction.variance_fraction = Some((x_t.zeros_like()? + 0.5)?);
        }
        Ok(prediction)
    }
}

impl Trial {
    /// The share that every answer is off. Of two answers with independent errors guidance makes
    /// (1 + w)·a − w·b, which errs √((1 + w)² + w²) times as much.
    fn error(&self) -> f64 {
        ERROR * (1.0 + self.guidance_scale).hypot(self.guidance_scale)
    }

    /// How many times as wide as the data the samples come out; about 1 where the sampler works.
    ///
    /// # Errors
    /// When the settings are impossible on this path.
    fn width(&self) -> Result<f64> {
        let Self { parameterization, settings, .. } = self;
        let denoiser = NearlyRight { parameterization: parameterization.clone(), error: self.error() };
        let noise = starting_noise(1, 1, SAMPLES, 1, 0, &Device::Cpu)?;
        let schedule = &parameterization.schedule;
        let trajectory = if settings.strength < 1.0 {
            // As SDEdit begins: data of the trial, noised to the first level.
            let sampler = make(schedule, settings)?;
            let at = sampler.first();
            let start = (noise * (at.alpha * DEVIATION).hypot(at.sigma))?;
            Trajectory::with(Box::new(denoiser), sampler, Box::new(SeededNoise::new(0)), start, settings.clamp())?
        } else {
            Trajectory::new(Box::new(denoiser), schedule.clone(), settings, noise, 0)?
        };
        let mean_square = f64::from(sample(trajectory)?.sqr()?.mean_all()?.to_scalar::<f32>()?);
        Ok(mean_square.sqrt() / DEVIATION)
    }

    /// The width, where it is too much. Settings that are impossible are for others to refuse.
    fn failure(&self) -> Option<f64> {
        if self.settings.steps > MOST_STEPS {
            return None;
        }
        let width = self.width().ok()?;
        // Not a number either.
        (width.is_nan() || width > TOO_WIDE).then_some(width)
    }

    /// Does it work, and is it possible at all?
    fn works(&self) -> bool {
        self.width().is_ok_and(|width| width <= TOO_WIDE)
    }

    fn with(&self, change: impl FnOnce(&mut SamplerSettings)) -> Self {
        let mut other = self.clone();
        change(&mut other.settings);
        other
    }

    /// Other ways to sample the same network, as a name and a value of [sample], and as a trial.
    fn others(&self) -> Vec<(&'static str, String, Self)> {
        let now = &self.settings;
        let mut others = Vec::new();
        if now.spacing != TimestepSpacing::Karras {
            let karras = self.with(|settings| {
                settings.spacing = TimestepSpacing::Karras;
                settings.timesteps = Vec::new();
            });
            others.push(("spacing", "karras".to_string(), karras));
        }
        for sampler in [SamplerName::Ddim, SamplerName::Ddpm].into_iter().filter(|&sampler| sampler != now.sampler) {
            others.push(("sampler", sampler.name().to_string(), self.with(|settings| settings.sampler = sampler)));
        }
        let most = MOST_STEPS.min(self.parameterization.schedule.timesteps());
        let more = [2, 4].map(|factor| factor * now.steps).into_iter().filter(|&steps| steps <= most);
        let more = more.map(|steps| (steps, self.with(|settings| settings.steps = steps)));
        if let Some((steps, more)) = more.into_iter().find(|(_, trial)| now.timesteps.is_empty() && trial.works()) {
            others.push(("steps", steps.to_string(), more));
        }
        others
    }

    /// "sampler ddim in 50 steps would amplify the network's errors to samples 12 times as wide as the data, even if it
    /// is only 2 % off: …".
    fn sentence(&self, width: f64, cures: &[String]) -> String {
        let Self { parameterization, settings, guidance_scale } = self;
        let all = levels(&parameterization.schedule, settings).unwrap_or_default();
        let ratio = |i: usize| rounded(all.get(i).map_or(0.0, |level| level.noise_to_signal()));
        let first = all.first().and_then(|&first| parameterization.inverse(first).ok());
        let factor = first.map_or(0.0, |((_, factor), _)| factor.abs());
        let why = if factor > LARGE_FACTOR {
            let target = parameterization.prediction_type.name();
            format!(
                "at the first step (σ/α = {}) the error of x̂_0 is the error of its {target} times {}",
                ratio(0),
                rounded(factor)
            )
        } else {
            format!("σ/α falls from {} to {} in the first step", ratio(0), ratio(1))
        };
        let wide = match width.is_finite() {
            true => format!("{} times as wide as the data", rounded(width)),
            false => "of NaN or infinity".to_string(),
        };
        let guided = if *guidance_scale == 0.0 { String::new() } else { format!(" at w = {guidance_scale}") };
        let cure = match cures {
            [] if factor > LARGE_FACTOR => "train with diffusion.prediction_type = \"v_prediction\"".to_string(),
            [] => "take many more steps".to_string(),
            [one] => format!("use {one}"),
            [most @ .., last] => format!("use {}, or {last}", most.join(", ")),
        };
        format!(
            "sampler {} in {} steps{guided} would amplify the network's errors to samples {wide}, even if it is only {} % \
             off: {why}; {cure}",
            settings.sampler.name(),
            all.len(),
            100.0 * ERROR
        )
    }
}

/// A warning where these settings make noise of a network's small errors, with what helps among the flags of
/// `difflab sample`. `guidance_scale` is w. Only levels that are visited count: SDEdit begins below its strength.
pub fn check_stability(
    parameterization: &Parameterization,
    settings: &SamplerSettings,
    guidance_scale: f64,
) -> Option<String> {
    let trial = Trial { parameterization: parameterization.clone(), settings: settings.clone(), guidance_scale };
    let width = trial.failure()?;
    let helpful = trial.others().into_iter().filter(|(_, _, trial)| trial.works());
    let cures: Vec<String> = helpful.map(|(name, value, _)| format!("--{name} {value}")).collect();
    Some(trial.sentence(width, &cures))
}

/// The same before training, of the run's own sampling and of its previews: then the target, the schedule and the
/// clamp can still be chosen. Each cure is a setting, or several, with which the whole config holds and works.
pub fn check_config_stability(config: &Config) -> Option<String> {
    let (trial, width) = config_failure(config)?;
    let cures: Vec<String> = config_cures(config, &trial)
        .into_iter()
        .filter(|settings| helps(config, settings))
        .map(|settings| {
            let words: Vec<String> = settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            words.join(" and ")
        })
        .collect();
    Some(trial.sentence(width, &cures))
}

/// What goes wrong of a run's own sampling, or else of its previews, and how wide the samples come out.
fn config_failure(config: &Config) -> Option<(Trial, f64)> {
    let own = Trial {
        parameterization: Parameterization::from_config(&config.diffusion).ok()?,
        settings: SamplerSettings::from(&config.sample),
        guidance_scale: config.sample.guidance_scale,
    };
    // A list of timesteps holds for previews too.
    let previews = own.with(|settings| settings.steps = config.preview.steps);
    match own.failure() {
        Some(width) => Some((own, width)),
        None => previews.failure().map(|width| (previews, width)),
    }
}

/// Keys and their values, as they stand in a config.
type Settings = Vec<(&'static str, String)>;

/// What may help. Points reach beyond [-1, 1], where a clamp would cut them off.
fn config_cures(config: &Config, trial: &Trial) -> Vec<Settings> {
    let words = |key: &'static str, word: &str| vec![(key, format!("{word:?}"))];
    let mut cures = vec![words("diffusion.prediction_type", PredictionType::VPrediction.name())];
    if config.diffusion.path == PathName::Vp {
        cures.push(words("diffusion.schedule", ScheduleName::Linear.name()));
    }
    for (name, value, _) in trial.others() {
        cures.push(match name {
            "steps" => vec![("sample.steps", value.clone()), ("preview.steps", value)],
            "sampler" => words("sample.sampler", &value),
            _ if config.sample.timesteps.is_empty() => words("sample.spacing", &value),
            // A list would take its place.
            _ => [words("sample.spacing", &value), vec![("sample.timesteps", "[]".into())]].concat(),
        });
    }
    if !POINT_SETS.contains(&config.data.dataset.as_str()) {
        cures.push(vec![("sample.clip_sample", "true".into())]);
    }
    cures
}

/// Is the config possible with these settings, and does it work then?
fn helps(config: &Config, settings: &Settings) -> bool {
    let set: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let Ok(other) = config.clone().with_overrides(&set) else { return false };
    // Without a trial there is no failure, but no success either.
    other.validate().is_ok()
        && Parameterization::from_config(&other.diffusion).is_ok()
        && config_failure(&other).is_none()
}

/// Two digits: "20000", "2.3".
fn rounded(x: f64) -> String {
    if x < 10.0 {
        return format!("{x:.1}");
    }
    let unit = 10f64.powf(x.log10().floor() - 1.0);
    format!("{:.0}", (x / unit).round() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shipped;

    fn config(set: &[&str]) -> Config {
        let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        Config::default().with_overrides(&set).unwrap()
    }

    fn trial(set: &[&str], sampler: SamplerName, steps: usize, spacing: TimestepSpacing) -> Trial {
        let config = config(set);
        Trial {
            parameterization: Parameterization::from_config(&config.diffusion).unwrap(),
            settings: SamplerSettings { sampler, steps, spacing, ..SamplerSettings::from(&config.sample) },
            guidance_scale: 0.0,
        }
    }

    const EPSILON: [&str; 2] = ["diffusion.schedule=cosine", "diffusion.prediction_type=epsilon"];
    const V: [&str; 2] = ["diffusion.schedule=cosine", "diffusion.prediction_type=v_prediction"];
    const LINEAR: [&str; 2] = ["diffusion.schedule=linear", "diffusion.prediction_type=epsilon"];

    #[test]
    fn epsilon_at_the_end_of_the_cosine_schedule_spoils_samples_as_it_was_measured() {
        use SamplerName::*;
        use TimestepSpacing::{Karras, Trailing};
        // Two moons after 800 steps came out 5.8, 5.5, 3.3 and 2,300 times as wide as their data.
        for (sampler, least, most) in
            [(Ddim, 3.0, 20.0), (Dpmpp2m, 3.0, 20.0), (UniPc, 2.0, 10.0), (Heun, 500.0, 5000.0)]
        {
            let width = trial(&EPSILON, sampler, 50, Trailing).failure().unwrap();
            assert!((least..most).contains(&width), "{sampler:?}: {width}");
        }
        // And these came out as wide as their data.
        for sampler in [Ddpm, EulerA, Dpmpp2mSde, Pc, PfOde] {
            assert_eq!(trial(&EPSILON, sampler, 50, Trailing).failure(), None, "{sampler:?}");
        }
        for sampler in SamplerName::ALL {
            for working in [
                trial(&EPSILON, sampler, 50, Karras),
                trial(&V, sampler, 50, Trailing),
                trial(&LINEAR, sampler, 50, Trailing),
            ] {
                assert_eq!(working.failure(), None, "{sampler:?}");
            }
        }
        let clamped = trial(&EPSILON, Ddim, 50, Trailing).with(|settings| settings.clip_sample = true);
        assert!(clamped.works());
    }

    #[test]
    fn heun_in_few_steps_is_named_where_the_first_is_long_and_guidance_counts() {
        use TimestepSpacing::{Karras, Trailing};
        let heun = |set: &[&str], steps, spacing| trial(set, SamplerName::Heun, steps, spacing);
        let alone = heun(&V, 20, Trailing).failure().unwrap();
        let guided = Trial { guidance_scale: 1.0, ..heun(&V, 20, Trailing) }.failure().unwrap();
        assert!(alone > 2.0 && guided > 1.2 * alone, "{alone}, guided {guided}");
        for working in [heun(&V, 50, Trailing), heun(&V, 20, Karras), heun(&LINEAR, 20, Trailing)] {
            assert_eq!(working.failure(), None);
        }
    }

    #[test]
    fn every_path_as_it_is_usually_walked_gives_no_warning_but_where_it_should() {
        let mut warned = Vec::new();
        for path in ["vp_sde", "sub_vp_sde", "ve", "edm", "flow"] {
            let spacing = if matches!(path, "ve" | "edm") { "karras" } else { "trailing" };
            for target in PredictionType::ALL {
                let set = [format!("diffusion.path={path}"), format!("diffusion.prediction_type={}", target.name())];
                for sampler in SamplerName::ALL {
                    let (spacing, sampler) =
                        (format!("sample.spacing={spacing}"), format!("sample.sampler={}", sampler.name()));
                    let set = [&set[0][..], &set[1], &spacing, &sampler, "preview.steps=40"];
                    warned.extend(check_config_stability(&config(&set)).map(|text| format!("{path}: {text}")));
                }
            }
        }
        // On sub_vp_sde σ/α falls as u²: the last step is by far the longest, and the middle of dpm_2_a lies at its far
        // end, where the slope has the error of x̂_0 over a very small σ/α.
        assert!(!warned.is_empty());
        for text in warned {
            assert!(text.starts_with("sub_vp_sde: sampler dpm_2_a in 50 steps"), "{text}");
        }
    }

    #[test]
    fn the_defaults_and_the_shipped_configs_give_no_warning() {
        assert_eq!(check_config_stability(&Config::default()), None);
        for (name, _) in shipped() {
            assert_eq!(check_config_stability(&Config::load(name, &[]).unwrap()), None, "{name}");
        }
        // The README's own pictures.
        let own = config(&["data.dataset=images", "data.path=/cats", "data.image_size=32", "data.channels=3"]);
        assert_eq!(check_config_stability(&own), None);
    }

    /// "…; use A = 1 and B = 2, C = 3, or D = 4": [[A=1, B=2], [C=3], [D=4]].
    fn cures(text: &str) -> Vec<Vec<String>> {
        let (_, cures) = text.rsplit_once("; use ").unwrap();
        let one =
            |cure: &str| cure.trim_start_matches("or ").split(" and ").map(|set| set.replace(" = ", "=")).collect();
        cures.split(", ").map(one).collect()
    }

    #[test]
    fn every_cure_is_accepted_as_it_stands_and_ends_the_warning() {
        let mut told = 0;
        for data in [&["data.dataset=mnist"][..], &["data.dataset=two_moons", "model.kind=mlp"]] {
            for more in [
                &["sample.sampler=ddim"][..],
                &["sample.sampler=heun"],
                &["sample.sampler=dpmpp_2m", "sample.steps=20"],
                &["sample.sampler=unipc", "sample.timesteps=[999, 700, 400, 100]"],
                &["diffusion.prediction_type=v_prediction", "sample.sampler=heun", "sample.steps=20"],
                &["diffusion.rescale_betas_zero_snr=true", "diffusion.prediction_type=sample", "sample.sampler=heun"],
                &["sample.sampler=ddpm", "sample.steps=4", "preview.steps=2"],
            ] {
                let sets = [&EPSILON[..], data, more].concat();
                let Some(text) = check_config_stability(&config(&sets)) else { continue };
                if !text.contains("; use ") {
                    continue;
                }
                for cure in cures(&text) {
                    told += 1;
                    let with: Vec<&str> = sets.iter().copied().chain(cure.iter().map(String::as_str)).collect();
                    let cured = config(&with);
                    cured.validate().unwrap();
                    assert_eq!(check_config_stability(&cured), None, "{sets:?} and {cure:?}");
                }
            }
        }
        assert!(told > 20, "{told} cures were tried");
    }

    #[test]
    fn points_are_never_told_to_be_clamped() {
        for dataset in POINT_SETS {
            let dataset = format!("data.dataset={dataset}");
            let points = [EPSILON[0], EPSILON[1], &dataset, "model.kind=mlp", "sample.sampler=ddim"];
            let text = check_config_stability(&config(&points)).unwrap();
            assert!(!text.contains("clip_sample") && text.contains("v_prediction"), "{text}");
        }
    }

    #[test]
    fn the_warning_has_the_number_and_cures_that_work() {
        let ddim = [&EPSILON[..], &["sample.sampler=ddim"]].concat();
        let text = check_config_stability(&config(&ddim)).unwrap();
        for part in [
            "sampler ddim in 50 steps would amplify the network's errors to samples 12 times",
            "error of its epsilon times 20000",
            "diffusion.prediction_type = \"v_prediction\"",
            "diffusion.schedule = \"linear\"",
            "sample.spacing = \"karras\"",
            "sample.clip_sample = true",
        ] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        for cure in ["diffusion.schedule=linear", "sample.spacing=karras", "sample.clip_sample=true", V[1]] {
            assert_eq!(check_config_stability(&config(&[&ddim[..], &[cure]].concat())), None, "{cure}");
        }

        let Trial { parameterization, settings, .. } =
            trial(&EPSILON, SamplerName::Ddim, 50, TimestepSpacing::Trailing);
        let text = check_stability(&parameterization, &settings, 0.0).unwrap();
        assert!(text.contains("--spacing karras") && text.contains("--sampler ddpm"), "{text}");
        let heun = SamplerSettings { sampler: SamplerName::Heun, steps: 20, ..settings };
        let v = trial(&V, SamplerName::Heun, 20, TimestepSpacing::Trailing).parameterization;
        let text = check_stability(&v, &heun, 1.0).unwrap();
        assert!(
            text.contains("falls from 20000 to 13") && text.contains("--steps") && text.contains("w = 1"),
            "{text}"
        );
    }

    #[test]
    fn sdedit_is_tried_on_the_levels_that_it_visits() {
        let (schedule, trailing) = (["diffusion.schedule=cosine", V[1]], TimestepSpacing::Trailing);
        for sampler in [SamplerName::Heun, SamplerName::Edm, SamplerName::Pndm] {
            let trial = trial(&schedule, sampler, 10, trailing);
            let check = |strength| {
                let settings = SamplerSettings { strength, ..trial.settings.clone() };
                check_stability(&trial.parameterization, &settings, 0.0)
            };
            assert!(sampler != SamplerName::Heun || check(1.0).is_some());
            for strength in [0.01, 0.1, 0.5] {
                assert_eq!(check(strength), None, "{sampler:?} from {strength}");
            }
        }
    }

    #[test]
    fn what_is_impossible_or_has_too_many_steps_to_try_is_left_alone() {
        let trial = trial(&EPSILON, SamplerName::Ddim, 50, TimestepSpacing::Trailing);
        let check = |change: &dyn Fn(&mut SamplerSettings)| {
            check_stability(&trial.parameterization, &trial.with(change).settings, 0.0)
        };
        assert!(check(&|_| {}).is_some());
        assert_eq!(check(&|settings| settings.steps = 0), None);
        assert_eq!(check(&|settings| settings.steps = MOST_STEPS + 1), None);
        assert_eq!(check(&|settings| settings.sampler = SamplerName::FlowEuler), None);
    }
}
