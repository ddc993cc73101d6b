//! One step of the sampler in use, with its coefficients as numbers, for one pixel.

use anyhow::{Context, Result};

use super::document::{Explanation, digits, number, word};
use super::rules::{PixelCall, Rule, rules};
use super::subject::{ExplainedSubject, Focus, Followed, numbers};
use super::topic::Topic;
use super::watched::{Call, calls_down_to, denoiser};
use crate::diffusion::NoiseLevel;
use crate::sampling::{Guidance, SamplerSettings};

/// The step, and what is made of it.
pub struct SamplingStep {
    pub settings: SamplerSettings,
    pub guidance: Guidance,
    /// All from the noise on; those of the step that is explained are the last.
    pub calls: Vec<Call>,
    /// Number of the step's first call, from 0.
    pub first: usize,
}

/// The step that begins at or below the cursor, on the way from noise, with the run's sampler. Without a network the
/// answers are the followed picture itself.
///
/// # Errors
/// What sampler or network report.
pub fn take(subject: &ExplainedSubject, focus: Focus) -> Result<SamplingStep> {
    let sample = &subject.config.sample;
    let settings = SamplerSettings::from(sample);
    let guidance =
        Guidance::from_config(sample, sample.guidance_scale, &subject.data.classes).map_err(anyhow::Error::msg)?;
    let denoiser = denoiser(subject, guidance, &subject.followed(focus)?)?;
    let calls = calls_down_to(subject, denoiser, &settings, focus.t as f64)?;
    let last = calls.len().checked_sub(1).context("a sampler that asks nothing")?;
    let more = |call: &Call| call.update.as_ref().is_some_and(|update| !update.ends_step());
    let first = last - calls[..last].iter().rev().take_while(|call| more(call)).count();
    Ok(SamplingStep { settings, guidance, calls, first })
}

impl SamplingStep {
    fn call(&self) -> &Call {
        &self.calls[self.calls.len() - 1]
    }

    /// Where the step begins, and where it leads.
    fn levels(&self) -> (NoiseLevel, NoiseLevel) {
        let begin = &self.calls[self.first];
        let to = self.call().update.as_ref().map_or(NoiseLevel::CLEAN, |update| update.to);
        begin.update.as_ref().map_or((begin.at, to), |update| (update.from, to))
    }

    /// All calls at the followed pixel.
    ///
    /// # Errors
    /// When candle fails.
    pub fn at_pixel(&self, followed: &Followed) -> Result<Vec<PixelCall>> {
        let one = |call: &Call| -> Result<PixelCall> {
            Ok(PixelCall {
                at: call.at,
                x_t: followed.of(&call.x_t)?,
                x_s: followed.of(&call.x_s)?,
                x_0: followed.of(&call.x_0)?,
                epsilon: followed.of(&call.epsilon)?,
                noise: call.noise.as_ref().map_or(Ok(0.0), |noise| followed.of(noise))?,
                variance_fraction: call.variance_fraction.as_ref().map(|f| followed.of(f)).transpose()?,
                update: call.update.clone(),
            })
        };
        self.calls.iter().map(one).collect()
    }

    /// The calls of the step that are told, with their rules: all of a few, of many the last, which has all of them in it.
    /// Empty where a rule does not come to what the sampler made.
    fn rules(&self, pixels: &[PixelCall]) -> Vec<(usize, Vec<Rule>)> {
        let last = pixels.len() - 1;
        let first = if last - self.first < TOLD { self.first } else { last };
        let told: Vec<_> = (first..=last).map(|i| (i, rules(&pixels[..=i]))).collect();
        let holds =
            |(i, rules): &(usize, Vec<Rule>)| rules.last().is_some_and(|rule| agrees(rule.sum(), pixels[*i].x_s));
        if told.iter().all(holds) { told } else { Vec::new() }
    }
}

/// Of steps with more calls only the last is told.
const TOLD: usize = 3;

/// Is it the same but for rounding to f32?
fn agrees(by_hand: f64, done: f64) -> bool {
    (by_hand - done).abs() <= 1e-3 * (1.0 + done.abs())
}

