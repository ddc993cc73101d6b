//! Each sampler's rule, beside what its paper's formula says in f64.

use super::numbers_tests::{Bench, close};
use super::rules::PixelCall;
use super::rules_tests::Walk;

pub(super) fn linear(sampler: &str, more: &[&str]) -> Bench {
    let set = format!("sample.sampler={sampler}");
    let all = ["diffusion.schedule=linear", "diffusion.beta_end=0.2", "sample.clip_sample=false", &set];
    Bench::new(&all.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>())
}

/// (α, σ) of a call by the definition of the linear schedule; after the last the clean picture.
pub(super) fn level(bench: &Bench, calls: &[PixelCall], i: usize) -> (f64, f64) {
    let Some(call) = calls.get(i) else { return (1.0, 0.0) };
    assert_eq!(call.at.t.fract(), 0.0);
    let product = bench.linear(call.at.t as usize).1;
    (product.sqrt(), (1.0 - product).sqrt())
}

/// σ/α and λ of a call.
pub(super) fn ratio(bench: &Bench, calls: &[PixelCall], i: usize) -> f64 {
    let (alpha, sigma) = level(bench, calls, i);
    sigma / alpha
}

#[test]
fn one_call_rules_are_those_of_the_papers() {
    let bench = linear("ddpm", &["diffusion.variance_type=fixed_small"]);
    Walk::of(&bench).compare(0, |calls, i| {
        let ((a, b), (a_s, b_s), c) = (level(&bench, calls, i), level(&bench, calls, i + 1), &calls[i]);
        // Ho et al. 2020, eq. 11 with β = 1 − ᾱ_t/ᾱ_s and β̃ = β (1 − ᾱ_s)/(1 − ᾱ_t).
        let beta = 1.0 - (a / a_s).powi(2);
        (c.x_t - beta / b * c.epsilon) / (1.0 - beta).sqrt() + (beta * b_s * b_s / (b * b)).sqrt() * c.noise
    });
    let bench = linear("ddim", &["sample.eta=0.5"]);
    Walk::of(&bench).compare(0, |calls, i| {
        let ((a, b), (a_s, b_s), c) = (level(&bench, calls, i), level(&bench, calls, i + 1), &calls[i]);
        // Song et al. 2021 (DDIM), eq. 16, and 12 with x̂_0 written out.
        let varsigma = 0.5 * (b_s / b) * (1.0 - (a / a_s).powi(2)).sqrt();
        a_s * (c.x_t - b * c.epsilon) / a + (b_s * b_s - varsigma * varsigma).sqrt() * c.epsilon + varsigma * c.noise
    });
    let bench = linear("euler", &[]);
    Walk::of(&bench).compare(0, |calls, i| {
        let (r, r_s, c) = (ratio(&bench, calls, i), ratio(&bench, calls, i + 1), &calls[i]);
        level(&bench, calls, i + 1).0 * (c.x_t / level(&bench, calls, i).0 + (r_s - r) * c.epsilon)
    });
    let bench = linear("euler_a", &[]);
    let walk = Walk::of(&bench);
    walk.compare(0, |calls, i| {
        let (r, r_s, c) = (ratio(&bench, calls, i), ratio(&bench, calls, i + 1), &calls[i]);
        // k-diffusion's get_ancestral_step.
        let up = r_s.min((r_s * r_s * (r * r - r_s * r_s) / (r * r)).sqrt());
        let down = (r_s * r_s - up * up).sqrt();
        close(walk.part(i, r"\sigma_{\text{up}}"), up, 1e-9);
        close(walk.part(i, r"\sigma_{\text{down}}"), down, 1e-6);
        level(&bench, calls, i + 1).0 * (c.x_t / level(&bench, calls, i).0 + (down - r) * c.epsilon + up * c.noise)
    });
    let bench = linear("pc", &["sample.corrector_steps=1", "sample.corrector_snr=0.2"]);
    Walk::of(&bench).compare(0, |calls, i| {
        let c = &calls[i];
        let (a, b) = level(&bench, calls, i);
        // Calls at even places lead down, those at odd ones correct.
        let (a_s, b_s) = level(&bench, calls, i + 1 + i % 2);
        let score = -c.epsilon / b;
        let kept = a / a_s;
        match i % 2 {
            _ if i + 1 == calls.len() => (c.x_t - b * c.epsilon) / a,
            0 => {
                // Song et al. 2021 (score SDE), eq. 46 with the variance that the way adds.
                let v = b * b - kept * kept * b_s * b_s;
                2.0 * c.x_t - kept * c.x_t + v * score + v.sqrt() * c.noise
            }
            _ => {
                let step = 2.0 * kept * kept * (0.2 * b) * (0.2 * b);
                c.x_t + step * score + (2.0 * step).sqrt() * c.noise
            }
        }
    });
}

