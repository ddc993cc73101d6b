//! The words that a config chooses from.

use serde::{Deserialize, Serialize};

/// The Gaussian path from data to noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathName {
    /// Variance-preserving, in T steps of given β (DDPM).
    Vp,
    /// Variance-preserving in continuous time (Song et al. 2021, eq. 11).
    VpSde,
    /// Its variance-bounded companion (Song et al. 2021, eq. 12).
    SubVpSde,
    /// Variance-exploding: σ grows geometrically (Song et al. 2021, eq. 9).
    Ve,
    /// Karras et al. 2022: α = 1, σ log-normal in training.
    Edm,
    /// Rectified flow (Liu et al. 2023; Lipman et al. 2023): α = 1 − u, σ = u.
    Flow,
}

/// Name of a noise schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleName {
    Linear,
    ScaledLinear,
    Cosine,
    /// β on a logistic curve: diffusers' `sigmoid`.
    Sigmoid,
    /// ᾱ on a logistic curve: Jabri et al. 2022.
    SigmoidJabri,
    /// β listed in the config.
    Given,
}

/// What the network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε.
    Epsilon,
    /// The clean image x_0.
    Sample,
    /// v = (α ε − σ x_0)/√(α² + σ²) (Salimans & Ho 2022; the root is 1 on variance-preserving paths).
    VPrediction,
    /// σ times the score ∇ log p(x_t), which is −ε.
    Score,
    /// The velocity dα/du·x_0 + dσ/du·ε of the path.
    Flow,
    /// EDM's F, x_0 = c_skip·x_t + c_out·F (Karras et al. 2022, eq. 7).
    Edm,
}

/// What kind of network learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// For images.
    Unet,
    /// Residual multilayer perceptron, for points in the plane.
    Mlp,
    /// Not diffusion: the autoencoder of `[autoencoder]`, whose latents diffusion may train on.
    Autoencoder,
}

/// The layout of an autoencoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoencoderKind {
    /// diffusers' AutoencoderKL.
    Kl,
    /// diffusers' AutoencoderTiny.
    Tiny,
}

/// What reconstructions are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReconstructionLoss {
    /// The mean of |x − x̂|.
    L1,
    /// The mean of (x − x̂)².
    L2,
}

/// How the time embedding enters a residual block (diffusers' `resnet_time_scale_shift`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeScaleShift {
    /// Added to the features.
    Default,
    /// FiLM: scales and shifts the normalized features.
    ScaleShift,
}

/// Whether a run keeps its averaged weights as it learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepHistory {
    /// Where it costs little time and room.
    #[default]
    Auto,
    On,
    Off,
}

/// What moves the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerName {
    /// Loshchilov & Hutter 2019.
    Adamw,
    /// Jordan et al. 2024.
    Muon,
}

/// Which noise goes with which image of a training batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    Independent,
    /// Pooladian et al. 2023; Tong et al. 2024.
    OptimalTransport,
}

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedule {
    Constant,
    /// Falls along half a cosine to `min_learning_rate` at the last step.
    Cosine,
}

/// Name of a sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerName {
    /// Ancestral (Ho et al. 2020).
    Ddpm,
    /// Song, Meng & Ermon 2021.
    Ddim,
    Euler,
    Heun,
    /// Karras et al. 2022, algorithm 2: Heun with churn.
    Edm,
    #[serde(rename = "dpmpp_2m")]
    Dpmpp2m,
    #[serde(rename = "dpmpp_3m")]
    Dpmpp3m,
    #[serde(rename = "dpmpp_2m_sde")]
    Dpmpp2mSde,
    #[serde(rename = "unipc")]
    UniPc,
    /// DPM-Solver++ with the calls of each step within it (Lu et al. 2022; singlestep).
    #[serde(rename = "dpmpp_2s")]
    Dpmpp2s,
    /// Zhang & Chen 2023: the noise a polynomial in log(σ/α).
    Deis,
    /// Liu et al. 2022: pseudo-linear multistep.
    Pndm,
    /// Linear multistep in σ/α.
    Lms,
    /// DPM-Solver-2 as Karras et al. 2022 write solvers: the midpoint rule.
    #[serde(rename = "dpm_2")]
    Dpm2,
    /// Its ancestral form.
    #[serde(rename = "dpm_2_a")]
    Dpm2A,
    /// Euler ancestral.
    EulerA,
    /// The probability-flow ODE with an adaptive solver (Song et al. 2021).
    PfOde,
    /// Predictor–corrector (Song et al. 2021).
    Pc,
    /// Path flow, one call a step.
    FlowEuler,
    /// Path flow, two calls a step.
    FlowMidpoint,
    /// Path flow, two calls a step.
    FlowHeun,
}

