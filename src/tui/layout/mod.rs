//! Where everything is: pure functions of the terminal's size, shared by the view, the mouse and
//! the pictures.

mod album;
mod course;
mod loss;
mod pair;
mod paned;
mod panes;
mod screen;

pub use album::{AlbumPane, album, album_large, compared_samples, side_by_side};
pub use course::{CourseRoom, course, course_inner, course_text};
pub use loss::{LossPane, loss_compared, loss_full};
pub use pair::{Captions, Pair, pair};
pub use paned::{LearningPane, StripPane, grid, learning, learning_bar, panes, step_place, strip};
pub use panes::{
    DenoisingPane, GUTTER, HeatmapPane, PlotPane, SchedulePane, denoising_brief, denoising_full, heat_columns,
    heat_place, heatmap_full, plot, reconstruction_brief, schedule_full, timeline_bar,
};
pub use screen::{Density, MIN_COLUMNS, MIN_ROWS, PanelPlace, ScreenLayout, screen};
