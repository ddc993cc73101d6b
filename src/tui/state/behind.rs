//! Whether an experiment trains behind a screen.

use std::path::Path;

use super::screen::State;

impl State {
    /// Does an experiment train behind this screen?
    pub fn trains_behind(&self) -> bool {
        self.experiment.as_ref().is_some_and(|experiment| !experiment.is_over())
    }

    /// Is the run in `dir` one of an experiment's that has yet to begin?
    pub fn is_yet_to_begin(&self, dir: &Path) -> bool {
        let unread = |dir: &Path| self.live.compared.iter().any(|run| run.dir == dir && !run.is_read);
        self.trains_behind() && unread(dir)
    }
}
