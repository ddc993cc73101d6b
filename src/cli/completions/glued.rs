//! Values that are written behind others: `KEY=VALUE`, and lists between commas.

use clap_complete::CompletionCandidate;

/// What `word` may become by one of `values`, where it is a list between commas: the last one is completed.
pub fn in_a_list(word: &str, values: impl Fn(&str) -> Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let (before, last) = word.rfind(',').map_or(("", word), |at| word.split_at(at + 1));
    behind(before, values(last))
}

/// `candidates`, each behind `before`.
pub fn behind(before: &str, candidates: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    candidates.into_iter().map(|candidate| candidate.add_prefix(before)).collect()
}
