//! What is shown and written.

use std::time::Instant;

use anyhow::{Result, anyhow};
use candle_core::Tensor;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::edit::{Edit, INTERPOLATED};
use super::ignored::ignored;
use super::plan::{SamplePlan, set_as_asked};
use super::shell::at_the_shell;
use super::without_samples::without_samples;
use super::{table, through_training};
use crate::cli::UsageError;
use crate::cli::output::OutputFile;
use crate::cli::over_ranks;
use crate::picture::{self, FilmTiming};
use crate::ranks::world;
use crate::run::{self, HowFound, LoadedModel, Recording};
use crate::sampling::editing::{self, Inversion};
use crate::sampling::{self, Trajectory};
use crate::speak;

/// Frames of a film, and pictures of a strip.
const FILM_FRAMES: usize = 61;
const STRIP_PICTURES: usize = 11;
const STRIP_IMAGES: usize = 4;
const GRID_WIDTH: usize = 1120;
const FILM_WIDTH: usize = 800;

/// Runs the subcommand.
///
/// # Errors
/// A usage error for what can't be asked of this run; else what went wrong while sampling or writing.
pub fn run(mut args: Args) -> Result<()> {
    // Of several ranks the first shows and writes.
    args.quiet |= !world().leads();
    run::check_draws(&run::find(&args.run)?, "no samples can be drawn")?;
    if args.through_training {
        return through_training::run(&args);
    }
    if !args.grid.is_empty() {
        return table::run(&args);
    }
    let out = args.out.as_deref().map(|path| OutputFile::new(path, "--out", &["png", "safetensors"])).transpose()?;
    let film =
        args.trajectory.as_deref().map(|path| OutputFile::new(path, "--trajectory", &["gif", "png"])).transpose()?;
    if let (Some(out), Some(film)) = (&out, &film)
        && out.is_the_file_of(film)
    {
        let message =
            format!("--out and --trajectory are both {}: give the film a name of its own", out.path.display());
        return Err(UsageError::new(message).into());
    }
    let mut model = over_ranks::open(&run::find(&args.run)?, args.checkpoint)?;
    let own = model.config.sample.clone();
    set_as_asked(&args, &mut model)?;
    for warning in &model.warnings {
        speak::warn(warning);
    }
    let plan = SamplePlan::new(&args, &model)?;
    for remark in ignored(&args, &plan, &model, &own) {
        speak::warn(remark);
    }
    let (settings, scale) = (&plan.settings, plan.guidance.scale);
    if let Some(warning) = sampling::check_stability(&model.parameterization, settings, scale) {
        speak::warn(warning);
    }
    if let Some(remark) = plan.how.as_ref().map(|how| how_words(how, &model)) {
        speak::remark(remark);
    }
    plan.edit.iter().flat_map(Edit::remarks).for_each(speak::remark);
    if let (Some(Edit::Inpaint { .. }), Some(latents)) = (&plan.edit, &model.latents) {
        let ((height, _, _), (h, _, _)) = (latents.image_shape(), latents.shape());
        speak::remark(format_args!(
            "inpainting in latents, each of {0}×{0} pixels: those that the mask touches are made anew, and at the end the \
             pixels that it keeps are the picture's own",
            height / h
        ));
    }
    if let Some(Edit::Invert { image, .. }) = &plan.edit {
        return inverted(&args, &plan, &model, image, out);
    }

    let started = Instant::now();
    let recording = plan.sample(&model, if film.is_some() { FILM_FRAMES } else { 0 }, !args.quiet);
    let recording = recording.map_err(|error| without_samples(error, &plan, &model))?;
    let took = started.elapsed();

    let columns = run::columns_for(plan.num(), plan.classes.as_deref().unwrap_or(&[]));
    let originals = plan.edit.as_ref().map_or(Ok(Vec::new()), Edit::originals)?;
    let grid = if originals.is_empty() {
        let columns = if plan.edit.is_some() { plan.num().min(INTERPOLATED) } else { columns };
        recording.grid(columns, GRID_WIDTH)?
    } else {
        let shown: Vec<&Tensor> = originals.iter().chain([&recording.samples]).collect();
        let shown = Tensor::cat(&shown, 0)?;
        run::grid_of(&shown, picture::square_columns(shown.dim(0)?), GRID_WIDTH)?
    };
    if let Some(out) = out {
        // One sample is written alone, whatever it is shown beside, so that it can be edited in its turn.
        let (saved, sheet) = match plan.num() {
            1 => (recording.grid(1, GRID_WIDTH)?, run::sheet_words(1, model.image_shape)),
            n => (grid.clone(), run::sheet_words(n, model.image_shape)),
        };
        out.write(|path, kind| match kind {
            "png" => picture::save_png(&saved, path, sheet.as_deref()),
            _ => run::write_samples(path, &recording.samples),
        })?;
        speak::remark(format_args!("wrote {}", out.path.display()));
    }
    if let Some(film) = film {
        film.write(|path, kind| match kind {
            "gif" => {
                let frames = recording.film(picture::square_columns(plan.num()), FILM_WIDTH);
                picture::save_film(&frames, path, FilmTiming::default())
            }
            _ => picture::save_png(&recording.strip(STRIP_IMAGES, STRIP_PICTURES), path, Some("a strip of moments")),
        })?;
        let shown = film_words(film.kind, recording.frames(), plan.num(), plan.is_in_plane());
        speak::remark(format_args!("wrote {}{shown}", film.path.display()));
    }
    // Last: what can't be shown is in its files all the same.
    if !args.quiet {
        picture::print_in_terminal(&grid, at_the_shell(args.images))?;
        speak::print(&format!("{} · {:.1} s\n", plan.caption(&model, recording.calls), took.as_secs_f64()))?;
    }
    Ok(())
}

