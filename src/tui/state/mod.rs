//! Everything the screen knows, as plain values bounded in memory.

mod controls;
mod curves;
mod data;
mod decimated;
mod ema;
mod film;
mod gallery;
mod heat;
mod history;
mod news;
mod overlay;
mod palette;
mod panel;
mod plane;
mod playback;
mod screen;

pub use controls::Controls;
pub use curves::{Curves, ScheduleView, TimeAxis};
pub use data::Data;
pub use film::{Film, Films, PointsStill, Still};
pub use gallery::{Gallery, Placed, refresh};
pub use heat::{Heat, HeatColumn};
pub use history::{HeldOutBucket, History, LossBucket, Mark, MarkKind, Moment, SMOOTHINGS, XAxis};
pub use news::{Gravity, Item, News};
pub use overlay::{NewRun, Overlay};
pub use palette::{CommandPalette, Reading, Row};
pub use panel::Panel;
pub use plane::{Plane, PointsView};
pub use playback::{HOLD, Playback, STILL_FOR};
pub use screen::{PlotChoices, State};
