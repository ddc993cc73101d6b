//! What was found in run folders.

use std::path::Path;

use super::{comparing, lesson_measuring, panes};
use crate::run::follow::RunNews;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::effect::Effect;
use crate::tui::state::{AskedFor, ComparedRun, Curves, Gravity, Heat, MarkKind, Overlay, State, StepCosts};

/// Takes it in.
pub fn came(state: &mut State, news: ArchiveNews) -> Vec<Effect> {
    match news {
        ArchiveNews::Found(dirs) => {
            if asks_for_runs(state) {
                state.overlay = None;
            }
            return comparing::compare(state, &dirs);
        }
        ArchiveNews::Opened { dir, config, flops } => {
            if let Some(run) = state.compared_mut(&dir) {
                run.set_config(&config);
                run.trouble = None;
                let images = config.train.batch_size as f64;
                run.history.set_costs(StepCosts { images, flops: images * flops });
            }
            // Where nothing is trained here the first one says what t is.
            if state.only_compares() && state.curves.is_none() {
                state.curves = Curves::new(&config.diffusion);
                state.cursor_t = state.timesteps() * 43 / 100;
            }
        }
        ArchiveNews::Came { dir, anew, news } => {
            if let Some(run) = state.compared_mut(&dir) {
                take(run, anew, *news);
            }
        }
        ArchiveNews::Bookmarks { dir, bookmarks } => {
            if is_here(state, &dir) {
                state.live.history.bookmark(bookmarks.clone());
            }
            if let Some(run) = state.compared_mut(&dir) {
                run.history.bookmark(bookmarks);
            }
        }
        ArchiveNews::ReadAsAsked { request, read } => return lesson_measuring::measured(state, &request, read),
        ArchiveNews::Frame { round, pane, frame, shape } => panes::frame_came(state, (round, pane), &frame, shape),
        ArchiveNews::NoFrames { round, pane, why } => panes::no_frames(state, (round, pane), why),
        ArchiveNews::Kept(kept) => return panes::kept_came(state, &kept),
        ArchiveNews::Album { dir, pictures } => {
            if let Some(album) = state.album.as_mut().filter(|album| album.dir == dir) {
                album.found(pictures);
            }
        }
        ArchiveNews::Picture { path, picture } => {
            if let Some(album) = &mut state.album {
                album.came(&path, picture);
            }
        }
        ArchiveNews::Film { path, frames } => {
            let now = state.now;
            if let Some(album) = &mut state.album {
                album.film_came(&path, frames, now);
            }
        }
        // A run that is opened behind this screen has no files yet.
        ArchiveNews::Trouble { dir, .. } if state.is_yet_to_begin(&dir) => {}
        ArchiveNews::Trouble { dir, why } => {
            let first = why.lines().next().unwrap_or_default().to_string();
            if let Some(run) = state.compared_mut(&dir) {
                run.trouble = Some(first.clone());
            }
            state.news.tell(state.now, Gravity::Warning, format!("{}: {first}", dir.display()));
        }
        ArchiveNews::Refused(why) => match &mut state.overlay {
            Some(Overlay::Ask { what: AskedFor::Runs, refusal, .. }) => *refusal = Some(why),
            _ => state.news.answer(state.now, Gravity::Warning, why),
        },
    }
    Vec::new()
}

fn asks_for_runs(state: &State) -> bool {
    matches!(state.overlay, Some(Overlay::Ask { what: AskedFor::Runs, .. }))
}

fn is_here(state: &State, dir: &Path) -> bool {
    state.live.info.as_ref().is_some_and(|info| info.run_dir == dir)
}

/// The curves of a run, as far as its files have come.
fn take(run: &mut ComparedRun, anew: bool, news: RunNews) {
    if anew {
        (run.history, run.heat, run.has_failed) = (run.history.anew(), Heat::default(), false);
    }
    run.is_trained = news.is_trained;
    run.is_read = !news.more();
    news.steps.records.into_iter().for_each(|record| run.history.push(record));
    news.rows.records.iter().for_each(|row| run.heat.push(row));
    for event in news.events.records {
        // What goes on after an error tells of something else.
        run.has_failed = event.kind == "error";
        let kind = MarkKind::of_word(&event.kind);
        if kind != MarkKind::Other {
            run.history.mark_with(event.step, kind, event.what);
        }
    }
}

/// Asks for the words that a person has put on the steps of the run that is trained here.
pub fn ask_for_bookmarks(state: &State) -> Vec<Effect> {
    let dir = state.live.info.as_ref().filter(|info| info.start_step > 0).map(|info| info.run_dir.clone());
    dir.map(|dir| Effect::Ask(ArchiveRequest::Bookmarks(dir))).into_iter().collect()
}