/// # Errors
/// A sentence for a picture, pixel or timestep that is not there; what sampler or network report.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let followed = subject.followed(focus)?;
    let mut out = Explanation::new(Topic::SamplingStep.title());
    out.text(
        "A sampler walks from noise to data. At each level it asks the network, which says $\\hat{x}_0$ and \
         $\\hat\\epsilon$, and goes on to the next, cleaner level: $s$ after $t$.",
    );
    let step = take(subject, focus)?;
    let (call, sampler, (t, s)) = (step.call(), step.settings.sampler.name(), step.levels());
    let words = match &subject.network {
        Some(network) => {
            let guided = step.guidance.applies_at(subject.parameterization.schedule.u(step.calls[step.first].at.t));
            let not = if guided || step.guidance.scale == 0.0 { "" } else { " (not here: sample.guidance_interval)" };
            format!("{}, w = {}{not}", network.words, digits(step.guidance.scale))
        }
        None => {
            out.text(
                "There is no network here: what answers knows the training data, and says $x_0$. With a run's network: name \
                 the run with --run.",
            );
            "answers that know $x_0$".to_string()
        }
    };
    let (first, last) = (step.first + 1, step.calls.len());
    let adaptive = step.settings.sampler.is_adaptive();
    out.text(format!(
        "Sampler {sampler} {}, {words}, seed {}: {}, {} of the network; {}.",
        if adaptive { "with steps of its own".into() } else { format!("in {} steps", step.settings.steps) },
        subject.config.seed,
        match t.t <= focus.t as f64 + 1e-9 {
            true => "the first step that begins at or below the cursor",
            false => "no step begins at or below the cursor, so its last one",
        },
        if first == last { format!("call {last}") } else { format!("calls {first} to {last}") },
        followed.words
    ));
    out.numbers([
        number("t", t.t, "where $x_t$ stands"),
        number(
            r"\alpha_t",
            t.alpha,
            r"what is left of the signal: $\alpha(t)$, on path vp $\sqrt{\bar\alpha_t}$; not Ho's $1-\beta_t$",
        ),
        number(r"\sigma_t", t.sigma, r"the noise, $\sigma(t)$"),
        match s {
            NoiseLevel::CLEAN => word("s", "clean", "where the step leads: to $x_0$"),
            to => number("s", to.t, "where the step leads"),
        },
        number(r"\alpha_s", s.alpha, "the signal there"),
        number(r"\sigma_s", s.sigma, "and the noise"),
    ]);
    let begun = &step.calls[step.first];
    match first == last {
        true => out.pictures(&[
            ("x_t", &call.x_t),
            (r"\hat{x}_0", &call.x_0),
            (r"\hat\epsilon", &call.epsilon),
            ("x_s", &call.x_s),
        ])?,
        false => out.pictures(&[
            ("x_t", &begun.x_t),
            (r"\hat{x}_0 \text{ of the first call}", &begun.x_0),
            (r"\hat{x}_0 \text{ of the last}", &call.x_0),
            ("x_s", &call.x_s),
        ])?,
    }
    let pixels = step.at_pixel(&followed)?;
    let told = step.rules(&pixels);
    if told.is_empty() {
        fitted(&mut out, call, &followed, sampler)?;
    }
    for (i, rules) in &told {
        let leads = rules.len() - 1;
        // A stage within the step that leads elsewhere than the step.
        let stage = pixels[*i].update.as_ref().map(|update| update.to).filter(|to| *to != s);
        if let Some(to) = stage {
            stage_level(&mut out, to);
        }
        for (place, rule) in rules.iter().enumerate() {
            tell(&mut out, rule, (place == leads).then_some(pixels[*i].x_s));
        }
    }
    sources(&mut out, &told);
    Ok(out)
}

/// Where a stage leads.
fn stage_level(out: &mut Explanation, to: NoiseLevel) {
    out.heading("A stage of the step");
    out.text("It leads to a level between; in its formulas that is $s$:");
    out.numbers([
        number("s", to.t, "where the stage leads"),
        number(r"\alpha_s", to.alpha, "the signal there"),
        number(r"\sigma_s", to.sigma, "and the noise"),
    ]);
}

/// One rule: its formulas, its coefficients, and the pixel; `done`: what the sampler made, where that can be seen.
fn tell(out: &mut Explanation, rule: &Rule, done: Option<f64>) {
    out.heading(rule.heading);
    rule.formulas.iter().for_each(|formula| out.formula(*formula));
    let parts = rule.parts.iter().map(|(symbol, x, meaning)| number(symbol, *x, meaning));
    let parts: Vec<_> = parts.collect();
    if !parts.is_empty() {
        out.numbers(parts);
    }
    out.text("For the number that is followed:");
    let answers: Vec<_> = rule.answers.iter().map(|(symbol, x, meaning)| number(symbol, *x, meaning)).collect();
    if !answers.is_empty() {
        out.numbers(answers);
    }
    let rows = rule.terms.iter().map(|term| {
        let symbol = format!("${}$", term.symbol);
        vec![symbol, digits(term.value), digits(term.coefficient), digits(term.product())]
    });
    out.table(&["", "value", "coefficient", "product"], rows.collect());
    let mut sums = vec![number(rule.result, rule.sum(), "the products' sum")];
    sums.extend(
        done.map(|done| number(&format!("{}^{{\\text{{sampler}}}}", rule.result), done, "what the sampler made of it")),
    );
    out.numbers(sums);
}

/// The papers, each once.
fn sources(out: &mut Explanation, told: &[(usize, Vec<Rule>)]) {
    let mut named: Vec<&str> = Vec::new();
    for rule in told.iter().flat_map(|(_, rules)| rules) {
        if !named.contains(&rule.source) {
            named.push(rule.source);
            out.source(rule.source);
        }
    }
}

/// Where the rule does not hold, or there is none: which mixture of x_t and x̂_0 its step is, by least squares over the picture.
fn fitted(out: &mut Explanation, call: &Call, followed: &Followed, sampler: &str) -> Result<()> {
    let (x_t, x_0, x_s) = (numbers(&call.x_t)?, numbers(&call.x_0)?, numbers(&call.x_s)?);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (tt, t0, zz) = (dot(&x_t, &x_t), dot(&x_t, &x_0), dot(&x_0, &x_0));
    let det = tt * zz - t0 * t0;
    let (a, b) =
        ((dot(&x_t, &x_s) * zz - dot(&x_0, &x_s) * t0) / det, (dot(&x_0, &x_s) * tt - dot(&x_t, &x_s) * t0) / det);
    let rest: Vec<f64> = (0..x_s.len()).map(|i| x_s[i] - a * x_t[i] - b * x_0[i]).collect();
    out.heading("The update");
    out.text(format!(
        "No formula of sampler {sampler} comes to what it made here. This is which mixture of $x_t$ and $\\hat{{x}}_0$ its \
         call led to, found by least squares."
    ));
    out.formula(r"x_s \approx a\cdot x_t + b\cdot\hat{x}_0");
    out.numbers([
        number("a", a, ""),
        number("b", b, ""),
        number(
            r"\frac{\lVert\text{rest}\rVert}{\lVert x_s\rVert}",
            (dot(&rest, &rest) / dot(&x_s, &x_s)).sqrt(),
            "what earlier answers and noise add",
        ),
        number("x_s", followed.of(&call.x_s)?, "after it"),
    ]);
    Ok(())
}
