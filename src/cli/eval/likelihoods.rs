//! The variational bound, and the likelihood along the probability-flow ODE, of held-out images.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::Device;
use indicatif::ProgressBar;

use super::args::Args;
use super::material::Material;
use super::progress::progress;
use crate::config::{PathName, VarianceType};
use crate::eval::{self, Bound, BoundSettings, Estimate, FlowSettings, LikelihoodData, PixelLevels};
use crate::kernels::Workers;
use crate::picture::is_points;
use crate::run::LoadedModel;
use crate::sampling::{DORMAND_PRINCE, Denoiser, Tolerance, traced_denoiser};
use crate::train::images;

/// Stretches of t that each image is measured in.
const STRATA: usize = 32;
/// Images whose ODE is solved together.
const BATCH: usize = 8;
/// Points are cheap.
const POINTS_BATCH: usize = 250;

/// Nats to the unit that is reported: bits a dimension of images, nats of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    pub name: &'static str,
    pub per_nat: f64,
}

impl Unit {
    fn of(levels: PixelLevels, dims: usize) -> Self {
        match levels {
            PixelLevels::Grey256 => Self { name: "bits/dim", per_nat: 1.0 / (dims as f64 * std::f64::consts::LN_2) },
            PixelLevels::Real => Self { name: "nats", per_nat: 1.0 },
        }
    }
}

/// The bound, for each variance that the path offers; the one with the least total first.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    pub unit: Unit,
    pub images: usize,
    pub bounds: Vec<Bound>,
}

impl Bounds {
    /// Which stretches of t no image drew, in words.
    pub fn unmeasured(&self, path: PathName) -> Option<String> {
        let terms = &self.bounds.first()?.terms;
        let missing = terms.iter().filter(|term| term.sum.is_none()).count();
        // Continuous time is drawn by what it adds to the bound: hardly ever where that is next to nothing.
        (missing > 0 && path == PathName::Vp).then(|| {
            format!(
                "{} image{} drew no t in {missing} of the {} stretches of t: these are not measured, and what the \
                 others say is rough; --vlb-images 512 is usual",
                self.images,
                if self.images == 1 { "" } else { "s" },
                terms.len()
            )
        })
    }
}

/// The likelihood along the probability-flow ODE.
#[derive(Clone, Debug, PartialEq)]
pub struct OdeLikelihood {
    pub unit: Unit,
    pub images: usize,
    /// In nats.
    pub estimate: Estimate,
    /// Network calls an image.
    pub calls: f64,
    pub tolerance: f64,
}

/// Measures the bound.
///
/// # Errors
/// What the network reports.
pub fn bounds(args: &Args, model: &LoadedModel, material: &Material, workers: &Arc<Workers>) -> Result<Bounds> {
    let levels = levels(model, material);
    let wanted = args.vlb_images.unwrap_or(if is_points(model.image_shape) { 2000 } else { 512 }) as usize;
    let settings = BoundSettings {
        strata: STRATA,
        clip: levels == PixelLevels::Grey256,
        learned_variance: model.config.diffusion.variance_type == VarianceType::LearnedRange,
    };
    let (mut bounds, unit, images) =
        on_images("bound", wanted, args, model, material, workers, |subject| eval::bound(subject, settings))?;
    finite(bounds.iter().map(|bound| bound.total))?;
    bounds.sort_by(|a, b| a.total.mean.total_cmp(&b.total.mean));
    Ok(Bounds { unit, images, bounds })
}

/// Solves the probability-flow ODE.
///
/// # Errors
/// What the network or the solver reports.
pub fn flow(args: &Args, model: &LoadedModel, material: &Material, workers: &Arc<Workers>) -> Result<OdeLikelihood> {
    let points = is_points(model.image_shape);
    let wanted = args.nll_images.unwrap_or(if points { 1000 } else { 32 }) as usize;
    let settings = FlowSettings {
        pair: &DORMAND_PRINCE,
        tolerance: Tolerance { rtol: args.tolerance(), atol: args.tolerance() },
        batch: if points { POINTS_BATCH } else { BATCH },
    };
    let (found, unit, images) = on_images("likelihood", wanted, args, model, material, workers, |subject| {
        eval::flow_likelihood(subject, settings)
    })?;
    finite([found.estimate()])?;
    Ok(OdeLikelihood { unit, images, estimate: found.estimate(), calls: found.calls, tolerance: args.tolerance() })
}

/// Latents are real numbers, whatever the pictures' pixels are.
fn levels(model: &LoadedModel, material: &Material) -> PixelLevels {
    if model.latents.is_some() { PixelLevels::Real } else { material.levels() }
}

/// A likelihood is a number.
fn finite(found: impl IntoIterator<Item = Estimate>) -> Result<()> {
    let finite = found.into_iter().all(|estimate| estimate.mean.is_finite());
    ensure!(finite, "the network answers with NaN or infinite values");
    Ok(())
}

/// Measures something of up to `wanted` unseen images, each of them told its own class; with the unit, and how
/// many there were.
fn on_images<T>(
    what: &str,
    wanted: usize,
    args: &Args,
    model: &LoadedModel,
    material: &Material,
    workers: &Arc<Workers>,
    measure: impl FnOnce(&LikelihoodData) -> Result<T>,
) -> Result<(T, Unit, usize)> {
    let data = material.unseen();
    let indices = data.spread(wanted);
    let labels: Vec<usize> = data.class_of(&indices).into_iter().map(|class| class as usize).collect();
    let classes = (model.net.num_classes().is_some() && labels.len() == indices.len()).then_some(labels);
    let denoiser = |range: Range<usize>| -> Result<Box<dyn Denoiser + Send>> {
        traced_denoiser(&model.net, &model.parameterization, classes.as_ref().map(|classes| &classes[range]))
    };
    let bar: ProgressBar = progress(what, indices.len() as u64)?;
    let subject = LikelihoodData {
        schedule: &model.parameterization.schedule,
        x_0: &model.seen(&images(data, &indices, &Device::Cpu)?)?,
        levels: levels(model, material),
        denoiser: &denoiser,
        workers,
        seed: args.seed,
        seen: &|done, _| bar.set_position(done as u64),
    };
    let unit = Unit::of(subject.levels, subject.dims()?);
    let found = measure(&subject);
    bar.finish_and_clear();
    Ok((found?, unit, indices.len()))
}
