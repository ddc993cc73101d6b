//! In what the data of a run are not those that its checkpoint was trained on, and whether its network takes them.

use std::path::Path;

use super::checkpoint::CheckpointFacts;
use super::class_names::kept_class_names;
use super::error::RunError;
use crate::config::Config;
use crate::data::DataIdentity;
use crate::thousands::thousands;

/// What is said before the differences.
pub(super) const OTHER_DATA: &str = "the data are not those that this run was trained on";

/// Why a network cannot take data, and what helps.
pub(super) struct Misfit {
    pub what: String,
    pub cure: String,
}

/// Holds the data that a checkpoint is to be measured on against those that it was trained on: `config` is the
/// run's, and the images held out of `now` by it must be the same. `moved`: how data that lie elsewhere now are named, such
/// as [`MOVED`]. Returns what the user should know.
///
/// # Errors
/// [`RunError::NotTheSame`] names the differences; none with `accept_data`, except classes that the network doesn't
/// have.
pub fn check_measured(
    facts: &CheckpointFacts,
    run: &Path,
    config: &Config,
    now: &DataIdentity,
    (accept_data, moved): (bool, &str),
) -> Result<Vec<String>, RunError> {
    // An imported network has seen none of them.
    if facts.config.as_ref().is_some_and(never_trained) {
        return Ok(Vec::new());
    }
    let mut told = differences(facts, run, config, now);
    let trained = facts.config.as_ref().filter(|_| config.data.held_out.of(now.images) > 0);
    if let Some(trained) = trained.filter(|trained| trained.seed != config.seed) {
        told.push(format!(
            "the seed was {}, now it is {}: other images are held out, and these were trained on",
            trained.seed, config.seed
        ));
    }
    if told.is_empty() {
        return Ok(unknown(facts));
    }
    let fits = fits_trained(facts, run, config, now);
    match (accept_data, fits) {
        (true, Ok(())) => Ok(vec![format!(
            "the data are not those that the run was trained on, and accepted (--accept-data); what is called held-out \
             may have been trained on: {}",
            told.join("; ")
        )]),
        (_, Err(Misfit { what, .. })) => {
            let list = told.join("\n  ");
            Err(RunError::NotTheSame(format!(
                "{OTHER_DATA}\n  {list}\n  nothing can be measured on them: {what}\n  {}",
                put_back(moved)
            )))
        }
        (false, Ok(())) => Err(RunError::NotTheSame(format!(
            "{OTHER_DATA}\n  {}\n  {}, or measure on the current data with --accept-data",
            told.join("\n  "),
            put_back(moved)
        ))),
    }
}

/// How a command that takes `--set` is told where data lie that were moved.
pub const MOVED: &str = "--set data.path=PLACE";

/// What helps in every case.
pub(super) fn put_back(moved: &str) -> String {
    format!("put them back (moved ones: {moved})")
}

/// An imported network whose data were not named yet.
pub(super) fn never_trained(config: &Config) -> bool {
    config.data.dataset == "images" && config.data.path.is_empty()
}

/// In what the data now, and the images held out of them, are not those that were trained on; a phrase each.
pub(super) fn differences(facts: &CheckpointFacts, run: &Path, config: &Config, now: &DataIdentity) -> Vec<String> {
    match &facts.data {
        Some(before) => {
            let trained = facts.config.as_ref();
            let mut told = before.differences(now);
            told.extend(trained.and_then(|trained| other_held_out(trained, config, before.images, now.images)));
            told
        }
        None => classes_that_changed(&kept_class_names(run), now),
    }
}

/// What is said where nothing tells data apart.
pub(super) fn unknown(facts: &CheckpointFacts) -> Vec<String> {
    match facts.data {
        Some(_) => Vec::new(),
        None => vec![
            "this run's checkpoint doesn't say which data it was trained on (an older difflab wrote it): they are \
             taken to be the same"
                .into(),
        ],
    }
}

/// [`fits_the_network`], of the network that the checkpoint holds.
pub(super) fn fits_trained(
    facts: &CheckpointFacts,
    run: &Path,
    config: &Config,
    now: &DataIdentity,
) -> Result<(), Misfit> {
    let before = facts.data.as_ref();
    let classes = before.map_or_else(|| classes_of(facts, run), |data| data.classes.len());
    fits_the_network(classes, before.map(|data| data.channels), config, now)
}

