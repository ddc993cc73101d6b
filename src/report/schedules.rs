//! The curves of the noise schedules.

use super::chart::{Chart, Line};
use super::reported_run::ReportedRun;
use super::thin::stretches;
use crate::config::PathName;
use crate::diffusion::Schedule;

/// Timesteps of a curve.
const POINTS: usize = 250;

/// One run: its α, σ and, on path vp, ᾱ over t, and its SNR. Several: each of them for all.
pub fn charts(runs: &[ReportedRun]) -> Vec<Chart> {
    let schedules: Vec<Option<Schedule>> = runs.iter().map(of_run).collect();
    match (runs, &schedules[..]) {
        ([_], [Some(schedule)]) => of_one(schedule),
        _ => {
            let all = |title: &str, log_y: bool, value: fn(&Schedule, usize) -> f64| Chart {
                title: title.into(),
                x: "t",
                log_y,
                bands: Vec::new(),
                lines: schedules
                    .iter()
                    .zip(runs)
                    .enumerate()
                    .filter_map(|(i, (schedule, run))| {
                        // Later ones are dashed, so that one that lies under them is seen.
                        Some(line(&run.name, &format!("c-run{i}"), i > 0, schedule.as_ref()?, value))
                    })
                    .collect(),
            };
            vec![
                all("Signal α(t)", false, |schedule, t| schedule.alpha(t)),
                all("Noise σ(t)", false, |schedule, t| schedule.sigma(t)),
                all("Signal-to-noise ratio α²/σ²", true, |schedule, t| schedule.snr(t)),
            ]
        }
    }
}

/// An autoencoder has none.
fn of_run(run: &ReportedRun) -> Option<Schedule> {
    if run.config.trains_autoencoder() { None } else { Schedule::from_config(&run.config.diffusion).ok() }
}

fn of_one(schedule: &Schedule) -> Vec<Chart> {
    let (mut lines, named) = (Vec::new(), schedule.path == PathName::Vp);
    if named {
        lines.push(line("ᾱ", "c-accent", true, schedule, |schedule, t| schedule.alphas_cumprod[t]));
    }
    let (alpha, sigma) = if named { ("√ᾱ: signal", "√(1−ᾱ): noise") } else { ("α: signal", "σ: noise") };
    lines.push(line(alpha, "c-x0", false, schedule, |schedule, t| schedule.alpha(t)));
    lines.push(line(sigma, "c-xt", false, schedule, |schedule, t| schedule.sigma(t)));
    let title = format!("Schedule: {}", schedule.label());
    let snr = vec![line("α²/σ²", "c-accent", false, schedule, |schedule, t| schedule.snr(t))];
    vec![
        Chart { title, x: "t", log_y: false, bands: Vec::new(), lines },
        Chart { title: "Signal-to-noise ratio".into(), x: "t", log_y: true, bands: Vec::new(), lines: snr },
    ]
}

fn line(name: &str, color: &str, dashed: bool, schedule: &Schedule, value: fn(&Schedule, usize) -> f64) -> Line {
    let times = stretches(schedule.timesteps(), POINTS).map(|part| part.start).chain([schedule.timesteps() - 1]);
    let points = times.map(|t| (t as f64, value(schedule, t))).collect();
    Line { name: name.into(), color: color.into(), dashed, points }
}
