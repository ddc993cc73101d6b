//! The experiment file: schema, defaults, validation, overrides.
//!
//! [`Config::load`] reads one of the [`shipped`] configs or a TOML file, applies `--set KEY=VALUE`
//! overrides, and refuses what it doesn't know, naming the nearest key. [`Config::validate`] then
//! refuses impossible values before anything is built.

mod assignments;
mod autoencoder_stage;
mod comparable;
mod error;
mod held_out;
mod help;
mod idle_autoencoder;
mod idle_keys;
mod idle_training;
mod keys;
mod length;
mod load;
mod names;
mod overrides;
mod precision;
mod schema;
mod shipped;
mod validate;
mod validate_autoencoder;
mod validate_diffusion;
mod validate_loss;
mod validate_model;
mod validate_sample;
mod validate_sampling;
mod validate_solver;
mod values;

pub use assignments::{assignments, key_in_full, meant, named, words, words_between_commas};
pub use autoencoder_stage::{OWN_LATENTS, is_of_an_autoencoders_network};
pub use comparable::{Comparable, comparable, differing};
pub use error::ConfigError;
pub use held_out::HeldOut;
pub use help::{help, markdown};
pub use idle_keys::IdleKey;
pub use keys::{Key, ValueKind, keys, nearest as nearest_key};
pub use load::is_a_path;
pub use names::*;
pub use precision::{Precision, PrecisionChoice};
pub use schema::*;
pub use shipped::shipped;
pub use validate::{POINT_SETS, UNLABELLED_POINT_SETS};
