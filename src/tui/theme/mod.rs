//! Colours by role, for dark and light terminals of any ability.

mod capability;
mod colors;

pub use capability::Capability;
pub use colors::{Role, Theme, ThemeName};
