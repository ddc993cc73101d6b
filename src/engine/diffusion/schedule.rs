//! Noise schedules: α and σ along each path, in f64.

use anyhow::{Result, bail, ensure};

use super::betas::{betas, rescale_zero_snr};
use super::{Continuous, NoiseLevel, Posterior};
use crate::config::{DiffusionConfig, PathName, ScheduleName, VarianceType};

/// The longest schedule: beyond it, steps are smaller than f32 pixels can show.
const MOST_TIMESTEPS: usize = 1_000_000;

/// α_t and σ_t of a Gaussian path x_t = α_t·x_0 + σ_t·ε, t ∈ 0..T.
///
/// Index t = 0 is *after one step* of noise (the papers' x_1), t = T − 1 is the noisiest. Path vp is a
/// list of β; the other paths are formulas in continuous time u ∈ [0, 1], of which t is the tick mark
/// u = (t + 1)/T. Between whole steps [`Schedule::level`] gives what lies there.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub path: PathName,
    /// Which list of β; `Given` on other paths.
    pub name: ScheduleName,
    /// The variance of the way back, p(x_{t−1} | x_t).
    pub variance_type: VarianceType,
    /// The variance that step t adds, of q(x_t | x_{t−1}): β_t on path vp.
    pub betas: Vec<f64>,
    /// ᾱ_t = α_t²: on path vp Π (1 − β_s), s ≤ t.
    pub alphas_cumprod: Vec<f64>,
    /// On path flow the levels that sampling visits, and training draws, are moved by this (diffusion.shift);
    /// 1 elsewhere.
    pub shift: f64,
    alphas: Vec<f64>,
    sigmas: Vec<f64>,
    continuous: Option<Continuous>,
}

impl Schedule {
    /// The schedule that a config names.
    ///
    /// # Errors
    /// When T is not in 1..=1,000,000, or the config's numbers make no path: a β that is not above 0 and
    /// below 1 (the last may be 1, which leaves no signal at all), a σ that does not grow.
    pub fn from_config(config: &DiffusionConfig) -> Result<Self> {
        if let Some(continuous) = Continuous::from_config(config)? {
            let shift = if config.path == PathName::Flow { config.shift } else { 1.0 };
            ensure!(shift > 0.0 && shift.is_finite(), "diffusion.shift must be a number above 0, but is {shift}");
            let schedule = Self::continuous(config.path, continuous, config.timesteps)?;
            return Ok(Self { shift, variance_type: config.variance_type, ..schedule });
        }
        let betas = match betas(config) {
            Some(betas) => betas,
            None => {
                ensure!(
                    config.betas.len() == config.timesteps,
                    "diffusion.betas lists {} numbers, but diffusion.timesteps is {}: schedule \"given\" needs one β a \
                     step",
                    config.betas.len(),
                    config.timesteps
                );
                config.betas.clone()
            }
        };
        let betas = if config.rescale_betas_zero_snr { rescale_zero_snr(&betas) } else { betas };
        let schedule = Self::of_betas(config, betas)?;
        Ok(Self { variance_type: config.variance_type, ..schedule })
    }

    /// The schedule `name` of path vp with T = `timesteps` steps. `beta_start` and `beta_end` are the
    /// first and last β of linear, scaled_linear and sigmoid; the others ignore them. They are not
    /// rescaled with T: fewer steps of the same β end with more signal left.
    ///
    /// # Errors
    /// As [`Schedule::from_config`].
    pub fn named(name: ScheduleName, timesteps: usize, beta_start: f64, beta_end: f64) -> Result<Self> {
        Self::from_config(&DiffusionConfig { schedule: name, timesteps, beta_start, beta_end, ..Default::default() })
    }

