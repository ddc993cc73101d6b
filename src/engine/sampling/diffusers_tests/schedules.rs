//! ᾱ.

use super::goldens::{GOLDENS, rounded, schedule};

fn off(ours: f64, golden: f64) -> f64 {
    (ours / golden - 1.0).abs()
}

#[test]
fn alphas_cumprod_are_diffusers_to_1e_6() {
    let mut compared = 0;
    for (key, values) in GOLDENS["alphas_cumprod"].as_object().unwrap() {
        let (name, zero_snr) = key.split_once(",zero_snr=").unwrap();
        if zero_snr == "True" {
            continue;
        }
        let (exact, rounded) = (schedule(name, false), rounded(name));
        for (t, value) in values.as_object().unwrap() {
            let (t, value): (usize, f64) = (t.parse().unwrap(), value.as_f64().unwrap());
            let ours = rounded.alphas_cumprod[t];
            assert!(off(ours, value) < 1e-6, "{name} at {t}: {ours} against {value}");
            // Our f64 value differs by f32's rounding of 1 − β alone, which the cap of the cosine
            // (1 − 0.999) magnifies at the last timestep.
            let rounding = if name == "squaredcos_cap_v2" && t >= 998 { 1e-4 } else { 2e-6 };
            assert!(off(exact.alphas_cumprod[t], value) < rounding, "{name} at {t}");
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}

#[test]
fn alphas_cumprod_of_zero_terminal_snr_are_diffusers() {
    let mut compared = 0;
    for (key, values) in GOLDENS["alphas_cumprod"].as_object().unwrap() {
        let (name, zero_snr) = key.split_once(",zero_snr=").unwrap();
        if zero_snr == "False" {
            continue;
        }
        let ours = schedule(name, true);
        for (t, value) in values.as_object().unwrap() {
            let (t, value): (usize, f64) = (t.parse().unwrap(), value.as_f64().unwrap());
            // Diffusers subtracts the last √ᾱ from each in f32: what is left of a small one has few digits.
            let rounding = 3e-6 + 4.0 * f64::from(f32::EPSILON) / value.sqrt();
            let good =
                if t == 999 { ours.alphas_cumprod[t] == value } else { off(ours.alphas_cumprod[t], value) < rounding };
            assert!(good, "{name} at {t}: {} against {value}", ours.alphas_cumprod[t]);
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}

#[test]
fn sigmoid_is_diffusers() {
    let ours = schedule("sigmoid", false);
    assert!((ours.alphas_cumprod[500] / 0.2988876 - 1.0).abs() < 1e-6);
    assert!((ours.alphas_cumprod[999] / 3.9682e-5 - 1.0).abs() < 1e-5);
}
