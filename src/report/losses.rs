//! The curves of loss.

use super::chart::{Band, Chart, Line};
use super::reported_run::ReportedRun;
use super::thin::{band, thinned};
use crate::run::StepRecord;

/// Points of a curve, stretches of a band.
const POINTS: usize = 700;
const BAND: usize = 400;

/// One run: its training loss, raw (a band from the least to the largest) and smoothed, and the held-out loss. Several:
/// the smoothed training losses, and the held-out ones.
pub fn charts(runs: &[ReportedRun]) -> Vec<Chart> {
    match runs {
        [run] => vec![one(run)],
        several => {
            let mut charts = vec![of_all("Training loss, smoothed", several, |record| Some(record.loss_smoothed))];
            charts.push(of_all("Held-out loss", several, |record| record.val_loss));
            charts
        }
    }
}

fn one(run: &ReportedRun) -> Chart {
    let raw: Vec<(f64, f64, f64)> = run
        .steps
        .iter()
        .filter(|record| record.loss.is_finite())
        .map(|record| {
            let (low, high) = (record.loss_min.unwrap_or(record.loss), record.loss_max.unwrap_or(record.loss));
            (record.step as f64, low, high)
        })
        .collect();
    // As many points of a line can be told apart; more are a band, of some steps each.
    let stretches = if raw.len() <= BAND { raw.len() } else { BAND.min(raw.len() / 4) };
    let line = |name: &str, color: &str, points| Line { name: name.into(), color: color.into(), dashed: false, points };
    let lines = [
        line("training, smoothed", "c-train", curve(run, |record| Some(record.loss_smoothed))),
        line("held-out", "c-held", curve(run, |record| record.val_loss)),
    ];
    Chart {
        title: "Loss".into(),
        x: "step",
        log_y: true,
        bands: vec![Band { name: "training, raw".into(), color: "c-train".into(), points: band(&raw, stretches) }],
        lines: lines.into_iter().filter(|line| !line.points.is_empty()).collect(),
    }
}

fn of_all(title: &str, runs: &[ReportedRun], value: fn(&StepRecord) -> Option<f64>) -> Chart {
    let line = |(i, run): (usize, &ReportedRun)| Line {
        name: run.name.clone(),
        color: format!("c-run{i}"),
        dashed: false,
        points: curve(run, value),
    };
    let lines = runs.iter().enumerate().map(line).filter(|line| !line.points.is_empty());
    Chart { title: title.into(), x: "step", log_y: true, bands: Vec::new(), lines: lines.collect() }
}

fn curve(run: &ReportedRun, value: impl Fn(&StepRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> =
        run.steps.iter().filter_map(|record| Some((record.step as f64, value(record)?))).collect();
    thinned(&points, POINTS)
}

/// The same for learning rate and gradient norm, of all runs.
pub fn others(runs: &[ReportedRun]) -> Vec<Chart> {
    vec![
        of_all("Learning rate", runs, |record| Some(record.lr)),
        of_all("Gradient norm before clipping", runs, |record| Some(record.grad_norm)),
    ]
}
