//! `[parent]`: where a fork comes from.

use serde::{Deserialize, Serialize};

/// Where a fork comes from. `difflab fork` writes it, and no other run has it; it can't be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParentConfig {
    /// The parent's folder, when it was forked.
    pub run: String,
    /// What the parent is known by wherever its folder went: `run` in its run.json; empty where it has none.
    pub id: String,
    /// The step of the parent's checkpoint: the fork's first step is the one after it.
    pub step: u64,
    /// The keys that were changed, as one would set them, with a space between; empty: none.
    pub changes: String,
}
