//! The experiment file: every key, its type and its default.
//!
//! A config is TOML. Keys left out take the defaults declared here; unknown keys are refused.
//! The resolved config (every key written out) is saved in the run folder, and alone repeats the
//! run. The doc comment of each field is the text that `--help-config` shows.

use serde::{Deserialize, Serialize};

use super::HeldOut;
use super::names::*;

/// One experiment, all keys resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Format version of this file; written into every run folder.
    pub version: u32,
    /// Name of the experiment; part of the run folder's name.
    pub name: String,
    /// Seed of every random number in the run.
    pub seed: u64,
    pub data: DataConfig,
    pub diffusion: DiffusionConfig,
    pub model: ModelConfig,
    pub train: TrainConfig,
    pub preview: PreviewConfig,
    pub sample: SampleConfig,
}

/// The newest config format that this binary reads and writes.
pub const CONFIG_VERSION: u32 = 1;

/// What to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Pictures: `mnist`, `mnist-10k`, `fashion-mnist-10k`, `emoji-32`, or your own at `path`: `images` (a
    /// folder of pictures; sub-folders are classes), `idx` (files as MNIST's), `npz` (NumPy arrays) or `cifar`
    /// (CIFAR-10 or CIFAR-100, binary). Points in the plane, made by formula: `two_moons`,
    /// `swiss_roll`, `eight_gaussians`, `checkerboard`, `pinwheel`, or `picture` (the dark pixels of the
    /// drawing at `path`, of a cat if that is empty).
    pub dataset: String,
    /// File or folder for `images`, `idx`, `npz`, `cifar` and `picture`; for bundled names, overrides where they are looked
    /// for. Empty: not set.
    pub path: String,
    /// Labels file for `idx`; labels file or name of an array for `npz`. Empty: found by its usual name, else
    /// unlabelled.
    pub labels: String,
    /// Height and width of the training images in pixels; others are cropped to their central
    /// square and resized. 0: as stored.
    pub image_size: usize,
    /// Colour channels: 1 (grey), 3 (RGB), or 0: as stored.
    pub channels: usize,
    /// How much of the data to keep out of training, for the held-out loss: below 1 a share of the images
    /// (rounded down), from 1 on their number. Which ones follows from `seed`.
    pub held_out: HeldOut,
    /// Mirror each training image left-right with probability one half.
    pub horizontal_flip: bool,
    /// How many points a point set has, the held-out ones included; always the same ones.
    pub num_points: usize,
}

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

/// The network; a U-Net in diffusers' terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// `unet` for images, or `mlp` for points in the plane: a residual multilayer perceptron that takes
    /// `hidden_width` and `hidden_layers`, and of the other keys `resnet_time_scale_shift`, `dropout` and
    /// `class_conditional`.
    pub kind: NetworkKind,
    /// Units of each hidden layer of an mlp.
    pub hidden_width: usize,
    /// Residual blocks of an mlp, two layers each.
    pub hidden_layers: usize,
    /// Channels of each level, from full resolution down. H and W must be multiples of
    /// 2^(levels − 1).
    pub block_out_channels: Vec<usize>,
    /// Residual blocks per level (the way up has one more).
    pub layers_per_block: usize,
    /// Levels (0 = full resolution) with self-attention.
    pub attention_levels: Vec<usize>,
    /// Self-attention in the middle block.
    pub mid_attention: bool,
    /// Channels of one attention head; 0: a single head over all channels.
    pub attention_head_dim: usize,
    /// Groups of every group normalization; must divide every width, the concatenated ones included.
    pub norm_num_groups: usize,
    /// ε inside the group normalization.
    pub norm_eps: f64,
    /// Groups of the normalization before the middle block's attention; 0: norm_num_groups.
    pub attn_norm_num_groups: usize,
    /// Normalize before the middle block's attention. Networks made with diffusers and `scale_shift` often
    /// don't.
    pub mid_attention_norm: bool,
    /// How the time embedding enters a residual block: `default` adds it, `scale_shift` scales and
    /// shifts the normalized features with it (FiLM).
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Dropout rate inside the residual blocks, 0 to 1.
    pub dropout: f64,
    /// Train with class labels (needs a labelled dataset); a null class is added for guidance.
    pub class_conditional: bool,
    /// A middle block: two residual blocks below the last level.
    pub mid_block: bool,
    /// The middle block's outputs are divided by this.
    pub mid_block_scale_factor: f64,
    /// Zeros around the strided convolutions: 1 on all sides, 0 only right and below.
    pub downsample_padding: usize,
    /// Width of the time embedding; 0: four times the channels of the first level.
    pub time_embedding_dim: usize,
    /// Cosines before sines in the time features.
    pub flip_sin_to_cos: bool,
    /// Shifts the frequencies of the time features, 10000^(−i / (half − freq_shift)).
    pub freq_shift: f64,
    /// x ← 2x − 1 at the network's entrance.
    pub center_input_sample: bool,
}

