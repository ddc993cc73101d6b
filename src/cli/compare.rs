//! `difflab compare`: where runs differ, and what came of it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::UsageError;
use super::output::OutputFile;
use crate::config;
use crate::data::shown;
use crate::lab::Outcome;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::run::{self, StepRecord, distinct_names};
use crate::speak;
use crate::tui::terminal::abilities;
use crate::tui::{self, ImageProtocol, TuiOptions};

/// Compare runs: their curves over one another, the config keys that differ, and the results.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run folders, beginnings of names in runs/, or `latest`: two or more.
    #[arg(required = true, num_args = 2..)]
    runs: Vec<String>,
    /// How to print the comparison [default: on a terminal it is shown on a screen, with curves; else a table].
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    /// How to draw pictures on the screen.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    images: ImageProtocol,
    /// Draw the losses of all runs into this file as well.
    #[arg(long, value_name = "FILE.png", value_parser = png)]
    plot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

fn png(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("png") => Ok(path),
        _ => Err("plots are PNG files: give a name that ends in .png".into()),
    }
}

/// Is the comparison to be shown on a screen, where one can zoom, read and sample, rather than printed?
pub fn is_for_the_screen(args: &Args) -> bool {
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    args.format.is_none() && args.plot.is_none() && on_terminal && abilities::no_screen().is_none()
}

/// Shows the comparison on a screen until the user leaves.
///
/// # Errors
/// Names that mean no run, and terminals that can't be used.
pub fn show(args: &Args) -> Result<Outcome> {
    let dirs = args.runs.iter().map(|name| run::find(name)).collect::<Result<_, _>>()?;
    tui::compare(dirs, TuiOptions { images: args.images, ..TuiOptions::default() })
}

/// Prints the comparison.
///
/// # Errors
/// When a run cannot be read, or the plot cannot be written.
pub fn run(args: Args) -> Result<()> {
    let plot = args.plot.as_deref().map(|path| OutputFile::new(path, "--plot", &["png"])).transpose()?;
    let dirs: Vec<PathBuf> = args.runs.iter().map(|name| run::find(name)).collect::<Result<_, _>>()?;
    let named = dirs.iter().zip(distinct_names(&dirs));
    let runs: Vec<Run> = named.map(|(dir, name)| Run::read(dir, &name)).collect::<Result<_>>()?;
    runs.iter().filter_map(|run| run.unread.as_ref()).for_each(speak::warn);
    let text = match args.format.unwrap_or(Format::Table) {
        Format::Table => table(&runs) + &comparability(&runs).map_or(String::new(), |note| format!("\n{note}\n")),
        Format::Json => serde_json::to_string_pretty(&json(&runs))? + "\n",
    };
    speak::print(&text)?;
    if let Some(plot) = plot {
        let plots = plots(&runs);
        if plots.iter().all(|plot| plot.series.iter().all(|series| series.points.is_empty())) {
            return Err(UsageError::new("--plot: none of these runs has any losses yet").into());
        }
        plot.write(|path, _| save_stacked(&plots, path, 1000, 420 * plots.len() as u32))?;
        speak::remark(format_args!("wrote {}", plot.path.display()));
    }
    Ok(())
}

/// What is compared of one run.
struct Run {
    name: String,
    /// Every key, dotted.
    keys: BTreeMap<String, toml::Value>,
    metrics: Vec<StepRecord>,
    /// Why there are none where there should be, or not all.
    unread: Option<String>,
}

impl Run {
    fn read(path: &Path, name: &str) -> Result<Self> {
        let run::Logged { records: metrics, unread } = run::logged_metrics(path)?;
        let newest = if metrics.is_empty() { run::newest_metrics(path, 0).map(|_| ()) } else { Ok(()) };
        Ok(Self {
            name: shown(name),
            keys: run::config_of(path)?.values(),
            metrics,
            unread: newest.err().map(|error| format!("{error:#}")).or(unread.words()),
        })
    }

