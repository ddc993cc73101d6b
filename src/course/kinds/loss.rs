//! What is asked of the network, and what an error costs.

use anyhow::{Context, Result, ensure};

use crate::config::{PathName, PredictionType};
use crate::course::given::{Computed, num, pixel, value, within};
use crate::course::ground::Ground;
use crate::diffusion::{Parameterization, Target};
use crate::explain::document::digits;
use crate::explain::loss;

pub fn x_0_of_epsilon(ground: &mut Ground) -> Result<Computed> {
    let (t, x_t, epsilon) = (ground.t(), ground.drawn.signed(1, 15), ground.drawn.signed(2, 20));
    let at = ground.schedule().at(t);
    ensure!(at.alpha > 0.0, "x_0_of_epsilon: at t = {t} no signal is left; give it another range");
    let on_noise = Parameterization { prediction_type: PredictionType::Epsilon, ..ground.parameterization.clone() };
    let answer = value(&on_noise.to_x_0_and_epsilon(&pixel(epsilon)?, &pixel(x_t)?, at)?.0)?;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\alpha = {}$ and $\sigma = {}$. A pixel is $x_t = {}$, and the network says $\hat\epsilon = {}$. Which $\hat{{x}}_0$ does that mean?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma),
            digits(x_t),
            digits(epsilon)
        ),
        answer,
        tolerance: within(0.02, answer, 0.02),
        hint: r"Solve $x_t = \alpha\cdot\hat{x}_0 + \sigma\cdot\hat\epsilon$.".into(),
        solution: format!(
            r"$$\hat{{x}}_0 = \frac{{x_t - \sigma\hat\epsilon}}{{\alpha}} = \frac{{{} - {}\cdot {}}}{{{}}} = {}$$",
            num(x_t),
            num(at.sigma),
            num(epsilon),
            num(at.alpha),
            digits(answer)
        ),
    })
}

pub fn v_target(ground: &mut Ground) -> Result<Computed> {
    let (t, x_0, epsilon) = (ground.t(), ground.drawn.signed(1, 10), ground.drawn.signed(2, 20));
    let at = ground.schedule().at(t);
    ensure!(
        (at.alpha.hypot(at.sigma) - 1.0).abs() < 1e-9,
        "v_target is a question about paths that preserve the variance, vp and vp_sde"
    );
    let target = Target::of(PredictionType::VPrediction, at, (0.0, 0.0), ground.parameterization.sigma_data);
    let answer = value(&target.mix(&pixel(x_0)?, &pixel(epsilon)?)?)?;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\alpha = {}$ and $\sigma = {}$. A pixel is $x_0 = {}$, its noise is $\epsilon = {}$. What is the target $v$?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma),
            digits(x_0),
            digits(epsilon)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: r"$v = \alpha\cdot\epsilon - \sigma\cdot x_0$: the noise where the picture is clean, minus the picture where all is noise.".into(),
        solution: format!(
            r"$$v = \alpha\cdot\epsilon - \sigma\cdot x_0 = {}\cdot {} - {}\cdot {} = {}$$",
            num(at.alpha),
            num(epsilon),
            num(at.sigma),
            num(x_0),
            digits(answer)
        ),
    })
}

pub fn score_at(ground: &mut Ground) -> Result<Computed> {
    let (t, epsilon) = (ground.t(), ground.drawn.signed(2, 20));
    let at = ground.schedule().at(t);
    let target = Target::of(PredictionType::Score, at, (0.0, 0.0), ground.parameterization.sigma_data);
    // The network's target is σ times the score.
    let answer = value(&target.mix(&pixel(0.0)?, &pixel(epsilon)?)?)? / at.sigma;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\sigma = {}$. A pixel's noise is $\epsilon = {}$. What is its score $\nabla_x \log q(x_t \mid x_0)$?",
            ground.words(),
            digits(at.sigma),
            digits(epsilon)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: r"The logarithm of a Gaussian has the gradient $-(x_t-\alpha x_0)/\sigma^2$, and $x_t-\alpha x_0 = \sigma\epsilon$."
            .into(),
        solution: format!(r"$$s = -\frac{{\epsilon}}{{\sigma}} = -\frac{{{}}}{{{}}} = {}$$", num(epsilon), num(at.sigma), digits(answer)),
    })
}

pub fn squared_error(ground: &mut Ground) -> Result<Computed> {
    let pairs: Vec<(f64, f64)> = (0..3).map(|_| (ground.drawn.signed(1, 20), ground.drawn.signed(1, 20))).collect();
    let list =
        |which: fn(&(f64, f64)) -> f64| pairs.iter().map(|pair| digits(which(pair))).collect::<Vec<_>>().join(r",\ ");
    let mut errors = pixel(0.0)?;
    for (epsilon, said) in &pairs {
        errors = (errors + (pixel(*epsilon)? - pixel(*said)?)?.sqr()?)?;
    }
    let answer = value(&errors)? / pairs.len() as f64;
    let squares: Vec<String> = pairs.iter().map(|(a, b)| format!("({} - {})^2", num(*a), num(*b))).collect();
    Ok(Computed {
        text: format!(
            r"A picture of three pixels has the noise $\epsilon = ({})$, and the network says $\hat\epsilon = ({})$. What is its loss, the mean squared error?",
            list(|pair| pair.0),
            list(|pair| pair.1)
        ),
        answer,
        tolerance: within(0.01, answer, 0.01),
        hint: "Three differences, squared, and their mean.".into(),
        solution: format!(r"$$\frac{{1}}{{3}}\cdot \left({}\right) = {}$$", squares.join(" + "), digits(answer)),
    })
}

pub fn bound_weight(ground: &mut Ground) -> Result<Computed> {
    ground.need("bound_weight", PathName::Vp)?;
    let t = ground.t_above_0();
    let schedule = ground.schedule();
    let answer = loss::bound_weight(&ground.parameterization, schedule.at(t))
        .with_context(|| format!("bound_weight: at t = {t} no signal is left; give it another range"))?;
    let (beta, small, alpha_bar) = (schedule.betas[t], schedule.posterior(t)?.variance, schedule.alphas_cumprod[t]);
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\beta_t = {}$, $\tilde\beta_t = {}$ and $1-\bar\alpha_t = {}$. By which number does the bound multiply $\lVert\epsilon-\hat\epsilon\rVert^2$ there, in nats (fixed_small)?",
            ground.words(),
            digits(beta),
            digits(small),
            digits(1.0 - alpha_bar)
        ),
        answer,
        tolerance: within(0.03, answer, 1e-12),
        hint: r"$w(t) = \frac{\beta_t^2}{2\tilde\beta_t(1-\beta_t)(1-\bar\alpha_t)}$ (Ho et al. 2020, eq. 12).".into(),
        solution: format!(
            r"$$w(t) = \frac{{\beta_t^2}}{{2\tilde\beta_t(1-\beta_t)(1-\bar\alpha_t)}} = \frac{{({})^2}}{{2\cdot {}\cdot (1-{})\cdot {}}} = {}$$",
            digits(beta),
            num(small),
            digits(beta),
            num(1.0 - alpha_bar),
            digits(answer)
        ),
    })
}
