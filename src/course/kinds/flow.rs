//! Velocities: flow matching, and the probability-flow ODE.

use anyhow::{Context, Result};

use crate::config::{PathName, PredictionType};
use crate::course::given::{Computed, num, pixel, value, within};
use crate::course::ground::Ground;
use crate::diffusion::Target;
use crate::explain::document::digits;
use crate::sampling::{Flow, FlowRule, Prediction, Sampler, SeededNoise};

pub fn flow_velocity(ground: &mut Ground) -> Result<Computed> {
    ground.need("flow_velocity", PathName::Flow)?;
    let (t, x_0, epsilon) = (ground.t(), ground.drawn.signed(1, 10), ground.drawn.signed(2, 20));
    let (at, derivative) = (ground.schedule().at(t), ground.schedule().derivative(t as f64));
    let target = Target::of(PredictionType::Flow, at, derivative, ground.parameterization.sigma_data);
    let answer = value(&target.mix(&pixel(x_0)?, &pixel(epsilon)?)?)?;
    Ok(Computed {
        text: format!(
            r"{} A pixel is $x_0 = {}$, its noise is $\epsilon = {}$. What is its velocity $\mathrm{{d}}x/\mathrm{{d}}u$ at $u = {}$?",
            ground.words(),
            digits(x_0),
            digits(epsilon),
            digits(at.sigma)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint:
            r"$x_u = (1-u)\cdot x_0 + u\cdot\epsilon$: a straight line from $x_0$ to $\epsilon$, walked in unit time."
                .into(),
        solution: format!(
            r"$$v = \epsilon - x_0 = {} - {} = {}$$

The same at every $u$: that is what straight means.",
            num(epsilon),
            num(x_0),
            digits(answer)
        ),
    })
}

pub fn flow_step(ground: &mut Ground) -> Result<Computed> {
    ground.need("flow_step", PathName::Flow)?;
    let t = ground.t_above_0();
    let (from, to) = (ground.schedule().at(t), ground.schedule().at(t / 2));
    let (x, velocity) = (ground.drawn.signed(1, 15), ground.drawn.signed(2, 20));
    let (x_u, v) = (pixel(x)?, pixel(velocity)?);
    // What the network says of x_0 follows from its velocity.
    let x_0 = (&x_u - (v * from.sigma)?)?;
    let mut sampler = Flow::new(ground.schedule(), vec![from, to], FlowRule::Euler);
    let answer = value(&sampler.step(&x_u, &Prediction::new(x_0.clone(), x_0), &mut SeededNoise::new(0))?.x_t)?;
    Ok(Computed {
        text: format!(
            r"{} An Euler step leads from $u = {}$ to $u = {}$. A pixel is $x = {}$, and the network says $\hat v = {}$. Where does the step lead?",
            ground.words(),
            digits(from.sigma),
            digits(to.sigma),
            digits(x),
            digits(velocity)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: "Towards the data $u$ falls, so that the step is negative.".into(),
        solution: format!(
            r"$$x_s = x_t + (u_s - u_t)\cdot\hat v = {} + ({} - {})\cdot {} = {}$$",
            num(x),
            digits(to.sigma),
            digits(from.sigma),
            num(velocity),
            digits(answer)
        ),
    })
}

pub fn pf_ode_velocity(ground: &mut Ground) -> Result<Computed> {
    ground.need("pf_ode_velocity", PathName::VpSde)?;
    let (t, x, score) = (ground.t(), ground.drawn.signed(1, 15), ground.drawn.signed(2, 20));
    let (schedule, at) = (ground.schedule(), ground.schedule().at(t));
    let beta = schedule.beta(t).context("a path with β")?;
    let (d_alpha, d_sigma) = schedule.derivative(t as f64);
    let drift = d_alpha / at.alpha;
    let answer = drift * x - (at.sigma * d_sigma - at.sigma * at.sigma * drift) * score;
    Ok(Computed {
        text: format!(
            r"{} At $u = {}$, $\beta(u) = {}$. At the place $x = {}$ the score is $s = {}$. What is the velocity $\mathrm{{d}}x/\mathrm{{d}}u$ of the probability-flow ODE?",
            ground.words(),
            digits(schedule.u(t as f64)),
            digits(beta),
            digits(x),
            digits(score)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: r"$\mathrm{d}x = [f - \frac{1}{2}g^2 s]\,\mathrm{d}u$ with $f = -\frac{1}{2}\beta x$ and $g^2 = \beta$."
            .into(),
        solution: format!(
            r"$$-\frac{{1}}{{2}}\beta\cdot (x + s) = -\frac{{1}}{{2}}\cdot {}\cdot ({} + {}) = {}$$",
            digits(beta),
            num(x),
            num(score),
            digits(answer)
        ),
    })
}
