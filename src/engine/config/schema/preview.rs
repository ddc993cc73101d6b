//! `[preview]`: the moving preview, and the automatic snapshots.

use serde::{Deserialize, Serialize};

/// The moving preview, and the automatic snapshots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreviewConfig {
    /// Denoise samples between training steps.
    pub enabled: bool,
    /// Largest share of the time that previews may take, 0 to 1. Drawing them costs a little more: the default keeps
    /// the total cost within a tenth of the throughput.
    pub budget: f64,
    /// Images in the preview.
    pub num: usize,
    /// Sampling steps of a preview.
    pub steps: usize,
    /// Steps between preview pictures saved in the run folder; 0: none.
    pub save_every: u64,
    /// Steps between automatic snapshots; 0: only when asked.
    pub snapshot_every: u64,
}

impl Default for PreviewConfig {
    fn default() -> Self {
        Self { enabled: true, budget: 0.03, num: 10, steps: 25, save_every: 500, snapshot_every: 0 }
    }
}
