//! How many samples of a run a judge reads as the classes that were asked for.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use candle_core::Device;

use super::protocol::ReadRequest;
use crate::eval::{Judge, JudgeOf, class_accuracy};
use crate::kernels::Workers;
use crate::run::{LoadedModel, classes_in_turn};
use crate::sampling::{Guidance, SamplerSettings, Trajectory, network_denoiser, sample, starting_noise};

/// Samples drawn at once.
const BATCH: usize = 50;

/// The noise is the same for each number of steps.
const SEED: u64 = 0;

/// Training steps of the weights, and how many samples are read as asked for each of the numbers of steps.
///
/// # Errors
/// When the run has no checkpoint yet, no judge reads its samples, or sampling fails.
pub fn read_as_asked(request: &ReadRequest) -> Result<(u64, Vec<usize>)> {
    let model = LoadedModel::open(&request.dir, None).context("the run's newest checkpoint")?;
    let readable =
        model.image_shape == (Judge::SIZE, Judge::SIZE, 1) && model.net.num_classes() == Some(Judge::CLASSES);
    let Some(of) = JudgeOf::classes_called(&model.classes).filter(|_| readable) else {
        bail!(
            "no judge reads the samples of this run: it reads digits and clothes, 28 × 28 pixels, with their classes"
        );
    };
    let judge = Judge::load(of)?;
    // Something is trained beside it.
    let workers = Arc::new(Workers::new(1)?);
    let right = request.steps.iter().map(|steps| right(request, *steps, &model, &judge, &workers));
    Ok((model.step, right.collect::<Result<_>>()?))
}

fn right(
    request: &ReadRequest,
    steps: usize,
    model: &LoadedModel,
    judge: &Judge,
    workers: &Arc<Workers>,
) -> Result<usize> {
    let mut settings = request.settings.of_preview();
    (settings.steps, settings.timesteps) = (steps, Vec::new());
    let classes = classes_in_turn(request.num, Judge::CLASSES, None);
    let (height, width, channels) = model.sample_shape;
    let noise = starting_noise(request.num, height, width, channels, SEED, &Device::Cpu)?;
    let mut right = 0;
    for (batch, classes) in classes.chunks(BATCH).enumerate() {
        let guidance = Guidance::from_config(&settings, settings.guidance_scale, &model.classes);
        let denoiser = network_denoiser(
            &model.net,
            &model.parameterization,
            Some(classes),
            guidance.map_err(|problem| anyhow!(problem))?,
            workers.clone(),
        )?;
        let noise = noise.narrow(0, batch * BATCH, classes.len())?;
        let schedule = model.parameterization.schedule.clone();
        let seed = SEED.wrapping_add(batch as u64);
        let trajectory = Trajectory::new(denoiser, schedule, &SamplerSettings::from(&settings), noise, seed)?;
        let samples = sample(trajectory.in_latents(model.latents.as_ref())).context("sampling")?;
        // Numbers that are none are read as nothing.
        let finite = samples.flatten_all()?.to_vec1::<f32>()?.iter().all(|x| x.is_finite());
        right += if finite { class_accuracy(judge, &samples, classes)?.right() } else { 0 };
    }
    Ok(right)
}
