//! The first state of a screen before an experiment.

use std::path::{Path, PathBuf};

use super::{archive, comparing, runs};
use crate::tui::archive::ArchiveNews;
use crate::tui::browser::Browser;
use crate::tui::effect::Effect;
use crate::tui::experiment::{ExperimentFacts, ExperimentView};
use crate::tui::state::{Bench, MOST_COMPARED, State, UnderWay};

/// Puts the experiment's runs on the screen.
pub fn begin(state: &mut State, facts: ExperimentFacts, view: ExperimentView) -> Vec<Effect> {
    let dir = facts.dir.clone();
    let experiment = UnderWay::new(facts);
    state.phase = experiment.phase();
    // No run is trained by this screen itself.
    state.ended = true;
    state.experiment = Some(Box::new(experiment));
    match view {
        ExperimentView::Compared(sides) => {
            state.bench = Bench::Watching;
            let beside = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            state.browser = Some(Box::new(Browser::new(beside)));
            let dirs: Vec<PathBuf> = sides.iter().map(|(dir, _)| dir.clone()).collect();
            let mut effects = comparing::compare(state, &dirs);
            if dirs.len() <= MOST_COMPARED {
                // The first line says it.
                state.news.dismiss();
            }
            for (dir, config) in sides {
                // As its files will say once it has begun.
                let opened = ArchiveNews::Opened { dir, config: Box::new(config), flops: 0.0 };
                effects.extend(archive::came(state, opened));
            }
            effects
        }
        ExperimentView::Listed => {
            state.bench = Bench::Browsing;
            let mut list = Browser::new(&dir);
            // In the order of the grid.
            list.sort_by(0, false);
            state.browser = Some(Box::new(list));
            runs::open(state)
        }
    }
}
