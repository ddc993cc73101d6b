//! Why a station can't be used.

/// A station that can't be used: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct StationError(String);

impl StationError {
    /// `words` begin with the place.
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
