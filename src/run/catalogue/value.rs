//! What a config key holds, ready to be compared: a list of runs keeps thousands of each.

use std::sync::Arc;

use crate::config::{Key, ValueKind};

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    Number(f64),
    Flag(bool),
    Word(Arc<str>),
    List(Arc<[f64]>),
}

impl KeyValue {
    /// From a value of TOML that fits the key.
    pub fn of(value: &toml::Value) -> Self {
        let number = |value: &toml::Value| match value {
            toml::Value::Integer(whole) => *whole as f64,
            toml::Value::Float(number) => *number,
            _ => f64::NAN,
        };
        match value {
            toml::Value::Boolean(flag) => Self::Flag(*flag),
            toml::Value::String(word) => Self::Word(word.as_str().into()),
            toml::Value::Array(list) => Self::List(list.iter().map(number).collect()),
            other => Self::Number(number(other)),
        }
    }

    /// From the text of a value in the form that this program writes; `None` for any other, and for what does not fit
    /// the key.
    pub fn read(text: &str, key: &Key) -> Option<Self> {
        match &key.kind {
            ValueKind::Integer => {
                text.bytes().all(|byte| byte.is_ascii_digit()).then(|| number(text))?.map(Self::Number)
            }
            ValueKind::Float => number(text).map(Self::Number),
            ValueKind::Bool => text.parse().ok().map(Self::Flag),
            ValueKind::Text => word(text).map(|word| Self::Word(word.into())),
            ValueKind::Choice(words) => {
                let word = word(text)?;
                words.iter().any(|known| known == word).then(|| Self::Word(word.into()))
            }
            ValueKind::IntegerList | ValueKind::FloatList => {
                let inner = text.strip_prefix('[')?.strip_suffix(']')?;
                match inner {
                    "" => Some(Self::List(Arc::default())),
                    _ => inner.split(", ").map(number).collect::<Option<Arc<[f64]>>>().map(Self::List),
                }
            }
        }
    }
}

/// A number as TOML and Rust both write it.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = digits.iter().all(|byte| byte.is_ascii_digit() || b".eE-".contains(byte));
    let whole = digits.first()?.is_ascii_digit() && digits.last()?.is_ascii_digit();
    let padded = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    (plain && whole && !padded).then(|| text.parse().ok())?
}

/// What stands between quotes, with nothing in it that TOML reads otherwise.
fn word(text: &str) -> Option<&str> {
    let word = text.strip_prefix('"')?.strip_suffix('"')?;
    (!word.contains(['"', '\\']) && !word.contains(char::is_control)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn only_the_form_that_this_program_writes_is_read() {
        let read = |path: &str, text: &str| {
            let key = keys().iter().find(|key| key.path == path).unwrap();
            KeyValue::read(text, key)
        };
        assert_eq!(read("train.learning_rate", "0.001"), Some(KeyValue::Number(1e-3)));
        assert_eq!(read("train.learning_rate", "1e-10"), Some(KeyValue::Number(1e-10)));
        assert_eq!(read("model.block_out_channels", "[8, 16]"), Some(KeyValue::List([8.0, 16.0].into())));
        assert_eq!(read("diffusion.betas", "[]"), Some(KeyValue::List([].into())));
        assert_eq!(read("data.path", "\"/a b/ü\""), Some(KeyValue::Word("/a b/ü".into())));
        for (path, text) in [
            ("train.steps", "-1"),
            ("train.steps", "1.5"),
            ("train.steps", "01"),
            ("train.steps", ""),
            ("train.learning_rate", "inf"),
            ("train.learning_rate", "1."),
            ("train.learning_rate", "1e"),
            ("train.learning_rate", "1_0"),
            ("model.dropout", "0.1 # little"),
            ("model.mid_attention", "1"),
            ("diffusion.schedule", "\"cosinus\""),
            ("data.path", "\"a\\nb\""),
            ("data.path", "\"a\" # \"b\""),
            ("data.path", "\"\"\"a"),
            ("data.path", "\""),
        ] {
            assert_eq!(read(path, text), None, "{path} {text}");
        }
    }
}