#[test]
fn rules_of_two_calls_are_those_of_the_papers() {
    // x/α.
    let scaled = |bench: &Bench, calls: &[PixelCall], i: usize| calls[i].x_t / level(bench, calls, i).0;
    let heun = |bench: &Bench, calls: &[PixelCall], i: usize| {
        let (begin, odd) = (i - i % 2, i % 2 == 1);
        // Karras et al. 2022, algorithm 1: lines 4 to 8.
        let r = ratio(bench, calls, begin);
        let r_s = ratio(bench, calls, begin + 1);
        let slope = |j: usize| (scaled(bench, calls, j) - calls[j].x_0) / ratio(bench, calls, j);
        let taken = if odd { 0.5 * (slope(begin) + slope(i)) } else { slope(begin) };
        level(bench, calls, begin + 1).0 * (scaled(bench, calls, begin) + (r_s - r) * taken)
    };
    let bench = linear("heun", &[]);
    let walk = Walk::of(&bench);
    walk.compare(0, |calls, i| heun(&bench, calls, i));
    // Both slopes are told.
    let answers = &walk.rules[3].last().unwrap().answers;
    close(answers[0].1, walk.calls[2].epsilon, 1e-4);
    close(answers[1].1, walk.calls[3].epsilon, 1e-4);

    let bench = linear("edm", &["sample.s_churn=4", "sample.s_noise=1.1"]);
    let walk = Walk::of(&bench);
    for i in (1..walk.calls.len() - 2).step_by(2) {
        let (from, met, after) = (&walk.calls[i - 1], &walk.calls[i], &walk.calls[i + 1]);
        // Algorithm 2: d and d' by D, then lines 5 and 6 of the step after, by σ̂ = σ + γσ.
        let (r, r_s) = (from.at.sigma / from.at.alpha, ratio(&bench, &walk.calls, i));
        let x = from.x_t / from.at.alpha;
        let d = (x - from.x_0) / r;
        let d_s = (met.x_t / level(&bench, &walk.calls, i).0 - met.x_0) / r_s;
        let arrived = x + (r_s - r) * 0.5 * (d + d_s);
        let raised = r_s * 1.4;
        let alpha = 1.0 / (1.0 + raised * raised).sqrt();
        let want = alpha * (arrived + (raised * raised - r_s * r_s).sqrt() * 1.1 * met.noise);
        close(after.at.sigma / after.at.alpha, raised, 1e-6);
        close(walk.rules[i].last().unwrap().sum(), want, 1e-4);
        close(walk.part(i, r"\gamma"), 0.4, 1e-6);
    }

    for ancestral in [false, true] {
        let bench = linear(if ancestral { "dpm_2_a" } else { "dpm_2" }, &[]);
        let walk = Walk::of(&bench);
        for i in (1..walk.calls.len() - 1).step_by(2) {
            // k-diffusion's sample_dpm_2 and sample_dpm_2_ancestral.
            let (from, middle) = (&walk.calls[i - 1], &walk.calls[i]);
            let (r, r_s) = (ratio(&bench, &walk.calls, i - 1), ratio(&bench, &walk.calls, i + 1));
            let up = if ancestral { (r_s * r_s * (r * r - r_s * r_s) / (r * r)).sqrt() } else { 0.0 };
            let down = (r_s * r_s - up * up).sqrt();
            let half = (0.5 * (r.ln() + down.ln())).exp();
            let alpha = 1.0 / (1.0 + half * half).sqrt();
            let x = from.x_t / level(&bench, &walk.calls, i - 1).0;
            let d = (x - from.x_0) / r;
            close(walk.rules[i - 1].last().unwrap().sum(), alpha * (x + (half - r) * d), 1e-4);
            let d_m = (middle.x_t / alpha - middle.x_0) / half;
            let want = level(&bench, &walk.calls, i + 1).0 * (x + (down - r) * d_m + up * middle.noise);
            close(walk.rules[i].last().unwrap().sum(), want, 1e-4);
        }
    }

    for sampler in ["flow_euler", "flow_midpoint", "flow_heun"] {
        let set = format!("sample.sampler={sampler}");
        let bench = Bench::new(&["diffusion.path=flow", "sample.clip_sample=false", &set]);
        let walk = Walk::of(&bench);
        let u = |i: usize| walk.calls.get(i).map_or(0.0, |call: &PixelCall| call.at.sigma);
        let v = |i: usize| walk.calls[i].epsilon - walk.calls[i].x_0;
        let whole = walk.calls.len() / 2 * 2;
        for i in 0..whole {
            let x = walk.calls[i - i % 2].x_t;
            let want = match (sampler, i % 2) {
                ("flow_euler", _) => walk.calls[i].x_t + (u(i + 1) - u(i)) * v(i),
                (_, 0) => x + (u(i + 1) - u(i)) * v(i),
                ("flow_midpoint", _) => {
                    close(u(i), 0.5 * (u(i - 1) + u(i + 1)), 1e-6);
                    x + (u(i + 1) - u(i - 1)) * v(i)
                }
                _ => x + (u(i) - u(i - 1)) * 0.5 * (v(i - 1) + v(i)),
            };
            close(walk.rules[i].last().unwrap().sum(), want, 1e-4);
        }
    }
}

