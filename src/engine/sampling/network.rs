//! A trained network as a denoiser, its batch split over ranks and cores.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::{Denoiser, Guidance, Guided, Prediction};
use crate::diffusion::{NoiseLevel, Parameterization};
use crate::kernels::{KeptWeights, Workers, keeping_weights};
use crate::nn::{Net, UNet};
use crate::thousands::numbered;

/// Images that one worker puts through the network at once: more only costs memory.
const MOST_AT_ONCE: usize = 64;

/// Images for which a call of the network is worth its fixed costs, where another worker could take them.
const FEWEST_AT_ONCE: usize = 8;

/// What sampling asks of a network.
pub trait Network: Send + Sync {
    /// The network's output `[N, H, W, C]` for `x` `[N, H, W, C]` at timesteps `t` `[N]` (f32) with
    /// labels `[N]` (u32).
    ///
    /// # Errors
    /// When shapes or labels don't fit the network.
    fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor>;

    /// Classes without the null class, which is the next index; None: takes no labels.
    fn num_classes(&self) -> Option<usize>;

    /// # Errors
    /// When it was trained for something else than denoising.
    fn check_denoises(&self) -> Result<()> {
        Ok(())
    }
}

impl Network for UNet {
    fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
        UNet::forward(self, x, t, class_labels)
    }

    fn num_classes(&self) -> Option<usize> {
        UNet::num_classes(self)
    }
}

impl Network for Net {
    fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
        Net::forward(self, x, t, class_labels)
    }

    fn num_classes(&self) -> Option<usize> {
        Net::num_classes(self)
    }

    fn check_denoises(&self) -> Result<()> {
        match self {
            Net::UNet(_) | Net::Mlp(_) => Ok(()),
            Net::Autoencoder(_) => bail!(
                "this run trained an autoencoder, which gives pictures back and draws none by itself: diffusion in its \
                 latents does"
            ),
        }
    }
}

/// The denoiser of a network on the path, and with the target, that it was trained for.
///
/// `classes` has one class an image; without them a class-conditional network is asked for its null
/// class. `guidance` is a [`Guidance`], or its scale w alone: w in (1 + w)·ε_cond − w·ε_uncond; w = 0 is the plain
/// conditional model, other libraries' scale is s = 1 + w. Conditional and unconditional halves go through the network
/// as one batch, split over the workers and, of workers [over several](Workers::over), over the ranks. On a CPU no result depends
/// on how many there are.
///
/// # Errors
/// When a class is out of range, classes or guidance are asked of a network that was trained without
/// labels, or guidance without classes.
pub fn network_denoiser<N: Network + Clone + 'static>(
    network: &N,
    parameterization: &Parameterization,
    classes: Option<&[usize]>,
    guidance: impl Into<Guidance>,
    workers: Arc<Workers>,
) -> Result<Box<dyn Denoiser + Send>> {
    denoiser(network, parameterization, classes, guidance.into(), Some(workers))
}

/// As [`network_denoiser`] without guidance, on the calling thread alone and with answers that remember how
/// they follow from x_t: where x_t is a variable, they have gradients.
///
/// # Errors
/// As [`network_denoiser`].
pub fn traced_denoiser<N: Network + Clone + 'static>(
    network: &N,
    parameterization: &Parameterization,
    classes: Option<&[usize]>,
) -> Result<Box<dyn Denoiser + Send>> {
    denoiser(network, parameterization, classes, Guidance::from(0.0), None)
}

