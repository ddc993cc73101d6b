//! The way back.

use anyhow::{Context, Result, ensure};

use crate::config::PathName;
use crate::course::given::{Computed, num, pixel, share, value, within};
use crate::course::ground::Ground;
use crate::diffusion::{NoiseLevel, Posterior};
use crate::explain::document::digits;
use crate::sampling::{Ddim, Prediction, Sampler, SamplerSettings, SeededNoise, levels};

pub fn posterior_variance(ground: &mut Ground) -> Result<Computed> {
    ground.need("posterior_variance", PathName::Vp)?;
    let t = ground.t_above_0();
    let schedule = ground.schedule();
    let (beta, now, before) = (schedule.betas[t], schedule.alphas_cumprod[t], schedule.alphas_cumprod[t - 1]);
    let answer = schedule.posterior(t)?.variance;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\beta_t = {}$, $\bar\alpha_t = {}$ and $\bar\alpha_{{t-1}} = {}$. What is the variance $\tilde\beta_t$ of $q(x_{{t-1}} \mid x_t, x_0)$?",
            ground.words(),
            digits(beta),
            share(now),
            share(before)
        ),
        answer,
        tolerance: within(0.03, answer, 1e-12),
        hint: r"$\tilde\beta_t$ is $\beta_t$ times $\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}$: less than it, the more so the nearer to the data."
            .into(),
        solution: format!(
            r"$$\tilde\beta_t = \frac{{1-\bar\alpha_{{t-1}}}}{{1-\bar\alpha_t}}\cdot\beta_t = \frac{{1-{}}}{{1-{}}}\cdot {} = {}$$",
            share(before),
            share(now),
            digits(beta),
            digits(answer)
        ),
    })
}

pub fn posterior_mean(ground: &mut Ground) -> Result<Computed> {
    ground.need("posterior_mean", PathName::Vp)?;
    let (t, x_t) = (ground.t_above_0(), ground.drawn.signed(1, 15));
    // On the other side of 0, so that the mean is neither of them.
    let x_0 = -x_t.signum() * ground.drawn.tenths(1, 10);
    let posterior = ground.schedule().posterior(t)?;
    let answer = value(&posterior.mean(&pixel(x_0)?, &pixel(x_t)?)?)?;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$ the mean of the step back is ${}\cdot\hat{{x}}_0 + {}\cdot x_t$. A pixel is $x_t = {}$, and the network says $\hat{{x}}_0 = {}$. What is the mean of its $x_{{t-1}}$?",
            ground.words(),
            digits(posterior.x_0),
            digits(posterior.x_t),
            digits(x_t),
            digits(x_0)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: "Most of it is $x_t$: one step of many changes little.".into(),
        solution: format!(
            r"$$\tilde\mu_t = \frac{{\sqrt{{\bar\alpha_{{t-1}}}}\,\beta_t}}{{1-\bar\alpha_t}}\cdot\hat{{x}}_0 + \frac{{\sqrt{{1-\beta_t}}\,(1-\bar\alpha_{{t-1}})}}{{1-\bar\alpha_t}}\cdot x_t = {}\cdot {} + {}\cdot {} = {}$$",
            num(posterior.x_0),
            num(x_0),
            num(posterior.x_t),
            num(x_t),
            digits(answer)
        ),
    })
}

/// Two levels, the second about half as far from the data.
fn two_levels(ground: &mut Ground) -> Result<(NoiseLevel, NoiseLevel)> {
    let t = ground.t_above_0();
    let (from, to) = (ground.schedule().at(t), ground.schedule().at(t / 2));
    ensure!(from.alpha > 0.0, "at t = {t} no signal is left; give the question another range");
    Ok((from, to))
}

pub fn ddim_step(ground: &mut Ground) -> Result<Computed> {
    let (from, to) = two_levels(ground)?;
    let (x_0, epsilon) = (ground.drawn.signed(1, 10), ground.drawn.signed(2, 20));
    let x_t = pixel(from.alpha * x_0 + from.sigma * epsilon)?;
    let said = Prediction::new(pixel(x_0)?, pixel(epsilon)?);
    let answer = value(&Ddim::new(vec![from, to], 0.0).step(&x_t, &said, &mut SeededNoise::new(0))?.x_t)?;
    Ok(Computed {
        text: format!(
            r"{} DDIM with $\eta = 0$ steps from $t = {}$ to $s = {}$, where $\alpha_s = {}$ and $\sigma_s = {}$. For a pixel the network says $\hat{{x}}_0 = {}$ and $\hat\epsilon = {}$. What is its $x_s$?",
            ground.words(),
            from.t,
            to.t,
            digits(to.alpha),
            digits(to.sigma),
            digits(x_0),
            digits(epsilon)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: r"What the network says is noised again, to the level $s$, with the very noise that it named.".into(),
        solution: format!(
            r"$$x_s = \alpha_s\cdot\hat{{x}}_0 + \sigma_s\cdot\hat\epsilon = {}\cdot {} + {}\cdot {} = {}$$",
            num(to.alpha),
            num(x_0),
            num(to.sigma),
            num(epsilon),
            digits(answer)
        ),
    })
}

pub fn ddim_noise(ground: &mut Ground) -> Result<Computed> {
    let (from, to) = two_levels(ground)?;
    let eta = ground.drawn.one_of([0.2, 0.4, 0.5, 0.8, 1.0]);
    let variance = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma)).variance;
    let answer = eta * variance.sqrt();
    Ok(Computed {
        text: format!(
            r"{} DDIM with $\eta = {}$ steps from $t = {}$ to $s = {}$. The variance of $q(x_s \mid x_t, x_0)$ is $\tilde\beta = {}$. Which standard deviation $\varsigma$ has the noise that the step adds?",
            ground.words(),
            digits(eta),
            from.t,
            to.t,
            digits(variance)
        ),
        answer,
        tolerance: within(0.02, answer, 1e-6),
        hint: r"$\varsigma^2 = \eta^2\tilde\beta$: nothing at $\eta = 0$, ancestral sampling at $\eta = 1$.".into(),
        solution: format!(
            r"$$\varsigma = \eta\cdot\sqrt{{\tilde\beta}} = {}\cdot\sqrt{{{}}} = {}$$",
            digits(eta),
            digits(variance),
            digits(answer)
        ),
    })
}

pub fn visited_timestep(ground: &mut Ground) -> Result<Computed> {
    let timesteps = ground.schedule().timesteps();
    let steps = (ground.drawn.one_of([10.0, 20.0, 25.0, 50.0]) as usize).min(timesteps);
    let nth = ground.drawn.whole(2, steps.clamp(2, 6));
    let settings = SamplerSettings { steps, ..SamplerSettings::from(&ground.config.sample) };
    let visited: Vec<f64> = levels(ground.schedule(), &settings)?.iter().map(|level| level.t).collect();
    let answer = *visited.get(nth - 1).context("visited_timestep: this sampler takes too few steps")?;
    let first: Vec<String> = visited.iter().take(nth).map(|t| digits(*t)).collect();
    Ok(Computed {
        text: format!(
            r"{} Sampler {} with spacing {} takes ${steps}$ steps. At which $t$ does it ask the network for the time number ${nth}$?",
            ground.words(),
            settings.sampler.name(),
            settings.spacing.name()
        ),
        answer,
        tolerance: 1.0,
        hint: format!(
            "Steps of $T/{steps}$ = {}. Trailing begins at $T-1$; leading ends at 0; linspace has both ends.",
            digits(timesteps as f64 / steps as f64)
        ),
        solution: format!("Its first timesteps are {}.", first.join(", ")),
    })
}
