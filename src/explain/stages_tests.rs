//! Learned variances, and steps of three and four calls, beside what their papers' formulas say in f64.

use super::numbers_tests::close;
use super::papers_tests::{level, linear, ratio};
use super::rules_tests::Walk;
use crate::sampling::UpdateRule;

#[test]
fn a_learned_variance_lies_between_the_two_fixed_ones() {
    let bench = linear("ddpm", &["diffusion.variance_type=learned_range"]);
    let walk = Walk::of(&bench);
    let fractions: Vec<f64> = walk.calls.iter().map(|call| call.variance_fraction.unwrap()).collect();
    assert!(fractions.windows(2).any(|pair| pair[0] != pair[1]), "{fractions:?}");
    walk.compare(0, |calls, i| {
        let ((a, b), (a_s, b_s), c) = (level(&bench, calls, i), level(&bench, calls, i + 1), &calls[i]);
        let beta = 1.0 - (a / a_s).powi(2);
        let mean = (c.x_t - beta / b * c.epsilon) / (1.0 - beta).sqrt();
        if i + 1 == calls.len() {
            return mean;
        }
        // Nichol & Dhariwal 2021, eq. 15.
        let (f, small) = (fractions[i], beta * b_s * b_s / (b * b));
        mean + (0.5 * (f * beta.ln() + (1.0 - f) * small.ln())).exp() * c.noise
    });
}

#[test]
fn pndm_begins_with_runge_and_kutta() {
    let bench = linear("pndm", &["sample.skip_prk_steps=false", "sample.spacing=leading"]);
    // Liu et al. 2022, eq. 11.
    let transfer = |(a, b): (f64, f64), (a_s, b_s): (f64, f64), x: f64, e: f64| {
        let (p, p_s) = (a * a, a_s * a_s);
        (p_s / p).sqrt() * x - (p_s - p) * e / (p * b_s + (p * b * b * p_s).sqrt())
    };
    Walk::of(&bench).compare(0, |calls, i| {
        let e = |i: usize| calls[i].epsilon;
        if i < 12 {
            // Three steps of four calls: in the middle twice, at the end once.
            let (begin, stage) = (i - i % 4, i % 4);
            let (from, middle, end) =
                (level(&bench, calls, begin), level(&bench, calls, begin + 1), level(&bench, calls, begin + 3));
            let (to, answer) = match stage {
                0 => (middle, e(i)),
                1 => (middle, e(i)),
                2 => (end, e(i)),
                _ => (end, (e(begin) + 2.0 * e(begin + 1) + 2.0 * e(begin + 2) + e(i)) / 6.0),
            };
            return transfer(from, to, calls[begin].x_t, answer);
        }
        // Adams and Bashforth, of the first answers of those steps.
        let before = |back: usize| match i - back {
            i if i >= 12 => i,
            i => 4 * (i - 9),
        };
        let mixed = (55.0 * e(i) - 59.0 * e(before(1)) + 37.0 * e(before(2)) - 9.0 * e(before(3))) / 24.0;
        transfer(level(&bench, calls, i), level(&bench, calls, i + 1), calls[i].x_t, mixed)
    });
}

#[test]
fn third_order_singlestep_is_the_paper_s() {
    for heun in [false, true] {
        let kind = if heun { "sample.solver_type=heun" } else { "sample.solver_type=midpoint" };
        let bench = linear("dpmpp_2s", &["sample.solver_order=3", kind]);
        let walk = Walk::of(&bench);
        let mut seen = 0;
        for (i, call) in walk.calls.iter().enumerate() {
            match &call.update.as_ref().unwrap().rule {
                UpdateRule::Singlestep { step, .. } if step.order == 3 => {}
                _ => continue,
            }
            let calls = &walk.calls;
            let lambda = |i: usize| -ratio(&bench, calls, i).ln();
            let ((_, b), (a_s, b_s)) = (level(&bench, calls, i - 2), level(&bench, calls, i + 1));
            let h = lambda(i + 1) - lambda(i - 2);
            if !h.is_finite() {
                continue;
            }
            // Lu et al. 2022 (DPM-Solver++), appendix; r_1 and r_2 of the two answers after the first, h of the whole step.
            let (r_1, r_2) = ((lambda(i - 1) - lambda(i - 2)) / h, (lambda(i) - lambda(i - 2)) / h);
            let (d_1, d_2) = ((calls[i - 1].x_0 - calls[i - 2].x_0) / r_1, (calls[i].x_0 - calls[i - 2].x_0) / r_2);
            let phi_1 = (-h).exp_m1();
            let first = b_s / b * calls[i - 2].x_t - a_s * phi_1 * calls[i - 2].x_0;
            let slope = a_s * (phi_1 / h + 1.0);
            let want = match heun {
                false => first + slope * d_2,
                true => {
                    let (straight, bend) = ((r_2 * d_1 - r_1 * d_2) / (r_2 - r_1), 2.0 * (d_2 - d_1) / (r_2 - r_1));
                    first + slope * straight - a_s * ((phi_1 + h) / (h * h) - 0.5) * bend
                }
            };
            close(walk.rules[i].last().unwrap().sum(), want, 1e-4);
            close(call.x_s, want, 1e-4);
            seen += 1;
        }
        assert!(seen >= 2, "{seen}");
    }
}
