//! The forward process: one step, the closed form, and what both do to a pixel.

use anyhow::Result;
use candle_core::Device;

use super::document::{Explanation, digits, number};
use super::nouns::Nouns;
use super::path;
use super::subject::{ExplainedSubject, Focus, moments, numbers};
use super::topic::Topic;
use crate::diffusion::{NoiseLevel, Schedule};
use crate::sampling::starting_noise;
use crate::train::images;

/// How many pictures the measured moments are of.
const MEASURED: usize = 256;

/// What the forward process does to one pixel and to many pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardNumbers {
    pub at: NoiseLevel,
    /// β_t: the variance that this one step adds.
    pub beta: f64,
    /// Π (1 − β_s) over s ≤ t, multiplied up; of paths that are formulas `None`.
    pub product: Option<f64>,
    pub x_0: f64,
    pub epsilon: f64,
    /// As the code of training makes it.
    pub x_t: f64,
    /// Mean and variance of the clean pixels, of x_t as measured, and of x_t by the formula.
    pub clean: (f64, f64),
    pub measured: (f64, f64),
    pub theory: (f64, f64),
    pub pictures: usize,
}

/// # Errors
/// A sentence for a picture, pixel or timestep that is not there.
pub fn numbers_of(subject: &ExplainedSubject, focus: Focus) -> Result<ForwardNumbers> {
    let followed = subject.followed(focus)?;
    let (schedule, at) = (&subject.parameterization.schedule, subject.at(focus));
    let which = subject.data.spread(MEASURED);
    let x_0 = images(subject.data, &which, &Device::Cpu)?;
    let (n, h, w, c) = x_0.dims4()?;
    let noise = starting_noise(n, h, w, c, subject.config.seed, &Device::Cpu)?;
    let x_t = schedule.add_noise(&x_0, &noise, &vec![focus.t; n])?;
    let clean = moments(&numbers(&x_0)?);
    Ok(ForwardNumbers {
        at,
        beta: schedule.betas[focus.t],
        product: (!schedule.is_continuous()).then(|| schedule.betas[..=focus.t].iter().map(|b| 1.0 - b).product()),
        x_0: followed.of(&followed.x_0)?,
        epsilon: followed.of(&followed.epsilon)?,
        x_t: followed.of(&followed.x_t(at)?)?,
        clean,
        measured: moments(&numbers(&x_t)?),
        theory: (at.alpha * clean.0, at.alpha * at.alpha * clean.1 + at.sigma * at.sigma),
        pictures: n,
    })
}

/// # Errors
/// As [`numbers_of`].
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let n = numbers_of(subject, focus)?;
    let (schedule, followed) = (&subject.parameterization.schedule, subject.followed(focus)?);
    let (t, at, last) = (focus.t, n.at, schedule.timesteps() - 1);
    let nouns = Nouns::of(subject.data);
    let mut out = Explanation::new(Topic::Forward.title());
    out.text(format!(
        "The forward process destroys the data by a fixed recipe that learns nothing. This run's is {}, with $T = {}$ \
         timesteps $t = 0, \\ldots, {last}${}. The numbers are of $t = {t}$.",
        path::words(schedule),
        schedule.timesteps(),
        if schedule.is_continuous() { "" } else { " (the papers count the same steps 1 to T)" },
    ));
    match schedule.formula() {
        Some(formula) => path::continuous(&mut out, schedule, formula, t),
        None => chain(&mut out, schedule, &n, t, nouns),
    }
    out.heading(format!("One {}", nouns.pixel));
    out.text(format!("{}, {}:", subject.picture_words(focus, &followed), followed.words));
    out.formula(r"x_t = \alpha(t)\cdot x_0 + \sigma(t)\cdot\epsilon");
    out.formula(format!(
        r"{} = {}\cdot {} + {}\cdot {}",
        digits(n.x_t),
        digits(at.alpha),
        in_brackets(n.x_0),
        digits(at.sigma),
        in_brackets(n.epsilon)
    ));
    out.pictures(&[("x_0", &followed.x_0), (r"\epsilon", &followed.epsilon), ("x_t", &followed.x_t(at)?)])?;
    out.heading(format!("Many {}: measured beside theory", nouns.pictures));
    out.text(format!(
        "Mean and variance of all {} of {} training {} with a noise each, before and after. The theory needs those of \
         the clean {} alone.",
        nouns.pixels, n.pictures, nouns.pictures, nouns.pixels
    ));
    out.formula(
        r"\mathrm{E}[x_t] = \alpha\,\mathrm{E}[x_0], \quad \mathrm{Var}[x_t] = \alpha^2\,\mathrm{Var}[x_0] + \sigma^2",
    );
    let row = |name: &str, (mean, variance): (f64, f64)| vec![name.to_string(), digits(mean), digits(variance)];
    out.table(
        &["", "mean", "variance"],
        vec![row("$x_0$", n.clean), row("$x_t$, measured", n.measured), row("$x_t$, by the formula", n.theory)],
    );
    out.heading("Along the path");
    let stops = [0, last / 4, last / 2, 3 * last / 4, last];
    let rows = stops.iter().map(|&t| {
        let at = schedule.at(t);
        vec![t.to_string(), digits(at.alpha), digits(at.sigma), digits(at.snr())]
    });
    out.table(&["t", r"$\alpha(t)$", r"$\sigma(t)$", "SNR"], rows.collect());
    Ok(out)
}