fn denoiser<N: Network + Clone + 'static>(
    network: &N,
    parameterization: &Parameterization,
    classes: Option<&[usize]>,
    guidance: Guidance,
    workers: Option<Arc<Workers>>,
) -> Result<Box<dyn Denoiser + Send>> {
    network.check_denoises()?;
    guidance.check()?;
    let (scale, weights) = (guidance.scale, Arc::<KeptWeights>::default());
    let plain = |labels| NetworkDenoiser {
        network: network.clone(),
        parameterization: parameterization.clone(),
        labels,
        workers: workers.clone(),
        weights: weights.clone(),
    };
    let (null, classes) = match (network.num_classes(), classes) {
        (None, None) if scale == 0.0 => return Ok(Box::new(plain(Labels::None))),
        (None, None) => bail!(
            "guidance scale {scale} needs a model trained with class labels and a null class; this one was trained \
             without labels. Use guidance scale 0"
        ),
        (None, Some(_)) => bail!("this model was trained without class labels: it can't be asked for a class"),
        (Some(_), None) if scale != 0.0 => bail!(
            "guidance scale {scale} needs a class for every image to guide towards; give classes, or use guidance \
             scale 0 to sample without"
        ),
        (Some(null), None) => return Ok(Box::new(plain(Labels::All(null as u32)))),
        (Some(null), Some(classes)) => (null, classes),
    };
    if let Some(class) = classes.iter().chain(&guidance.negative_class).find(|&&class| class >= null) {
        bail!("class {class} does not exist: the model knows {}", numbered("class", "classes", null.saturating_sub(1)));
    }
    let towards = classes.iter().map(|&class| class as u32);
    let conditional = plain(Labels::Each(towards.clone().collect()));
    if scale == 0.0 {
        return Ok(Box::new(conditional));
    }
    let away = guidance.negative_class.unwrap_or(null) as u32;
    let both = plain(Labels::Each(towards.chain(std::iter::repeat_n(away, classes.len())).collect()));
    Ok(Box::new(Guided::new(conditional, both, guidance, parameterization.clone())))
}

/// Which labels the network is told.
enum Labels {
    None,
    All(u32),
    Each(Vec<u32>),
}

struct NetworkDenoiser<N> {
    network: N,
    parameterization: Parameterization,
    labels: Labels,
    /// None: the calling thread does the work, and gradients are kept.
    workers: Option<Arc<Workers>>,
    /// Packed, from call to call.
    weights: Arc<KeptWeights>,
}

impl<N: Network> NetworkDenoiser<N> {
    /// The network's output for one share of the batch.
    fn forward(&self, input: &Tensor, time: f64, share: Range<usize>) -> Result<Tensor> {
        let mut outputs = Vec::new();
        for start in share.clone().step_by(MOST_AT_ONCE) {
            let n = MOST_AT_ONCE.min(share.end - start);
            let x = input.narrow(0, start, n)?.contiguous()?;
            let device = x.device();
            let labels = match &self.labels {
                Labels::None => None,
                Labels::All(label) => Some(Tensor::from_vec(vec![*label; n], n, device)?),
                Labels::Each(labels) => Some(Tensor::from_slice(&labels[start..start + n], n, device)?),
            };
            let t = Tensor::from_vec(vec![time as f32; n], n, device)?;
            let forward = || self.network.forward(&x, &t, labels.as_ref());
            let output = keeping_weights(&self.weights, forward)?;
            outputs.push(if self.workers.is_some() { output.detach() } else { output });
        }
        Ok(Tensor::cat(&outputs, 0)?)
    }

    /// The output for a part of the batch, by all workers of this process in turns.
    fn by_workers(&self, workers: &Workers, input: &Tensor, time: f64, part: Range<usize>) -> Result<Tensor> {
        let slices = workers.slices(part.len(), FEWEST_AT_ONCE);
        let slice = |i: usize| part.start + slices[i].start..part.start + slices[i].end;
        let outputs = workers.take_turns(slices.len(), |i| self.forward(input, time, slice(i)));
        Ok(Tensor::cat(&outputs.into_iter().collect::<Result<Vec<_>>>()?, 0)?)
    }

    /// The output for the whole batch, split over the ranks; all have it.
    fn by_ranks(&self, workers: &Workers, input: &Tensor, time: f64) -> Result<Tensor> {
        let (n, h, w, _) = input.dims4()?;
        let ranks = workers.ranks();
        if ranks.is_alone() {
            return self.by_workers(workers, input, time, 0..n);
        }
        let floats = ranks.divided_floats(n, |part| match part.is_empty() {
            true => Ok(Vec::new()),
            false => Ok(self.by_workers(workers, input, time, part)?.flatten_all()?.to_vec1()?),
        })?;
        let channels = floats.len() / (n * h * w).max(1);
        Ok(Tensor::from_vec(floats, (n, h, w, channels), input.device())?)
    }
}