/// The optimization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Optimizer steps in the whole run.
    pub steps: u64,
    /// The same in passes through the training images: epochs × images / batch_size steps, rounded up, which the run
    /// folder's config.toml then has as `steps`. A file has one of the two. 0: as many steps as `steps` says.
    pub epochs: f64,
    /// Images per step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate goes on after the warm-up: `constant`, or `cosine` down to
    /// `min_learning_rate` at the last step.
    pub lr_schedule: LrSchedule,
    /// Steps over which the learning rate rises linearly from 0.
    pub warmup_steps: u64,
    /// Learning rate at the end of the cosine.
    pub min_learning_rate: f64,
    /// AdamW: decay of the first moment.
    pub beta1: f64,
    /// AdamW: decay of the second moment.
    pub beta2: f64,
    /// AdamW: ε in the denominator.
    pub adam_eps: f64,
    /// AdamW: decoupled weight decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this global norm; 0: never.
    pub max_grad_norm: f64,
    /// How precisely a step multiplies: `f32`, or `bf16`, which takes the products of the 3×3
    /// convolutions in bf16 and everything else, weights and sums included, in f32. `bf16` is faster,
    /// and needs a processor with AVX512-BF16; sampling stays in f32.
    pub precision: Precision,
    /// What each sample's squared error counts in the loss: `simple` (1 on the network's own target; L_simple of Ho et
    /// al. 2020 where that is ε), `min_snr` (min(SNR, γ) on x_0, whatever the target; Hang et al. 2023), `p2` (1/(k +
    /// SNR)^γ on ε; Choi et al. 2022), `edm` (1/s² + 1/σ_data² on x_0, with s = σ/α; λ of Karras et al. 2022), `vlb`
    /// (the true variational bound, in nats per dimension; Ho et al. 2020, Kingma et al. 2021). `loss` is the weighted
    /// one; the loss per timestep and the held-out loss are of the plain squared error.
    pub loss_weighting: LossWeighting,
    /// γ of loss_weighting min_snr.
    pub min_snr_gamma: f64,
    /// γ of loss_weighting p2.
    pub p2_gamma: f64,
    /// k of loss_weighting p2.
    pub p2_k: f64,
    /// Weight λ of the variational bound (bits/dim) beside the simple loss, where the variance is learned.
    pub vlb_weight: f64,
    /// How timesteps are drawn: `uniform`, `stratified` (evenly spread over each batch; Kingma et al.
    /// 2021), `importance` (where the loss is large, divided out again; Nichol & Dhariwal 2021),
    /// `log_normal` (ln σ normal, paths ve and edm; Karras et al. 2022), `logit_normal` (logit u normal,
    /// path flow; Esser et al. 2024), or `auto`: log_normal on path edm, uniform elsewhere.
    pub timestep_sampling: TimestepSampling,
    /// Mean of ln σ of timestep_sampling log_normal.
    pub p_mean: f64,
    /// Standard deviation of ln σ of timestep_sampling log_normal.
    pub p_std: f64,
    /// Mean of logit u of timestep_sampling logit_normal; above 0 leans towards noise.
    pub logit_mean: f64,
    /// Standard deviation of logit u of timestep_sampling logit_normal.
    pub logit_std: f64,
    /// Rate at which class labels are replaced by the null class (classifier-free guidance).
    pub p_uncond: f64,
    /// Largest decay of the exponential moving average of the weights.
    pub ema_decay: f64,
    /// Steps between held-out losses; 0: never.
    pub eval_every: u64,
    /// Steps between checkpoints; 0: only at the end and on leaving.
    pub checkpoint_every: u64,
    /// How many checkpoints to keep (the newest ones).
    pub keep_checkpoints: usize,
    /// Seconds for which training goes on while nothing of it can be saved, as on a full disk; then it waits for room.
    pub save_patience_s: f64,
    /// Steps between lines of metrics.jsonl; above 1 each line has the least and the largest loss since the one before
    /// (loss_min, loss_max).
    pub log_every: u64,
    /// Steps between lines of timestep_loss.jsonl.
    pub timestep_loss_every: u64,
    /// Bins over t in timestep_loss.jsonl.
    pub timestep_bins: usize,
}