/// How many classes a network knows that was not trained on data with names: its own table says so, or the names that
/// were kept.
pub(super) fn classes_of(facts: &CheckpointFacts, run: &Path) -> usize {
    facts.classes.unwrap_or_else(|| kept_class_names(run).len())
}

/// Another held-out set of the same images.
fn other_held_out(trained: &Config, config: &Config, images: usize, images_now: usize) -> Option<String> {
    let (before, now) = (trained.data.held_out.of(images), config.data.held_out.of(images_now));
    if images != images_now || before == now {
        return None;
    }
    let what = match now < before {
        true => "held-out images would be trained on",
        false => "images that were trained on would be held out",
    };
    Some(format!(
        "{} images were held out (data.held_out = {}), now {} would be (data.held_out = {}): {what}",
        thousands(before),
        trained.data.held_out,
        thousands(now),
        config.data.held_out
    ))
}

/// All that older checkpoints let us see: the names kept with the run.
fn classes_that_changed(kept: &[String], now: &DataIdentity) -> Vec<String> {
    let names: Vec<&str> = now.classes.iter().map(|class| class.name.as_str()).collect();
    if kept.is_empty() || kept == names {
        return Vec::new();
    }
    let list = |names: &[&str]| if names.is_empty() { "none".into() } else { names.join(", ") };
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    vec![format!("the classes were {}, now they are {}", list(&kept), list(&names))]
}

/// Can a network of so many classes and channels take these data?
pub(super) fn fits_the_network(
    classes: usize,
    channels: Option<usize>,
    config: &Config,
    now: &DataIdentity,
) -> Result<(), Misfit> {
    if let Some(channels) = channels.filter(|&channels| channels != now.channels) {
        return Err(Misfit {
            what: format!("the network takes images of {channels} channels, and these have {}", now.channels),
            cure: format!("set data.channels = {channels}, or start a new run"),
        });
    }
    if config.model.class_conditional && classes != now.classes.len() {
        return Err(Misfit {
            what: format!(
                "the network has learned {classes} classes, and the data have {}: its table of classes doesn't fit",
                now.classes.len()
            ),
            cure: "start a new run for these data".into(),
        });
    }
    if let Err(error) = config.validate_for_data(now.height, now.width, now.channels, now.classes.len()) {
        return Err(Misfit { what: error.to_string(), cure: "start a new run for these data".into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ClassOfData;

    fn data(classes: &[&str], content: &str) -> DataIdentity {
        DataIdentity {
            images: 40,
            height: 4,
            width: 4,
            channels: 1,
            classes: classes
                .iter()
                .map(|name| ClassOfData { name: name.to_string(), images: 20, pictures: None, order: None })
                .collect(),
            content: content.into(),
            pictures: content.into(),
        }
    }

    #[test]
    fn what_is_measured_is_held_against_what_was_trained_on() {
        let config = Config::default().with_overrides(&["model.class_conditional=true".to_string()]).unwrap();
        let facts =
            CheckpointFacts { config: Some(config.clone()), data: Some(data(&["a", "b"], "1")), classes: Some(2) };
        let check = |config: &Config, now: &DataIdentity, accept| {
            check_measured(&facts, Path::new("here"), config, now, (accept, MOVED)).map_err(|error| error.to_string())
        };
        assert_eq!(check(&config, &data(&["a", "b"], "1"), false), Ok(vec![]));
        let replaced = data(&["a", "b"], "2");
        let message = check(&config, &replaced, false).unwrap_err();
        for part in [OTHER_DATA, "not the same ones", "--accept-data", MOVED] {
            assert!(message.contains(part), "{part} is missing: {message}");
        }
        assert!(check(&config, &replaced, true).unwrap()[0].contains("accepted (--accept-data)"));
        for accept in [false, true] {
            let message = check(&config, &data(&["a", "b", "c"], "2"), accept).unwrap_err();
            assert!(message.contains("learned 2 classes") && !message.contains("--accept-data"), "{message}");
        }
        let reseeded = Config { seed: 9, ..config.clone() };
        let message = check(&reseeded, &data(&["a", "b"], "1"), false).unwrap_err();
        assert!(message.contains("the seed was 0, now it is 9"), "{message}");
        let unknown =
            check_measured(&CheckpointFacts::default(), Path::new("here"), &config, &replaced, (false, MOVED)).unwrap();
        assert!(unknown[0].contains("taken to be the same"), "{unknown:?}");
    }
}