#[test]
fn dpm_solver_pp_and_unipc_are_those_of_the_papers() {
    let lambda = |bench: &Bench, calls: &[PixelCall], i: usize| -ratio(bench, calls, i).ln();
    // (σ_s/σ_t, α_s, h) of a step between two calls.
    let step = |bench: &Bench, calls: &[PixelCall], from: usize, to: usize| {
        let ((_, b), (a_s, b_s)) = (level(bench, calls, from), level(bench, calls, to));
        (b_s / b, a_s, lambda(bench, calls, to) - lambda(bench, calls, from))
    };

    let bench = linear("dpmpp_2m", &[]);
    let walk = Walk::of(&bench);
    walk.compare(0, |calls, i| {
        let ((kept, a_s, h), c) = (step(&bench, calls, i, i + 1), &calls[i]);
        if i == 0 || i + 1 == calls.len() {
            return kept * c.x_t - a_s * (-h).exp_m1() * c.x_0;
        }
        // Lu et al. 2022 (DPM-Solver++), algorithm 2, line 6 and 7.
        let r = step(&bench, calls, i - 1, i).2 / h;
        close(walk.part(i, "h"), h, 1e-6);
        close(walk.part(i, "r_0"), r, 1e-6);
        close(walk.part(i, r"\lambda_t"), lambda(&bench, calls, i), 1e-6);
        let d = (1.0 + 1.0 / (2.0 * r)) * c.x_0 - calls[i - 1].x_0 / (2.0 * r);
        kept * c.x_t - a_s * (-h).exp_m1() * d
    });

    let bench = linear("dpmpp_3m", &["sample.steps=20"]);
    Walk::of(&bench).compare(2, |calls, i| {
        let ((kept, a_s, h), c) = (step(&bench, calls, i, i + 1), &calls[i]);
        let first = kept * c.x_t - a_s * (-h).exp_m1() * c.x_0;
        if i + 1 == calls.len() {
            return first;
        }
        // Newton's divided differences.
        let l = |back: usize| lambda(&bench, calls, i - back);
        let x = |back: usize| calls[i - back].x_0;
        let (newer, older) = ((x(0) - x(1)) / (l(0) - l(1)), (x(1) - x(2)) / (l(1) - l(2)));
        let second = (newer - older) / (l(0) - l(2));
        let slope = newer + second * (l(0) - l(1));
        first + a_s * ((-h).exp_m1() / h + 1.0) * h * slope
            - a_s * (((-h).exp_m1() + h) / (h * h) - 0.5) * h * h * second
    });

    let bench = linear("dpmpp_2m_sde", &[]);
    Walk::of(&bench).compare(1, |calls, i| {
        let ((kept, a_s, h), c) = (step(&bench, calls, i, i + 1), &calls[i]);
        if i + 1 == calls.len() {
            return c.x_0;
        }
        // k-diffusion's sample_dpmpp_2m_sde, midpoint, η = 1.
        let (gone, before) = (-(-2.0 * h).exp_m1(), step(&bench, calls, i - 1, i).2);
        let b_s = level(&bench, calls, i + 1).1;
        kept * (-h).exp() * c.x_t
            + a_s * gone * (c.x_0 + 0.5 * h / before * (c.x_0 - calls[i - 1].x_0))
            + b_s * gone.sqrt() * c.noise
    });

    let bench = linear("dpmpp_2s", &[]);
    Walk::of(&bench).compare(0, |calls, i| {
        let last = i + 1 == calls.len();
        let begin = if last { i } else { i - i % 2 };
        let ((kept, a_s, h), c) = (step(&bench, calls, begin, i + 1), &calls[begin]);
        // Algorithm 1, lines 4 to 6.
        let d = match i > begin {
            true => {
                let r = step(&bench, calls, begin, i).2 / h;
                (1.0 - 1.0 / (2.0 * r)) * c.x_0 + calls[i].x_0 / (2.0 * r)
            }
            false => c.x_0,
        };
        kept * c.x_t - a_s * (-h).exp_m1() * d
    });

    let bench = linear("unipc", &[]);
    let walk = Walk::of(&bench);
    let calls = &walk.calls;
    let mut start = calls[0].x_t;
    for i in 1..calls.len() - 1 {
        // UniC of the step that led here: order 1 at first, then 2 (diffusers' multistep_uni_c_bh_update).
        let (kept, a, h) = step(&bench, calls, i - 1, i);
        let (phi_1, b_h) = ((-h).exp_m1(), (-h).exp_m1());
        let phi_2 = phi_1 / -h - 1.0;
        let (b_1, b_2) = (phi_2 / b_h, (phi_2 / -h - 0.5) * 2.0 / b_h);
        let new = calls[i].x_0 - calls[i - 1].x_0;
        let bend = match i {
            1 => 0.5 * new,
            _ => {
                let r = step(&bench, calls, i - 2, i - 1).2 / -h;
                // ρ_1 + ρ_2 = b_1, r ρ_1 + ρ_2 = b_2.
                let rho = (b_2 - b_1) / (r - 1.0);
                rho * (calls[i - 2].x_0 - calls[i - 1].x_0) / r + (b_1 - rho) * new
            }
        };
        start = kept * start - a * phi_1 * calls[i - 1].x_0 - a * b_h * bend;
        close(walk.rules[i][0].sum(), start, 1e-4);
        // UniP of second order.
        let (kept, a, h) = step(&bench, calls, i, i + 1);
        let r = step(&bench, calls, i - 1, i).2 / -h;
        let first = kept * start - a * (-h).exp_m1() * calls[i].x_0;
        let want = first - a * (-h).exp_m1() * 0.5 * (calls[i - 1].x_0 - calls[i].x_0) / r;
        close(walk.rules[i][1].sum(), want, 1e-4);
    }
}

