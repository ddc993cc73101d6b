//! The whole timesteps of diffusers' solvers on a spacing of σ, to the bit.
//!
//! DPMSolverMultistep, DPMSolverSinglestep, DEISMultistep and UniPCMultistepScheduler tell the network no fractional
//! timestep. They cut one off that lies a millionth below a whole one, or does not, as the rounding of their f32 comes
//! out: the noisiest level may be told as T − 2 rather than T − 1. So their arithmetic is repeated here.

use std::f32::consts::{LN_2, SQRT_2};

use crate::config::ScheduleName;
use crate::diffusion::Schedule;

/// σ/α of every timestep and its logarithm, as diffusers has them in f32.
pub(super) struct F32Sigmas {
    sigmas: Vec<f32>,
    logs: Vec<f32>,
}

impl F32Sigmas {
    /// Those of a schedule of path vp.
    pub fn of(schedule: &Schedule) -> Self {
        let mut product = 1.0;
        // torch multiplies in f64, and rounds each product.
        let mut alphas_cumprod: Vec<f32> = betas(schedule)
            .into_iter()
            .map(|beta| {
                product *= f64::from(1.0 - beta);
                product as f32
            })
            .collect();
        if let Some(last) = alphas_cumprod.last_mut().filter(|_| ends_without_signal(schedule)) {
            *last = 1.0 / (1u32 << 24) as f32;
        }
        let sigmas: Vec<f32> = alphas_cumprod.into_iter().map(|signal| ((1.0 - signal) / signal).sqrt()).collect();
        let logs = sigmas.iter().map(|&sigma| ln(sigma)).collect();
        Self { sigmas, logs }
    }

    /// The least and the largest σ/α.
    pub fn ends(&self) -> (f64, f64) {
        let end = |sigma: Option<&f32>| sigma.copied().map_or(1.0, f64::from);
        (end(self.sigmas.first()), end(self.sigmas.last()))
    }

    /// The same as the exponentials of their logarithms.
    pub fn ends_of_logs(&self) -> (f64, f64) {
        let end = |log: Option<&f32>| log.copied().map_or(0.0, f64::from).exp();
        (end(self.logs.first()), end(self.logs.last()))
    }

    /// The timestep of a σ/α, fractional: diffusers' `_sigma_to_t`.
    pub fn t(&self, sigma: f64) -> f64 {
        if self.logs.len() < 2 {
            return 0.0;
        }
        let log = sigma.max(1e-10).ln();
        let below = self.logs.partition_point(|&known| f64::from(known) <= log).saturating_sub(1);
        let below = below.min(self.logs.len() - 2);
        let (low, high) = (self.logs[below], self.logs[below + 1]);
        let share = ((f64::from(low) - log) / f64::from(low - high)).clamp(0.0, 1.0);
        (1.0 - share) * below as f64 + share * (below + 1) as f64
    }
}

fn ends_without_signal(schedule: &Schedule) -> bool {
    schedule.alphas_cumprod.last() == Some(&0.0)
}

/// β as torch makes them.
fn betas(schedule: &Schedule) -> Vec<f32> {
    let all = &schedule.betas;
    match (schedule.name, all.as_slice()) {
        _ if ends_without_signal(schedule) => all.iter().map(|&beta| beta as f32).collect(),
        (ScheduleName::Linear, [first, .., last]) => linspace(*first, *last, all.len()).collect(),
        (ScheduleName::ScaledLinear, [first, .., last]) => {
            linspace(first.sqrt(), last.sqrt(), all.len()).map(|root| root * root).collect()
        }
        _ => all.iter().map(|&beta| beta as f32).collect(),
    }
}

/// torch.linspace in f32: from both ends to the middle, each number rounded once.
fn linspace(start: f64, end: f64, n: usize) -> impl Iterator<Item = f32> {
    let (start, end) = (start as f32, end as f32);
    let step = (end - start) / (n.max(2) - 1) as f32;
    (0..n).map(move |i| match i < n / 2 {
        true => step.mul_add(i as f32, start),
        false => (-step).mul_add((n - 1 - i) as f32, end),
    })
}

/// NumPy's logarithm in f32, which is not the nearest one everywhere: a quotient of polynomials in m − 1 for
/// x = m·2^e, 1/√2 < m ≤ √2 (its `simd_log_FLOAT`, on processors with fused multiply-add).
fn ln(x: f32) -> f32 {
    const ABOVE: [f32; 6] = [0.0, 1.0, 2.112_677_6, 1.480_000_6, 0.380_883_78, 0.025_899_792];
    const BELOW: [f32; 6] = [1.0, 2.612_677_6, 2.453_006, 0.986_494_3, 0.154_647_64, 0.005_875_095];
    if !x.is_normal() || x < 0.0 {
        return x.ln();
    }
    let mut exponent = (x.to_bits() >> 23) as i32 - 127;
    let mut mantissa = f32::from_bits(x.to_bits() & 0x007f_ffff | 0x3f80_0000);
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let y = mantissa - 1.0;
    let polynomial = |coefficients: [f32; 6]| coefficients.into_iter().rev().reduce(|sum, c| sum.mul_add(y, c));
    let quotient = polynomial(ABOVE).unwrap_or(0.0) / polynomial(BELOW).unwrap_or(1.0);
    (exponent as f32).mul_add(LN_2, quotient)
}
