//! The loss: what the network is asked, what it answers, and what that answer costs.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::document::{Explanation, digits, number, word};
use super::names::given;
use super::nouns::Nouns;
use super::subject::{AskedNetwork, ExplainedSubject, Focus, Followed, numbers, squares};
use super::targets::{self, TargetError};
use super::topic::Topic;
use crate::config::PredictionType;
use crate::diffusion::{LossWeight, NoiseLevel, Parameterization};
use crate::train::{Batch, Objective, Recipe};

/// What one answer of the network costs, counted in every way that the field has.
#[derive(Clone, Debug, PartialEq)]
pub struct LossNumbers {
    pub at: NoiseLevel,
    /// The followed pixel of the target, and what the network said there.
    pub target: f64,
    pub output: f64,
    pub epsilon: (f64, f64),
    pub x_0: (f64, f64),
    /// Numbers in a picture.
    pub dimensions: usize,
    /// Mean squared error of the network's own target, as training counts it; its weight; their product.
    pub error: f64,
    pub weight: f64,
    pub term: f64,
    /// ‖ε − ε̂‖² and σ²‖s − ŝ‖², over the whole picture.
    pub epsilon_square: f64,
    pub score_square: f64,
    /// The squared error as every target counts it.
    pub by_target: Vec<TargetError>,
    /// w(t) of L_t = w(t)·‖ε − ε̂‖², in nats; `None` without signal, where ε̂ says nothing of x_0.
    pub bound_weight: Option<f64>,
}

/// The pictures that belong to it, `[1, H, W, C]`.
pub struct Answer {
    pub x_t: Tensor,
    pub target: Tensor,
    pub output: Tensor,
    pub x_0: Tensor,
    pub epsilon: Tensor,
    error: f64,
    term: f64,
}

/// Asks the network, as training does.
///
/// # Errors
/// What the network reports.
pub fn ask(subject: &ExplainedSubject, network: &AskedNetwork, followed: &Followed, at: NoiseLevel) -> Result<Answer> {
    let (parameterization, data) = (subject.parameterization, subject.data);
    let recipe = Recipe { parameterization, device: &Device::Cpu, workers: subject.workers };
    let null = network.net.num_classes().map(|classes| vec![followed.class.unwrap_or(classes) as u32]);
    let batch = Batch::assemble(
        recipe,
        (data.height, data.width, data.channels),
        followed.x_0.flatten_all()?.to_vec1()?,
        followed.epsilon.flatten_all()?.to_vec1()?,
        vec![at.t],
        null,
    )?;
    let said = network.net.forward(&batch.input, &batch.t, batch.classes.as_ref())?;
    let losses = Objective::new(subject.config, parameterization).losses(&said, &batch)?;
    let output = said.narrow(3, 0, data.channels)?.contiguous()?;
    let x_t = followed.x_t(at)?;
    let (x_0, epsilon) = parameterization.to_x_0_and_epsilon(&output, &x_t, at)?;
    let one = |x: &Tensor| -> Result<f64> { Ok(f64::from(x.to_vec1::<f32>()?[0])) };
    let (error, term) = (one(&losses.error)?, one(&losses.term)?);
    Ok(Answer { x_t, target: batch.target, output, x_0, epsilon, error, term })
}

/// # Errors
/// What the network reports.
pub fn numbers_of(
    subject: &ExplainedSubject,
    followed: &Followed,
    at: NoiseLevel,
    answer: &Answer,
) -> Result<LossNumbers> {
    let (epsilon, said) = (numbers(&followed.epsilon)?, numbers(&answer.epsilon)?);
    let off: Vec<f64> = epsilon.iter().zip(&said).map(|(a, b)| a - b).collect();
    // s = −ε/σ, number by number.
    let scores = epsilon.iter().zip(&said).map(|(e, said)| -e / at.sigma - -said / at.sigma);
    let scores: Vec<f64> = scores.collect();
    let (x_0, said_x_0) = (numbers(&followed.x_0)?, numbers(&answer.x_0)?);
    Ok(LossNumbers {
        at,
        target: followed.of(&answer.target)?,
        output: followed.of(&answer.output)?,
        epsilon: (followed.of(&followed.epsilon)?, followed.of(&answer.epsilon)?),
        x_0: (followed.of(&followed.x_0)?, followed.of(&answer.x_0)?),
        dimensions: off.len(),
        error: answer.error,
        weight: LossWeight::from_config(&subject.config.train).of(subject.parameterization, at)?,
        term: answer.term,
        epsilon_square: squares(&off),
        score_square: at.sigma * at.sigma * squares(&scores),
        by_target: targets::errors(subject.parameterization, at, (&x_0, &said_x_0), (&epsilon, &said)),
        bound_weight: bound_weight(subject.parameterization, at),
    })
}

