//! Who is better, and by how many standard errors.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::eval::EvalResult;
use crate::cli::experiments::{Paired, Results, Table, of_steps, smoothed_how};
use crate::config::{Comparable, Config, POINT_SETS, comparable};
use crate::eval::Estimate;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::process::partial::Partial;
use crate::run::write_replacing;
use crate::speak;
use crate::train::SharedDraws;

/// What came of a side.
pub struct Side {
    /// "a: learning_rate=0.003".
    pub name: String,
    pub config: Config,
    pub losses: Results,
    /// Image by image, of the newest weights.
    pub held_out: Vec<f64>,
    pub measured: Vec<EvalResult>,
    /// Why it has no result, if so.
    pub failed: Option<String>,
}

impl Side {
    fn is_of_points(&self) -> bool {
        POINT_SETS.contains(&self.config.data.dataset.as_str())
    }

    fn letter(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }
}

/// A whole race.
pub struct Race {
    pub sides: Vec<Side>,
    pub draws: SharedDraws,
}

/// A number of one side less that of the first.
struct Difference {
    what: String,
    estimate: Estimate,
    less_is_better: bool,
    of: String,
}

/// So many standard errors are taken for a difference.
const CLEAR: f64 = 2.0;
/// Width and height in pixels of each plot.
const PLOT: (u32, u32) = (1200, 420);

impl Difference {
    /// In units of its standard error; `None` where that isn't known.
    fn ratio(&self) -> Option<f64> {
        let Estimate { mean, standard_error } = self.estimate;
        (standard_error.is_finite() && (standard_error > 0.0 || mean == 0.0))
            .then(|| if mean == 0.0 { 0.0 } else { mean / standard_error })
    }

    /// "b is better by 3.2 standard errors".
    fn verdict(&self, first: &str, other: &str) -> String {
        let Some(ratio) = self.ratio() else { return "its error is not known".into() };
        if (self.estimate.mean, self.estimate.standard_error) == (0.0, 0.0) {
            return "the same, number for number".into();
        }
        let better = if (ratio < 0.0) == self.less_is_better { other } else { first };
        match ratio.abs() {
            far if far >= CLEAR => format!("{better} is better by {far:.1} standard errors"),
            near => format!("no clear difference ({near:.1} standard errors)"),
        }
    }
}

impl Race {
    fn comparable(&self, other: &Side) -> Comparable {
        comparable(&[&self.sides[0].config.values(), &other.config.values()])
    }

    /// What can be compared of a side with the first.
    fn differences(&self, other: &Side) -> Vec<Difference> {
        let first = &self.sides[0];
        if first.failed.is_some() || other.failed.is_some() {
            return Vec::new();
        }
        // These two may draw alike where a third does not.
        let paired = SharedDraws::of(&[&first.config, &other.config]).are_paired();
        let comparable = self.comparable(other);
        // How far their networks are that are compared at their ends.
        let (a, b) = (first.losses.step(), other.losses.step());
        let after = if a == b { String::new() } else { format!(", after {a} and {b} steps") };
        let mut found = Vec::new();
        let mut add = |what: &str, paired: Option<Paired>| {
            found.extend(paired.map(|Paired { difference, of }| Difference {
                what: what.into(),
                estimate: difference,
                less_is_better: true,
                of,
            }));
        };
        if comparable.training() && paired {
            add("loss, step for step", of_steps(&first.losses, &other.losses));
        }
        let same_seed = first.config.seed == other.config.seed;
        if comparable.held_out() && same_seed {
            let (noun, each) =
                if other.is_of_points() { ("points", "point by point") } else { ("images", "image by image") };
            let paired = Paired::of_images(&first.held_out, &other.held_out, noun);
            add(&format!("held-out loss, {each}"), paired.map(|paired| Paired { of: paired.of + &after, ..paired }));
        }
        for own in &other.measured {
            let Some(theirs) = first.measured.iter().find(|result| result.name == own.name) else { continue };
            let (a, b) = (theirs.estimate(), own.estimate());
            let standard_error = a.standard_error.hypot(b.standard_error);
            found.push(Difference {
                what: own.name.clone(),
                estimate: Estimate { mean: b.mean - a.mean, standard_error },
                less_is_better: own.less_is_better,
                of: format!("as though each had its own samples{after}"),
            });
        }
        found
    }

