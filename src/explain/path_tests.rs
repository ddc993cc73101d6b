//! Paths and targets beside what a few lines of f64 say.

use super::loss;
use super::numbers_tests::{Bench, at, close};
use super::path::PathNumbers;
use super::subject::numbers;
use crate::config::PredictionType;

#[test]
fn drift_and_diffusion_are_those_of_the_papers() {
    // 60 of 100 timesteps: u = 0.6.
    let (t, u) = (59, 0.6_f64);
    let of = |path: &str, more: &[&str]| {
        let path = format!("diffusion.path={path}");
        let target = if path.ends_with("ve") { "epsilon" } else { "v_prediction" };
        let target = format!("diffusion.prediction_type={target}");
        let all: Vec<&str> = [path.as_str(), target.as_str()].into_iter().chain(more.iter().copied()).collect();
        let bench = Bench::new(&all);
        PathNumbers::of(&bench.subject().parameterization.schedule, t)
    };
    // Song et al. 2021, eq. 11 and 12: f = −½β(u), g² = β(u), of sub-VP times 1 − exp(−2∫β).
    let (beta, whole) = (0.1 + u * 19.9, 0.1 * u + 0.5 * u * u * 19.9);
    let vp = of("vp_sde", &[]);
    close(vp.drift, -0.5 * beta, 1e-9);
    close(vp.diffusion, beta, 1e-9);
    // A step from u to u + h leaves exp(−½∫β).
    let before = 0.1 * (u - 0.01) + 0.5 * (u - 0.01) * (u - 0.01) * 19.9;
    close(vp.kept, (-0.5 * (whole - before)).exp(), 1e-9);
    close(vp.added, 1.0 - (-(whole - before)).exp(), 1e-9);
    let sub = of("sub_vp_sde", &[]);
    close(sub.drift, -0.5 * beta, 1e-9);
    close(sub.diffusion, beta * (1.0 - (-2.0 * whole).exp()), 1e-9);
    // Eq. 9: no drift, g² = dσ²/du.
    let ve = of("ve", &["diffusion.sigma_min=0.02", "diffusion.sigma_max=40"]);
    let sigma = |u: f64| 0.02 * 2000f64.powf(u);
    close(ve.drift, 0.0, 1e-12);
    close(ve.diffusion, 2.0 * sigma(u).powi(2) * 2000f64.ln(), 1e-9);
    close(ve.kept, 1.0, 1e-12);
    close(ve.added, sigma(u).powi(2) - sigma(u - 0.01).powi(2), 1e-9);
    // α = 1 − u, σ = u: f = −1/(1 − u), g² = 2u/(1 − u).
    let flow = of("flow", &[]);
    close(flow.drift, -2.5, 1e-9);
    close(flow.diffusion, 3.0, 1e-9);
    close(flow.kept, 0.4 / 0.41, 1e-9);
    close(flow.added, 0.36 - (0.4_f64 / 0.41).powi(2) * 0.59 * 0.59, 1e-9);
}

#[test]
fn every_target_s_error_is_that_of_the_noise_times_its_factor() {
    for (path, own) in [
        ("vp", "epsilon"),
        ("vp", "sample"),
        ("vp", "score"),
        ("vp", "v_prediction"),
        ("flow", "flow"),
        ("edm", "edm"),
        ("ve", "epsilon"),
    ] {
        let sets = [format!("diffusion.path={path}"), format!("diffusion.prediction_type={own}")];
        let bench = Bench::new(&sets.each_ref().map(String::as_str));
        let (subject, focus) = (bench.subject(), at(40));
        let (followed, level) = (subject.followed(focus).unwrap(), subject.at(focus));
        let answer = loss::ask(&subject, subject.network.as_ref().unwrap(), &followed, level).unwrap();
        let n = loss::numbers_of(&subject, &followed, level, &answer).unwrap();
        let (a, b) = (level.alpha, level.sigma);
        let sigma_data = 0.5;
        // σ' of σ_min (σ_max/σ_min)^u, the σ being the paths' usual ones; α' = 0.
        let growth = if path == "ve" { 5000f64.ln() } else { 40000f64.ln() };
        let factor = |kind: PredictionType| match kind {
            PredictionType::Epsilon | PredictionType::Score => 1.0,
            PredictionType::Sample => (b / a).powi(2),
            PredictionType::VPrediction => (a * a + b * b) / (a * a),
            PredictionType::Flow if path == "flow" => 1.0 / (a * a),
            PredictionType::Flow => (b * growth).powi(2),
            PredictionType::Edm => (b * b + sigma_data * sigma_data) / (sigma_data * sigma_data),
        };
        let has_own = n.by_target.iter().any(|error| error.kind.name() == own);
        assert!(has_own, "{path} {own}");
        for error in &n.by_target {
            let want = factor(error.kind);
            close(error.factor, want, 1e-9);
            close(error.square, want * n.epsilon_square, 1e-3);
        }
        // The target itself, number by number, as training has it.
        let (target, output) = (numbers(&answer.target).unwrap(), numbers(&answer.output).unwrap());
        let square: f64 = target.iter().zip(&output).map(|(a, b)| (a - b).powi(2)).sum();
        let told = n.by_target.iter().find(|error| error.kind.name() == own).unwrap();
        close(told.square, square, 1e-3);
    }
}
