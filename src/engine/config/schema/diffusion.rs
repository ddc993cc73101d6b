//! `[diffusion]`: the forward process.

use serde::{Deserialize, Serialize};

use crate::config::names::{PathName, PredictionType, ScheduleName, VarianceType};

/// The forward process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionConfig {
    /// The Gaussian path from data to noise, x_t = α·x_0 + σ·ε: `vp` (DDPM's, by β), `vp_sde` and `sub_vp_sde`
    /// (continuous time, Song et al. 2021), `ve` (the noise grows, the image stays; NCSN), `edm` (as `ve`, trained as
    /// by Karras et al. 2022), `flow` (rectified flow: α = 1 − u, σ = u).
    pub path: PathName,
    /// Number of diffusion steps T; t runs from 0 to T − 1. On continuous paths T only scales t: u = (t + 1)/T.
    pub timesteps: usize,
    /// How the noise of path vp grows with t: `linear` β (Ho et al. 2020), `scaled_linear` (√β linear),
    /// `cosine` (Nichol & Dhariwal 2021), `sigmoid` (β on a logistic curve, as in diffusers),
    /// `sigmoid_jabri` (ᾱ on a logistic curve, Jabri et al. 2022) or `given` (the list in `betas`).
    pub schedule: ScheduleName,
    /// First β of the linear, scaled_linear and sigmoid schedules.
    pub beta_start: f64,
    /// Last β of the linear, scaled_linear and sigmoid schedules.
    pub beta_end: f64,
    /// s of the cosine schedule, 0 to 1: ᾱ falls as cos²((t/T + s)/(1 + s)·π/2), and a larger s makes the first β
    /// larger. 0.008 is that of Nichol & Dhariwal 2021 and of diffusers.
    pub cosine_s: f64,
    /// No β of the cosine and sigmoid_jabri schedules is larger than this, so that the last steps keep some signal;
    /// above 0, at most 1. 0.999 is that of Nichol & Dhariwal 2021 and of diffusers.
    pub max_beta: f64,
    /// Every β_t of schedule given, T numbers.
    pub betas: Vec<f64>,
    /// Shift and scale √ᾱ so that the last step holds no signal at all (Lin et al. 2024).
    pub rescale_betas_zero_snr: bool,
    /// β at u = 0 of paths vp_sde and sub_vp_sde.
    pub beta_min: f64,
    /// β at u = 1 of paths vp_sde and sub_vp_sde.
    pub beta_max: f64,
    /// Least σ of paths ve and edm. 0: the usual one (0.01 and 0.002).
    pub sigma_min: f64,
    /// Largest σ of paths ve and edm. 0: the usual one (50 and 80).
    pub sigma_max: f64,
    /// Standard deviation of the data, as the scaling of network input and output takes it (paths ve and
    /// edm, prediction type edm).
    pub sigma_data: f64,
    /// Moves the levels that samplers visit on path flow, and the times that training draws, towards the noise:
    /// u becomes shift·u/(1 + (shift − 1)·u) (Esser et al. 2024). 1: evenly spaced.
    pub shift: f64,
    /// What the network predicts: the noise (`epsilon`), the clean image (`sample`), α·ε − σ·x_0 over
    /// √(α² + σ²) (`v_prediction`, Salimans & Ho 2022), the score times σ (`score`, Song et al. 2021), the
    /// velocity dα/du·x_0 + dσ/du·ε (`flow`), or EDM's preconditioned output (`edm`, Karras et al. 2022).
    pub prediction_type: PredictionType,
    /// Variance of the step from t to t − 1 that sampler ddpm adds: `fixed_small` (β̃_t), `fixed_large`
    /// (β_t), or `learned_range`: the network has twice the outputs and learns where between the two
    /// (path vp; Nichol & Dhariwal 2021).
    pub variance_type: VarianceType,
}

impl DiffusionConfig {
    /// The name that people know the path by: that of its list of β, or its own.
    pub fn label(&self) -> &'static str {
        match self.path {
            PathName::Vp => self.schedule.name(),
            path => path.name(),
        }
    }

    /// Does `max_beta` cap its β?
    pub fn is_capped(&self) -> bool {
        self.path == PathName::Vp && matches!(self.schedule, ScheduleName::Cosine | ScheduleName::SigmoidJabri)
    }

    /// Is it, `max_beta` and `cosine_s` included, the cosine schedule that every other library has?
    pub fn is_usual_cosine(&self) -> bool {
        let usual = Self::default();
        self.path == PathName::Vp
            && self.schedule == ScheduleName::Cosine
            && (self.cosine_s, self.max_beta) == (usual.cosine_s, usual.max_beta)
    }
}

impl Default for DiffusionConfig {
    fn default() -> Self {
        Self {
            path: PathName::Vp,
            timesteps: 1000,
            schedule: ScheduleName::Cosine,
            beta_start: 1e-4,
            beta_end: 0.02,
            cosine_s: 0.008,
            max_beta: 0.999,
            betas: Vec::new(),
            rescale_betas_zero_snr: false,
            beta_min: 0.1,
            beta_max: 20.0,
            sigma_min: 0.0,
            sigma_max: 0.0,
            sigma_data: 0.5,
            shift: 1.0,
            // ε says next to nothing of x_0 where the cosine schedule ends.
            prediction_type: PredictionType::VPrediction,
            variance_type: VarianceType::FixedSmall,
        }
    }
}