    /// Rows of the table of results, in its order.
    fn results(&self) -> [(&'static str, Option<f64>); 8] {
        let last = self.metrics.last();
        let held_out = || self.metrics.iter().filter_map(|record| Some((record.step, record.val_loss?)));
        let best = held_out().min_by(|a, b| a.1.total_cmp(&b.1));
        [
            ("steps", last.map(|record| record.step as f64)),
            ("epochs", last.map(|record| record.epoch)),
            ("loss (smoothed)", last.map(|record| record.loss_smoothed)),
            ("held-out loss", held_out().next_back().map(|(_, loss)| loss)),
            ("best held-out loss", best.map(|(_, loss)| loss)),
            ("  at step", best.map(|(step, _)| step as f64)),
            ("images/s (median)", median(self.metrics.iter().map(|record| record.images_per_s).collect())),
            ("time, minutes", last.map(|record| record.elapsed_s / 60.0)),
        ]
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The keys on which not all runs agree.
fn differing(runs: &[Run]) -> Vec<&str> {
    config::differing(&runs.iter().map(|run| &run.keys).collect::<Vec<_>>())
}

/// What of the losses can be compared, where not all of them can.
fn comparability(runs: &[Run]) -> Option<String> {
    config::comparable(&runs.iter().map(|run| &run.keys).collect::<Vec<_>>()).words()
}

fn table(runs: &[Run]) -> String {
    let differing = differing(runs);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let row = |first: &str, cell: &dyn Fn(&Run) -> String| -> Vec<String> {
        std::iter::once(first.to_string()).chain(runs.iter().map(cell)).collect()
    };
    rows.push(row("", &|run| run.name.clone()));
    for key in &differing {
        rows.push(row(key, &|run| run.keys.get(*key).map_or("–".into(), |value| short(&value.to_string()))));
    }
    if differing.is_empty() {
        rows.push(vec!["(the configs are the same)".into()]);
    }
    rows.push(Vec::new());
    for (i, (name, _)) in runs.first().map(Run::results).into_iter().flatten().enumerate() {
        rows.push(row(name, &|run| run.results()[i].1.map_or("–".into(), number)));
    }
    aligned(&rows)
}

/// Rows as text, columns under each other.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| cell.clone() + &" ".repeat(width - cell.width())).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Long values (a list of a thousand β) by their beginning.
fn short(text: &str) -> String {
    const LONGEST: usize = 36;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.4}")
    }
}

fn json(runs: &[Run]) -> Value {
    let config: serde_json::Map<String, Value> = differing(runs)
        .into_iter()
        .map(|key| (key.to_string(), runs.iter().map(|run| json!(run.keys.get(key))).collect()))
        .collect();
    let results: Vec<Value> = runs
        .iter()
        .map(|run| {
            let [steps, epochs, loss, val_loss, best, best_step, images_per_s, minutes] = run.results().map(|r| r.1);
            json!({
                "run": run.name,
                "step": steps.map(|step| step as u64),
                "epoch": epochs,
                "loss_smoothed": loss,
                "val_loss": val_loss,
                "best_val_loss": best,
                "best_val_step": best_step.map(|step| step as u64),
                "images_per_s": images_per_s,
                "elapsed_s": minutes.map(|minutes| minutes * 60.0),
            })
        })
        .collect();
    json!({
        "runs": runs.iter().map(|run| run.name.clone()).collect::<Vec<_>>(),
        "config": config,
        "results": results,
        "note": comparability(runs),
    })
}

/// The smoothed loss of each run, and its held-out loss where any has one.
fn plots(runs: &[Run]) -> Vec<LinePlot> {
    let plot = |title: &str, points: &dyn Fn(&Run) -> Vec<(f64, f64)>| LinePlot {
        title: title.into(),
        x_label: "step".into(),
        y_label: "loss".into(),
        log_y: true,
        series: runs
            .iter()
            .enumerate()
            .map(|(i, run)| Series { name: run.name.clone(), color: DARK.line(i), points: points(run) })
            .collect(),
    };
    let train = plot("Training loss, smoothed", &|run| {
        run.metrics.iter().map(|record| (record.step as f64, record.loss_smoothed)).collect()
    });
    let held_out = plot("Held-out loss", &|run| {
        run.metrics.iter().filter_map(|record| Some((record.step as f64, record.val_loss?))).collect()
    });
    let any = held_out.series.iter().any(|series| series.points.len() > 1);
    if any { vec![train, held_out] } else { vec![train] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn a_run(name: &str, learning_rate: f64, val_loss: &[f64]) -> Run {
        let mut config = Config::default();
        config.train.learning_rate = learning_rate;
        let metrics = val_loss.iter().enumerate().map(|(i, &val_loss)| StepRecord {
            epoch: 0.5,
            loss: 0.3,
            loss_smoothed: 0.25,
            val_loss: Some(val_loss),
            lr: learning_rate,
            images_per_s: 100.0 + i as f64,
            elapsed_s: 90.0,
            ..StepRecord::at(10 * (i as u64 + 1))
        });
        Run { name: name.into(), keys: config.values(), metrics: metrics.collect(), unread: None }
    }

    #[test]
    fn only_the_keys_that_differ_are_told_and_the_results_line_up() {
        let runs = [a_run("one", 1e-3, &[0.5, 0.2, 0.3]), a_run("another", 2e-3, &[])];
        assert_eq!(differing(&runs), ["train.learning_rate"]);
        let text = table(&runs);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("another"), lines[1].find("0.002"));
        assert!(text.contains("0.3000") && text.contains("0.2000") && text.contains("1.5000"), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("  at step") && line.contains("20")), "{text}");
        let same = [a_run("a", 1e-3, &[]), a_run("b", 1e-3, &[])];
        assert!(table(&same).contains("the same"));
    }

