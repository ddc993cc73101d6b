//! The table and the picture.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::grid::{Cell, NO_EXPERIMENT, length_of};
use crate::cli::eval::EvalResult;
use crate::cli::experiments::{Results, Table, smoothed_how};
use crate::config::{Config, comparable};
use crate::eval::Estimate;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::process::partial::Partial;
use crate::run::write_replacing;
use crate::speak;

/// A run of a cell.
pub struct SeedResults {
    pub seed: u64,
    pub losses: Results,
    pub measured: Vec<EvalResult>,
    /// Why it has no results, if so.
    pub failed: Option<String>,
}

/// All runs of a cell.
pub struct CellResults {
    pub cell: Cell,
    /// Of its first run; `None` where it is no experiment.
    pub config: Option<Config>,
    pub seeds: Vec<SeedResults>,
}

impl CellResults {
    fn good(&self) -> impl Iterator<Item = &SeedResults> {
        self.seeds.iter().filter(|seed| seed.failed.is_none())
    }

    /// Over the seeds.
    fn mean(&self, of: impl Fn(&SeedResults) -> Option<f64>) -> Option<Estimate> {
        let values: Vec<f64> = self.good().filter_map(of).collect();
        (!values.is_empty()).then(|| Estimate::of(&values))
    }

    /// Over the seeds; of a single one with the error of its samples.
    fn metric(&self, name: &str) -> Option<Estimate> {
        let found = |seed: &SeedResults| seed.measured.iter().find(|result| result.name == name).cloned();
        let values: Vec<EvalResult> = self.good().filter_map(found).collect();
        match &values[..] {
            [] => None,
            [one] => Some(one.estimate()),
            several => Some(Estimate::of(&several.iter().map(|result| result.mean).collect::<Vec<_>>())),
        }
    }

