//! The experiment file: schema, defaults, validation, overrides.

mod schema;

pub use schema::*;
