//! Which setting has a value of another type than it takes.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::json::shown;

/// A sentence on the first of the `given` settings that a `T` can't have, each tried alone beside the `others`: the key,
/// its value, and what it takes. None: all of them are possible.
pub fn wrong_type<T: DeserializeOwned>(given: &Map<String, Value>, others: &Value) -> Option<String> {
    let takes = |key: &str, value: Value| {
        let mut all = others.as_object().cloned().unwrap_or_default();
        all.insert(key.into(), value);
        serde_json::from_value::<T>(Value::Object(all))
    };
    given.iter().find_map(|(key, value)| {
        let error = takes(key, value.clone()).err()?;
        let possible = possible(|candidate| takes(key, candidate).is_ok());
        let why = match possible.is_empty() {
            true => error.to_string(),
            false => format!("it takes {}", possible.join(" or ")),
        };
        Some(format!("{key} = {} is not possible: {why}", shown(value)))
    })
}

/// The kinds of values that a setting takes.
fn possible(takes: impl Fn(Value) -> bool) -> Vec<&'static str> {
    let number = match (takes(json!(0.5)), takes(json!(-1)), takes(json!(1))) {
        (true, ..) => Some("a number"),
        (_, true, _) => Some("a whole number"),
        (_, _, true) => Some("a whole number from 0"),
        _ => None,
    };
    let list = match (takes(json!([0.5])), takes(json!([1])), takes(json!([1, 1]))) {
        (true, ..) => Some("a list of numbers"),
        (_, true, _) => Some("a list of whole numbers from 0"),
        (_, _, true) => Some("a list of two whole numbers from 0"),
        _ => None,
    };
    let text = takes(json!("x")).then_some("text");
    let flag = takes(json!(true)).then_some("true or false");
    let null = takes(Value::Null).then_some("null");
    [number, list, text, flag, null].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::UNetConfig;

    #[test]
    fn the_key_and_what_it_takes_are_named() {
        for (key, value, takes) in [
            ("layers_per_block", json!("two"), "a whole number from 0"),
            ("layers_per_block", json!(-1), "a whole number from 0"),
            ("layers_per_block", json!(1.5), "a whole number from 0"),
            ("norm_eps", Value::Null, "a number"),
            ("add_attention", json!(1), "true or false"),
            ("block_out_channels", json!(8), "a list of whole numbers from 0"),
            ("sample_size", json!("big"), "a whole number from 0 or a list of two whole numbers from 0 or null"),
            ("attention_head_dim", json!(0.5), "a whole number from 0 or null"),
        ] {
            let message = format!("{:#}", UNetConfig::from_json(&json!({key: value}).to_string()).unwrap_err());
            assert!(message.contains(&format!("{key} = {value} is not possible: it takes {takes}")), "{message}");
            assert!(!message.contains("usize") && !message.contains("f64"), "{message}");
        }
    }

    #[test]
    fn settings_of_the_right_types_are_passed_over() {
        let given = json!({"layers_per_block": 1, "norm_eps": 1e-6});
        assert_eq!(wrong_type::<UNetConfig>(given.as_object().unwrap(), &json!({})), None);
    }
}