    fn of_betas(config: &DiffusionConfig, betas: Vec<f64>) -> Result<Self> {
        let &DiffusionConfig { schedule: name, beta_start, beta_end, cosine_s, max_beta, .. } = config;
        check_timesteps(betas.len())?;
        for (t, &beta) in betas.iter().enumerate() {
            // Below 1e-16, 1 − β is 1: a step that does nothing, and an SNR of infinity.
            let possible = 1.0 - beta < 1.0 && (beta < 1.0 || (beta == 1.0 && t + 1 == betas.len()));
            if !possible {
                let with = match name {
                    ScheduleName::Given => String::new(),
                    ScheduleName::Cosine | ScheduleName::SigmoidJabri => {
                        format!(" with cosine_s = {cosine_s} and max_beta = {max_beta}")
                    }
                    _ => format!(" with beta_start = {beta_start} and beta_end = {beta_end}"),
                };
                bail!("β must lie between 0 and 1, but{with} it is {beta} at t = {t}");
            }
        }
        let mut product = 1.0;
        let alphas_cumprod: Vec<f64> = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        Ok(Self {
            path: PathName::Vp,
            name,
            variance_type: VarianceType::FixedSmall,
            betas,
            alphas: alphas_cumprod.iter().map(|a| a.sqrt()).collect(),
            sigmas: alphas_cumprod.iter().map(|a| (1.0 - a).sqrt()).collect(),
            alphas_cumprod,
            shift: 1.0,
            continuous: None,
        })
    }

    fn continuous(path: PathName, continuous: Continuous, timesteps: usize) -> Result<Self> {
        check_timesteps(timesteps)?;
        let points: Vec<(f64, f64)> =
            (0..timesteps).map(|t| continuous.alpha_sigma((t + 1) as f64 / timesteps as f64)).collect();
        let before = std::iter::once((1.0, 0.0)).chain(points.iter().copied());
        Ok(Self {
            path,
            name: ScheduleName::Given,
            variance_type: VarianceType::FixedSmall,
            betas: before.zip(&points).map(|(s, &t)| Posterior::added_variance(s, t)).collect(),
            alphas_cumprod: points.iter().map(|(alpha, _)| alpha * alpha).collect(),
            alphas: points.iter().map(|(alpha, _)| *alpha).collect(),
            sigmas: points.iter().map(|(_, sigma)| *sigma).collect(),
            shift: 1.0,
            continuous: Some(continuous),
        })
    }

