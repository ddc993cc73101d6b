//! Classifier-free guidance: two answers and what is made of them.

use anyhow::Result;
use candle_core::Tensor;

use super::document::{Explanation, digits, number};
use super::subject::{AskedNetwork, ExplainedSubject, Focus, numbers, squares};
use super::topic::Topic;
use crate::diffusion::NoiseLevel;
use crate::sampling::{Guidance, network_denoiser};

/// Three answers of one network for one x_t; ε̂ and x̂_0 `[1, H, W, C]`.
pub struct Answers {
    pub conditional: (Tensor, Tensor),
    pub unconditional: (Tensor, Tensor),
    pub guided: (Tensor, Tensor),
    pub w: f64,
}

/// How they differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuidanceNumbers {
    /// ‖ε̂‖ of each.
    pub conditional: f64,
    pub unconditional: f64,
    pub guided: f64,
    /// ‖ε̂_cond − ε̂_uncond‖.
    pub difference: f64,
    /// Between ε̂_cond and ε̂_uncond, degrees.
    pub angle: f64,
}

/// # Errors
/// What the network reports.
pub fn ask(
    subject: &ExplainedSubject,
    network: &AskedNetwork,
    class: usize,
    x_t: &Tensor,
    at: NoiseLevel,
    w: f64,
) -> Result<Answers> {
    let of = |class: Option<usize>, guidance: Guidance| -> Result<(Tensor, Tensor)> {
        let classes = class.map(|class| vec![class]);
        let workers = subject.workers.clone();
        let denoiser = network_denoiser(network.net, subject.parameterization, classes.as_deref(), guidance, workers)?;
        let said = denoiser.predict(x_t, at)?;
        Ok((said.epsilon, said.x_0))
    };
    Ok(Answers {
        conditional: of(Some(class), Guidance::from(0.0))?,
        unconditional: of(None, Guidance::from(0.0))?,
        guided: of(Some(class), Guidance::from(w))?,
        w,
    })
}

impl Answers {
    /// # Errors
    /// When candle fails.
    pub fn numbers(&self) -> Result<GuidanceNumbers> {
        let (a, b, guided) = (numbers(&self.conditional.0)?, numbers(&self.unconditional.0)?, numbers(&self.guided.0)?);
        let norm = |x: &[f64]| squares(x).sqrt();
        let difference: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        let cosine = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>() / (norm(&a) * norm(&b));
        Ok(GuidanceNumbers {
            conditional: norm(&a),
            unconditional: norm(&b),
            guided: norm(&guided),
            difference: norm(&difference),
            angle: cosine.clamp(-1.0, 1.0).acos().to_degrees(),
        })
    }
}

/// # Errors
/// A sentence for a picture, pixel or timestep that is not there; what the network reports.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let (followed, at) = (subject.followed(focus)?, subject.at(focus));
    let mut out = Explanation::new(Topic::Guidance.title());
    out.text(
        "A network that now and then is not told the class learns both the answer for the class and the answer for \
         anything. Their difference points to what makes the sample one of its class; guidance goes further that way.",
    );
    out.formula(r"\hat\epsilon = (1+w)\cdot\hat\epsilon_{\text{cond}} - w\cdot\hat\epsilon_{\text{uncond}}");
    out.text("Other libraries count $s = 1 + w$: $s = 1$ is the plain conditional model, $w = 0$ here.");
    out.source("Ho & Salimans 2022, “Classifier-Free Diffusion Guidance”, eq. 6");
    let own = subject.config.sample.guidance_scale;
    let (network, class) = match (&subject.network, followed.class) {
        (None, _) => {
            out.text("With a trained network its three answers stand here: name a run with --run.");
            return Ok(out);
        }
        (Some(network), Some(class)) if network.net.num_classes().is_some() => (network, class),
        _ => {
            out.text("This run's network was trained without classes (model.class_conditional = false): there is nothing to guide towards.");
            return Ok(out);
        }
    };
    let w = if own == 0.0 { 1.0 } else { own };
    let answers = ask(subject, network, class, &followed.x_t(at)?, at, w)?;
    let n = answers.numbers()?;
    out.heading("Three answers");
    out.text(format!(
        "{} at $t = {}$, with the {}{}.",
        subject.picture_words(focus, &followed),
        focus.t,
        network.words,
        if own == 0.0 { "; the run samples with $w = 0$, shown is $w = 1$" } else { "" }
    ));
    out.pictures(&[
        ("x_t", &followed.x_t(at)?),
        (r"\hat\epsilon_{\text{cond}}", &answers.conditional.0),
        (r"\hat\epsilon_{\text{uncond}}", &answers.unconditional.0),
        (r"\hat\epsilon", &answers.guided.0),
    ])?;
    out.pictures(&[
        ("x_0", &followed.x_0),
        (r"\hat{x}_{0,\text{cond}}", &answers.conditional.1),
        (r"\hat{x}_{0,\text{uncond}}", &answers.unconditional.1),
        (r"\hat{x}_0", &answers.guided.1),
    ])?;
    out.numbers([
        number(
            "w",
            w,
            if own == 0.0 {
                "to show what it does; this run's sample.guidance_scale is 0"
            } else {
                "sample.guidance_scale"
            },
        ),
        number("s", 1.0 + w, "the same as others count it"),
        number(r"\lVert\hat\epsilon_{\text{cond}}\rVert", n.conditional, "length of the conditional answer"),
        number(r"\lVert\hat\epsilon_{\text{uncond}}\rVert", n.unconditional, "of the unconditional one"),
        number(
            r"\lVert\hat\epsilon_{\text{cond}}-\hat\epsilon_{\text{uncond}}\rVert",
            n.difference,
            "what the class changes",
        ),
        number(r"\text{angle}", n.angle, "between the two, in degrees"),
        number(r"\lVert\hat\epsilon\rVert", n.guided, "length of the guided answer"),
    ]);
    let (a, b, guided) =
        (followed.of(&answers.conditional.0)?, followed.of(&answers.unconditional.0)?, followed.of(&answers.guided.0)?);
    out.text(format!("At {}:", followed.words));
    out.formula(format!(
        r"{} = {}\cdot ({}) - {}\cdot ({})",
        digits(guided),
        digits(1.0 + w),
        digits(a),
        digits(w),
        digits(b)
    ));
    Ok(out)
}
