//! What a run that goes on may change: what is asked for, held against what its checkpoint says.
//!
//! The network, the process, the seed, the batch size and the bins of the loss belong to what was trained; the
//! data are the same wherever they lie. Everything else may change.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use super::checkpoint::{self, CheckpointFacts};
use super::data_changes::{
    MOVED, Misfit, OTHER_DATA, classes_of, differences, fits_the_network, fits_trained, never_trained, put_back,
    unknown,
};
use super::dir::config_of;
use super::error::RunError;
use super::identity::Identity;
use crate::config::{Config, is_of_an_autoencoders_network};
use crate::data::DataIdentity;

/// The config of the run in `run` as it shall go on: its config.toml with `overrides`. `accept_data`: whatever the
/// data are now.
///
/// # Errors
/// [`RunError::NotTheSame`] names each key that was trained otherwise, with both values; that of an imported
/// network, when its data are not named. `ConfigError` for overrides that no config takes.
pub fn resumed_config(run: &Path, overrides: &[String], accept_data: bool) -> Result<Config> {
    let written = config_of(run)?;
    let asked = written.clone().with_overrides(overrides)?;
    let own = Identity::of(run).map(|identity| identity.run);
    let newest =
        checkpoint::list(run).into_iter().rfind(|found| !found.is_foreign(own.as_deref())).map(|found| found.path);
    // A damaged one is for others to report.
    let facts = newest.as_deref().map(CheckpointFacts::of).and_then(Result::ok).unwrap_or_default();
    let name = newest.as_deref().map_or("the run".into(), name_of);
    let trained = facts.config.as_ref().unwrap_or(&written);
    if never_trained(trained) && never_trained(&asked) {
        let problem = "an imported run doesn't know its data: name them with --set data.path=IMAGES (a folder of \
                       images), or --set data.dataset=NAME (`difflab data list`)";
        return Err(RunError::NotTheSame(problem.into()).into());
    }
    let judged_later = facts.data.is_some() || accept_data;
    let told = kept_apart(trained, &asked, judged_later, accept_data);
    if told.is_empty() {
        return Ok(asked);
    }
    let file = run.join("config.toml");
    let (was, is) = (written.values(), asked.values());
    let (mut text, mut in_file) = (String::new(), false);
    for (key, before, after) in &told {
        let from_file = was.get(*key).map(toml::Value::to_string) == is.get(*key).map(toml::Value::to_string);
        in_file |= from_file;
        let asker = if from_file { format!("{} says", file.display()) } else { "--set asks for".into() };
        let _ = write!(
            text,
            "{}`{key}` cannot change when a run is resumed: {name} was trained with {before}, and {asker} {after}",
            if text.is_empty() { "" } else { "\n  " }
        );
    }
    text += match in_file {
        true => "\n  put it back in config.toml, or start a new run with it",
        false => "\n  leave it out, or start a new run with it",
    };
    // Other channels the network would not take.
    if told.iter().all(|(key, ..)| key.starts_with("data.") && *key != "data.channels") {
        text += "; --accept-data continues with other data";
        if facts.data.is_none() {
            text += " (an older difflab wrote this checkpoint, and it doesn't say which they were)";
        }
    }
    Err(RunError::NotTheSame(text).into())
}

