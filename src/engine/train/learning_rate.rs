//! The learning rate of each step.

use std::f64::consts::PI;

use crate::config::{LrSchedule, TrainConfig};

/// Learning rate of the step that makes `steps_done` steps complete (1 for the first one).
///
/// Rises linearly from 0 to `learning_rate` over `warmup_steps`, then stays (`constant`) or falls
/// along half a cosine to `min_learning_rate` at the last step (Loshchilov & Hutter 2017, without
/// restarts). `scale` is the live factor that a person may set while the run goes on.
pub fn learning_rate(config: &TrainConfig, steps_done: u64, scale: f64) -> f64 {
    let peak = config.learning_rate;
    let rate = if steps_done < config.warmup_steps {
        peak * steps_done as f64 / config.warmup_steps as f64
    } else {
        match config.lr_schedule {
            LrSchedule::Constant => peak,
            LrSchedule::Cosine => {
                let span = config.steps.saturating_sub(config.warmup_steps).max(1) as f64;
                let progress = ((steps_done - config.warmup_steps) as f64 / span).min(1.0);
                let floor = config.min_learning_rate;
                floor + 0.5 * (peak - floor) * (1.0 + (PI * progress).cos())
            }
        }
    };
    rate * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lr_schedule: LrSchedule) -> TrainConfig {
        TrainConfig {
            steps: 1000,
            warmup_steps: 100,
            learning_rate: 1e-3,
            min_learning_rate: 1e-5,
            lr_schedule,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn it_rises_linearly_and_reaches_the_peak_when_the_warm_up_ends() {
        let config = config(LrSchedule::Constant);
        assert!((learning_rate(&config, 1, 1.0) - 1e-5).abs() < 1e-15);
        assert!((learning_rate(&config, 50, 1.0) - 5e-4).abs() < 1e-15);
        assert_eq!(learning_rate(&config, 100, 1.0), 1e-3);
        assert_eq!(learning_rate(&config, 1000, 1.0), 1e-3);
    }

    #[test]
    fn the_cosine_is_half_way_in_the_middle_and_at_the_floor_at_the_end() {
        let config = config(LrSchedule::Cosine);
        assert_eq!(learning_rate(&config, 100, 1.0), 1e-3);
        assert!((learning_rate(&config, 550, 1.0) - (1e-3 + 1e-5) / 2.0).abs() < 1e-12);
        assert!((learning_rate(&config, 1000, 1.0) - 1e-5).abs() < 1e-15);
        assert!((learning_rate(&config, 5000, 1.0) - 1e-5).abs() < 1e-15, "stays there when the run is prolonged");
    }

    #[test]
    fn the_live_factor_scales_every_part() {
        let config = config(LrSchedule::Cosine);
        for step in [1, 99, 100, 300, 1000] {
            let plain = learning_rate(&config, step, 1.0);
            assert!((learning_rate(&config, step, 0.5) - 0.5 * plain).abs() < 1e-18);
        }
    }

    #[test]
    fn no_warm_up_and_a_run_shorter_than_its_warm_up_are_fine() {
        let mut short = config(LrSchedule::Cosine);
        short.warmup_steps = 0;
        assert!(learning_rate(&short, 1, 1.0).is_finite());
        short.steps = 10;
        short.warmup_steps = 100;
        assert!((learning_rate(&short, 10, 1.0) - 1e-4).abs() < 1e-15);
        assert!(learning_rate(&short, 100, 1.0).is_finite());
    }
}
