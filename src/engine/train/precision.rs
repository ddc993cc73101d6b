//! Can this machine train with the precision that the config asks for?

use candle_core::Device;

use crate::config::{ConfigError, Precision};
use crate::kernels::precision::obstacle;

/// # Errors
/// [`ConfigError::Impossible`] when this machine can't, or can't on `device`; it says why.
pub fn check_precision(precision: Precision, device: &Device) -> Result<(), ConfigError> {
    let name = precision.name();
    match obstacle(precision, device) {
        Some(problem) => {
            Err(ConfigError::Impossible { key: "train.precision".into(), value: format!("{name:?}"), problem })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::data::Dataset;
    use crate::kernels::Workers;
    use crate::train::Trainer;

    /// Loss and gradient norm of each of three steps.
    fn steps(precision: &str) -> anyhow::Result<Vec<(f64, f64)>> {
        let overrides = [
            "model.block_out_channels=[16, 32]".to_string(),
            "train.batch_size=6".to_string(),
            format!("train.precision={precision}"),
        ];
        let config = Config::default().with_overrides(&overrides)?;
        let pixels: Vec<u8> = (0..12 * 8 * 8u32).map(|i| (i * 37 % 251) as u8).collect();
        let data = Dataset {
            name: "waves".into(),
            source: "a formula".into(),
            height: 8,
            width: 8,
            channels: 1,
            pixels: pixels.into(),
            labels: Arc::default(),
            classes: Vec::new(),
            warnings: Vec::new(),
        };
        let none = Dataset { pixels: Vec::<u8>::new().into(), ..data.clone() };
        let mut trainer = Trainer::new(&config, data, &none, &Device::Cpu, Arc::new(Workers::new(2)?))?;
        (0..3).map(|_| trainer.step().map(|report| (report.loss, report.grad_norm))).collect()
    }

    #[test]
    fn steps_in_bf16_repeat_bit_for_bit_and_stay_near_those_in_f32_or_are_refused_with_the_reason() {
        match obstacle(Precision::Bf16, &Device::Cpu) {
            None => {
                let (mixed, full) = (steps("bf16").unwrap(), steps("f32").unwrap());
                assert_eq!(mixed, steps("bf16").unwrap());
                assert_eq!(full, steps("f32").unwrap(), "a run in bf16 before it changes nothing");
                for ((a, a_norm), (b, b_norm)) in mixed.iter().zip(&full) {
                    assert!(a != b && (a / b - 1.0).abs() < 0.02, "losses {a} and {b}");
                    assert!((a_norm / b_norm - 1.0).abs() < 0.05, "gradient norms {a_norm} and {b_norm}");
                }
            }
            Some(_) => {
                let message = steps("bf16").unwrap_err().to_string();
                assert!(message.contains("train.precision = \"bf16\"") && message.contains("AVX512-BF16"), "{message}");
            }
        }
    }
}
