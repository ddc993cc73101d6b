//! The numbers of each topic, beside what a few lines of f64 say.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::bound::{self, BinLosses};
use super::subject::{AskedNetwork, ExplainedSubject, Focus, numbers};
use super::{data, forward, guidance, loss, markdown, plane, training_step};
use crate::config::{Config, VarianceType};
use crate::data::Dataset;
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::{Net, NetConfig, Weights};
use crate::sampling::{Guidance, starting_noise};
use crate::train::Trainer;

/// A network of random weights with the data that it is asked about.
pub(super) struct Bench {
    config: Config,
    parameterization: Parameterization,
    data: Dataset,
    net: Net,
    workers: Arc<Workers>,
}

fn config(overrides: &[&str]) -> Config {
    let small = [
        "model.block_out_channels=[8, 8]",
        "model.norm_num_groups=4",
        "model.class_conditional=true",
        "train.batch_size=6",
        "train.warmup_steps=0",
        "diffusion.timesteps=100",
        "sample.steps=10",
    ];
    let all: Vec<String> = small.iter().chain(overrides).map(|set| set.to_string()).collect();
    Config::default().with_overrides(&all).unwrap()
}

fn waves() -> Dataset {
    let pixels: Vec<u8> = (0..12 * 8 * 8u32).map(|i| (i * 37 % 251) as u8).collect();
    Dataset {
        name: "waves".into(),
        source: "a formula".into(),
        height: 8,
        width: 8,
        channels: 1,
        pixels: pixels.into(),
        labels: (0..12).map(|i| i % 3).collect::<Vec<u32>>().into(),
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        warnings: Vec::new(),
    }
}

impl Bench {
    pub fn new(overrides: &[&str]) -> Self {
        let (config, data) = (config(overrides), waves());
        let learned = config.diffusion.variance_type == VarianceType::LearnedRange;
        let net = NetConfig::new(&config, 8, 8, 1, Some(3)).with_variance(learned);
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        Self {
            parameterization: Parameterization::from_config(&config.diffusion).unwrap(),
            net: Net::new(&net, &weights).unwrap(),
            workers: Arc::new(Workers::new(2).unwrap()),
            config,
            data,
        }
    }

    pub fn subject(&self) -> ExplainedSubject<'_> {
        ExplainedSubject {
            config: &self.config,
            parameterization: &self.parameterization,
            data: &self.data,
            latents: None,
            network: Some(AskedNetwork { net: &self.net, words: "random weights".into() }),
            workers: &self.workers,
        }
    }

    /// ᾱ_t of the linear schedule, by its definition.
    pub fn linear(&self, t: usize) -> (f64, f64) {
        let (start, end, last) = (self.config.diffusion.beta_start, self.config.diffusion.beta_end, 99.0);
        let beta = |s: usize| start + (end - start) * s as f64 / last;
        (beta(t), (0..=t).map(|s| 1.0 - beta(s)).product())
    }
}

pub(super) fn at(t: usize) -> Focus {
    Focus { t, image: 4, pixel: Some((3, 2)), channel: 0 }
}

#[track_caller]
pub(super) fn close(got: f64, want: f64, within: f64) {
    assert!((got - want).abs() <= within * (1.0 + want.abs()), "{got} instead of {want}");
}

#[test]
fn the_forward_process_is_the_formula() {
    let bench = Bench::new(&["diffusion.schedule=linear", "diffusion.beta_end=0.2"]);
    let n = forward::numbers_of(&bench.subject(), at(40)).unwrap();
    let (beta, product) = bench.linear(40);
    close(n.beta, beta, 1e-12);
    close(n.product.unwrap(), product, 1e-12);
    close(n.at.alpha, product.sqrt(), 1e-12);
    let x_0 = f64::from((4 * 64 + 3 * 8 + 2) * 37 % 251) / 127.5 - 1.0;
    let noise = numbers(&starting_noise(1, 8, 8, 1, 0, &Device::Cpu).unwrap()).unwrap();
    close(n.x_0, x_0, 1e-6);
    close(n.epsilon, noise[3 * 8 + 2], 1e-12);
    close(n.x_t, product.sqrt() * x_0 + (1.0 - product).sqrt() * noise[3 * 8 + 2], 1e-6);
    // Of 768 pixels: the mean within four standard errors of the theory.
    assert!((n.measured.0 - n.theory.0).abs() < 4.0 * (n.theory.1 / 768.0).sqrt());
    assert!((n.measured.1 / n.theory.1 - 1.0).abs() < 4.0 * (2.0f64 / 768.0).sqrt());
}