/// Holds the data as they are now, and the config, against what the checkpoint in `path` of the run in `run` was
/// trained with. Returns what the user should know.
///
/// # Errors
/// [`RunError::NotTheSame`] names the differences; with `accept_data`, only those that the network cannot take.
pub fn check_against(
    facts: &CheckpointFacts,
    run: &Path,
    config: &Config,
    now: &DataIdentity,
    accept_data: bool,
) -> Result<Vec<String>, RunError> {
    let trained = facts.config.as_ref();
    if let Some((key, before, after)) = trained.and_then(|trained| kept_apart(trained, config, true, true).pop()) {
        return Err(RunError::NotTheSame(format!(
            "`{key}` cannot change when a run is resumed: its checkpoint was trained with {before}, and {after} is asked \
             for\n  start a new run with it"
        )));
    }
    if trained.is_some_and(never_trained) {
        fits_the_network(classes_of(facts, run), None, config, now)
            .map_err(|misfit| RunError::NotTheSame(format!("{}\n  {}", misfit.what, misfit.cure)))?;
        return Ok(Vec::new());
    }
    let differences = differences(facts, run, config, now);
    if differences.is_empty() {
        return Ok(unknown(facts));
    }
    let fits = fits_trained(facts, run, config, now);
    match (accept_data, fits) {
        (true, Ok(())) => Ok(vec![format!(
            "the data are not those that the run was trained on, and accepted (--accept-data); the held-out loss may \
             count images that were trained on: {}",
            differences.join("; ")
        )]),
        (true, Err(Misfit { what, cure })) => Err(RunError::NotTheSame(format!("{what}\n  {cure}"))),
        (false, Ok(())) => Err(RunError::NotTheSame(format!(
            "{OTHER_DATA}\n  {}\n  {}, continue with the current data by --accept-data, or start a new run",
            differences.join("\n  "),
            put_back(MOVED)
        ))),
        (false, Err(Misfit { what, cure })) => Err(RunError::NotTheSame(format!(
            "{OTHER_DATA}\n  {}\n  the run cannot continue with them: {what}\n  {}, or {cure}",
            differences.join("\n  "),
            put_back(MOVED)
        ))),
    }
}

/// The keys of `asked` that a run trained as `trained` cannot take, with both values, as TOML. `data_judged`: what the
/// data are is looked at once they are loaded; `accept_data`: they may be others.
fn kept_apart(
    trained: &Config,
    asked: &Config,
    data_judged: bool,
    accept_data: bool,
) -> Vec<(&'static str, String, String)> {
    let first_data = never_trained(trained);
    let belongs = |key: &str| match key {
        _ if key.starts_with("autoencoder.") => trained.trains_autoencoder() && is_of_an_autoencoders_network(key),
        _ if key.starts_with("diffusion.") || key.starts_with("model.") => true,
        // An imported network has seen no data, and no order of them.
        _ if first_data => false,
        "seed" | "train.batch_size" | "train.timestep_bins" => true,
        "data.horizontal_flip" => !accept_data,
        _ => key.starts_with("data.") && !data_judged,
    };
    let before = trained.values();
    let changes = trained.changes(asked).into_iter().filter(|(key, _)| belongs(key));
    changes.map(|(key, after)| (key, before.get(key).map(toml::Value::to_string).unwrap_or_default(), after)).collect()
}

