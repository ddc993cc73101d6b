//! Experiments of several runs: what `difflab sweep` and `difflab race` have in common.
//!
//! | file | what lives there |
//! |---|---|
//! | `begun` | how far a run of an experiment has come |
//! | `first_stage` | is the autoencoder there that new runs in latents need? |
//! | `folder` | the experiment's folder, and by what it is known again |
//! | `held` | that folder while the experiment is under way: locked, and found again where it was renamed |
//! | `measured` | what `difflab eval` measures of each run, kept in a file |
//! | `naming` | names of runs by what is set in them |
//! | `on_screen` | its screen: what it is told of the runs that train |
//! | `paired` | differences of losses that were drawn alike, with their standard errors |
//! | `results` | what a run's folder says it came to |
//! | `table` | the table, for a terminal and in Markdown |

mod begun;
mod first_stage;
mod folder;
mod held;
mod measured;
mod naming;
mod on_screen;
mod paired;
mod results;
mod table;

pub use begun::{Begun, is_divergence, make_room, why_gone};
pub use first_stage::check_first_stages;
pub use folder::{Experiment, checked};
pub use held::HeldExperiment;
pub use measured::{Measurements, refuse_unmeasurable};
pub use naming::{folder_name, labels};
pub use on_screen::{carry_out, train};
pub use paired::{Paired, held_out_errors, of_steps};
pub use results::{Results, smoothed_how};
pub use table::Table;
