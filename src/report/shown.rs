//! Which pictures of a run a report shows, and how they were sampled as far as that is known.

use std::path::{Path, PathBuf};

use super::drawn::DrawnSamples;
use crate::picture::is_points;
use crate::process::plain_file;
use crate::run::snapshot::SnapshotFacts;
use crate::run::{columns_for, left_pictures};
use crate::thousands::thousands;

/// Class names that are told at most.
const NAMED: usize = 40;

/// Pictures of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// A PNG.
    pub grid: PathBuf,
    /// A GIF.
    pub film: Option<PathBuf>,
    /// "snapshot of step 1,000".
    pub what: String,
    /// "20 samples by ddim in 50 steps, guidance_scale w = 1.5, seed 0, with the averaged weights"; of a preview nobody
    /// has kept it.
    pub how: Option<String>,
    pub classes: SampleClasses,
}

/// Of which class the samples are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleClasses {
    /// Nobody knows, or there are none.
    None,
    /// Each column of the grid has its own, from the left.
    Columns(Vec<String>),
    /// In words: "all of class cat".
    Words(String),
}

/// What a run has left: its newest snapshot, or, without one, its newest preview.
pub fn left_by(run: &Path) -> Option<Shown> {
    let all = left_pictures(run);
    let newest = all.iter().rfind(|left| left.is_snapshot()).or(all.last())?;
    let kind = if newest.is_snapshot() { "snapshot" } else { "preview" };
    let what = format!("{kind} of step {}", thousands(newest.step));
    let facts = newest.path.parent().filter(|_| newest.is_snapshot()).and_then(facts);
    let film = newest.film.clone().filter(|film| film.is_file());
    Some(Shown::from(newest.path.clone(), film, what, facts.as_ref()))
}

impl Shown {
    /// What was drawn for the report.
    pub fn of(drawn: &DrawnSamples) -> Self {
        let what = format!("drawn for this report, at step {}", thousands(drawn.step));
        let film = drawn.dir.join("trajectory.gif");
        Self::from(drawn.dir.join("grid.png"), Some(film), what, facts(&drawn.dir).as_ref())
    }

    fn from(grid: PathBuf, film: Option<PathBuf>, what: String, facts: Option<&SnapshotFacts>) -> Self {
        // A preview keeps no such file.
        let unknown =
            || film.is_some().then(|| "how they were sampled is not known: snapshot.json can't be read".into());
        let how = facts.map(how).or_else(unknown);
        Self { grid, film, what, how, classes: facts.map_or(SampleClasses::None, labels) }
    }
}

/// What snapshot.json says, where it can be read.
fn facts(snapshot: &Path) -> Option<SnapshotFacts> {
    serde_json::from_str(&plain_file::read_text(&snapshot.join("snapshot.json")).ok()?).ok()
}

fn how(facts: &SnapshotFacts) -> String {
    let [n, c, h, w] = facts.shape;
    let what = if is_points((h, w, c)) { "points" } else { "samples" };
    let eta = if facts.eta == 0.0 { String::new() } else { format!(", η = {}", facts.eta) };
    let guidance = facts.guidance_scale.map_or(String::new(), |w| format!(", guidance_scale w = {w}"));
    let weights = if facts.ema { ", with the averaged weights" } else { "" };
    format!(
        "{} {what} by {} in {} steps{eta}{guidance}, seed {}{weights}",
        thousands(n),
        facts.sampler.name(),
        thousands(facts.steps),
        facts.seed
    )
}

/// As [`columns_for`] lays a grid out.
fn labels(facts: &SnapshotFacts) -> SampleClasses {
    let name = |class: &usize| facts.class_names.get(*class).cloned().unwrap_or_else(|| class.to_string());
    let classes = &facts.classes;
    let [n, c, h, w] = facts.shape;
    let Some(first) = classes.first().filter(|_| classes.len() == n) else { return SampleClasses::None };
    if classes.iter().all(|class| class == first) {
        return SampleClasses::Words(format!("All are of class {}.", name(first)));
    }
    if is_points((h, w, c)) {
        return SampleClasses::None;
    }
    let columns = columns_for(n, classes);
    let is_of_its_column = |(i, class): (usize, &usize)| *class == classes[i % columns];
    if classes.iter().enumerate().all(is_of_its_column) {
        return SampleClasses::Columns(classes[..columns.min(n)].iter().map(name).collect());
    }
    let names: Vec<String> = classes.iter().take(NAMED).map(name).collect();
    let more = if classes.len() > NAMED { ", …" } else { "" };
    SampleClasses::Words(format!("Classes, row by row from the left: {}{more}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn snapshot(classes: &[usize], names: &[&str], num: usize) -> Shown {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("snapshots/step-00001500");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("grid.png"), "x").unwrap();
        let facts = json!({
            "step": 1500, "seed": 7, "sampler": "ddim", "steps": 50, "eta": 0.0, "spacing": "trailing",
            "clip_sample": false, "guidance_scale": (!classes.is_empty()).then_some(1.5), "guidance_scale_s": Value::Null,
            "sample": Value::Null, "classes": classes, "class_names": names, "shape": [num, 1, 8, 8], "ema": true,
            "config_sha256": "", "difflab": "0.1.0",
        });
        fs::write(folder.join("snapshot.json"), facts.to_string()).unwrap();
        left_by(dir.path()).unwrap()
    }

    #[test]
    fn a_snapshot_says_how_it_was_sampled_and_of_which_class_its_columns_are() {
        let shown = snapshot(&[0, 1, 2, 0, 1, 2], &["cat", "dog", "owl"], 6);
        assert_eq!(shown.what, "snapshot of step 1,500");
        let how = "6 samples by ddim in 50 steps, guidance_scale w = 1.5, seed 7, with the averaged weights";
        assert_eq!(shown.how.as_deref(), Some(how));
        assert_eq!(shown.classes, SampleClasses::Columns(["cat", "dog", "owl"].map(String::from).to_vec()));
        let shown = snapshot(&[], &[], 6);
        assert!(shown.classes == SampleClasses::None && !shown.how.unwrap().contains("guidance"));
    }

    #[test]
    fn one_class_for_all_and_classes_that_are_no_columns_are_told_in_words() {
        let words = |classes: &[usize]| match snapshot(classes, &["cat", "dog"], classes.len()).classes {
            SampleClasses::Words(words) => words,
            other => format!("{other:?}"),
        };
        assert_eq!(words(&[1, 1, 1, 1]), "All are of class dog.");
        assert_eq!(words(&[0, 1, 2]), "Classes, row by row from the left: cat, dog, 2.");
        assert_eq!(words(&[0, 0, 1]), "Classes, row by row from the left: cat, cat, dog.");
    }

    #[test]
    fn a_preview_says_nothing_and_facts_that_cannot_be_read_are_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(left_by(dir.path()), None);
        fs::create_dir_all(dir.path().join("previews")).unwrap();
        fs::write(dir.path().join("previews/step-00000003.png"), "x").unwrap();
        let shown = left_by(dir.path()).unwrap();
        assert_eq!((shown.what.as_str(), shown.how, shown.film), ("preview of step 3", None, None));
    }
}
