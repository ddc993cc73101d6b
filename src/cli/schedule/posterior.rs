//! The numbers of a step back, as a learner needs them to work one by hand.

use anyhow::Result;
use serde_json::{Value, json};

use crate::diffusion::{Posterior, Schedule};

/// What the numbers of [`StepBack::values`] are called in json and csv.
pub const NAMES: [&str; 5] =
    ["alphas", "alphas_cumprod_prev", "posterior_variance", "posterior_mean_x_0", "posterior_mean_x_t"];

/// q(x_{t−1} | x_t, x_0) = N(a·x_0 + b·x_t, β˜_t·I) and what it is computed from: Ho et al. 2020, "Denoising Diffusion
/// Probabilistic Models", eq. 6 and 7. At t = 0 x_{t−1} is the clean image, ᾱ_{t−1} = 1.
pub struct StepBack {
    beta: f64,
    /// α_t = 1 − β_t.
    alpha: f64,
    alpha_bar: f64,
    alpha_bar_before: f64,
    posterior: Posterior,
}

impl StepBack {
    /// From `step`, counted from 1, to the one before.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn of(schedule: &Schedule, step: usize) -> Result<Self> {
        let t = step - 1;
        let posterior = schedule.posterior(t)?;
        let alpha_bar_before = if t == 0 { 1.0 } else { schedule.alphas_cumprod[t - 1] };
        let beta = schedule.betas[t];
        Ok(Self { beta, alpha: 1.0 - beta, alpha_bar: schedule.alphas_cumprod[t], alpha_bar_before, posterior })
    }

    /// α_t, ᾱ_{t−1}, β˜_t, a and b, in the order of [`NAMES`].
    pub fn values(&self) -> [f64; 5] {
        let Posterior { variance, x_0, x_t } = self.posterior;
        [self.alpha, self.alpha_bar_before, variance, x_0, x_t]
    }
}

/// The columns of the json format.
///
/// # Errors
/// When a step is none of the schedule's.
pub fn columns(schedule: &Schedule, steps: &[usize]) -> Result<Vec<(String, Value)>> {
    let rows = steps.iter().map(|&step| Ok(StepBack::of(schedule, step)?.values())).collect::<Result<Vec<_>>>()?;
    let column = |index: usize| json!(rows.iter().map(|row| row[index]).collect::<Vec<f64>>());
    Ok(NAMES.iter().enumerate().map(|(index, name)| (name.to_string(), column(index))).collect())
}

/// For reading: the formulas, and the numbers of each step.
///
/// # Errors
/// When a step is none of the schedule's.
pub fn blocks(schedules: &[(String, Schedule)], steps: &[usize]) -> Result<String> {
    let mut text = String::from(
        "q(x_{t−1} | x_t, x_0) = N(a·x_0 + b·x_t, β˜_t·I), the step back when x_0 is known (Ho et al. 2020, eq. 6 and 7);\n\
         put the network's estimate x̂_0 in its place, and √β˜_t times fresh noise on top: that is a step of DDPM\n\
         \x20 β˜_t = β_t·(1 − ᾱ_{t−1})/(1 − ᾱ_t)\n\
         \x20 a   = √ᾱ_{t−1}·β_t/(1 − ᾱ_t)\n\
         \x20 b   = √α_t·(1 − ᾱ_{t−1})/(1 − ᾱ_t)\n",
    );
    for (name, schedule) in schedules {
        text += &format!("\n{name}, T = {}\n", schedule.timesteps());
        for &step in steps {
            let StepBack { beta, alpha, alpha_bar, alpha_bar_before, posterior } = StepBack::of(schedule, step)?;
            text += &format!(
                "\nstep {step} of the papers, t = {} in code\n\
                 \x20 β_t            {beta:?}\n\
                 \x20 α_t = 1 − β_t  {alpha:?}\n\
                 \x20 ᾱ_t            {alpha_bar:?}\n\
                 \x20 ᾱ_{{t−1}}        {alpha_bar_before:?}\n\
                 \x20 β˜_t            {:?}\n\
                 \x20 a (of x_0)     {:?}\n\
                 \x20 b (of x_t)     {:?}\n",
                step - 1,
                posterior.variance,
                posterior.x_0,
                posterior.x_t
            );
            if step == 1 {
                text += "  the last step back: x_{t−1} is the clean image, so ᾱ_{t−1} = 1, the mean is x_0, and no noise is \
                         added\n";
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, ScheduleName};

    /// β = 0.1, 0.2, 0.5: α = 0.9, 0.8, 0.5, ᾱ = 0.9, 0.72, 0.36.
    fn by_hand() -> Schedule {
        Schedule::from_config(&DiffusionConfig {
            schedule: ScheduleName::Given,
            timesteps: 3,
            betas: vec![0.1, 0.2, 0.5],
            ..DiffusionConfig::default()
        })
        .unwrap()
    }

    #[test]
    fn the_numbers_are_those_of_a_calculation_by_hand() {
        let schedule = by_hand();
        // Step 2: β˜ = 0.2·0.1/0.28, a = √0.9·0.2/0.28, b = √0.8·0.1/0.28; step 3: ᾱ = 0.72 before, 0.36 after.
        for (step, known) in [
            (1, [0.9, 1.0, 0.0, 1.0, 0.0]),
            (2, [0.8, 0.9, 0.071_428_571_428_571, 0.677_630_927_178_938, 0.319_438_282_499_97]),
            (3, [0.5, 0.72, 0.218_75, 0.662_912_607_362_388, 0.309_359_216_769_115]),
        ] {
            let values = StepBack::of(&schedule, step).unwrap().values();
            for (name, (value, known)) in NAMES.iter().zip(values.iter().zip(known)) {
                assert!((value - known).abs() < 1e-12, "step {step}: {name} {value} {known}");
            }
        }
    }

    #[test]
    fn every_step_has_a_block_and_the_last_step_back_is_explained() {
        let text = blocks(&[("mine".into(), by_hand())], &[1, 3]).unwrap();
        for part in
            ["mine, T = 3", "step 1 of the papers, t = 0", "step 3 of the papers, t = 2", "  ᾱ_{t−1}        1.0\n"]
        {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert_eq!(text.matches("no noise is added").count(), 1);
        assert_eq!(text.matches("β˜_t            0.0\n").count(), 1, "{text}");
    }
}