#[test]
fn an_answer_costs_what_the_papers_say() {
    let bench = Bench::new(&["diffusion.schedule=linear", "diffusion.beta_end=0.2", "train.loss_weighting=min_snr"]);
    let (subject, focus) = (bench.subject(), at(40));
    let (followed, level) = (subject.followed(focus).unwrap(), subject.at(focus));
    let answer = loss::ask(&subject, subject.network.as_ref().unwrap(), &followed, level).unwrap();
    let n = loss::numbers_of(&subject, &followed, level, &answer).unwrap();
    let (beta, now) = bench.linear(40);
    let before = bench.linear(39).1;
    let (alpha, sigma) = (now.sqrt(), (1.0 - now).sqrt());
    let (x_0, epsilon, output) = (numbers(&followed.x_0), numbers(&followed.epsilon), numbers(&answer.output));
    let (x_0, epsilon, output) = (x_0.unwrap(), epsilon.unwrap(), output.unwrap());
    // v = αε − σx_0; x̂_0 = αx_t − σv̂, ε̂ = σx_t + αv̂ (Salimans & Ho 2022, appendix D).
    let (mut error, mut off) = (0.0, 0.0);
    for i in 0..64 {
        let (x_t, v) = (alpha * x_0[i] + sigma * epsilon[i], alpha * epsilon[i] - sigma * x_0[i]);
        error += (v - output[i]).powi(2) / 64.0;
        off += (epsilon[i] - (sigma * x_t + alpha * output[i])).powi(2);
    }
    close(n.error, error, 1e-5);
    close(n.epsilon_square, off, 1e-4);
    close(n.score_square, off, 1e-4);
    // min(SNR, 5)/(SNR + 1) on v.
    let snr = now / (1.0 - now);
    close(n.weight, snr.min(5.0) / (snr + 1.0), 1e-9);
    close(n.term, n.weight * error, 1e-5);
    // Ho et al. 2020, eq. 12, with σ² = β̃.
    let small = beta * (1.0 - before) / (1.0 - now);
    close(n.bound_weight.unwrap(), beta * beta / (2.0 * small * (1.0 - beta) * (1.0 - now)), 1e-9);
}

#[test]
fn a_step_by_hand_is_the_trainer_s_and_adamw_s() {
    let overrides = ["train.weight_decay=0.1", "train.max_grad_norm=0.05"];
    let (config, none) = (config(&overrides), Dataset { pixels: Vec::<u8>::new().into(), ..waves() });
    let workers = Arc::new(Workers::new(2).unwrap());
    let trainer = || Trainer::new(&config, waves(), &none, &Device::Cpu, workers.clone()).unwrap();
    let (mut plain, mut watched) = (trainer(), trainer());
    for done in 1..4 {
        let (report, step) = (plain.step().unwrap(), watched.step_by_hand(None).unwrap());
        assert_eq!(report, step.report);
        assert_eq!((step.parameter.as_str(), step.update.updates), ("conv_in.weight", done));
        close(step.update.gradient_scale, (0.05 / report.grad_norm).min(1.0), 1e-12);
        let hand = training_step::AdamWByHand::of(&step, &config).unwrap();
        for (hand, done) in [
            (hand.first, step.after.first),
            (hand.second, step.after.second.unwrap()),
            (hand.value, step.after.value),
            (hand.average, step.after.average),
        ] {
            assert!((hand - done).abs() <= 1e-6 * hand.abs() + 1e-12, "{hand} by hand, {done} by the trainer");
        }
        let sample = &step.sample;
        let (target, output) = (numbers(&sample.target).unwrap(), numbers(&sample.output).unwrap());
        close(target.iter().zip(&output).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 64.0, sample.error, 1e-5);
    }
    let all = |trainer: &Trainer| trainer.state().unwrap().weights;
    for ((name, a), (_, b)) in all(&plain).iter().zip(&all(&watched)) {
        assert_eq!(numbers(a).unwrap(), numbers(b).unwrap(), "{name}");
    }
    assert!(watched.step_by_hand(Some("no.such")).unwrap_err().to_string().contains("no weight called no.such"));
}