    /// The name that people know this by: the path's, or that of its list of β.
    pub fn label(&self) -> &'static str {
        match self.path {
            PathName::Vp => self.name.name(),
            path => path.name(),
        }
    }

    /// Is time continuous, so that training and sampling may stand between the timesteps?
    pub fn is_continuous(&self) -> bool {
        self.continuous.is_some()
    }

    /// The formula of a path of continuous time.
    pub fn formula(&self) -> Option<Continuous> {
        self.continuous
    }

    /// T.
    pub fn timesteps(&self) -> usize {
        self.betas.len()
    }

    /// α(t), the signal's share (√ᾱ_t on path vp).
    ///
    /// # Panics
    /// This and the other accessors: when t ≥ T.
    pub fn alpha(&self, t: usize) -> f64 {
        self.alphas[t]
    }

    /// σ(t), the noise's share (√(1 − ᾱ_t) on path vp).
    pub fn sigma(&self, t: usize) -> f64 {
        self.sigmas[t]
    }

    /// β, where the path has one: the variance that step t of path vp adds, or the rate β(u) of an SDE's drift, which adds
    /// β(u)/T in a step.
    pub fn beta(&self, t: usize) -> Option<f64> {
        match self.continuous {
            None => Some(self.betas[t]),
            Some(continuous) => continuous.beta(self.u(t as f64)),
        }
    }

    /// Signal-to-noise ratio α²/σ² (ᾱ_t / (1 − ᾱ_t) on path vp).
    pub fn snr(&self, t: usize) -> f64 {
        match self.path {
            PathName::Vp => self.alphas_cumprod[t] / (1.0 - self.alphas_cumprod[t]),
            _ => (self.alphas[t] / self.sigmas[t]).powi(2),
        }
    }

    /// Half log-SNR λ = log(α/σ) (Kingma et al. 2021, "Variational Diffusion Models").
    pub fn lambda(&self, t: usize) -> f64 {
        0.5 * self.snr(t).ln()
    }

    /// Signal-to-noise ratio in decibels, 10·log₁₀(SNR).
    pub fn snr_db(&self, t: usize) -> f64 {
        10.0 * self.snr(t).log10()
    }

    /// The level at a whole timestep.
    ///
    /// # Panics
    /// When t ≥ T.
    pub fn at(&self, t: usize) -> NoiseLevel {
        NoiseLevel { t: t as f64, alpha: self.alpha(t), sigma: self.sigma(t) }
    }

    /// The level at any `t`, clamped to what the path has ([`Schedule::cleanest`] to
    /// [`Schedule::noisiest`]). Between the steps of path vp log(σ/α) is interpolated (α, where no signal is
    /// left at the upper one).
    pub fn level(&self, t: f64) -> NoiseLevel {
        let last = (self.timesteps() - 1) as f64;
        if let Some(continuous) = self.continuous {
            let t = t.clamp(self.t_of_u(continuous.least_u()), last);
            let (alpha, sigma) = continuous.alpha_sigma(self.u(t));
            return NoiseLevel { t, alpha, sigma };
        }
        let t = t.clamp(0.0, last);
        let (below, share) = (t.floor() as usize, t.fract());
        if share == 0.0 {
            return NoiseLevel { t, alpha: self.alpha(below), sigma: self.sigma(below) };
        }
        let (a, b) = (self.at(below), self.at(below + 1));
        if b.alpha == 0.0 {
            let alpha = a.alpha * (1.0 - share);
            return NoiseLevel { t, alpha, sigma: (1.0 - alpha * alpha).sqrt() };
        }
        let ratio = (a.noise_to_signal().ln() * (1.0 - share) + b.noise_to_signal().ln() * share).exp();
        let alpha = 1.0 / (1.0 + ratio * ratio).sqrt();
        NoiseLevel { t, alpha, sigma: ratio * alpha }
    }

    /// The level at which σ/α is `noise_to_signal`, clamped to what the path has: the inverse of
    /// [`Schedule::level`].
    pub fn level_of(&self, noise_to_signal: f64) -> NoiseLevel {
        if let Some(continuous) = self.continuous {
            return self.level(self.t_of_u(continuous.u_of(noise_to_signal)));
        }
        // σ/α rises with t.
        let above = self.alphas.iter().zip(&self.sigmas).position(|(alpha, sigma)| sigma / alpha >= noise_to_signal);
        match above {
            Some(0) => self.at(0),
            None => self.noisiest(),
            Some(above) => {
                let (a, b) = (self.at(above - 1), self.at(above));
                let share = if b.alpha == 0.0 {
                    1.0 - 1.0 / (1.0 + noise_to_signal * noise_to_signal).sqrt() / a.alpha
                } else {
                    (noise_to_signal / a.noise_to_signal()).ln() / (b.noise_to_signal() / a.noise_to_signal()).ln()
                };
                self.level(a.t + share)
            }
        }
    }

    /// (dα/du, dσ/du) with u = (t + 1)/T. On path vp: of the levels half a step before and after.
    pub fn derivative(&self, t: f64) -> (f64, f64) {
        if let Some(continuous) = self.continuous {
            return continuous.derivative(self.u(self.level(t).t));
        }
        let last = (self.timesteps() - 1) as f64;
        // One step before t = 0 lies the clean image.
        let before = if t < 0.5 { NoiseLevel { t: -1.0, ..NoiseLevel::CLEAN } } else { self.level(t - 0.5) };
        let after = self.level((t + 0.5).min(last));
        let step = (after.t - before.t) / self.timesteps() as f64;
        ((after.alpha - before.alpha) / step, (after.sigma - before.sigma) / step)
    }

    /// u = (t + 1)/T ∈ [0, 1], the time of the continuous paths.
    pub fn u(&self, t: f64) -> f64 {
        (t + 1.0) / self.timesteps() as f64
    }

    /// The t of a time u ∈ [0, 1].
    pub fn t_of_u(&self, u: f64) -> f64 {
        u * self.timesteps() as f64 - 1.0
    }

    /// The noisiest level, t = T − 1.
    pub fn noisiest(&self) -> NoiseLevel {
        self.at(self.timesteps() - 1)
    }

    /// The cleanest level that a network is trained at: t = 0, or the least time of a continuous path.
    pub fn cleanest(&self) -> NoiseLevel {
        self.level(f64::NEG_INFINITY)
    }

    /// What unit noise is multiplied by to start sampling at `level`: σ where the image does not fade
    /// into unit variance by itself, 1 on variance-preserving paths.
    pub fn noise_scale(&self, level: NoiseLevel) -> f64 {
        match self.path {
            PathName::Ve | PathName::Edm | PathName::Flow => level.sigma,
            PathName::Vp | PathName::VpSde | PathName::SubVpSde => 1.0,
        }
    }

    /// q(x_{t−1} | x_t, x_0); for t = 0 the previous state is the clean image itself.
    ///
    /// # Errors
    /// When t is not below T.
    pub fn posterior(&self, t: usize) -> Result<Posterior> {
        ensure!(t < self.timesteps(), "timestep {t} is outside of the schedule's 0..{}", self.timesteps());
        let previous = if t == 0 { (1.0, 0.0) } else { (self.alpha(t - 1), self.sigma(t - 1)) };
        Ok(Posterior::between(previous, (self.alpha(t), self.sigma(t))))
    }
}

