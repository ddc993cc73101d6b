//! What was set live, newest last, so that it can be taken back.

use super::controls::Controls;

/// Changes that are kept; older ones can't be taken back any more.
const KEPT: usize = 200;

/// Live settings as they were before and after each change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UndoList {
    done: Vec<(Controls, Controls)>,
    undone: Vec<(Controls, Controls)>,
}

impl UndoList {
    /// Something was set; what was undone before can't be redone then.
    pub fn push(&mut self, before: Controls, after: Controls) {
        if self.done.len() == KEPT {
            self.done.remove(0);
        }
        self.done.push((before, after));
        self.undone.clear();
    }

    /// What the newest change had before it, and takes the change away.
    pub fn undo(&mut self) -> Option<Controls> {
        let (before, after) = self.done.pop()?;
        self.undone.push((before.clone(), after));
        Some(before)
    }

    /// What the change undone last had made of it.
    pub fn redo(&mut self) -> Option<Controls> {
        let (before, after) = self.undone.pop()?;
        self.done.push((before, after.clone()));
        Some(after)
    }

    /// The settings that the list leads to; `None` where it doesn't say.
    pub fn now(&self) -> Option<&Controls> {
        let done = self.done.last().map(|(_, after)| after);
        done.or_else(|| self.undone.last().map(|(before, _)| before))
    }

    /// Was nothing set so far?
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.undone.is_empty()
    }
}
