//! What t means.

use anyhow::{Result, ensure};

use crate::config::PathName;
use crate::course::given::{Computed, num, share, within};
use crate::course::ground::Ground;
use crate::explain::document::digits;

pub fn sigma_at(ground: &mut Ground) -> Result<Computed> {
    let t = ground.t();
    let (schedule, at) = (ground.schedule(), ground.schedule().at(t));
    let (given, hint, formula) = match schedule.path {
        PathName::Vp | PathName::VpSde => (
            format!(r"$\bar\alpha_t = {}$", share(at.alpha * at.alpha)),
            r"The path preserves the variance: $\alpha^2 + \sigma^2 = 1$, and $\alpha^2 = \bar\alpha_t$.",
            format!(r"\sigma = \sqrt{{1-\bar\alpha_t}} = \sqrt{{1-{}}}", share(at.alpha * at.alpha)),
        ),
        PathName::SubVpSde => {
            let alpha = share(at.alpha);
            (format!(r"$\alpha = {alpha}$"), r"$\sigma = 1-\alpha^2$ on this path.", format!(r"\sigma = 1-{alpha}^2"))
        }
        PathName::Flow => {
            let alpha = share(at.alpha);
            (format!(r"$\alpha = {alpha}$"), r"$\alpha = 1-u$ and $\sigma = u$.", format!(r"\sigma = 1-{alpha}"))
        }
        PathName::Ve | PathName::Edm => {
            let lambda = digits(at.snr().ln());
            (
                format!(r"$\log \mathrm{{SNR}} = {lambda}$"),
                r"$\alpha = 1$ on this path, so that $\mathrm{SNR} = 1/\sigma^2$.",
                format!(r"\sigma = e^{{-\frac{{1}}{{2}}\cdot {}}}", num(at.snr().ln())),
            )
        }
    };
    Ok(Computed {
        text: format!(r"{} At $t = {t}$, {given}. What is $\sigma$ there?", ground.words()),
        answer: at.sigma,
        tolerance: within(0.02, at.sigma, 0.001),
        hint: hint.into(),
        solution: format!("$${formula} = {}$$", num(at.sigma)),
    })
}

pub fn log_snr_at(ground: &mut Ground) -> Result<Computed> {
    let t = ground.t();
    let at = ground.schedule().at(t);
    ensure!(at.alpha > 0.0, "log_snr_at: at t = {t} no signal is left; give it another range");
    let answer = 2.0 * ground.schedule().lambda(t);
    Ok(Computed {
        text: format!(
            r"{} At $t = {t}$, $\alpha = {}$ and $\sigma = {}$. What is $\log \mathrm{{SNR}}$ (natural logarithm)?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma)
        ),
        answer,
        tolerance: within(0.02, answer, 0.03),
        hint: r"$\mathrm{SNR} = \alpha^2/\sigma^2$.".into(),
        solution: format!(
            r"$$\log \frac{{\alpha^2}}{{\sigma^2}} = 2\cdot\ln({}/{}) = {}$$",
            num(at.alpha),
            num(at.sigma),
            digits(answer)
        ),
    })
}

pub fn snr_one(ground: &mut Ground) -> Result<Computed> {
    timestep_of(ground, "snr_one", 1.0, "At which $t$ are signal and noise equal, $\\mathrm{SNR} = 1$?")
}

pub fn t_of_snr(ground: &mut Ground) -> Result<Computed> {
    let snr = ground.drawn.one_of([0.1, 0.2, 0.5, 2.0, 5.0, 10.0]);
    timestep_of(ground, "t_of_snr", snr, &format!(r"At which $t$ is $\mathrm{{SNR}} = {}$?", digits(snr)))
}

fn timestep_of(ground: &Ground, kind: &str, snr: f64, asked: &str) -> Result<Computed> {
    let (schedule, at) = (ground.schedule(), ground.schedule().level_of((1.0 / snr).sqrt()));
    ensure!((at.snr() / snr - 1.0).abs() < 0.01, "{kind}: this path has no timestep of SNR {snr}");
    Ok(Computed {
        text: format!("{} {asked}", ground.words()),
        answer: at.t.round(),
        tolerance: (schedule.timesteps() as f64 / 100.0).max(1.0),
        hint: "In the lab move the cursor in the Schedule panel, whose line tells the SNR in decibels: \
               $10\\cdot\\log_{10} \\mathrm{SNR}$, 0 where both are equal."
            .into(),
        solution: format!(
            r"$$t = {}: \quad \alpha^2/\sigma^2 = {}^2/{}^2 = {}$$",
            num(at.t.round()),
            num(at.alpha),
            num(at.sigma),
            num(snr)
        ),
    })
}

pub fn terminal_snr(ground: &mut Ground) -> Result<Computed> {
    let schedule = ground.schedule();
    let (last, at) = (schedule.timesteps() - 1, schedule.noisiest());
    ensure!(at.alpha > 0.0, "terminal_snr: this path ends without any signal, whose SNR is 0");
    let answer = schedule.snr_db(last);
    Ok(Computed {
        text: format!(
            r"{} At its last timestep, $t = {last}$, $\alpha = {}$ and $\sigma = {}$. What is the SNR there in decibels, $10\cdot\log_{{10}}(\alpha^2/\sigma^2)$?",
            ground.words(),
            digits(at.alpha),
            digits(at.sigma)
        ),
        answer,
        tolerance: within(0.02, answer, 0.1),
        hint: "Square both, divide, take the decimal logarithm, times 10.".into(),
        solution: format!(
            r"$$10\cdot\log_{{10}}({}^2/{}^2) = {}$$

Sampling begins at pure noise, which a network trained with so much signal has never seen.",
            num(at.alpha),
            num(at.sigma),
            digits(answer)
        ),
    })
}