    fn metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for result in self.sides.iter().flat_map(|side| &side.measured) {
            if !names.contains(&result.name) {
                names.push(result.name.clone());
            }
        }
        names
    }

    /// The sides and what each came to.
    fn table(&self) -> Table {
        let metrics = self.metrics();
        let mut header = ["", "steps", "loss (smoothed)", "held-out loss"].map(String::from).to_vec();
        header.extend(metrics.iter().cloned());
        let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
        let row = |side: &Side| {
            let mut row = vec![side.name.clone(), side.losses.step().to_string()];
            row.extend([number(side.losses.smoothed()), number(side.losses.held_out())]);
            row.extend(metrics.iter().map(|name| {
                let found = side.measured.iter().find(|result| result.name == *name);
                found.map_or("–".into(), |result| result.estimate().text(3))
            }));
            row
        };
        Table { header, rows: self.sides.iter().map(row).collect() }
    }

    /// The differences from the first side, with verdicts.
    fn verdicts(&self) -> Table {
        let first = self.sides[0].letter();
        let header = ["", "difference", "verdict", "over"].map(String::from).to_vec();
        let rows = self.sides.iter().skip(1).flat_map(|other| {
            let of = |difference: Difference| {
                let letter = other.letter();
                vec![
                    format!("{letter} − {first}: {}", difference.what),
                    difference.estimate.text(4),
                    difference.verdict(first, letter),
                    difference.of,
                ]
            };
            self.differences(other).into_iter().map(of).collect::<Vec<_>>()
        });
        Table { header, rows: rows.collect() }
    }

    /// What to know when reading the numbers.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![first_letter_large(&self.draws.words())];
        for side in self.sides.iter().filter(|side| side.failed.is_some()) {
            notes.push(format!("{} failed: {}.", side.name, side.failed.as_deref().unwrap_or_default()));
        }
        let ended: Vec<&Side> = self.sides.iter().filter(|side| side.failed.is_none()).collect();
        if ended.windows(2).any(|pair| pair[0].losses.step() != pair[1].losses.step()) {
            let each = ended.iter().map(|side| format!("{} {}", side.letter(), side.losses.step()));
            notes.push(format!(
                "The sides have trained for different numbers of steps ({}): what is compared at their ends is not like \
                 with like.",
                each.collect::<Vec<_>>().join(", ")
            ));
        }
        for other in self.sides.iter().skip(1) {
            let said = self.comparable(other).words();
            notes.extend(said.map(|said| match self.sides.len() {
                2 => said,
                _ => format!("{} and {}: {said}", self.sides[0].letter(), other.letter()),
            }));
        }
        let differences: Vec<Difference> =
            self.sides.iter().skip(1).flat_map(|other| self.differences(other)).collect();
        if differences.is_empty() {
            let samples = if self.sides.iter().all(Side::is_of_points) { "energy_distance" } else { "fid" };
            notes.push(format!(
                "Nothing here says which is better: measure what can be compared, with --eval vlb or --eval {samples}."
            ));
            notes.push(smoothed_how());
            return notes;
        }
        if differences.iter().any(|difference| difference.what.starts_with("loss")) {
            notes.push(
                "Losses of neighbouring steps are correlated: the standard error is that of the means of consecutive blocks \
                 of steps, in the second half."
                    .into(),
            );
        }
        notes.push(
            "The errors say how sure the difference between these networks is; whether another seed would decide alike, \
             they don't (`difflab sweep --seeds`)."
                .into(),
        );
        notes.push(smoothed_how());
        notes
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let verdicts = self.verdicts();
        let verdicts = if verdicts.rows.is_empty() { String::new() } else { verdicts.text() + "\n" };
        format!("{}\n{verdicts}{}\n", self.table().text(), self.notes().join("\n"))
    }

    pub fn markdown(&self) -> String {
        let verdicts = self.verdicts();
        let verdicts = if verdicts.rows.is_empty() { String::new() } else { verdicts.markdown() + "\n" };
        format!("{}\n{verdicts}{}\n", self.table().markdown(), self.notes().join("\n\n"))
    }

    pub fn json(&self) -> Value {
        let finite = |x: f64| x.is_finite().then_some(x);
        let sides: Vec<Value> = self
            .sides
            .iter()
            .map(|side| {
                let metrics: serde_json::Map<String, Value> = side
                    .measured
                    .iter()
                    .map(|r| (r.name.clone(), json!({"mean": r.mean, "standard_error": r.standard_error})))
                    .collect();
                let differences: Vec<Value> = match side.letter() == self.sides[0].letter() {
                    true => Vec::new(),
                    false => self
                        .differences(side)
                        .iter()
                        .map(|d| {
                            json!({
                                "what": d.what,
                                "mean": finite(d.estimate.mean),
                                "standard_error": finite(d.estimate.standard_error),
                                "standard_errors": d.ratio(),
                                "less_is_better": d.less_is_better,
                                "over": d.of,
                            })
                        })
                        .collect(),
                };
                json!({
                    "name": side.name,
                    "step": side.losses.step(),
                    "loss_smoothed": side.losses.smoothed(),
                    "val_loss": side.losses.held_out(),
                    "metrics": metrics,
                    "less_the_first": differences,
                    "failed": side.failed,
                })
            })
            .collect();
        json!({"sides": sides, "paired": self.draws.are_paired(), "notes": self.notes()})
    }

    /// One colour a side.
    fn plots(&self) -> Vec<LinePlot> {
        let plot = |title: &str, curve: fn(&Results) -> Vec<(f64, f64)>| LinePlot {
            title: title.into(),
            x_label: "step".into(),
            y_label: String::new(),
            log_y: true,
            series: self
                .sides
                .iter()
                .enumerate()
                .map(|(i, side)| Series { name: side.name.clone(), color: DARK.line(i), points: curve(&side.losses) })
                .collect(),
        };
        let held_out = plot("Held-out loss", Results::held_out_curve);
        let any = held_out.series.iter().any(|series| series.points.len() > 1);
        let loss = plot("Loss, smoothed", Results::smoothed_curve);
        if any { vec![loss, held_out] } else { vec![loss] }
    }

    /// Writes race.md and race.png.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let (plots, part) = (self.plots(), out.join(".race.png.partial"));
        let half_written = Partial::at(&part);
        save_stacked(&plots, &part, PLOT.0, PLOT.1 * plots.len() as u32)?;
        std::fs::rename(&part, out.join("race.png"))?;
        drop(half_written);
        let names: Vec<&str> = self.sides.iter().map(|side| side.name.as_str()).collect();
        let of = self.sides.first().map_or("", |side| side.config.name.as_str());
        let title = format!("A race of {of}: {}", names.join(" against "));
        let text = format!("# {title}\n\n{}\n![The losses of all sides](race.png)\n", self.markdown());
        write_replacing(&out.join("race.md"), text.as_bytes())?;
        speak::remark(format_args!("wrote {} and race.png", out.join("race.md").display()));
        Ok(())
    }
}

