//! One training step, line by line, and the change of one weight by the optimizer's formula.

use anyhow::Result;

use super::document::{Explanation, Part, digits, number, word};
use super::names::given;
use super::nouns::Nouns;
use super::topic::Topic;
use crate::config::{Config, OptimizerName};
use crate::data::Dataset;
use crate::train::ByHand;

/// What AdamW's formula makes of a weight, in f64 (Loshchilov & Hutter 2019, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWByHand {
    /// The clipped gradient.
    pub gradient: f64,
    pub first: f64,
    pub second: f64,
    /// m̂ and v̂, corrected for their start at 0.
    pub first_hat: f64,
    pub second_hat: f64,
    pub value: f64,
    pub average: f64,
}

impl AdamWByHand {
    /// `None`: Muon moves this weight.
    pub fn of(step: &ByHand, config: &Config) -> Option<Self> {
        let (train, update, before) = (&config.train, step.update, step.before);
        let n = update.updates as f64;
        let gradient = step.gradient * update.gradient_scale;
        let first = train.beta1 * before.first + (1.0 - train.beta1) * gradient;
        let second = train.beta2 * before.second? + (1.0 - train.beta2) * gradient * gradient;
        let first_hat = first / (1.0 - train.beta1.powf(n));
        let second_hat = second / (1.0 - train.beta2.powf(n));
        let change = first_hat / (second_hat.sqrt() + train.adam_eps) + train.weight_decay * before.value;
        let value = before.value - update.lr * change;
        let average = before.average + update.fresh * (value - before.average);
        Some(Self { gradient, first, second, first_hat, second_hat, value, average })
    }
}

/// A step that was taken, explained. `words` says whose: "the run mnist, from its checkpoint of step 300".
///
/// # Errors
/// When candle fails.
pub fn explain(step: &ByHand, config: &Config, data: &Dataset, words: &str) -> Result<Explanation> {
    let mut out = Explanation::new(Topic::TrainingStep.title());
    let (report, train, sample) = (&step.report, &config.train, &step.sample);
    out.text(format!("Step {} of {}.", report.step, given(words)));
    out.heading("The batch");
    let class = match sample.class {
        None => "none: the network takes no classes".to_string(),
        Some(class) => match data.classes.get(class as usize) {
            Some(name) => format!("“{}”", given(name)),
            None => "the null class: the label was dropped, so that guidance has an unconditional answer".to_string(),
        },
    };
    let nouns = Nouns::of(data);
    out.text(format!(
        "{} {}, each with its own $t$ and $\\epsilon$. The first is training {} {}, at $t = {}$; class: {class}.",
        step.batch_size,
        nouns.pictures,
        if nouns.picture == "picture" { "image" } else { nouns.picture },
        sample.image,
        digits(sample.timestep),
    ));
    out.pictures(&[
        (r"c_{\text{in}} x_t", &sample.input),
        (r"\text{target}", &sample.target),
        (r"\text{output}", &sample.output),
    ])?;
    let mean = report.samples.iter().map(|(_, error)| error).sum::<f64>() / report.samples.len().max(1) as f64;
    out.heading("The loss");
    out.formula(r"L = \frac{1}{N}\cdot\sum_i w(t_i)\cdot\text{error}_i");
    out.numbers([
        number(r"\text{error}_1", sample.error, &format!("the first {}'s mean squared error", nouns.picture)),
        number(r"\frac{1}{N}\cdot\sum\text{error}_i", mean, "the mean over the batch, without weights"),
        number("L", report.loss, "what is differentiated"),
    ]);
    out.source("Ho et al. 2020, algorithm 1");
    out.heading("The gradient");
    out.formula(r"g \leftarrow g\cdot\min\left(1, \frac{\text{max\_grad\_norm}}{\lVert g\rVert}\right)");
    out.numbers([
        number(r"\lVert g\rVert", report.grad_norm, "over all weights"),
        number(
            r"\text{clipping}",
            step.update.gradient_scale,
            &format!("train.max_grad_norm = {}", train.max_grad_norm),
        ),
        number(r"\text{lr}", report.lr, "the learning rate of this step"),
    ]);
    out.heading("One weight");
    out.text(format!("Number {} of `{}`, the one with the largest gradient there.", step.place, step.parameter));
    match AdamWByHand::of(step, config) {
        Some(by_hand) => adamw(&mut out, step, config, &by_hand),
        None => muon(&mut out, step, config),
    }
    Ok(out)
}

/// Of a run that is trained elsewhere, or has ended.
pub fn from_outside(command: &str) -> Explanation {
    let mut out = invitation();
    let words = format!(
        "A training step draws a batch with its timesteps and noises, asks the network, and moves every weight a little against \
         the gradient of the loss. This run is not trained here. Its next step, from its newest checkpoint and in memory alone, \
         is told by `{command}`."
    );
    out.parts[0] = Part::Text(words);
    out
}

