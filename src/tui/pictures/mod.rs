//! Pictures inside the screen: what to draw is decided by the state, how to draw it by the
//! terminal's protocol.

mod arrange;
mod ascii;
mod compose;
mod half_blocks;
mod picture;
mod spared;

pub use arrange::{Arrangement, Room, Subject, arrange};
pub use ascii::Ascii;
pub use compose::{Images, Sheet, compose};
pub use half_blocks::HalfBlocks;
pub use picture::{ChartContent, Picture, PictureSlot, Pictures};
pub use spared::Spared;
