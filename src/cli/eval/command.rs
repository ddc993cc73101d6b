//! Which measurements a run allows, and taking them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};

use super::args::{Args, EvalFormat, Metric};
use super::ignored::ignored;
use super::judged::Judged;
use super::likelihoods;
use super::material::Material;
use super::plane::PlaneDistance;
use super::reconstructions::reconstruct;
use super::report::EvalReport;
use super::samples;
use crate::cli::data_elsewhere::{EXAMPLE, with_data};
use crate::cli::sampling_precision::agreed;
use crate::cli::usage::check_steps;
use crate::cli::{UsageError, memory, over_ranks, ranks};
use crate::config::{Config, Precision};
use crate::eval::{Judge, JudgeOf, NEIGHBOURS};
use crate::kernels::Workers;
use crate::nn::Net;
use crate::picture::is_points;
use crate::ranks::world;
use crate::run::checkpoint::CheckpointFacts;
use crate::run::{self, LoadedModel, MOVED};
use crate::sampling;
use crate::speak;

/// Runs the subcommand.
///
/// # Errors
/// A usage error when nothing of what was asked can be measured; else what went wrong on the way.
pub fn run(args: Args) -> Result<()> {
    let report = measure(&args)?;
    let text = match args.format {
        EvalFormat::Table => report.table(),
        EvalFormat::Json => serde_json::to_string(&report.json())? + "\n",
    };
    speak::print(&text)?;
    match &report.broken {
        Some(why) => Err(anyhow!("{why}")),
        None if !report.has_any() => Err(anyhow!("nothing could be measured: the report says why")),
        None => Ok(()),
    }
}

/// Measures what was asked for, with warnings on the way.
///
/// # Errors
/// As [`run()`], but for what the report itself says.
pub fn measure(args: &Args) -> Result<EvalReport> {
    let dir = run::find(&args.run)?;
    let mut model = over_ranks::open(&dir, args.checkpoint)?;
    model.config = with_data(&model.config, &args.set)?;
    for warning in &model.warnings {
        speak::warn(warning);
    }
    if !model.config.trains_autoencoder() {
        check_numbers(args, &model)?;
    }
    let material = Material::load(&model.config);
    let asked = match &args.metrics {
        asked if !asked.is_empty() => asked.clone(),
        _ if model.config.trains_autoencoder() => Metric::OF_AUTOENCODERS.to_vec(),
        _ => Metric::ALL.into_iter().filter(|&metric| metric != Metric::Reconstruction).collect(),
    };
    ignored(args, &asked, &model).iter().for_each(speak::warn);
    let skipped: BTreeMap<Metric, String> =
        asked.iter().filter_map(|&metric| Some((metric, obstacle(metric, args, &model, &material)?))).collect();
    let wanted = |metric: Metric| asked.contains(&metric) && !skipped.contains_key(&metric);
    if !asked.iter().any(|&metric| wanted(metric)) {
        let reasons: Vec<String> = skipped.iter().map(|(m, reason)| format!("\n  {}: {reason}", m.name())).collect();
        return Err(UsageError::new(format!("nothing of this can be measured{}", reasons.concat())).into());
    }
    let on_data = |metric: &Metric| *metric != Metric::Accuracy && wanted(*metric);
    if let Ok(material) = &material
        && asked.iter().any(on_data)
    {
        let facts = CheckpointFacts::of(&model.checkpoint)?;
        let told = run::check_measured(&facts, &dir, &model.config, &material.identity, (args.accept_data, MOVED))
            .map_err(|error| error.with_words_of_loading(&material.train.warnings))?;
        told.iter().for_each(speak::warn);
    }
    if Metric::DRAWN.into_iter().any(wanted) {
        memory::check("--num", args.num() as usize, model.image_shape)?;
    }

    let workers = Arc::new(Workers::over(world(), ranks::threads(args.threads))?);
    let precision = match Metric::DRAWN.into_iter().any(wanted) {
        true => agreed(samples::sample_config(args, &model).precision, model.config.model.kind)?,
        false => Precision::F32,
    };
    let mut report = EvalReport::new(&dir, &model, args, precision);
    report.skipped = skipped.iter().map(|(metric, reason)| (metric.name(), reason.clone())).collect();
    if model.is_from_history() {
        let words = "the history keeps the weights of this step in half precision (f16)";
        report.warnings.push(words.into());
    }
    if let Ok(material) = &material {
        report.data = material.words();
        if let Some(latents) = model.latents.as_ref().filter(|_| wanted(Metric::Vlb) || wanted(Metric::Nll)) {
            let (h, w, l) = latents.shape();
            report.warnings.push(format!(
                "the likelihoods are those of the {w}×{h} latents with {l} channels, in nats: they can't be compared with the \
                 bits/dim of a run in pixels"
            ));
        }
        if wanted(Metric::Vlb) {
            report.vlb =
                report.attempt("vlb", &[Metric::Vlb], || likelihoods::bounds(args, &model, material, &workers))?;
            let unmeasured = report.vlb.as_ref().and_then(|bounds| bounds.unmeasured(model.config.diffusion.path));
            report.warnings.extend(unmeasured);
        }
        if wanted(Metric::Nll) {
            report.nll =
                report.attempt("nll", &[Metric::Nll], || likelihoods::flow(args, &model, material, &workers))?;
        }
    }
    let drawn: Vec<Metric> = Metric::DRAWN.into_iter().filter(|&metric| wanted(metric)).collect();
    let samples = match (&model.net, &material) {
        (Net::Autoencoder(autoencoder), Ok(material)) => {
            let num = args.num() as usize;
            let given = report.attempt("reconstructions", &asked, || {
                reconstruct(autoencoder, material, num, &workers).and_then(|(measure, samples)| {
                    // Those that no number can be made of are worth no judge.
                    ensure!(measure.mse.mean.is_finite(), "the autoencoder answers with NaN or infinite values");
                    Ok((measure, samples))
                })
            })?;
            given.map(|(measure, samples)| {
                report.reconstruction = wanted(Metric::Reconstruction).then_some(measure);
                samples
            })
        }
        _ if drawn.is_empty() => None,
        _ => report.attempt("samples", &drawn, || samples::draw(args, &model, precision, &workers))?,
    };
    if !drawn.is_empty()
        && let Some(samples) = samples
    {
        let material = material.as_ref().ok();
        let by_judge: Vec<Metric> = Metric::JUDGED.into_iter().filter(|&metric| wanted(metric)).collect();
        if !by_judge.is_empty()
            && let Ok(of) = judge_of(&model, material)
            && let Some(judged) = report.attempt("judge", &by_judge, || {
                Judged::of(of, (&samples, model.latents.as_ref()), material, &wanted, workers.ranks())
            })?
        {
            report.skipped.extend(judged.unmeasurable.iter().map(|(metric, why)| (metric.name(), why.clone())));
            report.warnings.extend(judged.warnings());
            report.judged = Some(judged);
        }
        if let Some(material) = material
            && wanted(Metric::EnergyDistance)
        {
            let metric = [Metric::EnergyDistance];
            report.plane = report.attempt("energy_distance", &metric, || PlaneDistance::of(&samples, material))?;
        }
    }
    report.warnings.iter().for_each(speak::warn);
    if let Some(why) = report.broken.take() {
        let classes: Vec<usize> = (0..model.net.num_classes().unwrap_or(0)).collect();
        let advice = match model.ill(Some(&classes))? {
            Some(ill) => format!("{ill}\n  {}", model.cure()),
            None => "try more --steps, another --sampler, or a smaller --guidance-scale".into(),
        };
        report.broken = Some(format!("{why}: nothing could be measured of them\n  {advice}"));
    }
    Ok(report)
}

