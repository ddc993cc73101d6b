//! Every answer against an independent calculation: twice, by numbers that the question leaves to the learner to look up,
//! and by those that its text gives alone, rounded as they stand there.

use super::kinds::KINDS;
use super::question::{Expected, Question, question};
use super::station::{Asks, CourseTask, Station};

const SEEDS: u64 = 25;

fn asked(kind: &str, set: &[&str], range: Option<(usize, usize)>, seed: u64) -> Question {
    let kind = *KINDS.iter().find(|known| known.name == kind).unwrap();
    let asks = Asks::Computed { kind, set: Vec::new(), range, tolerance: None, hint: None };
    let task = CourseTask { id: kind.name.into(), run: None, asks };
    let station = Station {
        id: "test".into(),
        title: "Test".into(),
        config: if set.iter().any(|set| set.contains("path=")) { "two-moons" } else { "mnist-quick" }.into(),
        set: set.iter().map(|set| set.to_string()).collect(),
        runs: Vec::new(),
        text: String::new(),
        sources: Vec::new(),
        tasks: vec![task.clone()],
    };
    question(&station, &task, seed).unwrap()
}

/// The number behind `symbol`, with its power of ten.
fn read(text: &str, symbol: &str) -> f64 {
    let at = text.find(symbol).unwrap_or_else(|| panic!("no {symbol} in {text}")) + symbol.len();
    let rest = &text[at..];
    let end = rest.find(|c: char| !(c.is_ascii_digit() || "-.".contains(c))).unwrap_or(rest.len());
    let number: f64 = rest[..end].trim_end_matches('.').parse().unwrap_or_else(|_| panic!("{symbol} in {text}"));
    let power = rest[end..].strip_prefix(r"\cdot 10^{").and_then(|rest| rest.split('}').next());
    number * power.map_or(1.0, |power| 10f64.powi(power.parse().unwrap()))
}

/// The answer to the last digits that f32 leaves.
#[track_caller]
fn exact(question: &Question, want: f64) {
    let Expected::Number { value, .. } = question.expected else { panic!() };
    assert!((value - want).abs() <= 2e-5 * want.abs().max(0.01), "{value}, not {want}: {}", question.text);
}

/// Close enough to be taken for right.
#[track_caller]
fn right(question: &Question, answer: f64) {
    assert_eq!(
        question.judge(&answer.to_string()),
        Ok(true),
        "{answer}, {}: {}",
        question.right_answer(),
        question.text
    );
    let Expected::Number { value, tolerance } = question.expected else { panic!() };
    assert_eq!(question.judge(&(value + 1.1 * tolerance).to_string()), Ok(false));
}

const T: usize = 1000;

fn linear(t: usize) -> (f64, f64) {
    let beta = |t: usize| 1e-4 + (0.02 - 1e-4) * t as f64 / (T - 1) as f64;
    (beta(t), (0..=t).map(|s| 1.0 - beta(s)).product())
}

