//! What has been measured of the run, as far as a sentence needs it.

/// What the worker is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stage {
    /// Something that is said elsewhere.
    #[default]
    Silent,
    /// Before the first step: "loading 60,000 digits".
    Opening(String),
    /// The first step is under way.
    Ready,
    Training,
    Paused,
    Finished,
}

/// Pixels that are the same in all training images shown, and in finished samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Background {
    /// "black" or "white".
    pub word: &'static str,
    /// Step of the weights that made the samples.
    pub step: u64,
    /// Mean distance of these pixels in the samples from the colour, of the range from black to white.
    pub distance: f64,
}

/// The held-out loss now and at its best, and the training loss at both times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOutRise {
    pub best: f64,
    pub best_step: u64,
    pub now: f64,
    pub train_then: f64,
    pub train_now: f64,
}

/// All of it; what is not known is NaN, 0 or `None`, and no sentence follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub stage: Stage,
    pub is_images: bool,
    pub step: u64,
    pub steps: u64,
    /// The smoothed loss now, and that of the first steps.
    pub loss: f64,
    pub start: f64,
    /// The smoothed loss at a step a third of the way back, 1,000 steps at least.
    pub before: Option<(u64, f64)>,
    /// The loss of a network that always answers 0, where that is known.
    pub loss_of_zero: Option<f64>,
    pub lr: f64,
    /// The largest learning rate so far; 0 where a person has changed it.
    pub peak_lr: f64,
    pub warmup_steps: u64,
    /// What is left of the starting loss in the noisiest and in the least noisy third of t.
    pub thirds: Option<(f64, f64)>,
    pub background: Option<Background>,
    pub held_out: Option<HeldOutRise>,
}