/// w(t) of L_t = w(t)·‖ε − ε̂‖², nats.
pub fn bound_weight(parameterization: &Parameterization, at: NoiseLevel) -> Option<f64> {
    let on_noise = Parameterization { prediction_type: PredictionType::Epsilon, ..parameterization.clone() };
    // The weighting is of T terms whose mean is the bound.
    LossWeight::Vlb.of(&on_noise, at).ok().map(|w| w / parameterization.schedule.timesteps() as f64)
}

/// # Errors
/// A sentence for a picture, pixel or timestep that is not there; what the network reports.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let (followed, at) = (subject.followed(focus)?, subject.at(focus));
    let mut out = Explanation::new(Topic::Loss.title());
    let (kind, nouns) = (subject.parameterization.prediction_type, Nouns::of(subject.data));
    let target = target_words(kind);
    out.text(format!(
        "Training draws a {}, a timestep and a noise, makes $x_t$ of them, and asks the network what it was made of. Every \
         target is a mixture of $x_0$ and $\\epsilon$, so that from $x_t$ and any one of them the others follow. This run's \
         target is {} (diffusion.prediction_type = {}):",
        nouns.picture,
        target.1,
        kind.name()
    ));
    out.formula(targets::own_loss(kind));
    out.source(targets::source(kind));
    if !matches!(kind, PredictionType::Epsilon) {
        out.text("It is Ho's $L_{\\text{simple}}$ but for a factor of $t$, which is told below:");
        out.formula(targets::own_loss(PredictionType::Epsilon));
        out.source(targets::source(PredictionType::Epsilon));
    }
    let Some(network) = &subject.network else {
        out.text("With the numbers of a trained network: name a run with --run.");
        weights(&mut out, subject.parameterization);
        return Ok(out);
    };
    let answer = ask(subject, network, &followed, at)?;
    let n = numbers_of(subject, &followed, at, &answer)?;
    out.heading("The question");
    out.text(format!("{}; {}.", subject.picture_words(focus, &followed), followed.words));
    let class = followed.class.filter(|_| network.net.num_classes().is_some());
    out.numbers([
        number("t", at.t, "drawn"),
        number("x_0", n.x_0.0, &format!("the clean {}, which the network doesn't see", nouns.pixel)),
        number(r"\epsilon", n.epsilon.0, "drawn, and not seen either"),
        number(r"x_t = \alpha x_0 + \sigma\epsilon", followed.of(&answer.x_t)?, "what it sees"),
        number(r"t_{\text{net}}", subject.parameterization.network_time(at), "the time it is told"),
        word(
            "y",
            class.and_then(|c| subject.data.classes.get(c)).map_or("none".into(), |name| given(name)),
            "the class it is told",
        ),
    ]);
    out.heading("The answer");
    out.text(format!("The network with the {}.", network.words));
    out.pictures(&[
        ("x_0", &followed.x_0),
        ("x_t", &answer.x_t),
        (target.0, &answer.target),
        (&format!(r"\hat{{{}}}", target.0), &answer.output),
        (r"\hat{x}_0", &answer.x_0),
        (r"\hat\epsilon", &answer.epsilon),
    ])?;
    out.numbers([
        number(target.0, n.target, &format!("what it should say of the {}", nouns.pixel)),
        number(&format!(r"\hat{{{}}}", target.0), n.output, "what it says"),
        number(r"\hat{x}_0", n.x_0.1, &format!("that makes this of $x_0 = {}$", digits(n.x_0.0))),
        number(r"\hat\epsilon", n.epsilon.1, &format!("and this of $\\epsilon = {}$", digits(n.epsilon.0))),
    ]);
    out.heading("What it costs");
    let weighting = subject.config.train.loss_weighting;
    out.numbers([
        number(r"\text{error}", n.error, &format!("mean of the squared errors over {} numbers", n.dimensions)),
        number(r"\text{weight}", n.weight, &format!("at this t, by train.loss_weighting = {}", name(&weighting))),
        number(r"\text{loss}", n.term, &format!("what this {} adds to the mean of its batch", nouns.picture)),
    ]);
    let variance = n.term - n.weight * n.error;
    if variance.abs() > 1e-6 * n.term.abs() {
        out.numbers([number(
            r"\text{loss} - \text{weight}\cdot\text{error}",
            variance,
            "what the learned variance adds: its weighted share of the bound (Nichol & Dhariwal 2021, eq. 16)",
        )]);
    }
    targets::tell(&mut out, &n.by_target, kind, at);
    out.heading("The same as denoising score matching");
    out.text(
        "The score of $q(x_t \\mid x_0)$ is $-\\epsilon/\\sigma$: who knows the noise knows where the data are denser. So the \
         loss of the noise is that of the score, times $\\sigma^2$.",
    );
    out.formula(r"\hat s = -\frac{\hat\epsilon}{\sigma}, \quad \sigma^2\lVert s - \hat s\rVert^2 = \lVert\epsilon-\hat\epsilon\rVert^2");
    out.numbers([
        number(r"\lVert\epsilon-\hat\epsilon\rVert^2", n.epsilon_square, &format!("over the whole {}", nouns.picture)),
        number(r"\sigma^2\lVert s-\hat s\rVert^2", n.score_square, "counted from the scores"),
    ]);
    out.source("Vincent 2011; Song & Ermon 2019, eq. 5; Song et al. 2021, eq. 7");
    out.heading("Its term of the variational bound");
    out.formula(r"L_t = w(t)\cdot\lVert\epsilon-\hat\epsilon\rVert^2");
    match n.bound_weight {
        Some(_) if focus.t == 0 && !subject.parameterization.schedule.is_continuous() => out.text(
            "At $t = 0$ there is no such term: $\\tilde\\beta_0 = 0$. In its place stands $L_0 = -\\log p(x_0 \\mid x_t)$, the \
             likelihood of the data's own values (Ho et al. 2020, section 3.3), which `difflab eval` counts.",
        ),
        Some(w) => {
            let nats = w * n.epsilon_square;
            out.numbers([
                number("w(t)", w, weight_words(subject.parameterization)),
                number("L_t", nats, &format!("nats for this {}", nouns.picture)),
                number(
                    r"\frac{L_t}{D\,\ln 2}",
                    nats / (n.dimensions as f64 * std::f64::consts::LN_2),
                    "the same in bits/dim: one of T terms",
                ),
            ]);
        }
        None => out.text("Without signal at this $t$ the noise says nothing of $x_0$, and the term has no such form."),
    }
    weights(&mut out, subject.parameterization);
    Ok(out)
}

