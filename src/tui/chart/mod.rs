//! Our own line chart: braille, block or ASCII dots, linear and logarithmic axes, calm ticks.

mod axes;
mod dots;
mod marker;
mod scale;
mod ticks;

pub use axes::{Pen, x_axis, y_axis};
pub use dots::Dots;
pub use marker::Marker;
pub use scale::Scale;
pub use ticks::{Tick, nice_ceil, nice_floor, step_ticks, time_ticks, value_ticks};
