//! `[train]`: the optimization.

use serde::{Deserialize, Serialize};

use crate::config::names::{Coupling, KeepHistory, LossWeighting, LrSchedule, OptimizerName, TimestepSampling};
use crate::config::precision::PrecisionChoice;

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
    /// Into how many shards the images of a step are cut: the gradient of each is computed alone, and all are added in a
    /// fixed order. The last bits of a run depend on this number, and neither on threads nor on processes. 0: as many as
    /// there are threads, in all processes together, when the run begins, which the run folder's config.toml then has.
    pub shards: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate goes on after the warm-up: `constant`, or `cosine` down to
    /// `min_learning_rate` at the last step.
    pub lr_schedule: LrSchedule,
    /// Steps over which the learning rate rises linearly from 0.
    pub warmup_steps: u64,
    /// Learning rate at the end of the cosine.
    pub min_learning_rate: f64,
    /// What moves the weights: `adamw` (Loshchilov & Hutter 2019), or `muon` (Jordan et al. 2024), which makes each
    /// step of the matrices inside the network orthogonal and leaves the rest to AdamW.
    pub optimizer: OptimizerName,
    /// Decay of the momentum of optimizer muon.
    pub muon_momentum: f64,
    /// AdamW: decay of the first moment.
    pub beta1: f64,
    /// AdamW: decay of the second moment.
    pub beta2: f64,
    /// AdamW: ε in the denominator.
    pub adam_eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this global norm; 0: never.
    pub max_grad_norm: f64,
    /// How precisely a step multiplies: `f32`, or `bf16`, which takes the products of the 3×3 convolutions (with AMX those of
    /// 1×1 convolutions and of attention too) in bf16 and everything else, weights and sums included, in f32.
    /// `bf16` is faster on Intel's processors with AMX and on AMD's with AVX512-BF16, and slower than f32 on others. `auto`:
    /// the faster one where a run begins, which its config.toml then names. Sampling has its own: sample.precision.
    pub precision: PrecisionChoice,
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
    /// Which noise goes with which image: `independent`, or `optimal_transport`, which pairs the images and the noise of
    /// a batch so that the sum of their squared distances is least (Pooladian et al. 2023; Tong et al. 2024).
    pub coupling: Coupling,
    /// Rate at which class labels are replaced by the null class (classifier-free guidance).
    pub p_uncond: f64,
    /// Largest decay of the exponential moving average of the weights.
    pub ema_decay: f64,
    /// γ of an average that weights step i by i^γ (Karras et al. 2024), until its decay reaches ema_decay; 0: the decay
    /// rises as (1 + n)/(10 + n) over the steps n.
    pub ema_power: f64,
    /// Steps between held-out losses; 0: never.
    pub eval_every: u64,
    /// Steps between checkpoints; 0: only at the end and on leaving.
    pub checkpoint_every: u64,
    /// How many checkpoints to keep (the newest ones).
    pub keep_checkpoints: usize,
    /// Keep the averaged weights of steps 1, 2, 3, 5, 10, 20, 30, 50, 100 … in half precision (f16), in the run's
    /// folder `history/`, so that `difflab sample --through-training` can show how the run learned, and any of these
    /// steps be sampled, measured and forked from: `on`, `off`, or `auto`: in runs of 100 steps or more whose history
    /// takes at most 256 MiB.
    pub history: KeepHistory,
    /// Seconds for which training goes on while nothing of it can be saved, as on a full disk; then it waits for room.
    pub save_patience_s: f64,
    /// Steps between lines of metrics.jsonl; above 1 each line has the least and the largest loss since the one before
    /// (loss_min, loss_max).
    pub log_every: u64,
    /// Write TensorBoard's event files as well, while the run trains, in its folder `tensorboard/`: losses, learning rate,
    /// the loss by quarters of t, previews and snapshots. `difflab export-logs` writes them of any run.
    pub tensorboard: bool,
    /// Steps between lines of timestep_loss.jsonl.
    pub timestep_loss_every: u64,
    /// Bins over t in timestep_loss.jsonl.
    pub timestep_bins: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 20_000,
            epochs: 0.0,
            batch_size: 64,
            shards: 0,
            learning_rate: 1e-3,
            lr_schedule: LrSchedule::Cosine,
            warmup_steps: 100,
            min_learning_rate: 1e-5,
            optimizer: OptimizerName::Adamw,
            muon_momentum: 0.95,
            beta1: 0.9,
            beta2: 0.999,
            adam_eps: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            precision: PrecisionChoice::F32,
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
            coupling: Coupling::Independent,
            p_uncond: 0.1,
            ema_decay: 0.999,
            ema_power: 0.0,
            eval_every: 200,
            checkpoint_every: 1000,
            keep_checkpoints: 3,
            history: KeepHistory::Auto,
            save_patience_s: 600.0,
            log_every: 1,
            tensorboard: false,
            timestep_loss_every: 50,
            timestep_bins: 40,
        }
    }
}
