//! One training step.

use anyhow::{Result, ensure};
use candle_core::Var;

use crate::course::given::{Computed, num, pixel, value, within};
use crate::course::ground::Ground;
use crate::explain::document::digits;
use crate::kernels::Workers;
use crate::train::{AdamW, AdamWSettings, Update, clipping};

pub fn clipping_factor(ground: &mut Ground) -> Result<Computed> {
    let most = ground.config.train.max_grad_norm;
    ensure!(most > 0.0, "clipping_factor: this config clips nothing (train.max_grad_norm = 0)");
    let norm = most * ground.drawn.tenths(12, 80);
    let answer = clipping(most, norm);
    Ok(Computed {
        text: format!(
            r"The gradient of a step has the norm $g = {}$, and train.max_grad_norm is ${}$. What is every gradient multiplied by?",
            digits(norm),
            digits(most)
        ),
        answer,
        tolerance: within(0.02, answer, 0.001),
        hint: "Afterwards the norm is exactly the largest that is allowed.".into(),
        solution: format!(r"$$\min(1, {}/{}) = {}$$", digits(most), digits(norm), digits(answer)),
    })
}

pub fn adamw_first_step(ground: &mut Ground) -> Result<Computed> {
    let (weight, gradient) = (ground.drawn.signed(1, 9), ground.drawn.signed(1, 20) / 100.0);
    let (train, rate) = (&ground.config.train, ground.drawn.one_of([0.001, 0.002, 0.005]));
    let settings = AdamWSettings::from(train);
    let parameter = Var::from_tensor(&pixel(weight)?)?;
    let average = Var::from_tensor(&pixel(weight)?)?;
    let mut optimizer = AdamW::new(&[("weight".into(), parameter.clone())], settings)?;
    let update = Update { updates: 1, lr: rate, gradient_scale: 1.0, fresh: 1.0 };
    optimizer.step(&[&pixel(gradient)?], &[&average], update, &Workers::new(1)?)?;
    let answer = value(parameter.as_tensor())? - value(&pixel(weight)?)?;
    Ok(Computed {
        text: format!(
            r"AdamW takes its first step of all: a weight is $\theta = {}$, its gradient $g = {}$, the learning rate $\text{{lr}} = {}$, the weight decay $\lambda = {}$. By how much does the weight change (with its sign)?",
            digits(weight),
            digits(gradient),
            digits(rate),
            digits(settings.weight_decay)
        ),
        answer,
        tolerance: within(0.02, answer, 1e-9),
        hint: r"At the first step $\hat m = g$ and $\hat v = g^2$: what is $\hat m/\sqrt{\hat v}$?".into(),
        solution: format!(
            r"$$\Delta\theta = -\text{{lr}}\cdot\left(\frac{{\hat m}}{{\sqrt{{\hat v}}+\epsilon}} + \lambda\theta\right) = -{}\cdot ({} + {}\cdot {}) = {}$$

The size of the gradient cancels: the first step moves each weight by the learning rate, whichever way its gradient points.",
            digits(rate),
            num(gradient.signum()),
            digits(settings.weight_decay),
            num(weight),
            digits(answer)
        ),
    })
}
