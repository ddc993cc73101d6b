//! Data in the plane: score and velocity at a place, and two ways down from one noise.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::document::{Explanation, digits, number};
use super::path::{self, PathNumbers};
use super::subject::{AskedNetwork, ExplainedSubject, Focus, numbers};
use super::topic::Topic;
use super::trails::{POINTS, draw, walk};
use super::watched::unguided;
use crate::config::{PathName, SamplerName};
use crate::diffusion::NoiseLevel;
use crate::picture::is_points;
use crate::sampling::check_sampler;

/// What the network says at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneNumbers {
    pub place: [f64; 2],
    pub x_0: [f64; 2],
    pub epsilon: [f64; 2],
    /// ŝ = −ε̂/σ.
    pub score: [f64; 2],
    /// α'·x̂_0 + σ'·ε̂, with derivatives by u.
    pub velocity: [f64; 2],
    /// The same by the score: (α'/α)·x − (σσ' − σ²α'/α)·ŝ.
    pub by_score: [f64; 2],
}

/// # Errors
/// What the network reports.
pub fn numbers_of(
    subject: &ExplainedSubject,
    network: &AskedNetwork,
    at: NoiseLevel,
    place: [f64; 2],
    class: Option<usize>,
) -> Result<PlaneNumbers> {
    let parameterization = subject.parameterization;
    let denoiser = unguided(subject, network, class.map(|class| vec![class]))?;
    let x = Tensor::from_vec(place.map(|x| x as f32).to_vec(), (1, 1, 1, 2), &Device::Cpu)?;
    let said = denoiser.predict(&x, at)?;
    let pair = |x: &Tensor| -> Result<[f64; 2]> {
        let numbers = numbers(x)?;
        Ok([numbers[0], numbers[1]])
    };
    let (x_0, epsilon) = (pair(&said.x_0)?, pair(&said.epsilon)?);
    let (d_alpha, d_sigma) = parameterization.schedule.derivative(at.t);
    let each = |f: &dyn Fn(usize) -> f64| [f(0), f(1)];
    let score = each(&|i| -epsilon[i] / at.sigma);
    let drift = d_alpha / at.alpha;
    Ok(PlaneNumbers {
        place,
        x_0,
        epsilon,
        score,
        velocity: each(&|i| d_alpha * x_0[i] + d_sigma * epsilon[i]),
        by_score: each(&|i| drift * place[i] - (at.sigma * d_sigma - at.sigma * at.sigma * drift) * score[i]),
    })
}

/// Levels that a trail is told at.
const STOPS: usize = 4;

/// Of paths that do not preserve the variance.
const DRAWN: &str = r" Drawn is $x_t/\sqrt{\alpha^2+\sigma^2}$, which keeps noise and data in one window.";

