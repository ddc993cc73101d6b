//! What all methods of moving the weights are told at a step.

/// What is the same for every parameter in one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// How many updates the moments will have seen, this one included; it corrects their bias.
    pub updates: u64,
    pub lr: f64,
    /// Gradients are multiplied by this first (clipping).
    pub gradient_scale: f64,
    /// What the average takes from the new parameters: 1 − its decay.
    pub fresh: f64,
}