fn name_of(checkpoint: &Path) -> String {
    let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
    format!("the checkpoint {name}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::config::ModelConfig;
    use crate::data::Dataset;

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        Config::default().with_overrides(&sets).unwrap()
    }

    fn data(classes: &[&str]) -> DataIdentity {
        DataIdentity::of(&Dataset {
            name: "d".into(),
            source: "made here".into(),
            height: 4,
            width: 4,
            channels: 1,
            pixels: (0..40).flat_map(|i| [i; 16]).collect::<Vec<u8>>().into(),
            labels: Arc::new((0..40).map(|i| i % classes.len().max(1) as u32).collect()),
            classes: classes.iter().map(|name| name.to_string()).collect(),
            warnings: vec![],
        })
    }

    /// A run folder with one checkpoint that says it was trained with `trained`.
    fn run(trained: &Config, written: &Config, data: Option<&DataIdentity>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let difflab = dir.path().join("checkpoints/step-00000010/difflab");
        fs::create_dir_all(&difflab).unwrap();
        fs::write(difflab.join("config.toml"), trained.to_toml()).unwrap();
        if let Some(data) = data {
            fs::write(difflab.join("data.json"), serde_json::to_string(data).unwrap()).unwrap();
        }
        fs::write(dir.path().join("config.toml"), written.to_toml()).unwrap();
        dir
    }

    fn facts(trained: &Config, data: Option<DataIdentity>) -> CheckpointFacts {
        CheckpointFacts { config: Some(trained.clone()), data, classes: None }
    }

    #[test]
    fn a_config_edited_by_hand_is_refused_by_key_with_both_values() {
        let trained = config(&["seed=3"]);
        for (set, before, after) in [
            ("diffusion.prediction_type=epsilon", "\"v_prediction\"", "\"epsilon\""),
            ("diffusion.schedule=linear", "\"cosine\"", "\"linear\""),
            ("diffusion.path=flow", "\"vp\"", "\"flow\""),
            ("diffusion.timesteps=500", "1000", "500"),
            ("diffusion.beta_end=0.03", "0.02", "0.03"),
            ("diffusion.cosine_s=0.01", "0.008", "0.01"),
            ("diffusion.max_beta=0.9", "0.999", "0.9"),
            ("model.block_out_channels=8,16", "[32, 64, 64]", "[8, 16]"),
            ("model.class_conditional=true", "false", "true"),
            ("seed=4", "3", "4"),
            ("train.batch_size=8", "64", "8"),
            ("train.timestep_bins=8", "40", "8"),
            ("data.horizontal_flip=true", "false", "true"),
        ] {
            let key = set.split_once('=').unwrap().0;
            let edited = trained.clone().with_overrides(&[set.to_string()]).unwrap();
            let dir = run(&trained, &edited, Some(&data(&[])));
            let message = resumed_config(dir.path(), &[], false).unwrap_err().to_string();
            for part in [&format!("`{key}`"), before, after, "config.toml says", "step-00000010"] {
                assert!(message.contains(part), "{part} is missing: {message}");
            }
            // Asked for on the command line it is refused alike, and what puts it right is taken.
            let dir = run(&trained, &trained, Some(&data(&[])));
            let message = resumed_config(dir.path(), &[set.to_string()], false).unwrap_err().to_string();
            assert!(message.contains(&format!("`{key}`")) && message.contains("--set asks for"), "{message}");
            let dir = run(&trained, &edited, Some(&data(&[])));
            let back = format!("{key}={before}");
            assert_eq!(resumed_config(dir.path(), &[back], false).unwrap(), trained);
        }
    }

    #[test]
    fn what_does_not_touch_the_trained_may_change_in_the_file_and_on_the_command_line() {
        let trained = config(&[]);
        let free = ["train.learning_rate=0.0001", "train.steps=7", "sample.spacing=karras", "name=b", "preview.num=3"];
        let edited = config(&free);
        let dir = run(&trained, &edited, None);
        assert_eq!(resumed_config(dir.path(), &[], false).unwrap(), edited);
        let dir = run(&trained, &trained, None);
        assert_eq!(resumed_config(dir.path(), &free.map(String::from), false).unwrap(), edited);
    }

    #[test]
    fn another_place_of_the_data_is_taken_where_the_checkpoint_knows_them() {
        let trained = config(&["data.dataset=images", "data.path=/a"]);
        let moved = ["data.path=/b".to_string()];
        let dir = run(&trained, &trained, Some(&data(&[])));
        assert_eq!(resumed_config(dir.path(), &moved, false).unwrap().data.path, "/b");
        let dir = run(&trained, &trained, None);
        let message = resumed_config(dir.path(), &moved, false).unwrap_err().to_string();
        assert!(message.contains("`data.path`") && message.contains("--accept-data"), "{message}");
        assert_eq!(resumed_config(dir.path(), &moved, true).unwrap().data.path, "/b");
    }

    #[test]
    fn the_same_data_go_on_and_others_are_refused_by_their_difference_or_accepted() {
        let trained = config(&[]);
        let before = facts(&trained, Some(data(&["apple", "banana"])));
        let check = |config: &Config, now: &DataIdentity, accept| {
            check_against(&before, Path::new("/nowhere"), config, now, accept)
        };
        assert_eq!(check(&trained, &data(&["apple", "banana"]), false).unwrap(), Vec::<String>::new());
        let renamed = data(&["banana", "zebra"]);
        let message = check(&trained, &renamed, false).unwrap_err().to_string();
        for part in ["apple is gone, zebra is new", "--accept-data", "would be called banana"] {
            assert!(message.contains(part), "{part} is missing: {message}");
        }
        let warnings = check(&trained, &renamed, true).unwrap();
        assert!(warnings[0].contains("zebra is new") && warnings[0].contains("accepted"), "{warnings:?}");
        // A network with a table of two classes takes no third.
        let conditional = config(&["model.class_conditional=true"]);
        let before = facts(&conditional, Some(data(&["apple", "banana"])));
        let added = data(&["apple", "banana", "cherry"]);
        for (accepted, advised) in [(false, "the class cherry is new"), (true, "start a new run")] {
            let refused = check_against(&before, Path::new("/"), &conditional, &added, accepted);
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("learned 2 classes") && message.contains("the data have 3"), "{message}");
            assert!(message.contains(advised) && !message.contains("--accept-data"), "no advice that fails: {message}");
        }
    }

    #[test]
    fn another_held_out_set_is_a_difference_and_the_same_in_other_words_is_none() {
        let trained = config(&[]);
        let before = facts(&trained, Some(data(&[])));
        let check = |set: &str| check_against(&before, Path::new("/"), &config(&[set]), &data(&[]), false);
        // 0.05 of 40.
        assert!(check("data.held_out=2").unwrap().is_empty());
        let message = check("data.held_out=1").unwrap_err().to_string();
        assert!(message.contains("held-out images would be trained on"), "{message}");
        let message = check("data.held_out=0.2").unwrap_err().to_string();
        assert!(message.contains("2 images were held out (data.held_out = 0.05), now 8"), "{message}");
    }

    #[test]
    fn an_imported_network_takes_what_it_is_given_first_and_keeps_its_process() {
        let imported = config(&["data.dataset=images"]);
        let dir = run(&imported, &imported, None);
        assert!(resumed_config(dir.path(), &[], false).unwrap_err().to_string().contains("data.path=IMAGES"));
        let first = ["data.path=/cats", "seed=9", "train.batch_size=8"].map(String::from);
        let config = resumed_config(dir.path(), &first, false).unwrap();
        let facts = CheckpointFacts::of(&dir.path().join("checkpoints/step-00000010")).unwrap();
        assert_eq!(check_against(&facts, dir.path(), &config, &data(&[]), false).unwrap(), Vec::<String>::new());
        // Its own table says how many classes it knows, whatever classes.txt has.
        let conditional = Config { model: ModelConfig { class_conditional: true, ..config.model.clone() }, ..config };
        let facts = CheckpointFacts { classes: Some(2), ..facts };
        fs::write(dir.path().join("classes.txt"), "one\ntwo\nthree\n").unwrap();
        assert!(fits_the_network(classes_of(&facts, dir.path()), None, &conditional, &data(&["a", "b"])).is_ok());
        assert!(fits_the_network(classes_of(&facts, dir.path()), None, &conditional, &data(&["a", "b", "c"])).is_err());
        let other = ["data.path=/cats", "diffusion.timesteps=500"].map(String::from);
        assert!(resumed_config(dir.path(), &other, false).unwrap_err().to_string().contains("`diffusion.timesteps`"));
    }

    #[test]
    fn a_checkpoint_that_does_not_say_is_believed_with_a_sentence_but_not_against_its_classes() {
        let trained = config(&[]);
        let dir = run(&trained, &trained, None);
        let check =
            || check_against(&CheckpointFacts::default(), dir.path(), &trained, &data(&["apple", "banana"]), false);
        assert!(check().unwrap()[0].contains("taken to be the same"));
        fs::write(dir.path().join("classes.txt"), "apple\nbanana\n").unwrap();
        assert!(check().is_ok());
        fs::write(dir.path().join("classes.txt"), "apple\ncherry\n").unwrap();
        assert!(
            check().unwrap_err().to_string().contains("the classes were apple, cherry, now they are apple, banana")
        );
    }
}
