//! Classifier-free guidance.

use anyhow::Result;
use candle_core::Tensor;

use crate::course::given::{Computed, num, pixel, value, within};
use crate::course::ground::Ground;
use crate::diffusion::NoiseLevel;
use crate::explain::document::digits;
use crate::sampling::{Denoiser, Guidance, Guided, Prediction};

/// Says what the question gives: the conditional answer, then that for any class.
struct Said([f64; 2]);

impl Denoiser for Said {
    fn predict(&self, x_t: &Tensor, _: NoiseLevel) -> Result<Prediction> {
        let n = x_t.dim(0)?;
        let said = self.0.iter().take(n).map(|x| pixel(*x)).collect::<Result<Vec<_>>>()?;
        let said = Tensor::cat(&said, 0)?;
        Ok(Prediction::new(said.clone(), said))
    }
}

/// The guided answer, as sampling mixes it.
fn guided(ground: &Ground, w: f64, conditional: f64, unconditional: f64) -> Result<f64> {
    let said = || Said([conditional, unconditional]);
    let guided = Guided::new(said(), said(), Guidance::from(w), ground.parameterization.clone());
    value(&guided.predict(&pixel(0.0)?, ground.schedule().at(ground.schedule().timesteps() / 2))?.epsilon)
}

pub fn guided_epsilon(ground: &mut Ground) -> Result<Computed> {
    let (conditional, mut unconditional) = (ground.drawn.signed(1, 15), ground.drawn.signed(1, 15));
    // Between two that are the same there is nothing to mix.
    if unconditional == conditional {
        unconditional = -conditional;
    }
    asked(ground, r"\hat\epsilon", conditional, unconditional, [0.5, 1.0, 2.0, 3.0, 7.5], "")
}

pub fn guided_x_0(ground: &mut Ground) -> Result<Computed> {
    let (conditional, unconditional) = (ground.drawn.signed(5, 10), ground.drawn.signed(1, 4));
    let more = "\n\nOf a picture only $[-1, 1]$ can be shown: clamped at every step, all its pixels go to the ends, and it becomes \
                hard and loud; not clamped, the next step begins where no training picture ever was.";
    asked(ground, r"\hat{x}_0", conditional, unconditional, [3.0, 5.0, 7.5, 15.0], more)
}

fn asked<const N: usize>(
    ground: &mut Ground,
    symbol: &str,
    conditional: f64,
    unconditional: f64,
    scales: [f64; N],
    more: &str,
) -> Result<Computed> {
    let w = ground.drawn.one_of(scales);
    let answer = guided(ground, w, conditional, unconditional)?;
    // A symbol has one subscript.
    let of = |word: &str| match symbol.strip_suffix("_0") {
        Some(base) => format!(r"{base}_{{0,\text{{{word}}}}}"),
        None => format!(r"{symbol}_{{\text{{{word}}}}}"),
    };
    let (cond, uncond) = (of("cond"), of("uncond"));
    Ok(Computed {
        text: format!(
            r"For a pixel the network says ${cond} = {}$ with the class and ${uncond} = {}$ without. What is ${symbol}$ with guidance $w = {}$?",
            digits(conditional),
            digits(unconditional),
            digits(w)
        ),
        answer,
        tolerance: within(0.01, answer, 0.02),
        hint: "From the answer without the class through the one with it, and on for $w$ times their difference."
            .into(),
        solution: format!(
            r"$$(1+w)\cdot {cond} - w\cdot {uncond} = {}\cdot {} - {}\cdot {} = {}$${more}",
            digits(1.0 + w),
            num(conditional),
            digits(w),
            num(unconditional),
            digits(answer)
        ),
    })
}