fn check_numbers(args: &Args, model: &LoadedModel) -> Result<(), UsageError> {
    let timesteps = model.parameterization.schedule.timesteps();
    args.steps.map_or(Ok(()), |steps| check_steps(steps, timesteps))?;
    if let Err(why) = sampling::check_sampler(args.sampler(), &model.parameterization.schedule) {
        return Err(UsageError::new(format!("--sampler: {why}")));
    }
    let tolerance = args.tolerance();
    if !(1e-6..=0.1).contains(&tolerance) {
        let problem = format!("--tolerance {tolerance}: use 0.000001 to 0.1; 0.001 is usual");
        return Err(UsageError::new(problem));
    }
    Ok(())
}

/// Only a network that was imported has no data, until they are named.
fn has_no_data(config: &Config) -> bool {
    config.data.dataset == "images" && config.data.path.is_empty()
}

/// Why a measurement says nothing of this run, or of so few samples, if so.
fn obstacle(metric: Metric, args: &Args, model: &LoadedModel, material: &Result<Material>) -> Option<String> {
    let (num, classes) = (args.num(), model.net.num_classes().unwrap_or(1) as u64);
    if let Some(why) = of_the_other_kind(metric, model) {
        return Some(why);
    }
    let too_few = match metric {
        Metric::Fid if num < 2 => Some("a covariance takes at least two samples: --num 1000 is usual".to_string()),
        Metric::Pr if num <= NEIGHBOURS as u64 => Some(format!(
            "it uses the {NEIGHBOURS} nearest neighbours, which takes at least {} samples: --num 1000 is usual",
            NEIGHBOURS + 1
        )),
        Metric::Diversity if num <= classes => Some(match classes {
            1 => "it compares two samples of one class: --num 1000 is usual".to_string(),
            _ => format!(
                "it compares two samples of one class, and {num} are at most one of each: --num {} or more",
                2 * classes
            ),
        }),
        _ => None,
    };
    let no_data = || match material {
        Ok(material) if material.shape() == model.image_shape => None,
        Ok(material) => {
            let ((h, w, c), (mh, mw, mc)) = (material.shape(), model.image_shape);
            Some(format!("its data are {w}×{h} with {}, but the network takes {mw}×{mh} with {mc}", channels(c)))
        }
        Err(_) if has_no_data(&model.config) => {
            Some(format!("the run was imported and has no data: name them with --set {EXAMPLE}"))
        }
        Err(error) => Some(format!("its data can't be loaded: {error:#}")),
    };
    match metric {
        Metric::Vlb | Metric::Nll | Metric::Reconstruction => no_data(),
        // It has the labels of the pictures that it gives back.
        Metric::Accuracy if model.config.trains_autoencoder() => {
            no_data().or_else(|| judge_of(model, material.as_ref().ok()).err()).or_else(|| {
                let labelled = material.as_ref().is_ok_and(|material| !material.unseen().labels.is_empty());
                (!labelled).then(|| "the pictures have no labels to be read as".to_string())
            })
        }
        Metric::EnergyDistance if !is_points(model.image_shape) => Some(compares_points(model.image_shape)),
        Metric::EnergyDistance => no_data(),
        Metric::Accuracy => judge_of(model, material.as_ref().ok()).err().or_else(|| {
            (model.net.num_classes() != Some(Judge::CLASSES)).then(|| {
                "the network was not trained with the judge's ten classes, so none can be asked for".to_string()
            })
        }),
        Metric::Fid | Metric::Pr | Metric::Diversity => {
            // What no number of samples cures is said first.
            let shape = judge_for(model.image_shape, &model.classes).err().or_else(no_data);
            shape.or_else(|| judge_of(model, material.as_ref().ok()).err()).or(too_few)
        }
    }
}

