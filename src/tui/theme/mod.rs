//! Colours by role, for dark and light terminals of any ability, and for projectors.

mod capability;
mod colors;
#[cfg(test)]
mod contrast;
mod named;
mod roles;

pub use capability::Capability;
pub use colors::{Theme, ThemeName};
pub use roles::Role;
