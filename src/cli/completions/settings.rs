//! `KEY=VALUE`: the keys of the config, and the values of those that are names.

use clap_complete::CompletionCandidate;

use super::glued::{behind, in_a_list};
use crate::config::{self, Key, ValueKind};
use crate::data::catalogue;
use crate::run;

/// The config's own format is nothing to choose.
const NOT_SET: &str = "version";

/// What one `KEY=VALUE` may become: a key in full or, where it is clear, without its section; then its value.
pub fn setting(word: &str) -> Vec<CompletionCandidate> {
    with_values(word, None, value)
}

/// The same of what a trained network may be sampled otherwise by.
pub fn sampling_setting(word: &str) -> Vec<CompletionCandidate> {
    let kept = |candidate: &CompletionCandidate| {
        let text = candidate.get_value().to_string_lossy();
        config::named(text.split('=').next().unwrap_or_default()).iter().any(|key| run::is_of_sampling(&key.path))
    };
    setting(word).into_iter().filter(kept).collect()
}

/// The same with several values between commas.
pub fn settings(word: &str) -> Vec<CompletionCandidate> {
    with_values(word, None, |key, typed| in_a_list(typed, |last| value(key, last)))
}

/// The same, of keys of the section [sample], without its name.
pub fn sample_settings(word: &str) -> Vec<CompletionCandidate> {
    with_values(word, Some("sample"), |key, typed| in_a_list(typed, |last| value(key, last)))
}

fn with_values(
    word: &str,
    section: Option<&str>,
    values: impl Fn(&Key, &str) -> Vec<CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    let Some((name, typed)) = word.split_once('=') else { return keys(word, section) };
    let key = match section {
        Some(section) => config::keys().iter().find(|key| key.section() == section && key.name() == name),
        // Of several the one whose words begin so.
        None => config::named(name).into_iter().find(|key| !values(key, typed).is_empty()),
    };
    key.map(|key| behind(&format!("{name}="), values(key, typed))).unwrap_or_default()
}

/// The keys that begin so, as `KEY=`.
fn keys(typed: &str, section: Option<&str>) -> Vec<CompletionCandidate> {
    let candidate = |name: &str, key: &Key| CompletionCandidate::new(format!("{name}=")).help(Some(about(key).into()));
    let known = || config::keys().iter().filter(|key| key.path != NOT_SET);
    if let Some(section) = section {
        let own = known().filter(|key| key.section() == section && key.name().starts_with(typed));
        return own.map(|key| candidate(key.name(), key)).collect();
    }
    let in_full: Vec<_> =
        known().filter(|key| key.path.starts_with(typed)).map(|key| candidate(&key.path, key)).collect();
    if !in_full.is_empty() {
        return in_full;
    }
    let clear = |key: &&Key| key.name().starts_with(typed) && config::named(key.name()).len() == 1;
    known().filter(clear).map(|key| candidate(key.name(), key)).collect()
}

/// The words that the key of this path takes and that begin so.
pub fn words_of(path: &str, typed: &str) -> Vec<CompletionCandidate> {
    config::keys().iter().find(|key| key.path == path).map(|key| value(key, typed)).unwrap_or_default()
}

/// The words that the key takes and that begin so.
fn value(key: &Key, typed: &str) -> Vec<CompletionCandidate> {
    let words = match &key.kind {
        _ if key.path == "data.dataset" => catalogue().iter().map(|entry| entry.name.to_string()).collect(),
        ValueKind::Choice(words) => words.clone(),
        ValueKind::Bool => vec!["true".into(), "false".into()],
        _ => Vec::new(),
    };
    words.into_iter().filter(|word| word.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// A line about the key; shells show it beside the name.
fn about(key: &Key) -> String {
    key.about().trim_end_matches('.').replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(candidates: Vec<CompletionCandidate>) -> Vec<String> {
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn keys_are_completed_in_full_and_by_their_names_where_these_are_clear() {
        let train = words(setting("tra"));
        assert!(train.contains(&"train.batch_size=".into()) && train.iter().all(|key| key.starts_with("train.")));
        assert_eq!(words(setting("train.batch")), ["train.batch_size="]);
        assert_eq!(words(setting("prediction")), ["prediction_type="]);
        // Three sections have `steps`.
        assert_eq!(words(setting("steps")), ["steps_offset="]);
        assert!(!words(setting("")).contains(&"version=".into()));
    }

    #[test]
    fn values_are_completed_where_they_are_words() {
        assert_eq!(words(setting("diffusion.schedule=cos")), ["diffusion.schedule=cosine"]);
        assert_eq!(words(setting("schedule=lin")), ["schedule=linear"]);
        assert_eq!(words(setting("sample.clip_sample=")), ["sample.clip_sample=true", "sample.clip_sample=false"]);
        assert_eq!(words(setting("path=fl")), ["path=flow"]);
        assert_eq!(words(setting("train.batch_size=6")), Vec::<String>::new());
        assert_eq!(words(setting("nonsense=")), Vec::<String>::new());
        assert!(words(setting("data.dataset=mn")).contains(&"data.dataset=mnist".into()));
    }

    #[test]
    fn a_trained_network_is_sampled_by_the_keys_of_sampling() {
        let all = words(sampling_setting(""));
        assert!(all.contains(&"sample.eta=".into()) && all.contains(&"diffusion.shift=".into()));
        assert!(!all.iter().any(|key| key.starts_with("train.") || key.starts_with("model.")), "{all:?}");
        assert_eq!(words(sampling_setting("train.batch")), Vec::<String>::new());
    }

    #[test]
    fn lists_are_completed_at_their_end() {
        assert_eq!(words(settings("diffusion.schedule=linear,cos")), ["diffusion.schedule=linear,cosine"]);
        assert_eq!(words(sample_settings("sampler=ddim,uni")), ["sampler=ddim,unipc"]);
        assert_eq!(words(sample_settings("spac")), ["spacing="]);
    }
}