/// " (61 of 1001 frames)" of a film or strip that shows less than all.
fn film_words(kind: &str, (kept, all): (usize, usize), samples: usize, in_plane: bool) -> String {
    let (shown, what) = if kind == "gif" { (kept, "frames") } else { (kept.min(STRIP_PICTURES), "moments") };
    let mut parts = Vec::new();
    if shown < all {
        parts.push(format!("{shown} of {all} {what}, evenly spread"));
    }
    if kind != "gif" && samples > STRIP_IMAGES && !in_plane {
        parts.push(format!("{STRIP_IMAGES} of {samples} samples"));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// Finds the noise of a picture, makes the picture from it again, and shows how well that went.
fn inverted(
    args: &Args,
    plan: &SamplePlan,
    model: &LoadedModel,
    image: &Tensor,
    out: Option<OutputFile>,
) -> Result<()> {
    let started = Instant::now();
    let schedule = &model.parameterization.schedule;
    let levels = sampling::levels(schedule, &plan.settings)?;
    let denoiser = plan.denoiser(model)?;
    let most = Inversion::calls_for(levels.len()) + levels.len();
    let bar = if args.quiet { ProgressBar::hidden() } else { ProgressBar::new(most as u64) };
    bar.set_style(ProgressStyle::with_template("inverting {bar:30} {pos}/{len} · {eta} left")?);
    let seen = model.seen(image)?;
    let inversion = editing::invert(denoiser.as_ref(), &levels, &seen, |calls| bar.set_position(calls as u64))?;
    let noise = (&inversion.x_t / schedule.noise_scale(levels[0]))?;
    let finite = noise.abs()?.sum_all()?.to_scalar::<f32>()?.is_finite();
    if !finite {
        let error = anyhow!("the inversion diverged to NaN or infinite values: nothing was written");
        return Err(match model.ill(plan.classes.as_deref())? {
            Some(ill) => anyhow!("{error}\n  {ill}\n  {}", model.cure()),
            None => anyhow!("{error}\n  try more --steps, or a smaller --guidance-scale"),
        });
    }
    let trajectory = Trajectory::new(denoiser, schedule.clone(), &plan.settings, noise.clone(), plan.seed)?;
    let trajectory = trajectory.in_latents(model.latents.as_ref());
    let again = Recording::of(trajectory, 0, |frame| bar.set_position((inversion.calls + frame.index) as u64));
    bar.finish_and_clear();
    let again = again.map_err(|error| without_samples(error, plan, model))?.samples;

    let (rmse, largest) = difference(&again, image)?;
    let grid = run::grid_of(&Tensor::cat(&[image, &model.shown(&(&noise * 0.5)?)?, &again], 0)?, 3, GRID_WIDTH)?;
    if let Some(out) = out {
        out.write(|path, kind| match kind {
            "png" => picture::save_png(&grid, path, Some("a picture, its noise and its reconstruction")),
            _ => run::write_noise(path, &noise, &plan.how_found(model)),
        })?;
        speak::remark(format_args!("wrote {}", out.path.display()));
    }
    if !args.quiet {
        picture::print_in_terminal(&grid, at_the_shell(args.images))?;
        let calls = inversion.calls + levels.len();
        let took = started.elapsed().as_secs_f64();
        let caption = plan.caption(model, calls);
        speak::print(&format!("picture, noise (at half its size), reconstruction · {caption} · {took:.1} s\n"))?;
    }
    speak::print(&format!(
        "reconstruction error: {rmse:.4} (root mean square of pixels in [-1, 1]), {largest:.4} at most\n"
    ))?;
    if let Some(latents) = &model.latents {
        let (rmse, largest) = difference(&latents.decode(&seen)?, image)?;
        speak::print(&format!(
            "of that the autoencoder's own, encoding the picture and decoding it: {rmse:.4}, {largest:.4} at most\n"
        ))?;
    }
    Ok(())
}

/// Root mean square of the difference, and the largest one.
fn difference(a: &Tensor, b: &Tensor) -> Result<(f32, f32)> {
    let off = (a - b)?;
    Ok((off.sqr()?.mean_all()?.to_scalar::<f32>()?.sqrt(), off.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?))
}

/// "--noise: found by --invert, and sampled as it was found: ddim 50, w 0, class 9; flags say otherwise".
fn how_words(how: &HowFound, model: &LoadedModel) -> String {
    let class = match how.class {
        Some(class) => format!("class {}", model.classes.get(class).cloned().unwrap_or_else(|| class.to_string())),
        None => "no class".into(),
    };
    let (sampler, steps, w) = (how.sample.sampler.name(), how.sample.steps, how.sample.guidance_scale);
    format!(
        "--noise: found by --invert; using its settings ({sampler} {steps}, w {w}, {class}) unless a flag says otherwise"
    )
}