fn first_letter_large(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StepRecord;

    fn side(name: &str, set: &str, shift: f64) -> Side {
        let common = |i: u64| ((i * 7919) % 101) as f64 / 100.0;
        let record = |step: u64| StepRecord {
            epoch: 0.0,
            loss: common(step) + shift * (1.0 + 0.1 * common(step * 3)),
            loss_smoothed: 0.5 + shift,
            val_loss: step.is_multiple_of(50).then_some(0.4 + shift),
            images_per_s: 1.0,
            elapsed_s: 1.0,
            ..StepRecord::at(step)
        };
        let fid = EvalResult {
            name: "judge-FID".into(),
            mean: 40.0 + shift,
            standard_error: Some(3.0),
            less_is_better: true,
        };
        Side {
            name: name.into(),
            config: Config::default().with_overrides(&[set.to_string()]).unwrap(),
            losses: Results { steps: (1..=200).map(record).collect() },
            held_out: (0..40).map(|i| common(i) + shift * (1.0 + 0.2 * common(i * 3))).collect(),
            measured: vec![fid],
            failed: None,
        }
    }

    fn race(one: Side, other: Side) -> Race {
        let draws = SharedDraws::of(&[&one.config, &other.config]);
        Race { sides: vec![one, other], draws }
    }

    #[test]
    fn the_better_side_is_named_with_its_standard_errors() {
        let race = race(side("a: x=1", "train.weight_decay=0", 0.0), side("b: x=2", "train.weight_decay=0.1", -0.1));
        let rows = race.verdicts().rows;
        assert_eq!(rows.len(), 3);
        assert!(rows[0][0].starts_with("b − a: loss") && rows[0][2].starts_with("b is better by"), "{rows:?}");
        assert!(rows[1][2].starts_with("b is better by") && rows[1][3] == "40 held-out images", "{rows:?}");
        assert!(rows[2][2].starts_with("no clear difference (0.0"), "{rows:?}");
        let text = race.text();
        assert!(text.contains("the screen's Loss panel has smoothings of its own"), "{text}");
        assert!(text.contains("a difference is the change's") && text.contains("another seed"), "{text}");
        let json = race.json();
        assert_eq!(json["paired"], true);
        let fid = json["sides"][1]["less_the_first"][2]["mean"].as_f64().unwrap();
        assert!((fid + 0.1).abs() < 1e-9, "{fid}");
    }

    #[test]
    fn sides_of_different_lengths_are_said_to_be() {
        let (a, mut b) = (side("a: x", "train.weight_decay=0", 0.0), side("b: y", "train.weight_decay=0.1", -0.1));
        b.losses.steps.truncate(150);
        let race = race(a, b);
        let rows = race.verdicts().rows;
        assert!(rows[0][3].starts_with("steps 76 to 150"), "{rows:?}");
        assert_eq!(rows[1][3], "40 held-out images, after 200 and 150 steps");
        assert!(rows[2][3].ends_with("samples, after 200 and 150 steps"), "{rows:?}");
        assert!(race.text().contains("different numbers of steps (a 200, b 150)"), "{}", race.text());
    }

    #[test]
    fn points_are_called_points() {
        let (mut a, mut b) = (side("a: x", "train.weight_decay=0", 0.0), side("b: y", "train.weight_decay=0.1", -0.1));
        a.config.data.dataset = "two_moons".into();
        b.config.data.dataset = "two_moons".into();
        let mut race = race(a, b);
        let rows = race.verdicts().rows;
        assert_eq!(
            (rows[1][0].as_str(), rows[1][3].as_str()),
            ("b − a: held-out loss, point by point", "40 held-out points")
        );
        race.sides[1].failed = Some("training diverged at step 7".into());
        assert!(race.text().contains("--eval vlb or --eval energy_distance"), "{}", race.text());
    }

    #[test]
    fn losses_that_cannot_be_compared_are_not_and_what_can_decides() {
        let race = race(side("a: as it is", "seed=0", 0.0), side("b: linear", "diffusion.schedule=linear", -0.1));
        let rows = race.verdicts().rows;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0][0].contains("judge-FID") && race.text().contains("Neither training nor held-out"));
    }

    #[test]
    fn a_side_that_failed_is_said_and_nothing_is_compared_with_it() {
        let mut other = side("b: x=2", "train.weight_decay=0.1", 0.0);
        (other.failed, other.measured) = (Some("training diverged at step 7".into()), vec![]);
        let race = race(side("a: x=1", "seed=0", 0.0), other);
        assert!(race.verdicts().rows.is_empty());
        assert!(race.text().contains("b: x=2 failed: training diverged") && race.text().contains("Nothing here says"));
    }

    #[test]
    fn each_side_is_paired_with_the_first_by_itself_and_what_is_the_same_is_called_so() {
        let a = side("a: as it is", "train.weight_decay=0", 0.0);
        let b = side("b: ema_decay=0.5", "train.ema_decay=0.5", 0.0);
        let c = side("c: batch_size=4", "train.batch_size=4", 0.1);
        let draws = SharedDraws::of(&[&a.config, &b.config, &c.config]);
        let rows = Race { sides: vec![a, b, c], draws }.verdicts().rows;
        let losses: Vec<&Vec<String>> = rows.iter().filter(|row| row[0].contains("step for step")).collect();
        assert_eq!(losses.len(), 1, "{rows:?}");
        assert!(losses[0][0].starts_with("b − a") && losses[0][2] == "the same, number for number", "{rows:?}");
    }
}