    /// "diverged at step 12 (seeds 0, 2)": in a few words.
    fn remarks(&self) -> String {
        let mut whys: Vec<(String, Vec<u64>)> = Vec::new();
        for seed in &self.seeds {
            let Some(why) = &seed.failed else { continue };
            let why = why.strip_prefix("training ").unwrap_or(why).split(':').next().unwrap_or_default().to_string();
            match whys.iter_mut().find(|(known, _)| *known == why) {
                Some((_, seeds)) => seeds.push(seed.seed),
                None => whys.push((why, vec![seed.seed])),
            }
        }
        let told = whys.into_iter().map(|(why, seeds)| {
            let word = if seeds.len() == 1 { "seed" } else { "seeds" };
            format!("{why} ({word} {})", seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// A whole sweep.
pub struct Sweep {
    pub base: Config,
    pub cells: Vec<CellResults>,
}

/// Width and height in pixels of each plot, and how many have room in one picture.
const PLOT: (u32, u32) = (1200, 380);
const MOST_PLOTS: usize = 10;
/// Cells of one plot: as many colours as are told apart, and names as have room.
const CELLS_A_PLOT: usize = 6;
/// Letters of a name in a legend.
const NAME: usize = 16;

impl Sweep {
    fn metrics(&self) -> Vec<(String, bool)> {
        let mut names: Vec<(String, bool)> = Vec::new();
        for result in self.cells.iter().flat_map(|cell| &cell.seeds).flat_map(|seed| &seed.measured) {
            if !names.iter().any(|(name, _)| *name == result.name) {
                names.push((result.name.clone(), result.less_is_better));
            }
        }
        names
    }

    fn table(&self) -> Table {
        let keys = self.cells.first().map(|cell| cell.cell.keys()).unwrap_or_default();
        let metrics = self.metrics();
        let mut header: Vec<String> = keys.into_iter().map(String::from).collect();
        header.extend(["seeds", "loss (smoothed)", "held-out loss"].map(String::from));
        header.extend(metrics.iter().map(|(name, _)| name.clone()));
        let remarks = self.cells.iter().any(|cell| !cell.remarks().is_empty());
        if remarks {
            header.push("remarks".into());
        }
        let shown =
            |estimate: Option<Estimate>, digits| estimate.map_or("–".into(), |estimate| estimate.text(digits));
        let row = |cell: &CellResults| {
            let values = cell.cell.labels.iter().map(|label| label.split_once('=').map_or("", |(_, value)| value));
            let mut row: Vec<String> = values.map(String::from).collect();
            let (good, all) = (cell.good().count(), cell.seeds.len());
            row.push(if good == all { all.to_string() } else { format!("{good} of {all}") });
            row.push(shown(cell.mean(|seed| seed.losses.smoothed()), 4));
            row.push(shown(cell.mean(|seed| seed.losses.held_out()), 4));
            row.extend(metrics.iter().map(|(name, _)| shown(cell.metric(name), 3)));
            if remarks {
                row.push(cell.remarks());
            }
            row
        };
        Table { header, rows: self.cells.iter().map(row).collect() }
    }

    /// What to know when reading the table.
    fn notes(&self) -> Vec<String> {
        let seeds = self.cells.iter().map(|cell| cell.seeds.len()).max().unwrap_or(0);
        let mut notes = vec![match seeds {
            0 | 1 => "One seed each: how far other seeds would be from it is not known (--seeds 3).".to_string(),
            n => {
                let partly = self.cells.iter().any(|cell| cell.good().count() < cell.seeds.len());
                let or_fewer = if partly { ", or as many as its row says" } else { "" };
                format!(
                    "Mean ± standard error over {n} seeds{or_fewer}: the standard deviation between runs divided by the \
                     root of their number."
                )
            }
        }];
        let has_error = |cell: &CellResults, name: &str| {
            let seeds = cell.good().filter(|seed| seed.measured.iter().any(|result| result.name == name)).count();
            seeds == 1 && cell.metric(name).is_some_and(|estimate| estimate.standard_error.is_finite())
        };
        let metrics = self.metrics();
        if self.cells.iter().any(|cell| metrics.iter().any(|(name, _)| has_error(cell, name))) {
            notes[0] += " A ± of a single run is that of the samples that were measured.";
        }
        let values: Vec<_> = self.cells.iter().filter_map(|cell| Some(cell.config.as_ref()?.values())).collect();
        notes.extend(comparable(&values.iter().collect::<Vec<_>>()).words());
        for cell in &self.cells {
            let why = cell.seeds.iter().find_map(|seed| seed.failed.as_deref()?.strip_prefix(NO_EXPERIMENT));
            notes.extend(why.map(|why| format!("{} is no experiment: {why}.", cell.cell.labels.join(", "))));
        }
        let less: Vec<String> = self.metrics().into_iter().filter(|(_, less)| *less).map(|(name, _)| name).collect();
        if !less.is_empty() {
            notes.push(format!("Less is better of {}.", less.join(", ")));
        }
        notes.push(smoothed_how());
        notes
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        format!("{}\n{}\n", self.table().text(), self.notes().join("\n"))
    }

    pub fn markdown(&self) -> String {
        format!("{}\n{}\n", self.table().markdown(), self.notes().join("\n\n"))
    }

    pub fn json(&self) -> Value {
        let metrics = |seed: &SeedResults| -> serde_json::Map<String, Value> {
            let one = |result: &EvalResult| {
                let value = json!({"mean": result.mean, "standard_error": result.standard_error});
                (result.name.clone(), value)
            };
            seed.measured.iter().map(one).collect()
        };
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|cell| {
                let number = |estimate: Option<Estimate>| {
                    estimate.map(|e| {
                        let error = e.standard_error.is_finite().then_some(e.standard_error);
                        json!({"mean": e.mean, "standard_error": error})
                    })
                };
                let seeds: Vec<Value> = cell
                    .seeds
                    .iter()
                    .map(|seed| {
                        json!({
                            "seed": seed.seed,
                            "step": seed.losses.step(),
                            "loss_smoothed": seed.losses.smoothed(),
                            "val_loss": seed.losses.held_out(),
                            "metrics": metrics(seed),
                            "failed": seed.failed,
                        })
                    })
                    .collect();
                json!({
                    "set": cell.cell.sets,
                    "loss_smoothed": number(cell.mean(|seed| seed.losses.smoothed())),
                    "val_loss": number(cell.mean(|seed| seed.losses.held_out())),
                    "seeds": seeds,
                })
            })
            .collect();
        json!({"name": self.base.name, "length": self.length(), "cells": cells, "notes": self.notes()})
    }

    /// "300 steps".
    fn length(&self) -> Option<String> {
        length_of(&self.base, self.cells.iter().map(|results| &results.cell))
    }

    /// One colour a cell, a line a seed.
    fn plots(&self) -> Vec<LinePlot> {
        let several = self.cells.len() > CELLS_A_PLOT;
        let groups = self.cells.chunks(CELLS_A_PLOT);
        // The legend has the values alone.
        let keys = self.cells.first().map(|cell| cell.cell.keys().join(", ")).unwrap_or_default();
        groups
            .enumerate()
            .flat_map(|(nth, cells)| {
                let part = if several { format!(" ({})", nth + 1) } else { String::new() };
                let plot = |title: &str, curve: fn(&Results) -> Vec<(f64, f64)>| LinePlot {
                    title: format!("{title} by {keys}{part}"),
                    x_label: "step".into(),
                    y_label: String::new(),
                    log_y: true,
                    series: cells.iter().enumerate().flat_map(|(i, cell)| lines(cell, i, curve)).collect(),
                };
                let held_out = plot("Held-out loss", Results::held_out_curve);
                let any = held_out.series.iter().any(|series| series.points.len() > 1);
                let loss = plot("Loss, smoothed", Results::smoothed_curve);
                if any { vec![loss, held_out] } else { vec![loss] }
            })
            .collect()
    }

    /// Writes sweep.md and sweep.png.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let mut plots = self.plots();
        if plots.len() > MOST_PLOTS {
            speak::warn(format_args!(
                "sweep.png has room for {} combinations: the later ones are in the table alone",
                MOST_PLOTS / 2 * CELLS_A_PLOT
            ));
            plots.truncate(MOST_PLOTS);
        }
        if plots.iter().any(|plot| plot.series.iter().any(|series| !series.points.is_empty())) {
            let file = out.join("sweep.png");
            let part = out.join(".sweep.png.partial");
            let half_written = Partial::at(&part);
            save_stacked(&plots, &part, PLOT.0, PLOT.1 * plots.len() as u32)?;
            std::fs::rename(&part, &file)?;
            drop(half_written);
        }
        let text = format!(
            "# A sweep of {}\n\n{}{}\n![The losses of every run](sweep.png)\n",
            self.base.name,
            self.length().map_or(String::new(), |length| format!("{length} each.\n\n")),
            self.markdown()
        );
        write_replacing(&out.join("sweep.md"), text.as_bytes())?;
        speak::remark(format_args!("wrote {} and sweep.png", out.join("sweep.md").display()));
        Ok(())
    }
}

fn lines(cell: &CellResults, number: usize, curve: fn(&Results) -> Vec<(f64, f64)>) -> Vec<Series> {
    let whole = cell.cell.short();
    let name = match whole.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    };
    let line = |(nth, seed): (usize, &SeedResults)| Series {
        name: if nth == 0 { name.clone() } else { String::new() },
        color: DARK.line(number),
        points: curve(&seed.losses),
    };
    cell.seeds.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StepRecord;

    fn seed(seed: u64, loss: f64, failed: Option<&str>) -> SeedResults {
        let record = StepRecord {
            loss,
            loss_smoothed: loss,
            val_loss: Some(2.0 * loss),
            images_per_s: 10.0,
            elapsed_s: 1.0,
            ..StepRecord::at(10)
        };
        let fid = EvalResult {
            name: "judge-FID".into(),
            mean: 100.0 * loss,
            standard_error: Some(1.0),
            less_is_better: true,
        };
        let measured = if failed.is_none() { vec![fid] } else { vec![] };
        SeedResults { seed, losses: Results { steps: vec![record] }, measured, failed: failed.map(String::from) }
    }

    fn sweep(set: &str) -> Sweep {
        let cell = |value: &str, seeds| {
            let sets = vec![format!("{set}{value}")];
            let config = Config::default().with_overrides(&sets).unwrap();
            CellResults { cell: Cell { labels: vec![format!("x={value}")], sets }, config: Some(config), seeds }
        };
        let diverged = "training diverged at step 7: the loss is NaN";
        Sweep {
            base: Config::default(),
            cells: vec![
                cell("0.1", vec![seed(0, 0.1, None), seed(1, 0.3, None)]),
                cell("0.5", vec![seed(0, 0.5, None), seed(1, 0.9, Some(diverged))]),
            ],
        }
    }

    #[test]
    fn a_row_has_means_with_errors_over_the_seeds_and_what_failed_is_said_and_not_counted() {
        let sweep = sweep("train.min_learning_rate=");
        let rows = sweep.table().rows;
        assert_eq!(rows[0], ["0.1", "2", "0.2000 ± 0.1000", "0.4000 ± 0.2000", "20.000 ± 10.000", ""]);
        assert_eq!(rows[1], ["0.5", "1 of 2", "0.5000", "1.0000", "50.000 ± 1.000", "diverged at step 7 (seed 1)"]);
        let text = sweep.text();
        assert!(text.contains("over 2 seeds") && text.contains("Less is better of judge-FID"), "{text}");
        assert!(!text.contains("can be compared"), "{text}");
        assert!(text.contains("a mean in which each step counts 0.98 of the one after it"), "{text}");
        assert!(self::sweep("train.p2_k=").markdown().starts_with("| x | seeds | loss (smoothed) |"));
        assert_eq!(sweep.json()["cells"][0]["val_loss"]["mean"], 0.4);
        assert_eq!(sweep.json()["cells"][1]["seeds"][1]["metrics"], json!({}));
    }

    #[test]
    fn a_run_that_is_gone_counts_for_nothing_and_an_error_is_explained_where_there_is_one() {
        let mut sweep = sweep("train.min_learning_rate=");
        let gone = SeedResults {
            seed: 1,
            losses: Results::default(),
            measured: vec![],
            failed: crate::cli::experiments::why_gone(Path::new("runs/that/is/gone")),
        };
        sweep.cells[0].seeds[1] = gone;
        let row = &sweep.table().rows[0];
        assert_eq!((row[1].as_str(), row[2].as_str()), ("1 of 2", "0.1000"));
        assert_eq!(row.last().unwrap(), "it is no longer there (seed 1)");
        assert!(sweep.text().contains("or as many as its row says"), "{}", sweep.text());
        assert!(sweep.text().contains("± of a single run"), "{}", sweep.text());
        for cell in &mut sweep.cells {
            cell.seeds.truncate(1);
            cell.seeds[0].measured.clear();
        }
        assert!(sweep.text().contains("One seed each") && !sweep.text().contains('±'), "{}", sweep.text());
    }

    #[test]
    fn why_a_combination_is_no_experiment_is_said_whole() {
        let mut sweep = sweep("train.min_learning_rate=");
        let why = "no experiment: `train.min_learning_rate = 0.5` is impossible: use a number from 0 to 0.1";
        sweep.cells[1].seeds = vec![seed(0, 0.5, Some(why)), seed(1, 0.5, Some(why))];
        let said = "x=0.5 is no experiment: `train.min_learning_rate = 0.5` is impossible: use a number from 0 to 0.1.";
        assert_eq!(sweep.markdown().matches(said).count(), 1, "{}", sweep.markdown());
        assert_eq!(sweep.table().rows[1].last().unwrap(), "no experiment (seeds 0, 1)");
    }

    #[test]
    fn losses_of_other_processes_are_said_not_to_compare_and_each_cell_has_its_colour() {
        let sweep = sweep("diffusion.cosine_s=");
        assert!(sweep.text().contains("Neither training nor held-out losses"), "{}", sweep.text());
        let plots = sweep.plots();
        let colors: Vec<_> = plots[0].series.iter().map(|series| (series.color, series.name.as_str())).collect();
        assert_eq!(colors[0], (DARK.line(0), "0.1"));
        assert_eq!(colors[1], (DARK.line(0), ""));
        assert_eq!(colors[2], (DARK.line(1), "0.5"));
    }
}
