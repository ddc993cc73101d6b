//! The heatmap's cells, and what they sum to.

use anyhow::Result;

use super::document::{Explanation, digits, number, word};
use super::subject::level;
use super::topic::Topic;
use crate::diffusion::Parameterization;
use crate::eval::TrainingBound;
use crate::thousands::thousands;

/// The loss per timestep over a stretch of training: bin b covers t ∈ [b·T/B, (b+1)·T/B).
#[derive(Clone, Debug, PartialEq)]
pub struct BinLosses {
    /// Mean squared error of each bin; `None` where nothing fell.
    pub mean: Vec<Option<f64>>,
    pub count: Vec<u64>,
    /// The first and the last step that went in.
    pub steps: (u64, u64),
}

impl BinLosses {
    /// The bin of a timestep.
    fn bin(&self, t: usize, timesteps: usize) -> usize {
        (t * self.mean.len() / timesteps).min(self.mean.len().saturating_sub(1))
    }

    /// The t that a bin begins with, and the one after its last.
    fn range(&self, bin: usize, timesteps: usize) -> (usize, usize) {
        let edge = |b: usize| (b * timesteps).div_ceil(self.mean.len().max(1));
        (edge(bin), edge(bin + 1))
    }
}

/// The bound by these losses.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundNumbers {
    /// The cursor's bin, the t that it begins with, and the one after its last.
    pub bin: usize,
    pub t: (usize, usize),
    /// Of each bin, bits/dim; bins without a loss add nothing.
    pub terms: Vec<f64>,
    pub sum: f64,
    /// The most that L_T can be for pixels in [-1, 1], bits/dim.
    pub prior: f64,
}

/// `None`: the process has no such terms ([`TrainingBound::of`]), or there are no bins.
pub fn numbers_of(parameterization: &Parameterization, t: usize, losses: &BinLosses) -> Option<BoundNumbers> {
    let (schedule, bins) = (&parameterization.schedule, losses.mean.len());
    let timesteps = schedule.timesteps();
    let bound = TrainingBound::of(parameterization).filter(|_| bins > 0)?;
    let bin = losses.bin(t, timesteps);
    let term = |b: usize| losses.mean[b].and_then(|loss| bound.of_bin(b, bins, loss)).unwrap_or(0.0);
    let terms: Vec<f64> = (0..bins).map(term).collect();
    // KL(q(x_T | x_0) ‖ N(0, s²)) of one number, ½((α²x² + σ²)/s² − 1 − ln(σ²/s²)), with x² = 1.
    let last = schedule.noisiest();
    let scale = schedule.noise_scale(last);
    let (alpha, sigma) = ((last.alpha / scale).powi(2), (last.sigma / scale).powi(2));
    let prior = 0.5 * (alpha + sigma - 1.0 - sigma.ln()) / std::f64::consts::LN_2;
    Some(BoundNumbers { bin, t: losses.range(bin, timesteps), sum: terms.iter().sum(), terms, prior })
}

/// # Errors
/// A sentence for a timestep that is not there.
pub fn explain(parameterization: &Parameterization, t: usize, losses: Option<&BinLosses>) -> Result<Explanation> {
    level(parameterization, t)?;
    let mut out = Explanation::new(Topic::Bound.title());
    out.text(
        "Every sample of every batch has its own $t$. A cell of the heatmap is the mean of the squared errors of the \
         network's target over the samples whose $t$ fell into its bin, since the column before it.",
    );
    out.formula(r"\text{cell} = \frac{1}{n}\cdot\sum_{t_i\in\text{bin}}\frac{1}{D}\cdot\lVert y_i - \hat y_i\rVert^2");
    out.formula(
        r"-\log p(x_0) \le L_T + \sum_{t\ge 1} L_t + L_0, \quad L_t = w(t)\cdot\lVert\epsilon-\hat\epsilon\rVert^2",
    );
    out.text(
        "So each cell, weighted, is a part of the variational bound on the negative log-likelihood. Divided by the numbers \
         in a picture and by $\\ln 2$ it is bits/dim: what a lossless coder that uses this model needs for a pixel.",
    );
    out.source("Ho et al. 2020, eq. 5 and 12; Nichol & Dhariwal 2021, section 3.3, draw this curve");
    let Some(losses) = losses else {
        out.text("With a run's losses its numbers stand here: name a run with --run.");
        return Ok(out);
    };
    let timesteps = parameterization.schedule.timesteps();
    let bin = losses.bin(t, timesteps);
    out.heading("The cell under the cursor");
    out.text(format!(
        "Of late: the mean over the steps {} to {}.",
        thousands(losses.steps.0 as usize),
        thousands(losses.steps.1 as usize)
    ));
    let cell = losses.mean.get(bin).copied().flatten();
    let count = losses.count.get(bin).copied().unwrap_or(0);
    match numbers_of(parameterization, t, losses) {
        Some(n) => {
            out.numbers([
                word("t", format!(r"{}\ldots {}", n.t.0, n.t.1.saturating_sub(1)), "the timesteps of its bin"),
                word("n", thousands(count as usize), "samples in it"),
                cell.map_or(word(r"\text{cell}", "–", "nothing fell into it yet"), |cell| {
                    number(r"\text{cell}", cell, "their mean squared error")
                }),
                number(r"\sum_{t\in\text{bin}} L_t", n.terms[n.bin], "bits/dim: what these timesteps add to the bound"),
                number(r"\text{share}", 100.0 * n.terms[n.bin] / n.sum, "percent of the sum below"),
            ]);
            out.heading("The whole sum");
            if parameterization.schedule.is_continuous() {
                out.text(
                    "On a path of continuous time the bound is an integral over the SNR. This is its sum over the $T$ timesteps, \
                     $L_t = \\tfrac12(\\mathrm{SNR}(t-1) - \\mathrm{SNR}(t))\\lVert x_0 - \\hat{x}_0\\rVert^2$ (Kingma et al. 2021, \
                     eq. 14), which is no less than the integral.",
                );
            }
            out.numbers([
                number(r"\sum_{t\ge 1} L_t", n.sum, "bits/dim, all bins"),
                number("L_T", n.prior, "at most this, for pixels in [-1, 1]: what the noisiest picture still tells"),
            ]);
            out.text(
                "This is an estimate from the training loss of weights that still move, one number for each bin, without \
                 $L_0$. While the loss falls fast it is far too high, by the averaged weights of that step: `difflab eval` \
                 measures the bound of those on held-out pictures, with its error.",
            );
            let mut largest: Vec<usize> = (0..n.terms.len()).collect();
            largest.sort_by(|&a, &b| n.terms[b].total_cmp(&n.terms[a]));
            let rows = largest.iter().take(5).map(|&b| {
                let (first, after) = losses.range(b, timesteps);
                vec![
                    format!("{first}–{}", after - 1),
                    losses.mean[b].map_or("–".into(), digits),
                    digits(n.terms[b]),
                    format!("{:.0} %", 100.0 * n.terms[b] / n.sum),
                ]
            });
            out.text("The bins that cost most:");
            out.table(&["t", "cell", "bits/dim", "share"], rows.collect());
        }
        None => {
            let (first, after) = losses.range(bin, timesteps);
            let range = format!(r"{first}\ldots {}", after.saturating_sub(1));
            out.numbers([
                word("t", range, "the timesteps of its bin"),
                word("n", thousands(count as usize), "samples in it"),
                cell.map_or(word(r"\text{cell}", "–", "nothing fell into it yet"), |cell| {
                    number(r"\text{cell}", cell, "their mean squared error")
                }),
            ]);
        }
    }
    Ok(out)
}
