//! What t means: the ways to count one noise level.

use anyhow::Result;

use super::document::{Explanation, digits, number};
use super::subject::level;
use super::topic::Topic;
use crate::config::PathName;
use crate::diffusion::Parameterization;

/// # Errors
/// A sentence for a timestep that is not there.
pub fn explain(parameterization: &Parameterization, t: usize) -> Result<Explanation> {
    let at = level(parameterization, t)?;
    let schedule = &parameterization.schedule;
    let last = schedule.timesteps() - 1;
    let mut out = Explanation::new(Topic::Time.title());
    out.text(
        "$t$ only counts steps. What a noise level is, its ratio of signal to noise says: two schedules are the same \
         process where they pass the same ratios, however many steps they take.",
    );
    out.formula(r"\mathrm{SNR}(t) = \frac{\alpha(t)^2}{\sigma(t)^2}, \quad \lambda(t) = \tfrac12\,\log \mathrm{SNR}(t) = \log \frac{\alpha(t)}{\sigma(t)}");
    out.numbers([
        number("t", t as f64, "the timestep under the cursor"),
        number("u", schedule.u(at.t), "$(t+1)/T$, the time of the SDE and of flows: 0 at the data, 1 at the noise"),
        number(r"\alpha(t)", at.alpha, "what is left of the signal"),
        number(r"\sigma(t)", at.sigma, "the noise"),
        number(
            r"\frac{\sigma}{\alpha}",
            at.noise_to_signal(),
            "the noise beside an unscaled picture: “sigma” of VE, EDM and Karras",
        ),
        number(r"\mathrm{SNR}", at.snr(), "signal to noise"),
        number(r"10\cdot\log_{10}\mathrm{SNR}", 10.0 * at.snr().log10(), "the same in decibels"),
        number(r"\lambda", at.lambda(), "half the log-SNR, in which DPM-Solver steps"),
        number(
            r"c_{\text{in}}",
            parameterization.input_scale(at),
            "what $x_t$ is multiplied by before the network sees it",
        ),
        number(r"t_{\text{net}}", parameterization.network_time(at), time_words(schedule.path)),
    ]);
    out.source("Kingma et al. 2021, “Variational Diffusion Models”, section 3; Karras et al. 2022, table 1");
    out.heading("Where signal and noise are equal");
    let equal = schedule.level_of(1.0);
    let within = (equal.noise_to_signal() - 1.0).abs() < 1e-6;
    out.text(match within {
        true => format!(
            "SNR = 1 lies at $t = {}$, where $\\alpha = \\sigma = {}$. Before it a picture can still be made out; after it \
             only its coarse shape.",
            digits(equal.t),
            digits(equal.sigma)
        ),
        false => format!("No timestep has SNR = 1: the nearest, at $t = {}$, has {}.", digits(equal.t), digits(equal.snr())),
    });
    let rows = (0..=8).map(|i| {
        let at = schedule.at(i * last / 8);
        vec![digits(at.t), digits(at.noise_to_signal()), digits(10.0 * at.snr().log10()), digits(at.lambda())]
    });
    out.table(&["t", r"$\sigma/\alpha$", "SNR in dB", r"$\lambda$"], rows.collect());
    out.heading("How the network is told");
    out.text(
        "One number would be a weak signal among thousands of pixels. So it becomes sines and cosines of falling \
         frequency, as positions do in a transformer, which a small network turns into scales and shifts of every block's \
         features. A network that is not told $t$ has to guess the noise from the picture.",
    );
    out.formula(r"\text{emb}_i = \cos(t_{\text{net}}\cdot 10000^{-i/n}),\ \sin(t_{\text{net}}\cdot 10000^{-i/n})");
    out.source("Ho et al. 2020, appendix B; Vaswani et al. 2017, section 3.5");
    Ok(out)
}

fn time_words(path: PathName) -> &'static str {
    match path {
        PathName::Edm => r"what the network is told: $250\ln\sigma$",
        PathName::Flow => "what the network is told: $T\\cdot u$",
        _ => "what the network is told: $t$ itself",
    }
}
