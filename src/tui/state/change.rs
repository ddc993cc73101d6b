//! The way from the run on the screen to another.

use super::overlay::NewRun;

/// Another run that was said yes to. The one on the screen stays until the other has made its first step.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub wanted: Box<NewRun>,
    pub stage: ChangeStage,
    /// What the new run does at present: "loading swiss_roll".
    pub doing: String,
}

/// How far the change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeStage {
    /// The run on the screen saves itself, and stands still then.
    Saving,
    /// The new one loads its data, is built, makes its folder and its first step.
    Opening,
    /// The new one can be trained: the old one is left.
    Leaving,
}
