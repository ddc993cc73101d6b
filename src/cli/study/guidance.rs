//! `difflab study guidance`: clearer and less varied, then broken, as the guidance scale grows.

use anyhow::Result;

use super::ledger::Ledger;
use super::report::{FLOOR, all_finite, distance, percent, picture as shown, quality, share, table, told, write};
use super::studied_run::{Options, StudiedRun, make_out};
use crate::cli::UsageError;
use crate::sampling::SamplerSettings;
use crate::speak;

/// What the guidance scale does: samples at w = 0 to 7.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// The scales w of (1 + w)·ε_cond − w·ε_uncond.
    #[arg(long, value_name = "W,W,…", value_delimiter = ',', default_value = "0,0.5,1,2,3,4,5,6,7")]
    scales: Vec<f64>,
    /// Sampling steps. Default: the run's sample.steps.
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// The weights of this checkpoint. Default: the newest good one.
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
}

/// Runs the study.
///
/// # Errors
/// A usage error for a run without classes; else what went wrong while sampling or writing.
pub fn run(args: Args) -> Result<()> {
    let subject = StudiedRun::open(&args.options, args.checkpoint)?;
    if subject.model.net.num_classes().is_none() {
        let message = "guidance needs a run trained with class labels (model.class_conditional = true)";
        return Err(UsageError::new(message).into());
    }
    let out = &args.options.out;
    make_out(out)?;
    let mut settings = SamplerSettings::from(&subject.model.config.sample);
    if let Some(steps) = args.steps {
        // Steps asked for take the place of the run's own list of timesteps.
        (settings.steps, settings.timesteps) = (steps, Vec::new());
    }
    let mut ledger = Ledger::open(&out.join("measured.jsonl"))?;
    let (mut rows, mut points) = (Vec::new(), Vec::new());
    for &w in &args.scales {
        let picture = format!("guidance/w{w}.png");
        let key = format!("guidance {}", subject.key()?);
        let measured = subject.repeat(&mut ledger, &key, &settings, w, &out.join(&picture))?;
        speak::remark(told(&format!("w {w}"), &measured));
        rows.push(vec![
            w.to_string(),
            (1.0 + w).to_string(),
            percent(measured.accuracy()),
            distance(measured.fid()),
            share(measured.precision()),
            share(measured.recall()),
            shown(&measured, &format!("samples at w = {w}"), &picture),
        ]);
        points.push((w, measured));
    }
    if let Some(floor) = subject.floor()? {
        let (accuracy, fid) = (percent(floor.accuracy()), distance(floor.fid()));
        let (precision, recall) = (share(floor.precision()), share(floor.recall()));
        rows.push(vec!["floor".into(), String::new(), accuracy, fid, precision, recall, String::new()]);
    }
    let plots = quality("What guidance does", "guidance scale w", &points);
    let show = if plots.is_empty() { "" } else { "![The table as a plot](guidance.png)\n\n" };
    let text = format!(
        "{}\nSampler {}, {} steps. s = 1 + w is the scale that other libraries count. Precision is the share of samples near \
         training images, which samples that are all alike can have too; recall is the share of training images near \
         samples: their variety.\n\n{show}{FLOOR}{}",
        subject.caption(),
        settings.sampler.name(),
        settings.steps,
        table(&["w", "s", "read as asked", "judge-FID", "precision", "recall", "samples"], &rows)
    );
    write(out, "guidance", &text, &plots)?;
    all_finite(points.iter().map(|(_, measured)| measured))
}
