//! `difflab eval`: how many samples read as the class asked for.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;
use indicatif::{ProgressBar, ProgressStyle};

use super::UsageError;
use crate::config::SamplerName;
use crate::eval::{ClassAccuracy, Judge, class_accuracy};
use crate::kernels::Workers;
use crate::run::{self, LoadedModel};
use crate::sampling::{self, SamplerSettings, Trajectory};

/// Let the bundled judge read a run's digits.
///
/// Draws class-conditional samples with the EMA weights and DDIM, each class as often, and reports the
/// share that the judge (a small classifier, 99.06 % right on MNIST's test digits) reads as the class
/// asked for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// The weights of this checkpoint. Default: the newest good one.
    #[arg(long, value_name = "STEP")]
    pub checkpoint: Option<u64>,
    /// How many samples, the classes in turn.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub num: u64,
    /// w in (1 + w)·ε_cond − w·ε_uncond; many libraries count s = 1 + w instead.
    #[arg(long, value_name = "W", default_value_t = 1.0, allow_negative_numbers = true)]
    pub guidance_scale: f64,
    /// DDIM steps.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub steps: usize,
    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Processor threads; 0: as many as there are physical cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// A usage error for a run whose samples the judge can't read; else what went wrong while sampling.
pub fn run(args: Args) -> Result<()> {
    let model = LoadedModel::open(&run::find(&args.run)?, args.checkpoint)?;
    for warning in &model.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(reason) = unreadable(&model) {
        return Err(UsageError::new(format!("this run can't be judged: {reason}")).into());
    }
    if args.steps == 0 || args.steps > model.parameterization.schedule.timesteps() {
        let message = format!(
            "--steps {}: this run has 1 to {} timesteps",
            args.steps,
            model.parameterization.schedule.timesteps()
        );
        return Err(UsageError::new(message).into());
    }
    let accuracy = measure(&args, &model)?;
    let text = match args.format {
        Format::Table => table(&args, model.step, &accuracy),
        Format::Json => serde_json::to_string(&json(&args, model.step, &accuracy))? + "\n",
    };
    // Whoever closed the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Why the judge can't read this run's samples, if so.
fn unreadable(model: &LoadedModel) -> Option<String> {
    let digits = (0..Judge::CLASSES).map(|d| d.to_string());
    if model.image_shape != (Judge::SIZE, Judge::SIZE, 1) {
        let (h, w, c) = model.image_shape;
        return Some(format!(
            "the bundled judge reads 28×28 grey digits, and its images are {h}×{w} with {c} channels"
        ));
    }
    if model.net.num_classes() != Some(Judge::CLASSES) {
        return Some("the network was not trained with the ten digits as classes, so none can be asked for".into());
    }
    if !model.classes.is_empty() && !model.classes.iter().cloned().eq(digits) {
        return Some(format!("the bundled judge reads digits, and its classes are {}", model.classes.join(", ")));
    }
    None
}

fn measure(args: &Args, model: &LoadedModel) -> Result<ClassAccuracy> {
    let judge = Judge::load()?;
    let (h, w, c) = model.image_shape;
    let num = args.num as usize;
    let classes = run::classes_in_turn(num, Judge::CLASSES, None);
    let denoiser = sampling::network_denoiser(
        &model.net,
        &model.parameterization,
        Some(&classes),
        args.guidance_scale,
        Arc::new(Workers::new(args.threads)?),
    )?;
    let settings = SamplerSettings {
        sampler: SamplerName::Ddim,
        steps: args.steps,
        eta: 0.0,
        timesteps: Vec::new(),
        ..SamplerSettings::from(&model.config.sample)
    };
    let noise = sampling::starting_noise(num, h, w, c, args.seed, &Device::Cpu)?;
    let trajectory = Trajectory::new(denoiser, model.parameterization.schedule.clone(), &settings, noise, args.seed)?;
    let bar = ProgressBar::new(args.steps as u64);
    bar.set_style(ProgressStyle::with_template("sampling {bar:30} {pos}/{len} · {eta} left")?);
    let recording = run::Recording::of(trajectory, 0, |frame| bar.set_position(frame.index as u64));
    bar.finish_and_clear();
    class_accuracy(&judge, &recording?.samples, &classes)
}

fn table(args: &Args, step: u64, accuracy: &ClassAccuracy) -> String {
    let mut out = format!(
        "step {step}: {:.1} % of {} samples read as the class asked for\n\
         (read by the bundled judge; DDIM {}, w {} (s {}), EMA weights, seed {})\n\n",
        100.0 * accuracy.share(),
        accuracy.total(),
        args.steps,
        args.guidance_scale,
        1.0 + args.guidance_scale,
        args.seed
    );
    out += "class   read as it\n";
    for (class, (right, total)) in accuracy.per_class.iter().enumerate() {
        let filled = if *total == 0 { 0 } else { (right * 20 + total / 2) / total };
        out += &format!("{class:>5}   {right:>4} of {total:<4} {}\n", "█".repeat(filled));
    }
    if !accuracy.mistakes.is_empty() {
        let shown: Vec<String> =
            accuracy.mistakes.iter().take(5).map(|(asked, read, n)| format!("{asked} as {read} ({n}×)")).collect();
        out += &format!("\nmost often misread: {}\n", shown.join(", "));
    }
    out
}

fn json(args: &Args, step: u64, accuracy: &ClassAccuracy) -> serde_json::Value {
    serde_json::json!({
        "step": step,
        "class_accuracy": accuracy.share(),
        "right": accuracy.right(),
        "num": accuracy.total(),
        "per_class": accuracy.per_class.iter().map(|c| c.0).collect::<Vec<_>>(),
        "sampler": "ddim",
        "steps": args.steps,
        "guidance_scale": args.guidance_scale,
        "guidance_scale_s": 1.0 + args.guidance_scale,
        "seed": args.seed,
        "measured_with": "the bundled judge",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_the_judge_and_both_guidance_conventions() {
        let args = Args {
            run: String::new(),
            checkpoint: None,
            num: 4,
            guidance_scale: 1.5,
            steps: 50,
            seed: 0,
            format: Format::Table,
            threads: 0,
        };
        let accuracy = ClassAccuracy { per_class: vec![(1, 2), (2, 2)], mistakes: vec![(0, 6, 1)] };
        let text = table(&args, 1500, &accuracy);
        assert!(text.starts_with("step 1500: 75.0 % of 4 samples"), "{text}");
        assert!(text.contains("bundled judge") && text.contains("w 1.5 (s 2.5)"), "{text}");
        assert!(text.contains("0 as 6 (1×)"), "{text}");
        let json = json(&args, 1500, &accuracy);
        assert_eq!(json["class_accuracy"], 0.75);
        assert_eq!(json["guidance_scale_s"], 2.5);
    }
}