#[test]
fn where_nothing_but_the_last_convolution_has_a_gradient_it_is_followed() {
    let (config, none) = (config(&["model.zero_init=true"]), Dataset { pixels: Vec::<u8>::new().into(), ..waves() });
    let workers = Arc::new(Workers::new(1).unwrap());
    let mut trainer = Trainer::new(&config, waves(), &none, &Device::Cpu, workers).unwrap();
    let first = trainer.step_by_hand(None).unwrap();
    assert_eq!(first.parameter, "conv_out.weight");
    assert!(first.gradient != 0.0 && first.after.value != first.before.value);
    let later = (0..3).map(|_| trainer.step_by_hand(None).unwrap()).last().unwrap();
    assert_eq!(later.parameter, "conv_in.weight");
}

#[test]
fn guidance_is_the_mixture_of_the_two_answers() {
    let bench = Bench::new(&[]);
    let (subject, focus) = (bench.subject(), at(50));
    let followed = subject.followed(focus).unwrap();
    let (level, network) = (subject.at(focus), subject.network.as_ref().unwrap());
    let plain = Guidance::from(2.5);
    let answers = guidance::ask(&subject, network, 1, &followed.x_t(level).unwrap(), level, plain).unwrap();
    let of = |x: &Tensor| numbers(x).unwrap();
    let (a, b, guided) = (of(&answers.conditional.0), of(&answers.unconditional.0), of(&answers.guided.0));
    for i in 0..64 {
        close(guided[i], 3.5 * a[i] - 2.5 * b[i], 1e-4);
    }
    let n = answers.numbers().unwrap();
    // The law of cosines.
    let square = n.conditional.powi(2) + n.unconditional.powi(2)
        - 2.0 * n.conditional * n.unconditional * n.angle.to_radians().cos();
    close(n.difference.powi(2), square, 1e-4);
    close(n.conditional, a.iter().map(|x| x * x).sum::<f64>().sqrt(), 1e-9);
    assert!(n.difference > 0.0);
}

#[test]
fn guidance_is_explained_as_the_run_samples() {
    let said = |sets: &[&str]| {
        let bench = Bench::new(&[&["sample.guidance_scale=3"], sets].concat());
        let said = guidance::explain(&bench.subject(), at(50)).unwrap();
        markdown::markdown(&said, 1, |_| String::new())
    };
    let plain = said(&[]);
    assert!(plain.contains("uncond") && !plain.contains("nothing is guided") && !plain.contains("rescale"));
    let outside = said(&["sample.guidance_interval=[0.0, 0.3]"]);
    assert!(outside.contains("Here nothing is guided") && outside.contains("0.3"), "{outside}");
    let away = said(&["sample.negative_class=a"]);
    assert!(away.contains("guided away from") && away.contains(r"\hat\epsilon_{\text{neg}}"), "{away}");
    // The factor is what the sampler's answer has.
    let bench = Bench::new(&["sample.guidance_scale=3", "sample.guidance_rescale=0.7"]);
    let (subject, focus) = (bench.subject(), at(50));
    let level = subject.at(focus);
    let x_t = subject.followed(focus).unwrap().x_t(level).unwrap();
    let network = subject.network.as_ref().unwrap();
    let asked = |rescale| {
        let guidance = Guidance { rescale, ..Guidance::from(3.0) };
        let answers = guidance::ask(&subject, network, 1, &x_t, level, guidance).unwrap();
        let output =
            subject.parameterization.from_x_0_and_epsilon(&answers.guided.1, &answers.guided.0, level).unwrap();
        (numbers(&output).unwrap(), answers, guidance)
    };
    let ((plain, ..), (rescaled, answers, guidance)) = (asked(0.0), asked(0.7));
    let factor = guidance::rescaling(&subject, &answers, level, guidance).unwrap();
    assert!((factor - 1.0).abs() > 1e-3, "{factor}");
    for (plain, rescaled) in plain.iter().zip(&rescaled) {
        close(*rescaled, factor * plain, 1e-4);
    }
}