/// The judge of a run's samples, by the names of its classes and by those of its data: both are to say the same.
///
/// # Errors
/// Why there is none, in words.
fn judge_of(model: &LoadedModel, material: Option<&Material>) -> Result<JudgeOf, String> {
    let data = material.map_or(&[][..], |material| &material.train.classes);
    let by_data = judge_for(model.image_shape, data)?;
    let by_model = judge_for(model.image_shape, &model.classes)?;
    match (model.classes.is_empty(), data.is_empty()) {
        (false, false) if by_model != by_data => {
            Err(format!("its samples would be for {}, and its data for {}", by_model.words(), by_data.words()))
        }
        (true, _) => Ok(by_data),
        (false, _) => Ok(by_model),
    }
}

/// Why a measurement of samples is none of an autoencoder, or the other way round.
fn of_the_other_kind(metric: Metric, model: &LoadedModel) -> Option<String> {
    let encodes = model.config.trains_autoencoder();
    match metric {
        Metric::Reconstruction if !encodes => Some(GIVES_NOTHING_BACK.into()),
        metric if encodes && !Metric::OF_AUTOENCODERS.contains(&metric) => {
            Some("it is of a network that denoises, and this run trained an autoencoder".into())
        }
        _ => None,
    }
}

/// Why a network that denoises has no reconstructions.
pub(super) const GIVES_NOTHING_BACK: &str =
    "it is of an autoencoder, which gives pictures back, and this run's network draws them from noise";

/// Why the energy distance is none of images.
pub(super) fn compares_points((h, w, c): (usize, usize, usize)) -> String {
    format!("it compares points in the plane, and this run makes images of {w}×{h} with {}", channels(c))
}

/// The judge that reads such images. Where classes have no names, they are taken for digits.
///
/// # Errors
/// Why none does, in words.
pub fn judge_for((h, w, c): (usize, usize, usize), classes: &[String]) -> Result<JudgeOf, String> {
    let they_read = "the bundled judges read 28×28 grey digits and clothes";
    if is_points((h, w, c)) {
        return Err(format!("{they_read}, and these are points in the plane"));
    }
    if (h, w, c) != (Judge::SIZE, Judge::SIZE, 1) {
        return Err(format!("{they_read}, and its images are {w}×{h} with {}", channels(c)));
    }
    if classes.is_empty() {
        return Ok(JudgeOf::Digits);
    }
    JudgeOf::classes_called(classes).ok_or_else(|| {
        format!(
            "the bundled judges read the digits 0 to 9 and Fashion-MNIST's clothes, and its classes are {}",
            classes.join(", ")
        )
    })
}

/// "1 channel", "3 channels".
fn channels(count: usize) -> String {
    format!("{count} channel{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_read_their_own_classes_only() {
        let names = |of: JudgeOf| of.classes().iter().map(|name| name.to_string()).collect::<Vec<_>>();
        for of in JudgeOf::ALL {
            assert_eq!(judge_for((28, 28, 1), &names(of)), Ok(of));
        }
        assert_eq!(judge_for((28, 28, 1), &[]), Ok(JudgeOf::Digits));
        assert!(judge_for((20, 60, 3), &names(JudgeOf::Digits)).unwrap_err().contains("60×20 with 3 channels"));
        assert!(judge_for((28, 28, 1), &["coat".into(), "bag".into()]).unwrap_err().contains("coat, bag"));
    }

    #[test]
    fn metrics_are_called_as_on_the_command_line() {
        use clap::ValueEnum;
        for metric in Metric::ALL {
            assert_eq!(metric.to_possible_value().unwrap().get_name(), metric.name());
        }
    }
}
