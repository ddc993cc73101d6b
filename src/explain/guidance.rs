//! Classifier-free guidance: two answers and what is made of them.

use anyhow::Result;
use candle_core::Tensor;

use super::document::{Explanation, digits, number};
use super::names::given;
use super::subject::{AskedNetwork, ExplainedSubject, Focus, Followed, moments, numbers, squares};
use super::topic::Topic;
use crate::diffusion::{NoiseLevel, combine};
use crate::sampling::{Guidance, network_denoiser};

/// Three answers of one network for one x_t; ε̂ and x̂_0 `[1, H, W, C]`.
pub struct Answers {
    pub conditional: (Tensor, Tensor),
    /// Of the null class, or of the one that is guided away from.
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
    guidance: Guidance,
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
        unconditional: of(guidance.negative_class, Guidance::from(0.0))?,
        guided: of(Some(class), guidance)?,
        w: guidance.scale,
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
    if !subject.config.model.class_conditional {
        out.text("This run's network is trained without classes (model.class_conditional = false): there is nothing to guide towards.");
        return Ok(out);
    }
    let sample = &subject.config.sample;
    let own = sample.guidance_scale;
    let (network, class) = match (&subject.network, followed.class) {
        (None, _) => {
            out.text("With a trained network its three answers stand here: name a run with --run.");
            return Ok(out);
        }
        (Some(network), Some(class)) if network.net.num_classes().is_some() => (network, class),
        _ => {
            out.text("Of this data no classes are known: there is nothing to guide towards.");
            return Ok(out);
        }
    };
    let w = if own == 0.0 { 1.0 } else { own };
    let guidance = Guidance::from_config(sample, w, &subject.data.classes).map_err(anyhow::Error::msg)?;
    let answers = ask(subject, network, class, &followed.x_t(at)?, at, guidance)?;
    let n = answers.numbers()?;
    let away = guidance.negative_class.and_then(|class| subject.data.classes.get(class));
    let other = if away.is_some() { "neg" } else { "uncond" };
    out.heading("Three answers");
    out.text(format!(
        "{} at $t = {}$, with the {}{}.",
        subject.picture_words(focus, &followed),
        focus.t,
        network.words,
        if own == 0.0 { "; the run samples with $w = 0$, shown is $w = 1$" } else { "" }
    ));
    if let Some(class) = away {
        out.text(format!(
            "sample.negative_class: in the place of the unconditional answer stands that for the class “{}”, \
             $\\hat\\epsilon_{{\\text{{neg}}}}$, which is guided away from.",
            given(class)
        ));
    }
    let u = subject.parameterization.schedule.u(at.t);
    let applies = guidance.applies_at(u);
    if !applies {
        out.text(format!(
            "Here nothing is guided: sample.guidance_interval = [{}, {}], and this is $t/T = {}$. The sampler takes the \
             conditional answer as it is.",
            digits(guidance.interval.0),
            digits(guidance.interval.1),
            digits(u)
        ));
    }
    let (hat_other, x_other) =
        (format!(r"\hat\epsilon_{{\text{{{other}}}}}"), format!(r"\hat{{x}}_{{0,\text{{{other}}}}}"));
    out.pictures(&[
        ("x_t", &followed.x_t(at)?),
        (r"\hat\epsilon_{\text{cond}}", &answers.conditional.0),
        (&hat_other, &answers.unconditional.0),
        (r"\hat\epsilon", &answers.guided.0),
    ])?;
    out.pictures(&[
        ("x_0", &followed.x_0),
        (r"\hat{x}_{0,\text{cond}}", &answers.conditional.1),
        (&x_other, &answers.unconditional.1),
        (r"\hat{x}_0", &answers.guided.1),
    ])?;
    let meaning = match own == 0.0 {
        true => "to show what it does; this run's sample.guidance_scale is 0",
        false => "sample.guidance_scale",
    };
    out.numbers([
        number("w", w, meaning),
        number("s", 1.0 + w, "the same as others count it"),
        number(r"\lVert\hat\epsilon_{\text{cond}}\rVert", n.conditional, "length of the conditional answer"),
        number(&format!(r"\lVert{hat_other}\rVert"), n.unconditional, "of the other one"),
        number(
            &format!(r"\lVert\hat\epsilon_{{\text{{cond}}}}-{hat_other}\rVert"),
            n.difference,
            "what the class changes",
        ),
        number(r"\text{angle}", n.angle, "between the two, in degrees"),
        number(r"\lVert\hat\epsilon\rVert", n.guided, "length of the guided answer"),
    ]);
    at_pixel(&mut out, subject, &followed, at, &answers, (guidance, applies))?;
    Ok(out)
}

/// The mixture, and what rescaling makes of it, by number.
fn at_pixel(
    out: &mut Explanation,
    subject: &ExplainedSubject,
    followed: &Followed,
    at: NoiseLevel,
    answers: &Answers,
    (guidance, applies): (Guidance, bool),
) -> Result<()> {
    let w = guidance.scale;
    let (a, b, guided) =
        (followed.of(&answers.conditional.0)?, followed.of(&answers.unconditional.0)?, followed.of(&answers.guided.0)?);
    out.text(format!("At {}:", followed.words));
    if !applies {
        out.formula(format!(r"\hat\epsilon = \hat\epsilon_{{\text{{cond}}}} = {}", digits(a)));
        return Ok(());
    }
    let mixed = (1.0 + w) * a - w * b;
    out.formula(format!(
        r"{} = {}\cdot ({}) - {}\cdot ({})",
        digits(mixed),
        digits(1.0 + w),
        digits(a),
        digits(w),
        digits(b)
    ));
    if guidance.rescale > 0.0 {
        let factor = rescaling(subject, answers, at, guidance)?;
        out.text(
            "sample.guidance_rescale: the network's own output, guided, is brought back towards the spread that the \
             conditional one has.",
        );
        out.formula(r"f = \phi\cdot\frac{\text{std}(y_{\text{cond}})}{\text{std}(y)} + 1 - \phi");
        out.numbers([
            number(r"\phi", guidance.rescale, "sample.guidance_rescale"),
            number("f", factor, "what the network's output is multiplied by"),
            number(r"\hat\epsilon", guided, "the noise that it says then"),
        ]);
        out.source("Lin et al. 2024, “Common Diffusion Noise Schedules and Sample Steps are Flawed”, eq. 14 to 16");
    }
    Ok(())
}

/// f of CFG-rescale.
pub(super) fn rescaling(
    subject: &ExplainedSubject,
    answers: &Answers,
    at: NoiseLevel,
    guidance: Guidance,
) -> Result<f64> {
    let w = guidance.scale;
    let mixed = |a: &Tensor, b: &Tensor| combine(1.0 + w, a, -w, b);
    let guided = (
        mixed(&answers.conditional.0, &answers.unconditional.0)?,
        mixed(&answers.conditional.1, &answers.unconditional.1)?,
    );
    let spread = |epsilon: &Tensor, x_0: &Tensor| -> Result<f64> {
        let output = numbers(&subject.parameterization.from_x_0_and_epsilon(x_0, epsilon, at)?)?;
        Ok(moments(&output).1.sqrt())
    };
    let ratio = spread(&answers.conditional.0, &answers.conditional.1)? / spread(&guided.0, &guided.1)?;
    Ok(guidance.rescale * ratio + 1.0 - guidance.rescale)
}