fn cosine(t: usize) -> (f64, f64) {
    let f = |u: f64| ((u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
    let beta = |t: usize| (1.0 - f((t + 1) as f64 / T as f64) / f(t as f64 / T as f64)).min(0.999);
    (beta(t), (0..=t).map(|s| 1.0 - beta(s)).product())
}

const LINEAR: &str = "diffusion.schedule=linear";
const FLOW: [&str; 2] = ["diffusion.path=flow", "diffusion.prediction_type=flow"];

fn t_of(question: &Question) -> usize {
    read(&question.text, "t = ") as usize
}

#[test]
fn the_forward_process() {
    for seed in 0..SEEDS {
        let q = asked("alpha_bar_of_betas", &[], None, seed);
        let product: f64 = (0..3).map(|i| 1.0 - read(&q.text, &format!("\\beta_{i} = "))).product();
        exact(&q, product);
        right(&q, product);
        for (set, of) in [(LINEAR, linear as fn(usize) -> (f64, f64)), ("diffusion.schedule=cosine", cosine)] {
            let q = asked("alpha_bar_at", &[set], None, seed);
            exact(&q, of(t_of(&q)).1);
            let q = asked("x_t", &[set], None, seed);
            let alpha_bar = of(t_of(&q)).1;
            let (x_0, epsilon) = (read(&q.text, "x_0 = "), read(&q.text, "\\epsilon = "));
            exact(&q, alpha_bar.sqrt() * x_0 + (1.0 - alpha_bar).sqrt() * epsilon);
            right(&q, read(&q.text, "\\alpha = ") * x_0 + read(&q.text, "\\sigma = ") * epsilon);
            let q = asked("x_t_deviation", &[set], None, seed);
            let (alpha_bar, d) = (of(t_of(&q)).1, read(&q.text, "d = "));
            exact(&q, (alpha_bar * d * d + 1.0 - alpha_bar).sqrt());
            right(&q, (read(&q.text, "\\alpha = ").powi(2) * d * d + read(&q.text, "\\sigma = ").powi(2)).sqrt());
        }
    }
}

#[test]
fn what_t_means() {
    for seed in 0..SEEDS {
        let q = asked("sigma_at", &[], None, seed);
        exact(&q, (1.0 - cosine(t_of(&q)).1).sqrt());
        right(&q, (1.0 - read(&q.text, "\\bar\\alpha_t = ")).sqrt());
        let q = asked("sigma_at", &FLOW, None, seed);
        exact(&q, (t_of(&q) + 1) as f64 / T as f64);
        right(&q, 1.0 - read(&q.text, "\\alpha = "));
        let q = asked("sigma_at", &["diffusion.path=ve", "diffusion.prediction_type=epsilon"], None, seed);
        exact(&q, 0.01 * 5000f64.powf((t_of(&q) + 1) as f64 / T as f64));
        right(&q, (-0.5 * read(&q.text, "\\mathrm{SNR} = ")).exp());
        let q = asked("sigma_at", &["diffusion.path=sub_vp_sde"], None, seed);
        right(&q, 1.0 - read(&q.text, "\\alpha = ").powi(2));
        let q = asked("log_snr_at", &[], None, seed);
        let alpha_bar = cosine(t_of(&q)).1;
        exact(&q, (alpha_bar / (1.0 - alpha_bar)).ln());
        right(&q, 2.0 * (read(&q.text, "\\alpha = ") / read(&q.text, "\\sigma = ")).ln());
        let q = asked("t_of_snr", &[], None, seed);
        let snr = read(&q.text, "\\mathrm{SNR} = ");
        let nearest = |of: fn(usize) -> (f64, f64), snr: f64| {
            let off = |t: usize| ((of(t).1 / (1.0 - of(t).1)).ln() - snr.ln()).abs();
            (1..T).min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap() as f64
        };
        // Every seed's search would take long in a table that is multiplied up each time.
        if seed < 2 {
            right(&q, nearest(cosine, snr));
            right(&asked("snr_one", &[LINEAR], None, seed), nearest(linear, 1.0));
        }
    }
    let q = asked("terminal_snr", &[LINEAR, "diffusion.timesteps=100"], None, 0);
    let product: f64 = (0..100).map(|t| 1.0 - (1e-4 + (0.02 - 1e-4) * f64::from(t) / 99.0)).product();
    exact(&q, 10.0 * (product / (1.0 - product)).log10());
    right(&q, 20.0 * (read(&q.text, "\\alpha = ") / read(&q.text, "\\sigma = ")).log10());
}

#[test]
fn targets_and_losses() {
    for seed in 0..SEEDS {
        let q = asked("x_0_of_epsilon", &[], None, seed);
        let (alpha_bar, x_t, epsilon) =
            (cosine(t_of(&q)).1, read(&q.text, "x_t = "), read(&q.text, "\\hat\\epsilon = "));
        exact(&q, (x_t - (1.0 - alpha_bar).sqrt() * epsilon) / alpha_bar.sqrt());
        right(&q, (x_t - read(&q.text, "\\sigma = ") * epsilon) / read(&q.text, "\\alpha = "));
        let q = asked("v_target", &[], None, seed);
        let (alpha_bar, x_0, epsilon) = (cosine(t_of(&q)).1, read(&q.text, "x_0 = "), read(&q.text, "\\epsilon = "));
        exact(&q, alpha_bar.sqrt() * epsilon - (1.0 - alpha_bar).sqrt() * x_0);
        right(&q, read(&q.text, "\\alpha = ") * epsilon - read(&q.text, "\\sigma = ") * x_0);
        let q = asked("score_at", &[LINEAR], None, seed);
        let epsilon = read(&q.text, "\\epsilon = ");
        exact(&q, -epsilon / (1.0 - linear(t_of(&q)).1).sqrt());
        right(&q, -epsilon / read(&q.text, "\\sigma = "));
        let q = asked("squared_error", &[], None, seed);
        let list = |symbol: &str| -> Vec<f64> {
            let text = q.text.split(symbol).nth(1).unwrap().split(')').next().unwrap();
            text.split(r",\ ").map(|number| number.parse().unwrap()).collect()
        };
        let (a, b) = (list("$\\epsilon = ("), list("\\hat\\epsilon = ("));
        let mean = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 3.0;
        exact(&q, mean);
        right(&q, mean);
        for range in [(2, 12), (500, 900)] {
            let q = asked("bound_weight", &[LINEAR], Some(range), seed);
            let t = t_of(&q);
            assert!((range.0..=range.1).contains(&t));
            let ((beta, now), before) = (linear(t), linear(t - 1).1);
            let small = beta * (1.0 - before) / (1.0 - now);
            exact(&q, beta * beta / (2.0 * small * (1.0 - beta) * (1.0 - now)));
            // From the numbers as they are printed, small t too.
            let (beta, small) = (read(&q.text, "$\\beta_t = "), read(&q.text, "\\tilde\\beta_t = "));
            let noise = read(&q.text, "1-\\bar\\alpha_t = ");
            right(&q, beta * beta / (2.0 * small * (1.0 - beta) * noise));
        }
    }
}

#[test]
fn a_training_step() {
    for seed in 0..SEEDS {
        let q = asked("clipping_factor", &[], None, seed);
        let norm = read(&q.text, "g = ");
        exact(&q, 1.0 / norm);
        right(&q, 1.0 / norm);
        let q = asked("adamw_first_step", &["train.weight_decay=0.1"], None, seed);
        let (weight, gradient) = (read(&q.text, "\\theta = "), read(&q.text, "g = "));
        let change = -read(&q.text, "\\text{lr} = ") * (gradient.signum() + 0.1 * weight);
        exact(&q, change);
        right(&q, change);
    }
}

#[test]
fn the_way_back() {
    for seed in 0..SEEDS {
        let q = asked("posterior_variance", &[LINEAR], None, seed);
        let t = t_of(&q);
        let ((beta, now), before) = (linear(t), linear(t - 1).1);
        exact(&q, beta * (1.0 - before) / (1.0 - now));
        let text = &q.text;
        let (beta, now) = (read(text, "$\\beta_t = "), read(text, "\\bar\\alpha_t = "));
        right(&q, beta * (1.0 - read(text, "\\bar\\alpha_{t-1} = ")) / (1.0 - now));
        let q = asked("posterior_mean", &[LINEAR], None, seed);
        let t = t_of(&q);
        let ((beta, now), before) = (linear(t), linear(t - 1).1);
        let (x_t, x_0) = (read(&q.text, "$x_t = "), read(&q.text, "\\hat{x}_0 = "));
        let of_x_0 = before.sqrt() * beta / (1.0 - now);
        let of_x_t = (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - now);
        exact(&q, of_x_0 * x_0 + of_x_t * x_t);
        right(&q, read(&q.text, "step back is $") * x_0 + read(&q.text, "\\hat{x}_0 + ") * x_t);
        let q = asked("ddim_step", &[], None, seed);
        let alpha_bar = cosine(read(&q.text, "$s = ") as usize).1;
        assert_eq!(read(&q.text, "$s = "), (t_of(&q) / 2) as f64);
        let (x_0, epsilon) = (read(&q.text, "\\hat{x}_0 = "), read(&q.text, "\\hat\\epsilon = "));
        exact(&q, alpha_bar.sqrt() * x_0 + (1.0 - alpha_bar).sqrt() * epsilon);
        right(&q, read(&q.text, "\\alpha_s = ") * x_0 + read(&q.text, "\\sigma_s = ") * epsilon);
        let q = asked("ddim_noise", &[], None, seed);
        let (now, before) = (cosine(t_of(&q)).1, cosine(read(&q.text, "$s = ") as usize).1);
        let eta = read(&q.text, "\\eta = ");
        // Song, Meng & Ermon 2021, eq. 16.
        exact(&q, eta * ((1.0 - before) / (1.0 - now)).sqrt() * (1.0 - now / before).sqrt());
        right(&q, eta * read(&q.text, "\\tilde\\beta = ").sqrt());
        let q = asked("visited_timestep", &["sample.spacing=trailing"], None, seed);
        let (steps, nth) = (read(&q.text, "takes $"), read(&q.text, "number $"));
        let t = (T as f64 - (nth - 1.0) * T as f64 / steps).round() - 1.0;
        exact(&q, t);
        right(&q, t);
    }
}

#[test]
fn guidance_and_flow() {
    for seed in 0..SEEDS {
        for (kind, symbol) in [("guided_epsilon", "\\hat\\epsilon_{"), ("guided_x_0", "\\hat{x}_{0,")] {
            let q = asked(kind, &[], None, seed);
            let of = |which: &str| read(&q.text, &format!("{symbol}\\text{{{which}}}}} = "));
            let w = read(&q.text, "w = ");
            let want = (1.0 + w) * of("cond") - w * of("uncond");
            exact(&q, want);
            right(&q, want);
        }
        let q = asked("flow_velocity", &FLOW, None, seed);
        let want = read(&q.text, "\\epsilon = ") - read(&q.text, "x_0 = ");
        exact(&q, want);
        right(&q, want);
        let q = asked("flow_step", &FLOW, None, seed);
        let (from, to) = (read(&q.text, "from $u = "), read(&q.text, "to $u = "));
        let want = read(&q.text, "$x = ") + (to - from) * read(&q.text, "\\hat v = ");
        exact(&q, want);
        right(&q, want);
        let q = asked("x_t", &FLOW, None, seed);
        let u = (t_of(&q) + 1) as f64 / T as f64;
        exact(&q, (1.0 - u) * read(&q.text, "x_0 = ") + u * read(&q.text, "\\epsilon = "));
        let q = asked("pf_ode_velocity", &["diffusion.path=vp_sde", "diffusion.prediction_type=epsilon"], None, seed);
        let (x, s) = (read(&q.text, "$x = "), read(&q.text, "$s = "));
        let beta = 0.1 + read(&q.text, "$u = ") * (20.0 - 0.1);
        exact(&q, -0.5 * beta * (x + s));
        right(&q, -0.5 * read(&q.text, "\\beta(u) = ") * (x + s));
    }
}

#[test]
fn every_kind_differs_between_learners_but_those_that_draw_nothing() {
    for kind in KINDS {
        let set: Vec<&str> = match kind.name {
            name if name.starts_with("flow") => FLOW.to_vec(),
            "pf_ode_velocity" => vec!["diffusion.path=vp_sde", "diffusion.prediction_type=epsilon"],
            _ => vec![LINEAR],
        };
        let texts: std::collections::BTreeSet<String> =
            (0..10).map(|seed| asked(kind.name, &set, None, seed).text).collect();
        let fixed = ["snr_one", "terminal_snr"].contains(&kind.name);
        assert!(if fixed { texts.len() == 1 } else { texts.len() > 2 }, "{}: {}", kind.name, texts.len());
    }
}

#[test]
fn the_list_in_docs_is_this_one() {
    let row = |kind: &super::kinds::QuestionKind| {
        let draws = if kind.draws_t { "yes" } else { "" };
        format!("| `{}` | {} | {draws} |\n", kind.name, kind.about.replace('|', "\\|"))
    };
    let rows: String = KINDS.iter().map(row).collect();
    let page = include_str!("../../docs/course.md");
    let list = page.split("<!-- kinds: begin -->").nth(1).unwrap().split("<!-- kinds: end -->").next().unwrap();
    assert_eq!(list, format!("\n| kind | asks for | draws t |\n|---|---|---|\n{rows}"));
}
