//! The terminal: what it can do, its modes while the lab is on it, and how pictures get there.

pub mod abilities;
pub mod encoder;
pub mod image_protocol;
pub mod protocol_pictures;
pub mod quiet_backend;
pub mod replies;
pub mod session;
pub mod sixel;