impl<N: Network> Denoiser for NetworkDenoiser<N> {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let n = x_t.dim(0)?;
        if let Labels::Each(labels) = &self.labels {
            ensure!(labels.len() == n, "{} class labels for a batch of {n}", labels.len());
        }
        let scale = self.parameterization.input_scale(at);
        let input = if scale == 1.0 { x_t.clone() } else { (x_t * scale)? };
        let time = self.parameterization.network_time(at);
        let output = match &self.workers {
            // Off the CPU the device itself is the parallel worker.
            Some(workers) if x_t.device().is_cpu() => self.by_ranks(workers, &input, time)?,
            _ => self.forward(&input, time, 0..n)?,
        };
        let (output, variance_fraction) = split_variance(output, x_t.dim(3)?)?;
        let (x_0, epsilon) = self.parameterization.to_x_0_and_epsilon(&output, x_t, at)?;
        Ok(Prediction { x_0, epsilon, variance_fraction })
    }
}

/// The target's half of an output `[N, H, W, 2C]`, and what the other half says of the variance: (v + 1)/2,
/// since the network's v runs over [-1, 1] (Nichol & Dhariwal 2021, eq. 15, in the numbers of their code
/// and of diffusers). An output of C channels says nothing of it.
fn split_variance(output: Tensor, channels: usize) -> Result<(Tensor, Option<Tensor>)> {
    if output.dim(3)? != 2 * channels {
        return Ok((output, None));
    }
    let half = |from| -> Result<Tensor> { Ok(output.narrow(3, from, channels)?.contiguous()?) };
    Ok((half(0)?, Some(half(channels)?.affine(0.5, 0.5)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PredictionType};
    use crate::ranks::on_threads;
    use candle_core::Device;

    /// Says the label of each image plus t, so that the tests see who was asked what.
    #[derive(Clone)]
    struct Echo {
        classes: Option<usize>,
    }

    impl Network for Echo {
        fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
            let n = x.dim(0)?;
            assert!(n <= MOST_AT_ONCE);
            let mut said = t.clone();
            if let Some(labels) = class_labels {
                said = (said + labels.to_dtype(candle_core::DType::F32)?)?;
            }
            Ok((x * 0.5)?.broadcast_add(&said.reshape((n, 1, 1, 1))?)?)
        }

        fn num_classes(&self) -> Option<usize> {
            self.classes
        }
    }

    fn cosine(prediction_type: PredictionType) -> Parameterization {
        let config = DiffusionConfig { prediction_type, timesteps: 100, ..DiffusionConfig::default() };
        Parameterization::from_config(&config).unwrap()
    }

    const AT: NoiseLevel = NoiseLevel { t: 20.0, alpha: 0.6, sigma: 0.8 };

    fn said(classes: Option<usize>, asked: Option<&[usize]>, w: f64, threads: usize, n: usize) -> Result<Vec<f32>> {
        let workers = Arc::new(Workers::new(threads)?);
        let denoiser = network_denoiser(&Echo { classes }, &cosine(PredictionType::Epsilon), asked, w, workers)?;
        let x = Tensor::zeros((n, 1, 1, 1), candle_core::DType::F32, &Device::Cpu)?;
        Ok(denoiser.predict(&x, AT)?.epsilon.flatten_all()?.to_vec1()?)
    }

    #[test]
    fn every_image_is_asked_with_its_own_class_on_any_number_of_workers() {
        for threads in [1, 2, 3, 7] {
            let classes: Vec<usize> = (0..200).map(|i| i % 10).collect();
            let expected: Vec<f32> = classes.iter().map(|&c| 20.0 + c as f32).collect();
            assert_eq!(said(Some(10), Some(&classes), 0.0, threads, 200).unwrap(), expected);
        }
    }

    #[test]
    fn every_rank_has_the_whole_answer_and_it_is_that_of_one_process() {
        let here = cosine(PredictionType::Epsilon);
        for (n, w) in [(1, 0.0), (5, 0.0), (7, 1.5)] {
            let classes: Vec<usize> = (0..n).map(|i| i % 10).collect();
            let alone = said(Some(10), Some(&classes), w, 2, n).unwrap();
            let on_ranks = on_threads(3, |ranks| -> Result<Vec<f32>> {
                let workers = Arc::new(Workers::over(ranks, 2)?);
                let denoiser = network_denoiser(&Echo { classes: Some(10) }, &here, Some(&classes), w, workers)?;
                let x = Tensor::zeros((n, 1, 1, 1), candle_core::DType::F32, &Device::Cpu)?;
                Ok(denoiser.predict(&x, AT)?.epsilon.flatten_all()?.to_vec1()?)
            });
            assert!(on_ranks.into_iter().all(|said| said.unwrap() == alone), "{n} images, w = {w}");
        }
    }

    #[test]
    fn guidance_mixes_the_class_with_the_null_class() {
        // Class 3 says 23, the null class (10) says 30: (1 + w)·23 − w·30.
        for (w, expected) in [(0.0, 23.0), (1.0, 16.0), (1.5, 12.5), (-1.0, 30.0)] {
            let got = said(Some(10), Some(&[3, 3]), w, 2, 2).unwrap();
            assert!(got.iter().all(|v| (v - expected).abs() < 1e-4), "w = {w}: {got:?}");
        }
    }

    /// Says the label of each image as its noise, and a hundredth of it as its variance.
    #[derive(Clone)]
    struct TwoFold;

    impl Network for TwoFold {
        fn forward(&self, x: &Tensor, _: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
            let labels = class_labels.unwrap().to_dtype(candle_core::DType::F32)?.reshape((x.dim(0)?, 1, 1, 1))?;
            Ok(Tensor::cat(&[&labels, &(&labels * 0.01)?], 3)?)
        }

        fn num_classes(&self) -> Option<usize> {
            Some(10)
        }
    }

    #[test]
    fn an_output_of_two_halves_is_the_target_and_the_class_s_own_variance() {
        let workers = Arc::new(Workers::new(2).unwrap());
        let here = cosine(PredictionType::Epsilon);
        let denoiser = network_denoiser(&TwoFold, &here, Some(&[3, 6]), Guidance::from(1.0), workers).unwrap();
        let x = Tensor::zeros((2, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let prediction = denoiser.predict(&x, AT).unwrap();
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // 2·3 − 10 and 2·6 − 10; (0.03 + 1)/2 and (0.06 + 1)/2, unguided.
        assert_eq!(numbers(&prediction.epsilon), [-4.0, 2.0]);
        let fractions = numbers(&prediction.variance_fraction.unwrap());
        assert!((fractions[0] - 0.515).abs() < 1e-6 && (fractions[1] - 0.53).abs() < 1e-6, "{fractions:?}");
    }

    /// What the network is asked, batch by batch, and its answers, on path vp_sde.
    fn asked(guidance: Guidance, t: f64) -> (Vec<usize>, Prediction, Parameterization) {
        #[derive(Clone)]
        struct Counting(Arc<std::sync::Mutex<Vec<usize>>>);
        impl Network for Counting {
            fn forward(&self, x: &Tensor, _: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
                self.0.lock().unwrap().push(x.dim(0)?);
                let labels = class_labels.unwrap().to_dtype(candle_core::DType::F32)?.reshape(((), 1, 1, 1))?;
                Ok(x.broadcast_mul(&labels.affine(0.1, 0.5)?)?)
            }

            fn num_classes(&self) -> Option<usize> {
                Some(10)
            }
        }
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let parameterization = cosine(PredictionType::VPrediction);
        let workers = Arc::new(Workers::new(1).unwrap());
        let denoiser =
            network_denoiser(&Counting(calls.clone()), &parameterization, Some(&[3, 5]), guidance, workers).unwrap();
        let x = crate::sampling::starting_noise(2, 4, 4, 1, 0, &Device::Cpu).unwrap();
        let prediction = denoiser.predict(&x, parameterization.schedule.level(t)).unwrap();
        let calls = calls.lock().unwrap().clone();
        (calls, prediction, parameterization)
    }

    #[test]
    fn outside_its_interval_guidance_costs_nothing_and_does_nothing() {
        let within = Guidance { interval: (0.2, 0.6), ..Guidance::from(2.0) };
        let values = |p: &Prediction| p.x_0.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // T = 100: u = (t + 1)/100.
        for (t, guided) in [(10.0, false), (19.0, true), (40.0, true), (59.0, true), (60.0, false), (99.0, false)] {
            let (calls, prediction, _) = asked(within, t);
            assert_eq!(calls, [if guided { 4 } else { 2 }], "t = {t}");
            let same_as = if guided { Guidance::from(2.0) } else { Guidance::from(0.0) };
            assert_eq!(values(&prediction), values(&asked(same_as, t).1), "t = {t}");
        }
    }

    #[test]
    fn a_full_rescale_gives_the_output_the_deviation_of_the_conditional_one() {
        let output = |rescale| {
            let (_, prediction, parameterization) = asked(Guidance { rescale, ..Guidance::from(3.0) }, 50.0);
            let at = parameterization.schedule.level(50.0);
            let output = parameterization.from_x_0_and_epsilon(&prediction.x_0, &prediction.epsilon, at).unwrap();
            output.flatten_from(1).unwrap().var(1).unwrap().sqrt().unwrap().to_vec1::<f32>().unwrap()
        };
        let (_, conditional, parameterization) = asked(Guidance::from(0.0), 50.0);
        let at = parameterization.schedule.level(50.0);
        let conditional = parameterization.from_x_0_and_epsilon(&conditional.x_0, &conditional.epsilon, at).unwrap();
        let conditional =
            conditional.flatten_from(1).unwrap().var(1).unwrap().sqrt().unwrap().to_vec1::<f32>().unwrap();
        let (none, half, full) = (output(0.0), output(0.5), output(1.0));
        for i in 0..2 {
            assert!((full[i] / conditional[i] - 1.0).abs() < 1e-4, "{full:?} {conditional:?}");
            assert!((none[i] / conditional[i] - 1.0).abs() > 0.1, "guidance must change the deviation here");
            assert!((half[i] - 0.5 * (none[i] + full[i])).abs() < 1e-4 * half[i].abs().max(1.0));
        }
    }

    #[test]
    fn a_negative_class_takes_the_place_of_the_null_class() {
        let workers = || Arc::new(Workers::new(1).unwrap());
        let echo = Echo { classes: Some(10) };
        let x = Tensor::zeros((1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let guidance = Guidance { negative_class: Some(7), ..Guidance::from(1.0) };
        let v = cosine(PredictionType::Epsilon);
        let denoiser = network_denoiser(&echo, &v, Some(&[3]), guidance, workers()).unwrap();
        let said = denoiser.predict(&x, AT).unwrap().epsilon.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // Class 3 says 23, class 7 says 27: 2·23 − 27.
        assert!((said[0] - 19.0).abs() < 1e-4, "{said:?}");
        let unknown = Guidance { negative_class: Some(10), ..guidance };
        let refusal = network_denoiser(&echo, &v, Some(&[3]), unknown, workers()).map(|_| ()).unwrap_err();
        assert!(refusal.to_string().contains("0 to 9"), "{refusal}");
    }

    #[test]
    fn impossible_guidance_is_refused() {
        let check = |guidance: Guidance| guidance.check().unwrap_err().to_string();
        assert!(check(Guidance { rescale: 1.5, ..Guidance::from(1.0) }).contains("1.5"));
        assert!(check(Guidance { interval: (0.5, 0.2), ..Guidance::from(1.0) }).contains("0.5 to 0.2"));
        assert!(check(Guidance { interval: (0.0, f64::NAN), ..Guidance::from(1.0) }).contains("NaN"));
    }

    #[test]
    fn guided_estimates_of_image_and_noise_still_make_up_x_t() {
        let workers = Arc::new(Workers::new(2).unwrap());
        let echo = Echo { classes: Some(4) };
        let denoiser =
            network_denoiser(&echo, &cosine(PredictionType::VPrediction), Some(&[0, 1, 2]), 2.0, workers).unwrap();
        let x = crate::sampling::starting_noise(3, 2, 2, 1, 0, &Device::Cpu).unwrap();
        let prediction = denoiser.predict(&x, AT).unwrap();
        let again = crate::diffusion::combine(AT.alpha, &prediction.x_0, AT.sigma, &prediction.epsilon).unwrap();
        let off =
            (again - x).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
        assert!(off < 1e-4, "{off}");
    }

    #[test]
    fn without_classes_a_conditional_network_is_asked_for_its_null_class() {
        assert_eq!(said(Some(10), None, 0.0, 2, 3).unwrap(), vec![30.0; 3]);
        assert_eq!(said(None, None, 0.0, 2, 3).unwrap(), vec![20.0; 3]);
    }

    #[test]
    fn what_a_network_cannot_do_is_refused_with_the_reason() {
        let refusal = |classes, asked: Option<&[usize]>, w| said(classes, asked, w, 1, 1).unwrap_err().to_string();
        assert!(refusal(None, None, 1.0).contains("null class"));
        assert!(refusal(None, Some(&[1]), 0.0).contains("without class labels"));
        assert!(refusal(Some(10), None, 1.0).contains("needs a class"));
        assert!(refusal(Some(10), Some(&[10]), 0.0).contains("0 to 9"));
        assert!(refusal(Some(10), Some(&[1]), f64::NAN).contains("NaN"));
        assert!(refusal(Some(10), Some(&[1, 2]), 0.0).contains("2 class labels for a batch of 1"));
    }

    #[test]
    fn a_guided_u_net_gives_the_same_sample_on_any_number_of_workers() {
        use crate::config::{ModelConfig, SampleConfig};
        use crate::nn::{UNetConfig, Weights};
        use crate::sampling::{SamplerSettings, Trajectory, sample, starting_noise};

        let model = ModelConfig {
            block_out_channels: vec![8, 8],
            norm_num_groups: 4,
            class_conditional: true,
            ..ModelConfig::default()
        };
        let config = UNetConfig::new(&model, 8, 8, 1, Some(3));
        let unet = UNet::new(&config, &Weights::init(&config, 1, &Device::Cpu).unwrap()).unwrap();
        let v = cosine(PredictionType::VPrediction);
        let settings = SamplerSettings { steps: 4, ..SamplerSettings::from(&SampleConfig::default()) };
        let run = |threads, n: usize| {
            let classes: Vec<usize> = (0..n).map(|i| i % 3).collect();
            let workers = Arc::new(Workers::new(threads).unwrap());
            let denoiser = network_denoiser(&unet, &v, Some(&classes), 1.5, workers).unwrap();
            let noise = starting_noise(n, 8, 8, 1, 5, &Device::Cpu).unwrap();
            let x = sample(Trajectory::new(denoiser, v.schedule.clone(), &settings, noise, 5).unwrap()).unwrap();
            x.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let expected = run(1, 7);
        // With guidance these are 60 images for the network: enough for slices.
        assert!(Workers::new(2).unwrap().slices(60, FEWEST_AT_ONCE).len() == 4 && run(2, 30) == run(1, 30));
        for (threads, n) in [(2, 7), (3, 7), (2, 4)] {
            for (a, b) in run(threads, n).iter().zip(&expected) {
                assert!((a - b).abs() < 1e-5, "{threads} workers, {n} images: {a} against {b}");
            }
        }
    }
}
