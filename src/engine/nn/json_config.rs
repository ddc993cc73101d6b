//! Reading an architecture's settings, and saying what is wrong with them.

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::json::read_json;
use super::wrong_type::wrong_type;

/// Larger values are taken for a damaged file; they also keep every product below 2^63.
pub(super) const MAX_CHANNELS: usize = 1 << 16;

/// Settings from the text of a `config.json`.
///
/// # Errors
/// When the text is no JSON object, or a value has the wrong type; the message names the key.
pub fn read_config<T: DeserializeOwned + Serialize + Default>(text: &str) -> Result<T> {
    let value: Value = read_json(text)?;
    ensure!(value.is_object(), "expected a JSON object of settings");
    match serde_json::from_value(value.clone()) {
        Ok(config) => Ok(config),
        Err(error) => {
            let given = value.as_object().context("expected a JSON object of settings")?;
            let why = wrong_type::<T>(given, &json!({})).unwrap_or_else(|| error.to_string());
            bail!("a setting has the wrong type: {why}");
        }
    }
}

/// # Errors
/// When `name` is none of the supported ones.
pub fn check_choice(key: &str, name: &str, supported: &[&str]) -> Result<()> {
    ensure!(supported.contains(&name), "{key} = {name:?} is not supported; supported: {}", supported.join(", "));
    Ok(())
}

/// # Errors
/// When a count is 0 or past all sense.
pub fn check_range(key: &str, value: usize) -> Result<()> {
    ensure!((1..=MAX_CHANNELS).contains(&value), "{key} = {value} is outside 1 to {MAX_CHANNELS}");
    Ok(())
}

/// diffusers writes these as `1`, not `1.0`.
pub fn whole_as_integer<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}
