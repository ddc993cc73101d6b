//! Our own line chart: braille, block or ASCII dots, linear and logarithmic axes, calm ticks.

mod marker;

pub use marker::Marker;
