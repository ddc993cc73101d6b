//! `[sample]`: how a run samples.

use serde::{Deserialize, Serialize};

use crate::config::names::{FinalSigmasType, InterpolationType, SamplerName, SigmaRange, SolverType, TimestepSpacing};
use crate::config::precision::PrecisionChoice;

/// How this run samples unless told otherwise: previews, snapshots and `difflab sample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleConfig {
    /// `ddpm` (ancestral, Ho et al. 2020), `ddim` (Song et al. 2021), `euler`, `heun` and `edm` (Karras et al. 2022;
    /// edm is Heun with churn), `dpmpp_2m`, `dpmpp_3m`, `dpmpp_2m_sde`, `dpmpp_2s` (DPM-Solver++, Lu et al. 2022),
    /// `unipc` (Zhao et al. 2023), `deis` (Zhang & Chen 2023), `pndm` (Liu et al. 2022), `lms` (linear multistep),
    /// `dpm_2` and `dpm_2_a` (DPM-Solver-2 and its ancestral form, as in k-diffusion), `euler_a` (Euler ancestral),
    /// `pf_ode` (the probability-flow ODE with adaptive steps, as many as the hardest image of a batch needs, so that
    /// an image depends, within the tolerances, on the others drawn with it) and `pc` (predictor–corrector; both Song
    /// et al. 2021); on path flow also `flow_euler`, `flow_midpoint` and `flow_heun`.
    pub sampler: SamplerName,
    /// Sampling steps. Each calls the network once; with `heun`, `edm`, `dpm_2`, `dpm_2_a`, `flow_midpoint` and
    /// `flow_heun` twice, except the last; with `pc` once more for each corrector step; `pndm` needs one more call in
    /// all (nine with its Runge-Kutta start). `pf_ode` chooses its own steps.
    pub steps: usize,
    /// Relative tolerance of pf_ode, a step's error beside the size of x_t.
    pub rtol: f64,
    /// Absolute tolerance of pf_ode, a step's error in units of the pixels in [-1, 1].
    pub atol: f64,
    /// pc: the corrector's signal-to-noise ratio r. 0.16 is the paper's; larger values add more noise.
    pub corrector_snr: f64,
    /// pc: Langevin steps at each level.
    pub corrector_steps: usize,
    /// DDIM's η: 0 deterministic, 1 as random as DDPM.
    pub eta: f64,
    /// Which of the T timesteps fewer steps visit: `leading`, `trailing` or `linspace`, as in diffusers. Others
    /// divide σ/α instead (u on path flow): `karras` ((σ/α)^(1/ρ) evenly spaced), `exponential` (its logarithm),
    /// `beta` (the quantiles of Beta(0.6, 0.6), many steps at both ends; Lee et al. 2024) and `lu` (as
    /// exponential, told to the network in whole timesteps). Continuous paths are divided evenly down to their
    /// cleanest level by both trailing and linspace.
    pub spacing: TimestepSpacing,
    /// Added to the timesteps of spacing leading, as in diffusers.
    pub steps_offset: usize,
    /// Samplers ddim and pndm, path vp: end at the clean image. `false` ends at the level of t = 0, as some networks
    /// made with diffusers want it.
    pub set_alpha_to_one: bool,
    /// Samplers ddim and pndm, path vp: each of n steps leads ⌊T/n⌋ timesteps down, as diffusers' do whatever the
    /// spacing, and not to the timestep visited next. Imported runs have it. With spacing leading both are
    /// the same.
    pub equal_strides: bool,
    /// ρ of spacing karras: larger values make the steps near the clean image shorter.
    pub rho: f64,
    /// Least σ/α that the spacings karras, exponential, beta and lu divide. 0: the schedule's.
    pub sigma_min: f64,
    /// Largest σ/α that they divide. 0: the schedule's.
    pub sigma_max: f64,
    /// Path vp: where the ends of those spacings are taken from: `whole` (the schedule's own), or the first and
    /// last timestep that spacing `leading`, `trailing` or `linspace` (in a single step t = 0 alone) would visit, as
    /// diffusers' Euler, Heun, LMS and KDPM2 have it.
    pub sigma_range: SigmaRange,
    /// Sampler euler, path vp: `linear` takes σ/α at the timesteps; `log_linear` spaces log(σ/α) evenly over the
    /// whole schedule, ends at the least, and tells the network the timesteps all the same (diffusers).
    pub interpolation_type: InterpolationType,
    /// Samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and dpmpp_2s, path vp: begin at the noisiest level whose
    /// log(α/σ) is not below this negative number (−5.1 is usual with schedule cosine). 0: at the noisiest.
    pub lambda_min_clipped: f64,
    /// Path flow: the levels are stretched so that the last step begins at this u, above 0 and below 1 (diffusers'
    /// FlowMatchEulerDiscreteScheduler). 0: not stretched.
    pub shift_terminal: f64,
    /// The timesteps to visit, falling from T − 1 at most; they take the place of `steps` and `spacing`.
    /// Empty: by spacing.
    pub timesteps: Vec<f64>,
    /// Highest order of dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc, deis (1 to 3) and lms (1 to 4). 0: the
    /// sampler's own, 2, but 3 for dpmpp_3m and 4 for lms.
    pub solver_order: usize,
    /// `midpoint` or `heun` for dpmpp_2m, dpmpp_2m_sde and dpmpp_2s, `bh1` or `bh2` for unipc. `auto`: midpoint and
    /// bh2.
    pub solver_type: SolverType,
    /// Samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and deis below 15 steps, dpmpp_2s and unipc always: end with lower
    /// order, which is steadier. `false`: only where it has to be, as in the step to the clean image.
    pub lower_order_final: bool,
    /// Samplers dpmpp_2m, dpmpp_3m and dpmpp_2m_sde: the last step is of first order, wherever it leads.
    pub euler_at_final: bool,
    /// Samplers euler, lms, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis: the last step leads to the
    /// clean image (`zero`) or to the least noise of the schedule (`sigma_min`).
    pub final_sigmas_type: FinalSigmasType,
    /// Sampler unipc: solve for x_0. `false`: for the noise.
    pub predict_x0: bool,
    /// Sampler unipc: the steps, counted from 0, that are not corrected.
    pub disable_corrector: Vec<usize>,
    /// Sampler pndm: no Runge-Kutta steps at the start, but one of Euler's and one of Heun's (PLMS). `false` needs 4
    /// steps.
    pub skip_prk_steps: bool,
    /// Sampler pndm: its polynomial is through the network's velocities, α·ε − σ·x_0, which the last one's x_t makes
    /// noise of, as diffusers has it for prediction_type v_prediction. `false`: through the noise.
    pub pndm_velocity: bool,
    /// Sampler edm: noise added in the whole trajectory (Karras et al. 2022, S_churn). 0: deterministic.
    pub s_churn: f64,
    /// Sampler edm: the least σ/α at which noise is added.
    pub s_tmin: f64,
    /// Sampler edm: the largest σ/α at which noise is added. 0: no limit.
    pub s_tmax: f64,
    /// Sampler edm: standard deviation of the noise added.
    pub s_noise: f64,
    /// w in (1 + w)·ε_cond − w·ε_uncond: 0 is the conditional model, −1 the unconditional one. Other libraries' scale
    /// is s = 1 + w. Any value other than 0 needs a class-conditional model.
    pub guidance_scale: f64,
    /// φ of CFG-rescale: how much of the contrast that guidance adds is removed, 0 (none) to 1 (all; Lin et al. 2024
    /// use 0.7).
    pub guidance_rescale: f64,
    /// Guide only where t/T lies within these two numbers (Kynkäänniemi et al. 2024). Elsewhere the conditional model
    /// is used alone, at half the cost.
    pub guidance_interval: Vec<f64>,
    /// Guide away from this class, by name or number. Empty or "none": from the null class.
    pub negative_class: String,
    /// Clamp the estimate of x_0 to [-1, 1] at every step. Good for `ddpm`; with `ddim` and guidance it spoils the
    /// picture, because the estimate of the noise does not change with it. Samplers euler, lms, dpm_2, dpm_2_a, pndm,
    /// dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis never clamp, as in diffusers.
    pub clip_sample: bool,
    /// The number that clip_sample clamps to, on both sides of 0.
    pub clip_sample_range: f64,
    /// Dynamic thresholding (Saharia et al. 2022, "Imagen"): at every step clamp the estimate of x_0 of each image
    /// to [-s, s] and divide it by s, s the dynamic_thresholding_ratio quantile of |x_0|, within 1 to
    /// sample_max_value. Takes the place of clip_sample. Samplers euler, lms, dpm_2, dpm_2_a and pndm never do it, as
    /// in diffusers.
    pub thresholding: bool,
    /// The quantile of thresholding, 0 to 1.
    pub dynamic_thresholding_ratio: f64,
    /// The largest s of thresholding, 1 or more; at 1 it is a clamp to [-1, 1].
    pub sample_max_value: f64,
    /// Images in a snapshot.
    pub num: usize,
    /// How precisely the network multiplies while it samples: `f32`, `bf16` or `auto`, as in train.precision. `bf16` is faster
    /// on the same processors; docs/benchmarks.md has its effect on samples. An mlp is always computed in f32.
    pub precision: PrecisionChoice,
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            sampler: SamplerName::Ddim,
            steps: 50,
            rtol: 1e-3,
            atol: 1e-3,
            corrector_snr: 0.16,
            corrector_steps: 1,
            eta: 0.0,
            spacing: TimestepSpacing::Trailing,
            steps_offset: 0,
            set_alpha_to_one: true,
            equal_strides: false,
            rho: 7.0,
            sigma_min: 0.0,
            sigma_max: 0.0,
            sigma_range: SigmaRange::Whole,
            interpolation_type: InterpolationType::Linear,
            lambda_min_clipped: 0.0,
            shift_terminal: 0.0,
            timesteps: Vec::new(),
            solver_order: 0,
            solver_type: SolverType::Auto,
            lower_order_final: true,
            euler_at_final: false,
            final_sigmas_type: FinalSigmasType::Zero,
            predict_x0: true,
            disable_corrector: Vec::new(),
            skip_prk_steps: true,
            pndm_velocity: false,
            s_churn: 0.0,
            s_tmin: 0.0,
            s_tmax: 0.0,
            s_noise: 1.0,
            guidance_scale: 0.0,
            guidance_rescale: 0.0,
            guidance_interval: vec![0.0, 1.0],
            negative_class: String::new(),
            clip_sample: false,
            clip_sample_range: 1.0,
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            sample_max_value: 1.0,
            num: 20,
            precision: PrecisionChoice::F32,
        }
    }
}
