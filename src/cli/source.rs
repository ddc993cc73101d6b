//! What a word on the command line names: a config, or data that come without one.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;

use crate::cli::UsageError;
use crate::config::{Config, DataConfig, is_a_path, shipped};
use crate::data::{self, Survey};
use crate::lab::suggest;
use crate::process::plain_file;
use crate::speak;
use crate::thousands::thousands;

/// So much of a file tells text from data.
const HEAD: usize = 4096;
/// Classes that are named.
const NAMED: usize = 8;

/// The config that `word` names with `overrides`; where it names data, one made for them, and in words what was
/// chosen in it.
///
/// # Errors
/// Configs and data that cannot be read, and folders that are something else.
pub fn config_of(word: &str, overrides: &[String]) -> Result<(Config, Vec<String>)> {
    if is_a_path(word) && matches!(fs::metadata(word), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Err(data::nothing_at(word).into());
    }
    if !names_data(word)? {
        return Ok((Config::load(word, overrides)?, Vec::new()));
    }
    let data = data::locate(word)?;
    // The run can go on from another folder then.
    let path = std::path::absolute(&data.path).map_or(data.path.clone(), |path| path.display().to_string());
    let start = Config { data: DataConfig { path, ..data }, ..Config::default() };
    let data = data_as_asked(word, &start, overrides)?;
    speak::remark(format_args!("difflab: looking through {word}"));
    let survey = data::survey_for_colour(&data, &mut |_| {})?;
    let suggestion = suggest(&survey, start, overrides)?;
    let mut words = vec![found(&survey)];
    words.extend(survey.left_out.iter().map(|left_out| format!("left out: {left_out}")));
    words.extend(survey.notes);
    words.extend(suggestion.reasons);
    words.push("every key is in config.toml in the run folder; --set KEY=VALUE chooses otherwise".into());
    Ok((suggestion.config, words))
}

/// The `[data]` section of `start` with what `overrides` say of it, by which labels are found.
///
/// # Errors
/// Overrides that no config takes, or that name other data than `word` does.
fn data_as_asked(word: &str, start: &Config, overrides: &[String]) -> Result<DataConfig> {
    let asked = start.clone().with_overrides(overrides)?.data;
    let full = |path: &str| std::path::absolute(data::expanded(path)).unwrap_or_default();
    let others = [
        (full(&asked.path) != full(&start.data.path), "data.path", &asked.path),
        (asked.dataset != start.data.dataset, "data.dataset", &asked.dataset),
    ];
    if let Some((_, key, value)) = others.into_iter().find(|(differs, ..)| *differs) {
        let message = format!(
            "{word} names the data, and --set {key}={value} names others; leave out the --set, or name a config or the \
             other data in place of {word}"
        );
        return Err(UsageError::new(message).into());
    }
    Ok(asked)
}

/// Does a word name data, and not a config?
fn names_data(word: &str) -> Result<bool> {
    let path = Path::new(word);
    if shipped().iter().any(|(name, _)| *name == word) {
        return Ok(false);
    }
    let Ok(about) = fs::metadata(path) else { return Ok(false) };
    if about.is_file() {
        return Ok(!is_config(path));
    }
    if about.is_dir() && path.join("config.toml").is_file() {
        let message = format!(
            "{word} is a run folder: --resume {word} continues it; difflab {word}/config.toml starts another run like it"
        );
        return Err(UsageError::new(message).into());
    }
    if about.is_dir() && path.join("model_index.json").is_file() {
        let message = format!("{word} is a diffusers folder: difflab import {word} RUN makes a run folder of it");
        return Err(UsageError::new(message).into());
    }
    Ok(about.is_dir())
}

/// Is a file meant as a config? What cannot be read is for the config's reader to report.
fn is_config(path: &Path) -> bool {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return true;
    }
    let mut head = Vec::new();
    let read = plain_file::open(path).and_then(|(file, _)| file.take(HEAD as u64).read_to_end(&mut head));
    let text = match std::str::from_utf8(&head) {
        Ok(_) => true,
        // A character may be cut in two.
        Err(error) => error.error_len().is_none() && head.len() == HEAD,
    };
    // What holds nothing would be a config of defaults, which nobody meant.
    let blank = head.len() < HEAD && head.iter().all(u8::is_ascii_whitespace);
    read.is_err() || (text && !blank && !head.contains(&0))
}

/// "cats: 200 images in 2 classes (cat 120, dog 80), 4000×3000 and 3 other sizes".
fn found(survey: &Survey) -> String {
    let classes = match survey.classes.len() {
        0 => String::new(),
        n => {
            let word = if n == 1 { "class" } else { "classes" };
            format!(" in {} {word} ({})", thousands(n), named(&survey.classes))
        }
    };
    format!("{}: {} images{classes}, {}", survey.name, thousands(survey.images), sizes(survey))
}

/// "cat 120, dog 80", or the first few "and 292 more".
fn named(classes: &[(String, usize)]) -> String {
    let shown: Vec<String> =
        classes.iter().take(NAMED).map(|(name, images)| format!("{name} {}", thousands(*images))).collect();
    match classes.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), thousands(more)),
    }
}

/// "4000×3000 and 3 other sizes".
fn sizes(survey: &Survey) -> String {
    match &survey.sizes[..] {
        [] => "of no size".into(),
        [((width, height), _)] => format!("{width}×{height}"),
        [((width, height), _), _] => format!("{width}×{height} and one other size"),
        [((width, height), _), others @ ..] => format!("{width}×{height} and {} other sizes", thousands(others.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_configs_are_told_apart_by_what_they_are() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        let data = |word: &str| names_data(word).unwrap();
        assert!(!data("mnist") && !data("nowhere.toml") && !data("nowhere"));
        assert!(!data(&write("mine.toml", b"seed = 1")) && !data(&write("mine", "# é\nseed = 1".as_bytes())));
        assert!(data(&write("cut.npz", b"")) && data(&write("t10k-images-idx3-ubyte", b"\n")));
        assert!(data(&write("mnist.npz", b"PK\x03\x04\0\0")) && data(&write("images", &[0, 0, 8, 3])));
        write("cats/a.png", b"");
        assert!(data(&place.path().join("cats").display().to_string()));
        let refused = |name: &str| names_data(&place.path().join(name).display().to_string()).unwrap_err().to_string();
        write("run/config.toml", b"");
        assert!(refused("run").contains("--resume"));
        write("pipeline/model_index.json", b"{}");
        assert!(refused("pipeline").contains("difflab import"));
    }

    #[test]
    fn what_was_found_is_told_in_a_line() {
        let mut survey = Survey { name: "cats".into(), images: 1200, ..Survey::default() };
        survey.sizes = vec![((4000, 3000), 1000), ((3, 4), 100), ((5, 6), 100)];
        assert_eq!(found(&survey), "cats: 1,200 images, 4000×3000 and 2 other sizes");
        survey.sizes.truncate(1);
        survey.classes = (0..10).map(|i| (format!("c{i}"), 120)).collect();
        assert!(found(&survey).starts_with("cats: 1,200 images in 10 classes (c0 120, c1 120,"));
        assert!(found(&survey).ends_with("c7 120 and 2 more), 4000×3000"));
    }
}
