//! Everything the screen knows, as plain values bounded in memory.

mod controls;
mod curves;
mod data;
mod debiased_ema;
mod decimated;
mod film;
mod gallery;
mod heat;
mod history;
mod measured;
mod news;
mod overlay;
mod palette;
mod plane;
mod playback;
mod refresh;
mod screen;
mod story;

pub use controls::Controls;
pub use curves::{Curves, ScheduleView, TimeAxis};
pub use data::Data;
pub use film::{Film, Films, PointsStill, Still};
pub use gallery::{Gallery, Placed};
pub use heat::{Heat, HeatColumn};
pub use history::{HeldOutBucket, History, LossBucket, Mark, MarkKind, Moment, SMOOTHINGS, XAxis};
pub use measured::go_on;
pub use news::{Gravity, Item, News};
pub use overlay::{NewRun, Overlay};
pub use palette::{CommandPalette, LineReading, Row};
pub use plane::{Plane, PointsView};
pub use playback::{HOLD, Playback, STILL_FOR};
pub use refresh::refresh;
pub use screen::{PlotChoices, State};
pub use story::{Hello, Sentence, Story};
