//! A progress bar for what takes long.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::ranks::world;

/// A progress bar on stderr: "sampling ━━━━━ 12/50 · 8s left".
pub(super) fn progress(what: &str, total: u64) -> Result<ProgressBar> {
    let bar = if world().leads() { ProgressBar::new(total) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} · {eta} left")?);
    bar.set_message(what.to_string());
    Ok(bar)
}