/// Why L_simple leaves w(t) out.
fn weights(out: &mut Explanation, parameterization: &Parameterization) {
    let schedule = &parameterization.schedule;
    let last = schedule.timesteps() - 1;
    // Discrete paths have no such term at t = 0.
    let first = usize::from(!schedule.is_continuous()).min(last);
    let mut stops = vec![first, last / 100, last / 4, last / 2, 3 * last / 4, last - last / 20, last];
    stops.retain(|t| *t >= first);
    stops.sort_unstable();
    stops.dedup();
    let weight = |t: usize| bound_weight(parameterization, schedule.at(t));
    let weights: Vec<f64> = stops.iter().filter_map(|&t| weight(t)).collect();
    let rows = stops.iter().map(|&t| vec![t.to_string(), weight(t).map_or("–".into(), digits)]).collect();
    out.heading("Why $L_{\\text{simple}}$ drops w(t)");
    out.table(&["t", "w(t)"], rows);
    let (least, most) = weights.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), w| (l.min(*w), m.max(*w)));
    if most <= 1.01 * least {
        out.text(
            "On this path w(t) is the same at every $t$: its steps are even in the log SNR. The bound and \
             $\\lVert\\epsilon-\\hat\\epsilon\\rVert^2$ without a weight are then one loss, but for a factor.",
        );
    } else {
        out.text(
            "At small noise w(t) is large, where only imperceptible detail is left to learn. With weight 1 everywhere the \
             network works on what makes a picture; samples get better, the likelihood worse.",
        );
        // Where a schedule ends in noise at once, its last steps weigh much too.
        let middle = weight(last / 2);
        if weight(last).zip(middle).is_some_and(|(end, middle)| end > 2.0 * middle) {
            out.text(
                "At the very last steps this schedule takes away what is left of the picture at once, and w(t) is large again; \
                 there the noise is nearly all of $x_t$, and $\\lVert\\epsilon-\\hat\\epsilon\\rVert^2$ is small.",
            );
        }
    }
    out.source("Ho et al. 2020, eq. 12 and section 3.4; Kingma et al. 2021, eq. 14 and 17");
}

fn weight_words(parameterization: &Parameterization) -> &'static str {
    match parameterization.schedule.is_continuous() {
        true => "half of what the SNR falls by in a step of $1/T$, over the SNR",
        false => r"$\frac{\beta_t^2}{2\tilde\beta_t(1-\beta_t)(1-\bar\alpha_t)}$, with the variance $\tilde\beta_t$",
    }
}

/// The target's symbol, and in words.
fn target_words(kind: PredictionType) -> (&'static str, &'static str) {
    match kind {
        PredictionType::Epsilon => (r"\epsilon", r"the noise $\epsilon$"),
        PredictionType::Sample => ("x_0", "the clean picture $x_0$"),
        PredictionType::VPrediction => ("v", r"$v = \alpha\epsilon - \sigma x_0$, over $\sqrt{\alpha^2+\sigma^2}$"),
        PredictionType::Score => (r"\sigma s", r"$\sigma$ times the score, $-\epsilon$"),
        PredictionType::Flow => ("v", r"the velocity $v = \alpha' x_0 + \sigma'\epsilon$, derivatives by u"),
        PredictionType::Edm => ("F", r"EDM's $F$, $x_0$ with what $x_t$ says already taken out"),
    }
}

/// The word in the config.
fn name(weighting: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(weighting).ok().and_then(|value| value.as_str().map(str::to_string));
    word.context("a word").unwrap_or_default()
}
