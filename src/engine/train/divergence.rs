//! What tells a step that would spoil the weights, and what may help against it.

use crate::config::{PrecisionChoice, TrainConfig};

/// Beyond this learning rate a few updates leave no weight within the range of f32. (An update of AdamW is the
/// learning rate times a number of about 1.)
const LARGEST_RATE: f64 = 1e30;

/// Beyond this a gradient's square, which the second moment is made of, has no place in f32.
const LARGEST_GRADIENT: f64 = 1e18;

/// Why an update cannot be taken without spoiling weights or moments although loss and gradients are finite:
/// `grad_norm` is that after clipping.
pub fn too_large(lr: f64, grad_norm: f64) -> Option<&'static str> {
    if lr > LARGEST_RATE {
        Some("the learning rate is so large that an update leaves no weight finite")
    } else if grad_norm > LARGEST_GRADIENT {
        Some("the gradients are so large that their squares are not finite")
    } else {
        None
    }
}

/// A tenth of `rate`, to three digits.
pub fn tenth(rate: f64) -> f64 {
    // What was printed can be read: the fallback is never taken.
    format!("{:.2e}", rate / 10.0).parse().unwrap_or(rate / 10.0)
}

/// What may help, of what the config does not say already.
pub fn advice(config: &TrainConfig, learning_rate_scale: f64, step: u64) -> String {
    let mut advice = vec![format!("train.learning_rate = {:e} (a tenth)", tenth(config.learning_rate))];
    if learning_rate_scale > 1.0 {
        advice.push(format!("the learning rate as configured (it was set to × {learning_rate_scale} live)"));
    }
    if config.max_grad_norm == 0.0 || config.max_grad_norm > 1.0 {
        advice.push("train.max_grad_norm = 1".into());
    }
    // Longer only helps where it was short.
    let longer = (config.warmup_steps * 4).max(500);
    if step <= longer && config.warmup_steps < longer {
        advice.push(format!("train.warmup_steps = {longer}"));
    }
    if config.precision != PrecisionChoice::F32 {
        advice.push("train.precision = \"f32\"".into());
    }
    match advice.len() {
        1 => advice.concat(),
        n => format!("{}, or {}", advice[..n - 1].join(", "), advice[n - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_in_force_is_not_recommended() {
        let clipped = TrainConfig { max_grad_norm: 1.0, warmup_steps: 100, ..TrainConfig::default() };
        let said = advice(&clipped, 1.0, 10_000);
        assert!(said.contains("train.learning_rate = ") && !said.contains("max_grad_norm"), "{said}");
        assert!(!said.contains("warmup") && !said.contains("live"), "{said}");
        let free = TrainConfig { max_grad_norm: 0.0, warmup_steps: 0, ..clipped };
        let said = advice(&free, 4.0, 3);
        for part in ["max_grad_norm = 1", "warmup_steps = 500", "× 4 live"] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
    }

    #[test]
    fn what_has_no_place_in_f32_is_seen_before() {
        assert_eq!(too_large(1e-3, 1.0), None);
        assert!(too_large(1e35, 1.0).is_some() && too_large(1e-3, 1e20).is_some());
    }
}