#[test]
fn score_and_velocity_follow_from_each_other_on_every_path() {
    for path in ["vp", "vp_sde", "sub_vp_sde", "ve", "flow"] {
        let set = format!("diffusion.path={path}");
        let target =
            if path == "ve" { "diffusion.prediction_type=epsilon" } else { "diffusion.prediction_type=v_prediction" };
        let config =
            config(&[&set, target, "model.kind=mlp", "model.hidden_width=16", "model.class_conditional=false"]);
        let net = NetConfig::new(&config, 1, 1, 2, None);
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        let bench = Bench {
            net: Net::new(&net, &weights).unwrap(),
            parameterization: Parameterization::from_config(&config.diffusion).unwrap(),
            config,
            ..Bench::new(&[])
        };
        let subject = bench.subject();
        for t in [10, 50, 90] {
            let level = subject.at(at(t));
            let n = plane::numbers_of(&subject, subject.network.as_ref().unwrap(), level, [0.3, -0.7], None).unwrap();
            for i in 0..2 {
                close(n.score[i], -n.epsilon[i] / level.sigma, 1e-9);
                close(level.alpha * n.x_0[i] + level.sigma * n.epsilon[i], n.place[i], 1e-5);
                close(n.by_score[i], n.velocity[i], 1e-4);
            }
        }
    }
}

#[test]
fn the_cells_sum_to_the_bound() {
    let bench =
        Bench::new(&["diffusion.schedule=linear", "diffusion.beta_end=0.2", "diffusion.prediction_type=epsilon"]);
    let losses = BinLosses { mean: vec![Some(0.5), Some(0.25), None, Some(0.125)], count: vec![1; 4], steps: (1, 50) };
    let n = bound::numbers_of(bench.subject().parameterization, 30, &losses).unwrap();
    assert_eq!((n.bin, n.t), (1, (25, 50)));
    let term = |t: usize| {
        let ((beta, now), before) = (bench.linear(t), bench.linear(t - 1).1);
        let small = beta * (1.0 - before) / (1.0 - now);
        beta * beta / (2.0 * small * (1.0 - beta) * (1.0 - now)) / std::f64::consts::LN_2
    };
    let want = [
        0.5 * (1..25).map(term).sum::<f64>(),
        0.25 * (25..50).map(term).sum::<f64>(),
        0.0,
        0.125 * (75..100).map(term).sum::<f64>(),
    ];
    for (got, want) in n.terms.iter().zip(want) {
        close(*got, want, 1e-9);
    }
    close(n.sum, want.iter().sum(), 1e-9);
}

#[test]
fn on_a_flow_the_cells_sum_to_the_bound_of_its_timesteps() {
    let bench = Bench::new(&["diffusion.path=flow", "diffusion.prediction_type=flow"]);
    let losses = BinLosses { mean: vec![Some(0.5), Some(0.25)], count: vec![1; 2], steps: (1, 50) };
    let n = bound::numbers_of(bench.subject().parameterization, 30, &losses).unwrap();
    let snr = |t: usize| ((99.0 - t as f64) / (t as f64 + 1.0)).powi(2);
    let term = |t: usize| 0.5 * (snr(t - 1) - snr(t)) * ((t as f64 + 1.0) / 100.0).powi(2) / std::f64::consts::LN_2;
    close(n.terms[0], 0.5 * (1..50).map(term).sum::<f64>(), 1e-9);
    close(n.terms[1], 0.25 * (50..100).map(term).sum::<f64>(), 1e-9);
    assert_eq!((n.bin, n.t, n.prior), (0, (0, 50), 0.0));
}

#[test]
fn the_data_s_numbers_are_those_of_their_bytes() {
    let data = waves();
    let n = data::numbers_of(&data).unwrap();
    let pixels: Vec<f64> = (0..768u32).map(|i| f64::from(i * 37 % 251) / 127.5 - 1.0).collect();
    let mean = pixels.iter().sum::<f64>() / 768.0;
    close(n.mean, mean, 1e-6);
    close(n.deviation, (pixels.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 768.0).sqrt(), 1e-6);
    close(n.histogram.iter().sum(), 1.0, 1e-9);
    let means = data::mean_pictures(&data).unwrap();
    assert_eq!(means.len(), 3);
    let first = (0..12).filter(|i| i % 3 == 0).map(|i| pixels[i * 64]).sum::<f64>() / 4.0;
    close(numbers(&means[0].1).unwrap()[0], first, 1e-6);
}
