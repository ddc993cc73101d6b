//! Our own charts: braille, block or ASCII dots, linear and logarithmic axes, calm ticks and ranges.

mod axes;
mod clip;
mod dots;
mod marker;
mod paint;
mod range;
mod scale;
mod sketch;
mod ticks;

pub use axes::{Pen, x_axis, y_axis};
pub use dots::Dots;
pub use marker::Marker;
pub use paint::ChartSheet;
pub use range::robust_range;
pub use scale::Scale;
pub use sketch::{Layer, Shape, Sketch, Weight};
pub use ticks::{Tick, count_ticks, nice_ceil, nice_floor, step_ticks, time_ticks, value_ticks};
