//! Pictures inside the screen: what to draw is decided by the state, how to draw it by the
//! terminal's protocol.

mod ascii;
mod compose;
mod half_blocks;
mod picture;

pub use ascii::Ascii;
pub use compose::{Grid, GridRoom, Images, grid};
pub use half_blocks::HalfBlocks;
pub use picture::{ChartContent, Picture, PictureSlot, Pictures};
