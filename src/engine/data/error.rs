//! What can be wrong with data.

use crate::process::interrupt::Interrupted;

/// Data that can't be used: the user's to mend, so the program ends with exit code 2.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// A name that isn't in the catalogue.
    #[error("there is no dataset named `{name}`; there are {known}, and your own by path")]
    Unknown { name: String, known: String },

    /// A file or folder that should be there.
    #[error("{path}: {problem}")]
    Missing { path: String, problem: String },

    /// There, but the system won't let us read it.
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: String, reason: String },

    /// Not what its name or header promises.
    #[error("{file}: expected {expected}, found {found}")]
    Malformed { file: String, expected: String, found: String },

    /// Files that don't belong together, or images that can't become one dataset.
    #[error("{problem}")]
    Unfit { problem: String },

    /// The program was told to stop.
    #[error("loading was interrupted")]
    Interrupted(#[from] Interrupted),

    /// More images held out than there are.
    #[error(
        "data.held_out = {held_out} leaves nothing to train on: {name} has {images} images; set \
         data.held_out = 0.05, a share of them, or 0"
    )]
    HeldOut { held_out: usize, images: usize, name: String },
}
