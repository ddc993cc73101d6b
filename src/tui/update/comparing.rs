//! Keys of runs that are compared.

use std::path::{Path, PathBuf};

use crate::tui::archive::{ArchiveRequest, SampleOrder, SamplePane, SampleRequest};
use crate::tui::effect::Effect;
use crate::tui::state::{AskedFor, Gravity, MOST_COMPARED, Overlay, State};

/// Samples of each run beside those of the others.
const SAMPLES: usize = 8;

/// Compares these runs from now on; none ends it.
pub fn compare(state: &mut State, dirs: &[PathBuf]) -> Vec<Effect> {
    let before = state.is_comparing();
    let follow = state.compare(dirs);
    let text = match state.compared().len() {
        0 if !before => return Vec::new(),
        0 => "comparing no runs any more".to_string(),
        n => {
            let left_out = match dirs.len() > MOST_COMPARED {
                true => format!(", the first of {}: more are a tangle", dirs.len()),
                false => String::new(),
            };
            format!("comparing {n} {}{left_out}", if n == 1 { "run" } else { "runs" })
        }
    };
    state.news.answer(state.now, Gravity::Info, text);
    vec![Effect::Ask(ArchiveRequest::StopDenoising), Effect::Ask(ArchiveRequest::Follow(follow))]
}

/// Compares the runs that are marked, where others are compared; the pinned one is what they are measured by.
pub fn follow_marks(state: &mut State) -> Vec<Effect> {
    let others = state.marked_others();
    if others.is_empty() {
        // The screen's own alone is compared with nothing.
        return if state.is_comparing() { compare(state, &[]) } else { Vec::new() };
    }
    if state.compares_the_marked() {
        state.hold_against_the_pinned();
        return Vec::new();
    }
    compare(state, &others)
}

/// Asks which runs.
pub fn ask(state: &mut State) {
    let here = |dir: &Path| state.live.info.as_ref().is_some_and(|info| info.run_dir == dir);
    let others = state.compared().iter().filter(|run| !run.is_here && !here(&run.dir));
    let text = others.map(|run| quoted(&run.dir.display().to_string())).collect::<Vec<_>>().join(" ");
    state.overlay = Some(Overlay::Ask { what: AskedFor::Runs, text, refusal: None });
}

/// The words of a line that names runs: those with spaces in quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_string());
        rest = after.trim_start();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("\"{word}\"") } else { word.to_string() }
}

/// Another run under the cursor.
pub fn choose(state: &mut State, by: isize) {
    let Some(runs) = several(state) else { return };
    let at = (state.comparison.chosen as isize + by).rem_euclid(runs as isize) as usize;
    state.comparison.chosen = at;
    let name = state.compared()[at].name.clone();
    state.news.answer(state.now, Gravity::Info, format!("the cursor is on {name}"));
}

/// The run under the cursor is the one that the others are measured by.
pub fn pin(state: &mut State) {
    if several(state).is_none() {
        return;
    }
    state.comparison.pinned = state.comparison.chosen;
    if let Some((dir, name)) = state.pinned_run().map(|run| (run.dir.clone(), run.name.clone())) {
        state.marked.hold_against(&dir);
        state.news.answer(state.now, Gravity::Info, format!("differences are from {name} now"));
    }
}

/// The heatmap of one run, or the difference of two.
pub fn toggle_difference(state: &mut State) {
    if several(state).is_some() {
        state.comparison.difference = !state.comparison.difference;
    }
}

/// Where the configs differ.
pub fn show_differences(state: &mut State) {
    if several(state).is_some() {
        state.overlay = Some(Overlay::Differences { scroll: 0 });
    }
}

/// Samples of all runs from the same noise.
pub fn denoise(state: &mut State) -> Vec<Effect> {
    let pane = |dir: &PathBuf| SamplePane { dir: dir.clone(), step: None, raw: false, settings: None };
    let panes = state.compared().iter().map(|run| pane(&run.dir)).collect();
    let seed = state.pinned_run().and_then(|run| run.config.as_ref()).map_or(0, |config| config.seed);
    let seed = seed.wrapping_add(state.noise_drawn);
    state.noise_drawn += 1;
    state.panes.playing = Some(state.now);
    state.live.compared.iter_mut().for_each(|run| run.films = Default::default());
    state.news.answer(state.now, Gravity::Info, "sampling the newest weights that are kept, all from the same noise …");
    let (round, gently) = (state.panes.next_round(), state.trains_here());
    let order = SampleOrder::Together;
    vec![Effect::Ask(ArchiveRequest::Denoise(Box::new(SampleRequest {
        round,
        panes,
        seed,
        num: SAMPLES,
        order,
        gently,
    })))]
}

/// How many runs are compared; says so where there are none.
fn several(state: &mut State) -> Option<usize> {
    let runs = state.compared().len();
    if runs == 0 {
        state.news.answer(state.now, Gravity::Info, "no runs are compared; V asks which");
        return None;
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_by_words_and_those_with_spaces_in_quotes() {
        assert_eq!(words("  a runs/b  latest "), ["a", "runs/b", "latest"]);
        assert_eq!(words("\"my run\" b"), ["my run", "b"]);
        assert_eq!(words("\"open end"), ["open end"]);
        assert!(words("  ").is_empty() && words("\"\"").is_empty());
        assert_eq!(words(&format!("{} x", quoted("a b"))), ["a b", "x"]);
    }
}