/// Before a step was taken.
pub fn invitation() -> Explanation {
    let mut out = Explanation::new(Topic::TrainingStep.title());
    out.text(
        "A training step draws a batch with its timesteps and noises, asks the network, and moves every weight a little \
         against the gradient of the loss. Press n: the run takes its next step, the same that it would have taken \
         anyway, keeps everything that it is made of, and pauses.",
    );
    out.formula(r"L = \frac{1}{N}\cdot\sum_i w(t_i)\cdot\text{error}_i");
    out.formula(
        r"\theta \leftarrow \theta - \text{lr}\cdot\left(\frac{\hat m}{\sqrt{\hat v}+\epsilon} + \lambda\theta\right)",
    );
    out.source("Ho et al. 2020, algorithm 1; Loshchilov & Hutter 2019, algorithm 2");
    out
}

fn adamw(out: &mut Explanation, step: &ByHand, config: &Config, by_hand: &AdamWByHand) {
    let (train, update) = (&config.train, step.update);
    out.formula(r"m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2");
    out.formula(r"\hat m = \frac{m}{1-\beta_1^n}, \quad \hat v = \frac{v}{1-\beta_2^n}");
    out.formula(
        r"\theta \leftarrow \theta - \text{lr}\cdot\left(\frac{\hat m}{\sqrt{\hat v}+\epsilon} + \lambda\theta\right)",
    );
    out.numbers([
        number("g", by_hand.gradient, "this weight's gradient, clipped"),
        word("n", update.updates, "updates that the moments have seen, this one included"),
        number(r"\beta_1", train.beta1, "train.beta1"),
        number(r"\beta_2", train.beta2, "train.beta2"),
        number(r"\hat m", by_hand.first_hat, "the mean gradient, corrected for its start at 0"),
        number(r"\sqrt{\hat v}", by_hand.second_hat.sqrt(), "its usual size, likewise"),
        number(
            r"\frac{\hat m}{\sqrt{\hat v}}",
            by_hand.first_hat / by_hand.second_hat.sqrt(),
            "near ±1 where gradients agree",
        ),
        number(r"\lambda", train.weight_decay, "train.weight_decay"),
    ]);
    out.text("By the formula, in f64, and as the trainer did it, in f32:");
    let row = |symbol: &str, before: f64, hand: f64, after: f64| {
        vec![symbol.to_string(), digits(before), digits(hand), digits(after), digits((hand - after).abs())]
    };
    let (before, after) = (step.before, step.after);
    out.table(
        &["", "before", "by hand", "the trainer", "apart"],
        vec![
            row("$m$", before.first, by_hand.first, after.first),
            row("$v$", before.second.unwrap_or(0.0), by_hand.second, after.second.unwrap_or(0.0)),
            row(r"$\theta$", before.value, by_hand.value, after.value),
            row(r"$\bar\theta$ (EMA)", before.average, by_hand.average, after.average),
        ],
    );
    out.numbers([
        number(
            r"\epsilon_{\text{f32}}",
            // One that begins at zero ends elsewhere.
            spacing(before.value.abs().max(after.value.abs())),
            "how far apart f32 numbers lie here: finer no weight can be",
        ),
        number(r"\Delta\theta", by_hand.value - before.value, "the change by hand"),
        number(r"\Delta\theta_{\text{trainer}}", after.value - before.value, "the change of the stored weight"),
        number(
            r"1-\text{decay}",
            update.fresh,
            r"what the average takes: $\bar\theta \leftarrow \bar\theta + (1-\text{decay})(\theta-\bar\theta)$",
        ),
    ]);
    out.source("Loshchilov & Hutter 2019, “Decoupled Weight Decay Regularization”, algorithm 2");
}

fn muon(out: &mut Explanation, step: &ByHand, config: &Config) {
    let (before, after, update) = (step.before, step.after, step.update);
    debug_assert_eq!(config.train.optimizer, OptimizerName::Muon);
    let gradient = step.gradient * update.gradient_scale;
    let momentum = config.train.muon_momentum * before.first + gradient;
    out.text("Muon moves this matrix as a whole: the step is the orthogonal part of its momentum, so no single number has a formula of its own but the momentum.");
    out.formula(r"m \leftarrow \mu m + g, \quad \theta \leftarrow \theta - \text{lr}\cdot 0.2\sqrt{\max(r,c)}\cdot\mathrm{orthogonal}(g + \mu m)");
    out.numbers([
        number("g", gradient, "this weight's gradient, clipped"),
        number(r"\mu", config.train.muon_momentum, "train.muon_momentum"),
        number("m", momentum, "the momentum by hand"),
        number(r"m_{\text{trainer}}", after.first, "as the trainer has it"),
        number(r"\Delta\theta", after.value - before.value, "the change of the stored weight"),
    ]);
    out.source("Jordan et al. 2024, “Muon”; Liu et al. 2025, eq. 4");
}

/// The distance from `x` to the next f32.
fn spacing(x: f64) -> f64 {
    let size = (x as f32).abs();
    f64::from(size.next_up() - size)
}