/// A list of β: the chain step by step, and all its steps at once.
fn chain(out: &mut Explanation, schedule: &Schedule, n: &ForwardNumbers, t: usize, nouns: Nouns) {
    out.heading("One step of noise");
    out.formula(r"q(x_t \mid x_{t-1}) = \mathcal{N}(\sqrt{1-\beta_t}\cdot x_{t-1},\ \beta_t\,\mathbf{I})");
    out.formula(r"x_t = \sqrt{1-\beta_t}\cdot x_{t-1} + \sqrt{\beta_t}\cdot\epsilon_t");
    out.numbers([
        number(r"\beta_t", n.beta, "the variance of the noise that this step adds"),
        number(
            r"\alpha_t",
            1.0 - n.beta,
            r"Ho's $\alpha_t = 1-\beta_t$: what the step leaves of the variance before it",
        ),
        number(
            r"\sqrt{1-\beta_t}",
            (1.0 - n.beta).sqrt(),
            &format!("what the {} before is multiplied by", nouns.picture),
        ),
    ]);
    if t == 0 {
        out.text(format!("At $t = 0$ it is the first step: before it lies the clean {} $x_0$ itself.", nouns.picture));
    }
    out.source("Ho et al. 2020, “Denoising Diffusion Probabilistic Models”, eq. 2");
    out.heading("All steps at once: the closed form");
    out.formula(r"\bar\alpha_t = \prod_{s\le t}(1-\beta_s)");
    out.formula(r"q(x_t \mid x_0) = \mathcal{N}(\sqrt{\bar\alpha_t}\cdot x_0,\ (1-\bar\alpha_t)\,\mathbf{I})");
    out.numbers([
        number(r"\bar\alpha_t", schedule.alphas_cumprod[t], "as the schedule has it"),
        number(
            r"\prod_{s\le t}(1-\beta_s)",
            n.product.unwrap_or(f64::NAN),
            &format!("the chain of {} factors, multiplied", t + 1),
        ),
        number(
            r"\alpha(t) = \sqrt{\bar\alpha_t}",
            n.at.alpha,
            r"what is left of the signal; with brackets, not Ho's $\alpha_t$",
        ),
        number(r"\sigma(t) = \sqrt{1-\bar\alpha_t}", n.at.sigma, "the noise"),
    ]);
    out.text(
        "Sums of Gaussians are Gaussian: that is why the step-by-step chain and one jump have the same distribution, \
         and why training can draw any $t$ without walking there.",
    );
    out.source("Ho et al. 2020, eq. 4");
}

fn in_brackets(x: f64) -> String {
    if x < 0.0 { format!("({})", digits(x)) } else { digits(x) }
}