fn check_timesteps(timesteps: usize) -> Result<()> {
    ensure!(
        (1..=MOST_TIMESTEPS).contains(&timesteps),
        "a schedule of {timesteps} timesteps is impossible; choose 1 to {MOST_TIMESTEPS}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [ScheduleName; 4] =
        [ScheduleName::Linear, ScheduleName::ScaledLinear, ScheduleName::Cosine, ScheduleName::Sigmoid];

    #[test]
    fn alpha_sigma_snr_and_lambda_say_the_same_thing() {
        for name in NAMES {
            let s = Schedule::named(name, 1000, 1e-4, 0.02).unwrap();
            for t in [0, 1, 17, 500, 998, 999] {
                let (alpha, sigma) = (s.alpha(t), s.sigma(t));
                assert!((alpha * alpha + sigma * sigma - 1.0).abs() < 1e-14, "{name:?} at {t}");
                let snr = s.snr(t);
                assert!((alpha * alpha / (sigma * sigma) / snr - 1.0).abs() < 1e-9);
                assert!(((alpha / sigma).ln() - s.lambda(t)).abs() < 1e-9);
                assert!(((2.0 * s.lambda(t)).exp() / snr - 1.0).abs() < 1e-9);
                assert!((10f64.powf(s.snr_db(t) / 10.0) / snr - 1.0).abs() < 1e-9);
                // ᾱ = sigmoid(log SNR).
                assert!((1.0 / (1.0 + (-2.0 * s.lambda(t)).exp()) - s.alphas_cumprod[t]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn any_number_of_steps_gives_a_falling_alphas_cumprod() {
        for name in NAMES {
            for timesteps in [1, 2, 3, 10, 4000] {
                let s = Schedule::named(name, timesteps, 1e-4, 0.02).unwrap();
                assert_eq!(s.timesteps(), timesteps);
                assert!(s.alphas_cumprod.iter().all(|a| (0.0..1.0).contains(a)), "{name:?}, T = {timesteps}");
                assert!(s.alphas_cumprod.windows(2).all(|pair| pair[1] < pair[0]));
            }
        }
    }

    fn on(path: PathName) -> Schedule {
        Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap()
    }

    const PATHS: [PathName; 6] =
        [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow];

    #[test]
    fn noise_grows_along_every_path_and_the_inverse_leads_back() {
        for path in PATHS {
            let schedule = on(path);
            assert!((1..1000).all(|t| schedule.snr(t) < schedule.snr(t - 1)), "{path:?}");
            for t in [3.0, 17.25, 400.5, 998.0] {
                let level = schedule.level(t);
                assert!((schedule.level_of(level.noise_to_signal()).t - t).abs() < 1e-6, "{path:?} at {t}");
            }
            assert!(schedule.betas.iter().all(|beta| beta.is_finite() && *beta >= 0.0), "{path:?}");
        }
    }

    #[test]
    fn whole_and_fractional_timesteps_meet() {
        for path in PATHS {
            let schedule = on(path);
            for t in [0, 1, 500, 999] {
                let (at, level) = (schedule.at(t), schedule.level(t as f64));
                assert!((at.alpha - level.alpha).abs() < 1e-12 && (at.sigma - level.sigma).abs() < 1e-10 * at.sigma);
            }
            let (a, m, b) = (schedule.at(500), schedule.level(500.4), schedule.at(501));
            assert!(a.noise_to_signal() < m.noise_to_signal() && m.noise_to_signal() < b.noise_to_signal());
        }
    }

    #[test]
    fn the_sde_is_the_limit_of_the_betas() {
        // β_t = β(u)/T in T steps is the discrete linear schedule.
        let discrete = Schedule::named(ScheduleName::Linear, 1000, 1e-4, 0.02).unwrap();
        let continuous = on(PathName::VpSde);
        for t in [100, 500, 900] {
            // Each step takes 1 − β where the limit takes exp(−β).
            assert!((discrete.alpha(t) / continuous.alpha(t) - 1.0).abs() < 0.04, "t = {t}");
            let (a, b) = (discrete.derivative(t as f64), continuous.derivative(t as f64));
            assert!((a.0 / b.0 - 1.0).abs() < 0.05 && (a.1 / b.1 - 1.0).abs() < 0.08, "t = {t}: {a:?} {b:?}");
        }
    }

    #[test]
    fn given_betas_and_zero_terminal_snr() {
        let betas: Vec<f64> = (1..=20).map(|i| 0.02 * i as f64).collect();
        let config = DiffusionConfig {
            schedule: ScheduleName::Given,
            timesteps: 20,
            betas: betas.clone(),
            ..DiffusionConfig::default()
        };
        assert_eq!(Schedule::from_config(&config).unwrap().betas, betas);
        let short = DiffusionConfig { timesteps: 21, ..config.clone() };
        assert!(Schedule::from_config(&short).unwrap_err().to_string().contains("lists 20 numbers"));
        let rescaled = Schedule::from_config(&DiffusionConfig { rescale_betas_zero_snr: true, ..config }).unwrap();
        assert_eq!(rescaled.alphas_cumprod[19], 0.0);
        assert!(rescaled.level(18.5).alpha > 0.0);
        let high = rescaled.level_of(1e6);
        assert!(high.t > 18.0 && high.t < 19.0);
    }

    #[test]
    fn impossible_settings_are_refused_with_the_number() {
        let refusal = |t, start, end| Schedule::named(ScheduleName::Linear, t, start, end).unwrap_err().to_string();
        assert!(refusal(0, 1e-4, 0.02).contains("0 timesteps"));
        assert!(refusal(1_000_000_000, 1e-4, 0.02).contains("1000000"));
        assert!(refusal(10, 0.0, 0.02).contains("t = 0"));
        assert!(refusal(10, -0.5, 0.02).contains("-0.5"));
        assert!(refusal(10, 1e-4, 1.5).contains("1.5"));
        assert!(refusal(10, f64::NAN, 0.02).contains("NaN"));
        assert!(Schedule::named(ScheduleName::Linear, 10, 0.1, 1.0).is_ok(), "zero terminal SNR is a schedule");
    }
}