/// The moving preview, and the automatic snapshots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreviewConfig {
    /// Denoise samples between training steps.
    pub enabled: bool,
    /// Largest share of the time that previews may take, 0 to 1. Drawing them costs a little more: the default keeps
    /// the total cost within a tenth of the throughput.
    pub budget: f64,
    /// Images in the preview.
    pub num: usize,
    /// Sampling steps of a preview.
    pub steps: usize,
    /// Steps between preview pictures saved in the run folder; 0: none.
    pub save_every: u64,
    /// Steps between automatic snapshots; 0: only when asked.
    pub snapshot_every: u64,
}

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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: CONFIG_VERSION,
            name: "experiment".into(),
            seed: 0,
            data: DataConfig::default(),
            diffusion: DiffusionConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            preview: PreviewConfig::default(),
            sample: SampleConfig::default(),
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            dataset: "mnist".into(),
            path: String::new(),
            labels: String::new(),
            image_size: 0,
            channels: 0,
            held_out: HeldOut::Share(0.05),
            horizontal_flip: false,
            num_points: 20_000,
        }
    }
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

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: NetworkKind::Unet,
            hidden_width: 128,
            hidden_layers: 3,
            block_out_channels: vec![32, 64, 64],
            layers_per_block: 1,
            attention_levels: vec![],
            mid_attention: true,
            attention_head_dim: 8,
            norm_num_groups: 8,
            norm_eps: 1e-5,
            attn_norm_num_groups: 0,
            mid_attention_norm: true,
            resnet_time_scale_shift: TimeScaleShift::ScaleShift,
            dropout: 0.0,
            class_conditional: false,
            mid_block: true,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            time_embedding_dim: 0,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            center_input_sample: false,
        }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 20_000,
            epochs: 0.0,
            batch_size: 64,
            learning_rate: 1e-3,
            lr_schedule: LrSchedule::Cosine,
            warmup_steps: 100,
            min_learning_rate: 1e-5,
            beta1: 0.9,
            beta2: 0.999,
            adam_eps: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            precision: Precision::F32,
            loss_weighting: LossWeighting::Simple,
            min_snr_gamma: 5.0,
            p2_gamma: 1.0,
            p2_k: 1.0,
            vlb_weight: 0.001,
            timestep_sampling: TimestepSampling::Auto,
            p_mean: -1.2,
            p_std: 1.2,
            logit_mean: 0.0,
            logit_std: 1.0,
            p_uncond: 0.1,
            ema_decay: 0.999,
            eval_every: 200,
            checkpoint_every: 1000,
            keep_checkpoints: 3,
            save_patience_s: 600.0,
            log_every: 1,
            timestep_loss_every: 50,
            timestep_bins: 40,
        }
    }
}

impl Default for PreviewConfig {
    fn default() -> Self {
        Self { enabled: true, budget: 0.03, num: 10, steps: 25, save_every: 500, snapshot_every: 0 }
    }
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
        }
    }
}