/// Which timesteps a sampler with fewer than T steps visits (diffusers' `timestep_spacing`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
    Leading,
    Trailing,
    Linspace,
    /// (σ/α)^(1/ρ) evenly spaced (Karras et al. 2022, eq. 5).
    Karras,
    /// log(σ/α) evenly spaced.
    Exponential,
    /// σ/α at the quantiles of the Beta(0.6, 0.6) distribution (Lee et al. 2024).
    Beta,
    /// As exponential, told to the network in whole timesteps (Lu et al. 2022).
    Lu,
}

/// Which timesteps the ends of the spacings that divide σ/α are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigmaRange {
    /// The whole schedule.
    Whole,
    /// The first and the last that spacing leading visits.
    Leading,
    /// The first and the last that spacing trailing visits.
    Trailing,
    /// The first and the last that spacing linspace visits: the whole schedule, but t = 0 alone in a single step.
    Linspace,
}

/// The rule by which a solver goes from the answers to the step (diffusers' `solver_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverType {
    /// The sampler's own.
    Auto,
    Midpoint,
    Heun,
    /// B(h) = h (Zhao et al. 2023).
    Bh1,
    /// B(h) = e^h − 1 (Zhao et al. 2023).
    Bh2,
}

/// Where the last step leads (diffusers' `final_sigmas_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalSigmasType {
    /// To the clean image.
    Zero,
    /// To the noise of the cleanest level of the schedule.
    SigmaMin,
}

/// How Euler's σ/α follow from the timesteps (diffusers' `interpolation_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterpolationType {
    /// Those of the timesteps.
    Linear,
    /// log(σ/α) evenly spaced over the whole schedule, whatever the timesteps.
    LogLinear,
}

/// What a sample's squared error is multiplied by in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossWeighting {
    /// 1 on the network's own target (Ho et al. 2020, eq. 14).
    Simple,
    /// Hang et al. 2023: min(SNR, γ) on x_0.
    MinSnr,
    /// Choi et al. 2022: 1/(k + SNR)^γ on ε.
    P2,
    /// Karras et al. 2022: λ(σ) on x_0.
    Edm,
    /// The terms of the variational bound themselves (Ho et al. 2020, eq. 12).
    Vlb,
}

/// How the timesteps of a training batch are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSampling {
    /// What the path is trained with by its authors.
    Auto,
    Uniform,
    /// Evenly spread over each batch (Kingma et al. 2021, appendix I.1).
    Stratified,
    /// By the second moment of the loss (Nichol & Dhariwal 2021, eq. 18).
    Importance,
    /// ln σ is normal (Karras et al. 2022).
    LogNormal,
    /// logit u is normal (Esser et al. 2024).
    LogitNormal,
}

/// The variance of p(x_{t−1} | x_t) (diffusers' `variance_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarianceType {
    /// β̃_t, that of q(x_{t−1} | x_t, x_0).
    FixedSmall,
    /// β_t.
    FixedLarge,
    /// Learned, between the two in the logarithm (Nichol & Dhariwal 2021, eq. 15).
    LearnedRange,
}

impl PathName {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp => "vp",
            Self::VpSde => "vp_sde",
            Self::SubVpSde => "sub_vp_sde",
            Self::Ve => "ve",
            Self::Edm => "edm",
            Self::Flow => "flow",
        }
    }
}

impl ScheduleName {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::ScaledLinear => "scaled_linear",
            Self::Cosine => "cosine",
            Self::Sigmoid => "sigmoid",
            Self::SigmoidJabri => "sigmoid_jabri",
            Self::Given => "given",
        }
    }
}