#[test]
fn multistep_and_adaptive_rules_are_those_of_the_papers() {
    // ∫ of Lagrange's polynomial through `places`, by the midpoint rule.
    let integral = |places: &[f64], i: usize, from: f64, to: f64, axis: fn(f64) -> f64| -> f64 {
        let n = 20_000;
        let one = |k: usize| {
            let at = axis(from + (to - from) * (k as f64 + 0.5) / n as f64);
            let others = (0..places.len()).filter(|j| *j != i);
            others.map(|j| (at - places[j]) / (places[i] - places[j])).product::<f64>()
        };
        (0..n).map(one).sum::<f64>() * (to - from) / n as f64
    };
    for (sampler, order, axis) in [("lms", 4, (|r| r) as fn(f64) -> f64), ("deis", 3, f64::ln)] {
        let bench = linear(sampler, &[&format!("sample.solver_order={order}"), "sample.steps=20"]);
        Walk::of(&bench).compare(1, |calls, i| {
            let ((a, _), (a_s, b_s), c) = (level(&bench, calls, i), level(&bench, calls, i + 1), &calls[i]);
            if sampler == "deis" && i + 1 == calls.len() {
                return a_s * c.x_0 + b_s * c.epsilon;
            }
            let n = order.min(i + 1);
            let places: Vec<f64> = (0..n).map(|back| axis(ratio(&bench, calls, i - back))).collect();
            let (from, to) = (ratio(&bench, calls, i), ratio(&bench, calls, i + 1));
            let sum: f64 = (0..n).map(|k| integral(&places, k, from, to, axis) * calls[i - k].epsilon).sum();
            a_s * (c.x_t / a + sum)
        });
    }

    // PLMS: the first step twice, then Adams and Bashforth.
    let bench = linear("pndm", &["sample.skip_prk_steps=true"]);
    // diffusers' _get_prev_sample.
    let transfer = |(a, b): (f64, f64), (a_s, b_s): (f64, f64), x: f64, e: f64| {
        let (p, p_s) = (a * a, a_s * a_s);
        (p_s / p).sqrt() * x - (p_s - p) * e / (p * b_s + (p * b * b * p_s).sqrt())
    };
    Walk::of(&bench).compare(0, |calls, i| {
        let e = |back: usize| calls[i - back].epsilon;
        match i {
            0 => transfer(level(&bench, calls, 0), level(&bench, calls, 1), calls[0].x_t, e(0)),
            1 => transfer(level(&bench, calls, 0), level(&bench, calls, 1), calls[0].x_t, 0.5 * (e(0) + e(1))),
            _ => {
                // Of the first step's two answers the first is kept.
                let mixed = match i {
                    2 => 1.5 * e(0) - 0.5 * e(2),
                    3 => (23.0 * e(0) - 16.0 * e(1) + 5.0 * e(3)) / 12.0,
                    4 => (55.0 * e(0) - 59.0 * e(1) + 37.0 * e(2) - 9.0 * e(4)) / 24.0,
                    _ => (55.0 * e(0) - 59.0 * e(1) + 37.0 * e(2) - 9.0 * e(3)) / 24.0,
                };
                transfer(level(&bench, calls, i), level(&bench, calls, i + 1), calls[i].x_t, mixed)
            }
        }
    });

    // The probability flow: SciPy's RK45, its B and A.
    let bench = linear("pf_ode", &["sample.rtol=0.01", "sample.atol=0.01"]);
    let walk = Walk::of(&bench);
    let b = [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0];
    // On path vp √(α² + σ²) is 1, and v = α ε̂ − σ x̂_0.
    let v = |call: &PixelCall| call.at.alpha * call.epsilon - call.at.sigma * call.x_0;
    let phi = |call: &PixelCall| (call.at.sigma / call.at.alpha).atan();
    let calls = &walk.calls;
    // Without a rejection a step is calls 0 to 5, and the first of the next stands at its end.
    let want = calls[0].x_t - (phi(&calls[0]) - phi(&calls[6])) * (0..6).map(|i| b[i] * v(&calls[i])).sum::<f64>();
    close(walk.rules[5].last().unwrap().sum(), want, 1e-4);
    close(calls[6].x_t, want, 1e-4);
    close(walk.part(5, "h"), phi(&calls[0]) - phi(&calls[6]), 1e-6);
}
