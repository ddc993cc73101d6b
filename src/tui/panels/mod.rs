//! One file a panel or dialog; each draws from the state into a buffer.

mod another_run;
mod cannot_save;
mod curves;
mod denoising;
mod dialog;
mod drawn;
mod failure;
mod footer;
mod frame;
mod header;
mod heatmap;
mod heatmap_map;
mod help;
mod loss;
mod loss_chart;
mod loss_range;
mod loss_strips;
mod messages;
mod new_run;
mod palette;
mod plane;
mod plane_density;
mod plane_field;
mod quit;
mod schedule;
mod schedule_chart;
mod too_small;
mod window;

pub use another_run::{not_begun, opening};
pub use cannot_save::cannot_save;
pub use failure::failure;
pub use footer::footer;
pub use header::header;
pub use help::help;
pub use messages::messages;
pub use new_run::new_run;
pub use palette::palette;
pub use quit::quit;
pub use too_small::too_small;

pub(in crate::tui) use drawn::panel;
