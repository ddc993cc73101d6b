//! The panels while runs are compared: each shows all of them.
//!
//! | file | what it draws |
//! |---|---|
//! | `shown` | which panel is drawn inside which border |
//! | `loss`, `legend` | the curves over one another, and their values at the cursor |
//! | `heatmap`, `difference` | the losses per timestep of one run, or how much two differ |
//! | `schedule` | each run's schedule |
//! | `denoising` | the runs' samples from the same noise |
//! | `configs` | a dialog: where the configs differ |

mod configs;
mod denoising;
mod difference;
mod heatmap;
mod legend;
mod loss;
mod schedule;
mod shown;

pub use configs::configs;
pub use shown::panel;