    #[test]
    fn losses_that_measure_other_things_are_said_to() {
        let of = |key: &str, value: &str| {
            let mut other = a_run("b", 1e-3, &[]);
            other.keys.insert(key.into(), toml::Value::String(value.into()));
            comparability(&[a_run("a", 1e-3, &[]), other])
        };
        let target = of("diffusion.prediction_type", "epsilon").unwrap();
        assert!(
            target.contains("since diffusion.prediction_type differs") && target.contains("difflab eval"),
            "{target}"
        );
        assert!(of("data.dataset", "emoji-32").unwrap().starts_with("Neither"));
        let weighting = of("train.loss_weighting", "min_snr").unwrap();
        assert!(weighting.contains("held-out losses can"), "{weighting}");
        assert_eq!((of("train.learning_rate", "x"), of("train.timestep_sampling", "stratified")), (None, None));
        assert!(of("train.timestep_sampling", "log_normal").unwrap().starts_with("The training losses"));
        assert!(of("diffusion.variance_type", "learned_range").unwrap().starts_with("The training losses"));
    }

    #[test]
    fn json_has_numbers_and_null_where_nothing_was_measured() {
        let value = json(&[a_run("one", 1e-3, &[0.5, 0.2]), a_run("two", 2e-3, &[])]);
        assert_eq!(value["config"], json!({"train.learning_rate": [1e-3, 2e-3]}));
        assert_eq!(value["results"][0]["best_val_step"], 20);
        assert_eq!(value["results"][0]["images_per_s"], 101.0);
        assert_eq!(value["results"][1]["val_loss"], Value::Null);
    }

    #[test]
    fn the_plot_has_a_line_a_run_and_long_values_are_cut() {
        let plots = plots(&[a_run("one", 1e-3, &[0.5, 0.2]), a_run("two", 2e-3, &[0.4, 0.1])]);
        assert_eq!(plots.len(), 2);
        assert_eq!(plots[1].series[1].points, [(10.0, 0.4), (20.0, 0.1)]);
        assert_eq!(short(&"β".repeat(50)).chars().count(), 37);
    }
}