impl PredictionType {
    pub const ALL: [Self; 6] = [Self::Epsilon, Self::Sample, Self::VPrediction, Self::Score, Self::Flow, Self::Edm];

    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Epsilon => "epsilon",
            Self::Sample => "sample",
            Self::VPrediction => "v_prediction",
            Self::Score => "score",
            Self::Flow => "flow",
            Self::Edm => "edm",
        }
    }
}

impl NetworkKind {
    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unet => "U-Net",
            Self::Mlp => "MLP",
            Self::Autoencoder => "autoencoder",
        }
    }
}

impl SamplerName {
    pub const ALL: [Self; 21] = [
        Self::Ddpm,
        Self::Ddim,
        Self::Euler,
        Self::Heun,
        Self::Edm,
        Self::Dpmpp2m,
        Self::Dpmpp3m,
        Self::Dpmpp2mSde,
        Self::UniPc,
        Self::Dpmpp2s,
        Self::Deis,
        Self::Pndm,
        Self::Lms,
        Self::Dpm2,
        Self::Dpm2A,
        Self::EulerA,
        Self::PfOde,
        Self::Pc,
        Self::FlowEuler,
        Self::FlowMidpoint,
        Self::FlowHeun,
    ];

    /// The word in configs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ddpm => "ddpm",
            Self::Ddim => "ddim",
            Self::Euler => "euler",
            Self::Heun => "heun",
            Self::Edm => "edm",
            Self::Dpmpp2m => "dpmpp_2m",
            Self::Dpmpp3m => "dpmpp_3m",
            Self::Dpmpp2mSde => "dpmpp_2m_sde",
            Self::UniPc => "unipc",
            Self::Dpmpp2s => "dpmpp_2s",
            Self::Deis => "deis",
            Self::Pndm => "pndm",
            Self::Lms => "lms",
            Self::Dpm2 => "dpm_2",
            Self::Dpm2A => "dpm_2_a",
            Self::EulerA => "euler_a",
            Self::PfOde => "pf_ode",
            Self::Pc => "pc",
            Self::FlowEuler => "flow_euler",
            Self::FlowMidpoint => "flow_midpoint",
            Self::FlowHeun => "flow_heun",
        }
    }
}

impl SamplerName {
    /// Does it choose its own steps, so that a number of steps says nothing to it?
    pub fn is_adaptive(self) -> bool {
        self == Self::PfOde
    }
}

impl TimestepSpacing {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Trailing => "trailing",
            Self::Linspace => "linspace",
            Self::Karras => "karras",
            Self::Exponential => "exponential",
            Self::Beta => "beta",
            Self::Lu => "lu",
        }
    }

    /// Does it divide the range of σ/α (of u on path flow) rather than the timesteps?
    pub fn divides_sigmas(self) -> bool {
        matches!(self, Self::Karras | Self::Exponential | Self::Beta | Self::Lu)
    }
}

impl AutoencoderKind {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kl => "kl",
            Self::Tiny => "tiny",
        }
    }
}

impl ReconstructionLoss {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
        }
    }
}

impl SolverType {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Midpoint => "midpoint",
            Self::Heun => "heun",
            Self::Bh1 => "bh1",
            Self::Bh2 => "bh2",
        }
    }
}

impl LossWeighting {
    pub const ALL: [Self; 5] = [Self::Simple, Self::MinSnr, Self::P2, Self::Edm, Self::Vlb];

    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::MinSnr => "min_snr",
            Self::P2 => "p2",
            Self::Edm => "edm",
            Self::Vlb => "vlb",
        }
    }
}

impl TimestepSampling {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uniform => "uniform",
            Self::Stratified => "stratified",
            Self::Importance => "importance",
            Self::LogNormal => "log_normal",
            Self::LogitNormal => "logit_normal",
        }
    }

    /// What `auto` means on a path: log_normal on edm, as Karras et al. 2022 train, uniform elsewhere.
    pub fn on(self, path: PathName) -> Self {
        match (self, path) {
            (Self::Auto, PathName::Edm) => Self::LogNormal,
            (Self::Auto, _) => Self::Uniform,
            (chosen, _) => chosen,
        }
    }
}

impl VarianceType {
    /// The word in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedSmall => "fixed_small",
            Self::FixedLarge => "fixed_large",
            Self::LearnedRange => "learned_range",
        }
    }
}
