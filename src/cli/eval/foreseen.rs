//! What can be known to be impossible before a run is trained.

use super::args::Metric;
use super::command::{GIVES_NOTHING_BACK, compares_points, judge_for};
use crate::config::Config;
use crate::data::catalogue;
use crate::picture::is_points;

/// Why a run of this config can't be measured so, whatever it learns; `None` where it can, or where only its data would
/// tell.
pub fn impossible(metric: Metric, config: &Config) -> Option<String> {
    let data = &config.data;
    let known = catalogue().into_iter().find(|entry| entry.name == data.dataset)?;
    let (shape, classes) = match known.is_points() {
        true => ((1, 1, 2), Vec::new()),
        // Other files by a bundled name.
        false if !data.path.is_empty() => return None,
        false => {
            let or_stored = |asked: usize, stored: usize| if asked == 0 { stored } else { asked };
            let shape = (
                or_stored(data.image_size, known.height),
                or_stored(data.image_size, known.width),
                or_stored(data.channels, known.channels),
            );
            (shape, known.classes.iter().map(|class| class.to_string()).collect())
        }
    };
    match metric {
        Metric::Vlb | Metric::Nll => None,
        Metric::Reconstruction => (!config.trains_autoencoder()).then(|| GIVES_NOTHING_BACK.to_string()),
        Metric::EnergyDistance => (!is_points(shape)).then(|| compares_points(shape)),
        Metric::Fid | Metric::Pr | Metric::Accuracy | Metric::Diversity => judge_for(shape, &classes).err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(metric: Metric, set: &str) -> Option<String> {
        impossible(metric, &Config::default().with_overrides(&[set.to_string()]).unwrap())
    }

    #[test]
    fn what_no_training_makes_measurable_is_known_before() {
        for metric in Metric::JUDGED {
            assert_eq!(why(metric, "data.dataset=mnist"), None);
            let points = why(metric, "data.dataset=two_moons").unwrap();
            assert!(points.contains("points in the plane"), "{points}");
            assert!(why(metric, "data.dataset=emoji-32").unwrap().contains("32×32 with 3 channels"));
            assert!(why(metric, "data.image_size=14").unwrap().contains("14×14"));
            assert_eq!(why(metric, "data.dataset=fashion-mnist-10k"), None);
            assert_eq!(why(metric, "data.dataset=images"), None, "its files would tell");
        }
        assert_eq!(why(Metric::EnergyDistance, "data.dataset=two_moons"), None);
        assert!(why(Metric::EnergyDistance, "data.dataset=mnist").is_some());
        assert_eq!(why(Metric::Vlb, "data.dataset=two_moons"), None);
    }
}
