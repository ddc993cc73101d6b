//! The forward process.

use anyhow::Result;

use crate::config::{DiffusionConfig, PathName, ScheduleName};
use crate::course::given::{Computed, num, pixel, value, within};
use crate::course::ground::Ground;
use crate::diffusion::Schedule;
use crate::explain::document::digits;

pub fn alpha_bar_of_betas(ground: &mut Ground) -> Result<Computed> {
    let betas: Vec<f64> = (0..3).map(|_| ground.drawn.whole(1, 10) as f64 / 20.0).collect();
    let chain = DiffusionConfig {
        schedule: ScheduleName::Given,
        timesteps: 3,
        betas: betas.clone(),
        ..DiffusionConfig::default()
    };
    let answer = Schedule::from_config(&chain)?.alphas_cumprod[2];
    let factors: Vec<String> = betas.iter().map(|beta| format!(r"(1-{})", digits(*beta))).collect();
    Ok(Computed {
        text: format!(
            r"A chain of three steps has $\beta_0 = {}$, $\beta_1 = {}$, $\beta_2 = {}$. What is $\bar\alpha_2$, all steps together?",
            digits(betas[0]),
            digits(betas[1]),
            digits(betas[2])
        ),
        answer,
        tolerance: 0.003,
        hint: r"Each step leaves $1-\beta_t$ of the variance of the signal. Multiply.".into(),
        solution: format!(
            r"$$\bar\alpha_2 = \prod_{{s\le 2}}(1-\beta_s) = {} = {}$$",
            factors.join(r"\cdot "),
            digits(answer)
        ),
    })
}

pub fn alpha_bar_at(ground: &mut Ground) -> Result<Computed> {
    ground.need("alpha_bar_at", PathName::Vp)?;
    let t = ground.t();
    let schedule = ground.schedule();
    let answer = schedule.alphas_cumprod[t];
    Ok(Computed {
        text: format!(r"{} What is $\bar\alpha_t$ at $t = {t}$?", ground.words()),
        answer,
        tolerance: within(0.02, answer, 0.001),
        hint: "Look it up: in the lab put the cursor at $t$ in the Schedule panel and press E; on a shell ask `difflab explain \
               forward --at T`, or `difflab schedule NAME --at T`."
            .into(),
        solution: format!(
            r"$$\bar\alpha_{{{t}}} = \prod_{{s\le {t}}}(1-\beta_s) = {}$$

The signal is multiplied by $\sqrt{{\bar\alpha_t}} = {}$, the noise by $\sqrt{{1-\bar\alpha_t}} = {}$.",
            digits(answer),
            num(schedule.alpha(t)),
            num(schedule.sigma(t))
        ),
    })
}

pub fn x_t(ground: &mut Ground) -> Result<Computed> {
    let (t, x_0, epsilon) = (ground.t(), ground.drawn.signed(1, 10), ground.drawn.signed(2, 20));
    let at = ground.schedule().at(t);
    let answer = value(&ground.schedule().add_noise(&pixel(x_0)?, &pixel(epsilon)?, &[t])?)?;
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\alpha = {}$ and $\sigma = {}$. A pixel is $x_0 = {}$, its noise is $\epsilon = {}$. What is its $x_t$?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma),
            digits(x_0),
            digits(epsilon)
        ),
        answer,
        tolerance: within(0.02, answer, 0.01),
        hint: r"$x_t = \alpha\cdot x_0 + \sigma\cdot\epsilon$: one jump, no chain.".into(),
        solution: format!(
            r"$$x_t = \alpha\cdot x_0 + \sigma\cdot\epsilon = {}\cdot {} + {}\cdot {} = {}$$",
            num(at.alpha),
            num(x_0),
            num(at.sigma),
            num(epsilon),
            digits(answer)
        ),
    })
}

pub fn x_t_deviation(ground: &mut Ground) -> Result<Computed> {
    let (t, deviation) = (ground.t(), ground.drawn.tenths(2, 6));
    let at = ground.schedule().at(t);
    let answer = (at.alpha * deviation).hypot(at.sigma);
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\alpha = {}$ and $\sigma = {}$. The pixels of the data have the standard deviation $d = {}$. Which one do those of $x_t$ have?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma),
            digits(deviation)
        ),
        answer,
        tolerance: within(0.02, answer, 0.005),
        hint: "Picture and noise are independent: their variances add.".into(),
        solution: format!(
            r"$$\sqrt{{\alpha^2 d^2 + \sigma^2}} = \sqrt{{{}^2\cdot {}^2 + {}^2}} = {}$$

Of one pixel whose $x_0$ is known it is $\sigma$ alone: then only the noise is random.",
            num(at.alpha),
            num(deviation),
            num(at.sigma),
            digits(answer)
        ),
    })
}
