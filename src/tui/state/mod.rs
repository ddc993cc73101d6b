//! Everything the screen knows, as plain values bounded in memory.

mod screen;

pub use screen::State;
