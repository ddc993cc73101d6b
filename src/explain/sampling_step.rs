//! One step of the sampler in use, with its coefficients as numbers, for one pixel.

use anyhow::{Context, Result};

use super::document::{Explanation, digits, number, word};
use super::subject::{ExplainedSubject, Focus, Followed, numbers};
use super::topic::Topic;
use super::update_rule::{Rule, What, rule};
use super::watched::{Call, calls_down_to};
use crate::diffusion::NoiseLevel;
use crate::sampling::{Guidance, SamplerSettings, levels};

/// The step, and what is made of it.
pub struct SamplingStep {
    pub settings: SamplerSettings,
    pub guidance: Guidance,
    /// The last is the step that is explained.
    pub calls: Vec<Call>,
    /// Where it leads.
    pub to: NoiseLevel,
    pub rule: Option<Rule>,
}

/// One term of the update at the followed pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateTerm {
    pub what: What,
    pub coefficient: f64,
    pub value: f64,
}

/// The step that begins at or below the cursor, on the way from noise, with the run's sampler.
///
/// # Errors
/// What sampler or network report.
pub fn take(subject: &ExplainedSubject, focus: Focus) -> Result<Option<SamplingStep>> {
    let Some(network) = &subject.network else { return Ok(None) };
    let sample = &subject.config.sample;
    let (settings, schedule) = (SamplerSettings::from(sample), &subject.parameterization.schedule);
    let guidance =
        Guidance::from_config(sample, sample.guidance_scale, &subject.data.classes).map_err(anyhow::Error::msg)?;
    let class = subject.followed(focus)?.class;
    let calls = calls_down_to(subject, network, &settings, guidance, class, focus.t as f64)?;
    let at = calls.last().context("a sampler that asks nothing")?.at;
    let visited = if settings.sampler.is_adaptive() { Vec::new() } else { levels(schedule, &settings)? };
    let place = visited.iter().position(|level| level.t == at.t);
    let to = place.and_then(|place| visited.get(place + 1)).copied().unwrap_or(NoiseLevel::CLEAN);
    let before = calls.len().checked_sub(2).map(|i| calls[i].at);
    let rule = place.and_then(|_| rule(&settings, schedule.variance_type, before, at, to));
    Ok(Some(SamplingStep { settings, guidance, calls, to, rule }))
}

impl SamplingStep {
    fn call(&self) -> &Call {
        &self.calls[self.calls.len() - 1]
    }

    /// The rule's terms at the followed pixel.
    ///
    /// # Errors
    /// When candle fails.
    pub fn terms(&self, followed: &Followed) -> Result<Vec<UpdateTerm>> {
        let call = self.call();
        let value = |what: What| -> Result<f64> {
            Ok(match what {
                What::XT => followed.of(&call.x_t)?,
                What::X0 => followed.of(&call.x_0)?,
                What::Epsilon => followed.of(&call.epsilon)?,
                What::Noise => call.noise.as_ref().map_or(Ok(0.0), |noise| followed.of(noise))?,
                What::EarlierX0 => followed.of(&self.calls[self.calls.len() - 2].x_0)?,
            })
        };
        let terms = self.rule.iter().flat_map(|rule| &rule.terms);
        terms.map(|&(what, coefficient)| Ok(UpdateTerm { what, coefficient, value: value(what)? })).collect()
    }
}

/// # Errors
/// A sentence for a picture, pixel or timestep that is not there; what sampler or network report.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let followed = subject.followed(focus)?;
    let mut out = Explanation::new(Topic::SamplingStep.title());
    out.text(
        "A sampler walks from noise to a picture. At each level it asks the network, which says $\\hat{x}_0$ and \
         $\\hat\\epsilon$, and goes on to the next, cleaner level: $s$ after $t$.",
    );
    let Some(step) = take(subject, focus)? else {
        out.text("With a trained network its numbers stand here: name a run with --run.");
        return Ok(out);
    };
    let (call, sampler) = (step.call(), step.settings.sampler.name());
    let words = subject.network.as_ref().map_or("", |network| network.words.as_str());
    out.text(format!(
        "Sampler {sampler} in {} steps, {words}, w = {}, seed {}: call {} of the network, the first at or below the cursor; \
         {}.",
        step.settings.steps,
        digits(step.guidance.scale),
        subject.config.seed,
        step.calls.len(),
        followed.words
    ));
    out.numbers([
        number("t", call.at.t, "where $x_t$ stands"),
        number(r"\alpha_t", call.at.alpha, ""),
        number(r"\sigma_t", call.at.sigma, ""),
        match step.to {
            NoiseLevel::CLEAN => word("s", "the clean picture", "where the step leads"),
            to => number("s", to.t, "where the step leads"),
        },
        number(r"\alpha_s", step.to.alpha, ""),
        number(r"\sigma_s", step.to.sigma, ""),
    ]);
    out.pictures(&[
        ("x_t", &call.x_t),
        (r"\hat{x}_0", &call.x_0),
        (r"\hat\epsilon", &call.epsilon),
        ("x_s", &call.x_s),
    ])?;
    let terms = step.terms(&followed)?;
    let by_hand: f64 = terms.iter().map(|term| term.coefficient * term.value).sum();
    let done = followed.of(&call.x_s)?;
    match &step.rule {
        Some(rule) if (by_hand - done).abs() <= 1e-3 * (1.0 + done.abs()) => {
            out.heading("The update");
            rule.formulas.iter().for_each(|formula| out.formula(*formula));
            out.numbers(rule.parts.iter().map(|(symbol, x, meaning)| number(symbol, *x, meaning)).collect::<Vec<_>>());
            out.heading("One pixel");
            let rows = terms.iter().map(|term| {
                vec![
                    format!("${}$", symbol(term.what)),
                    digits(term.value),
                    digits(term.coefficient),
                    digits(term.coefficient * term.value),
                ]
            });
            out.table(&["", "value", "coefficient", "product"], rows.collect());
            out.numbers([
                number("x_s", by_hand, "the products' sum"),
                number(r"x_s^{\text{sampler}}", done, "what the sampler made of it"),
            ]);
            out.source(rule.source);
        }
        _ => fitted(&mut out, call, &followed, sampler)?,
    }
    Ok(out)
}

/// Of a sampler without a rule here: which mixture of x_t and x̂_0 its step is, by least squares over the picture.
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
        "Sampler {sampler} makes its step of this answer and of others that it has had before, or asks twice for one step. \
         Here is which mixture of $x_t$ and $\\hat{{x}}_0$ this call led to, found by least squares over the picture."
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
        number("x_s", followed.of(&call.x_s)?, "the followed pixel after it"),
    ]);
    Ok(())
}

fn symbol(what: What) -> &'static str {
    match what {
        What::XT => "x_t",
        What::X0 => r"\hat{x}_0",
        What::Epsilon => r"\hat\epsilon",
        What::Noise => "z",
        What::EarlierX0 => r"\hat{x}_0(t')",
    }
}