/// # Errors
/// A sentence for a point or timestep that is not there; what the network reports.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let (followed, at) = (subject.followed(focus)?, subject.at(focus));
    let mut out = Explanation::new(Topic::Plane.title());
    out.text(
        "In the plane everything can be drawn: the score is an arrow at every place that points to where the data are \
         denser, the velocity is the arrow that the probability flow follows. Either follows from the other.",
    );
    out.formula(r"s(x, t) = \nabla_x \log p_t(x) = -\frac{\mathrm{E}[\epsilon \mid x_t = x]}{\sigma}");
    out.formula(r"v(x, u) = \alpha'\hat{x}_0 + \sigma'\hat\epsilon = \frac{\alpha'}{\alpha}\cdot x - \left(\sigma\sigma' - \sigma^2\cdot\frac{\alpha'}{\alpha}\right)\cdot s");
    out.formula(r"\mathrm{d}x = v\,\mathrm{d}u \quad\text{(flow)}, \qquad \mathrm{d}x = \left[f x - g^2 s\right]\mathrm{d}u + g\,\mathrm{d}\bar w \quad\text{(reverse SDE)}");
    out.formula(
        r"f = \frac{\alpha'}{\alpha}, \quad g^2 = 2\sigma\sigma' - 2\sigma^2 f, \quad v = f x - \tfrac12 g^2 s",
    );
    out.source("Song et al. 2021, eq. 6 and 13; Lipman et al. 2023, eq. 13; Albergo et al. 2023");
    if !is_points((subject.data.height, subject.data.width, subject.data.channels)) {
        out.text("This run's data are pictures. In the plane: `difflab two-moons`, and then --run of that run.");
        return Ok(out);
    }
    let Some(network) = &subject.network else {
        out.text("With a trained network its numbers stand here: name a run with --run.");
        return Ok(out);
    };
    let x_t = numbers(&followed.x_t(at)?)?;
    let n = numbers_of(subject, network, at, [x_t[0], x_t[1]], followed.class)?;
    let (d_alpha, d_sigma) = subject.parameterization.schedule.derivative(at.t);
    out.heading("At one place");
    out.text(format!(
        "The place is $x_t$ at $t = {}$. {}; {}.",
        focus.t,
        subject.picture_words(focus, &followed),
        network.words
    ));
    out.numbers([
        number(r"\alpha", at.alpha, ""),
        number(r"\sigma", at.sigma, ""),
        number(r"\alpha'", d_alpha, r"$d\alpha/du$"),
        number(r"\sigma'", d_sigma, r"$d\sigma/du$"),
    ]);
    out.numbers(path::sde(&PathNumbers::of(&subject.parameterization.schedule, focus.t)));
    let row = |symbol: &str, [x, y]: [f64; 2]| vec![symbol.to_string(), digits(x), digits(y)];
    let mut rows = vec![
        row("place", n.place),
        row(r"$\hat{x}_0$", n.x_0),
        row(r"$\hat\epsilon$", n.epsilon),
        row(r"$\hat s = -\hat\epsilon/\sigma$", n.score),
        row(r"$v$ by $\hat{x}_0$ and $\hat\epsilon$", n.velocity),
    ];
    let by_score = n.by_score.iter().all(|x| x.is_finite());
    if by_score {
        rows.push(row("$v$ by the score", n.by_score));
    }
    out.table(&["", "x", "y"], rows);
    if !by_score {
        out.text(
            "Here $\\alpha = 0$: nothing of $x_0$ is in the place, and the score alone does not say the velocity.",
        );
    }
    out.heading("From one noise to the data, two ways");
    out.text(
        "Both begin at the same noise. The probability flow (ddim, η = 0) is deterministic: its way is smooth, and ends in the \
         same place every time. Ancestral sampling (ddpm) adds new noise at every step; the distributions at every level are \
         the same, the ways are not.",
    );
    let schedule = &subject.parameterization.schedule;
    let mut ways = Vec::new();
    for sampler in [SamplerName::Ddim, SamplerName::Ddpm] {
        if check_sampler(sampler, schedule).is_ok() {
            ways.push(walk(subject, network, sampler)?);
        }
    }
    let names: Vec<&str> = ways.iter().map(|trails| trails.sampler.name()).collect();
    let pictures = draw(subject, &ways)?;
    out.drawings(names.iter().zip(&pictures).map(|(name, picture)| (format!(r"\text{{{name}}}"), picture)));
    out.text(format!(
        "{POINTS} points, each in its own colour: a ring where its noise lies, a disc with a white heart where it ends, in the \
         grey of the training points.{} The first point's ways by number:",
        if schedule.path == PathName::Vp { "" } else { DRAWN }
    ));
    let head: Vec<String> = std::iter::once("t".to_string())
        .chain(names.iter().flat_map(|name| ["x", "y"].map(|axis| format!("{name} {axis}"))))
        .collect();
    let steps = ways.iter().map(|trails| trails.stops.len() - 1).min().unwrap_or(0);
    let mut rows = Vec::new();
    for stop in 0..=STOPS.min(steps) {
        let i = stop * steps / STOPS.min(steps).max(1);
        let t = ways.first().filter(|_| i < steps).map(|trails| digits(trails.stops[i].0.t));
        let mut row = vec![t.unwrap_or("end".into())];
        row.extend(ways.iter().filter_map(|trails| trails.stops[i].1.first()).flatten().map(|x| digits(*x)));
        rows.push(row);
    }
    out.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), rows);
    Ok(out)
}
