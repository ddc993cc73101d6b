//! The pictures that a run has left: its snapshots and previews, in the order of their steps.

use std::fs;
use std::path::{Path, PathBuf};

/// A picture of what a run could draw at one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftPicture {
    pub step: u64,
    /// A PNG.
    pub path: PathBuf,
    /// How it came out of noise: the GIF of a snapshot; previews have none.
    pub film: Option<PathBuf>,
}

impl LeftPicture {
    pub fn is_snapshot(&self) -> bool {
        self.film.is_some()
    }
}

/// All of them, in step order, of one step previews first. What is half-written has another name and is none.
pub fn left_pictures(run_dir: &Path) -> Vec<LeftPicture> {
    let named = |folder: &str| {
        let entries = fs::read_dir(run_dir.join(folder)).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let name = entry.file_name();
            let digits = name.to_str()?.strip_prefix("step-")?;
            let digits = digits.split(['-', '.']).next().unwrap_or(digits);
            Some((digits.parse::<u64>().ok()?, entry.path()))
        })
    };
    let is_png = |path: &PathBuf| path.extension().is_some_and(|end| end == "png");
    let previews = named("previews").filter(|(_, path)| is_png(path));
    let mut all: Vec<LeftPicture> = previews.map(|(step, path)| LeftPicture { step, path, film: None }).collect();
    all.extend(named("snapshots").filter(|(_, dir)| dir.join("grid.png").is_file()).map(|(step, dir)| LeftPicture {
        step,
        path: dir.join("grid.png"),
        film: Some(dir.join("trajectory.gif")),
    }));
    all.sort_by(|a, b| (a.step, a.is_snapshot(), &a.path).cmp(&(b.step, b.is_snapshot(), &b.path)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_in_step_order_and_half_ones_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        assert!(left_pictures(dir.path()).is_empty());
        for path in [
            "previews/step-00000200.png",
            "previews/step-00001000.png",
            "previews/.step-00001100.png.partial",
            "previews/notes.txt",
            "snapshots/step-00000200/grid.png",
            "snapshots/step-00000200-2/grid.png",
            "snapshots/.step-00000300-77.partial/grid.png",
            "snapshots/step-00000400/snapshot.json",
        ] {
            write(path);
        }
        let all = left_pictures(dir.path());
        let steps: Vec<(u64, bool)> = all.iter().map(|left| (left.step, left.is_snapshot())).collect();
        assert_eq!(steps, [(200, false), (200, true), (200, true), (1000, false)]);
        assert!(all[1].film.as_ref().unwrap().ends_with("step-00000200/trajectory.gif"));
    }
}
