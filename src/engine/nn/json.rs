//! JSON as Python writes it: with the bare words `NaN`, `Infinity` and `-Infinity`, which JSON does not know.
//!
//! diffusers itself writes them (`"lambda_min_clipped": -Infinity`), and Python's reader takes them back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// Begins the text that stands for a bare word in a [`Value`], which holds finite numbers alone. No setting
/// of diffusers has it.
const MARK: char = '\u{0}';
const WORDS: [(&str, f64); 3] = [("-Infinity", f64::NEG_INFINITY), ("Infinity", f64::INFINITY), ("NaN", f64::NAN)];

/// Reads JSON in which numbers may be those words; `number` gives their values.
///
/// # Errors
/// When it is no JSON otherwise; the message says line and column.
pub fn read_json(text: &str) -> Result<Value> {
    serde_json::from_str(&quoted(text)).context("not valid JSON")
}

/// The number that a value is, be it one that JSON can't write.
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        let word = value.as_str()?.strip_prefix(MARK)?;
        WORDS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
    })
}

/// The value of a number, be it one that JSON can't write.
pub fn bare(number: f64) -> Value {
    let word = WORDS.iter().find(|(_, value)| *value == number || value.is_nan() && number.is_nan());
    word.map_or_else(|| Value::from(number), |(word, _)| Value::from(format!("{MARK}{word}")))
}

/// JSON text with the words as Python writes them.
fn unquoted(text: &str) -> String {
    WORDS.iter().fold(text.to_string(), |text, (word, _)| text.replace(&format!("\"\\u0000{word}\""), word))
}

/// The value as the file has it.
pub fn shown(value: &Value) -> String {
    value.as_str().and_then(|text| text.strip_prefix(MARK)).map_or_else(|| value.to_string(), str::to_string)
}

/// The text with the words outside of strings as strings, each beginning with [`MARK`].
fn quoted(text: &str) -> Cow<'_, str> {
    let (mut in_string, mut escaped, mut copied) = (false, false, 0);
    let mut out = String::new();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '-' | 'I' | 'N' if !in_string => {
                let Some((word, _)) = WORDS.iter().find(|(word, _)| text[at..].starts_with(word)) else { continue };
                out += &text[copied..at];
                out += &format!("\"\\u0000{word}\"");
                copied = at + word.len();
                // The word has no quote in it; its first letter is read already.
                rest.nth(word.len() - 2);
            }
            _ => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out += &text[copied..];
    Cow::Owned(out)
}

/// JSON as diffusers writes it: indent 2, sorted keys, newline at the end.
pub fn sorted_json(value: &Value) -> Result<String> {
    // The settings are flat, so sorting the outermost keys sorts all of them.
    let text = match value.as_object() {
        Some(object) => serde_json::to_string_pretty(&object.iter().collect::<BTreeMap<_, _>>())?,
        None => serde_json::to_string_pretty(value)?,
    };
    Ok(unquoted(&text) + "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bare_words_are_numbers_and_quoted_ones_stay_text() {
        let value =
            read_json(r#"{"a": -Infinity, "b": Infinity, "c":NaN, "d": "-Infinity", "NaN": [1, NaN]}"#).unwrap();
        assert_eq!(number(&value["a"]), Some(f64::NEG_INFINITY));
        assert_eq!(number(&value["b"]), Some(f64::INFINITY));
        assert!(number(&value["c"]).unwrap().is_nan() && number(&value["NaN"][1]).unwrap().is_nan());
        assert_eq!((value["d"].as_str(), number(&value["d"])), (Some("-Infinity"), None));
        assert_eq!((shown(&value["a"]), shown(&value["d"])), ("-Infinity".into(), "\"-Infinity\"".into()));
        assert_eq!(number(&serde_json::json!(-1.5)), Some(-1.5));
        assert_eq!(unquoted(&bare(f64::NEG_INFINITY).to_string()), "-Infinity");
        assert_eq!(bare(1.5), serde_json::json!(1.5));
    }

    #[test]
    fn what_is_no_json_stays_refused_with_its_line() {
        for text in ["{\"a\": -Infinit}", "{\"a\": xNaN}", "{\"a\": NaN1}", "{NaN: 1}x", "{\"a\": -NaN}", "", "{"] {
            let message = format!("{:#}", read_json(text).unwrap_err());
            assert!(message.contains("not valid JSON") && message.contains("line 1"), "{text}: {message}");
        }
    }

    /// Any JSON, with strings that are full of the words and of quotes.
    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["[ -~]{0,8}", r#"("|\\|NaN|-?Infinity|,|:| ){0,6}"#];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_without_bare_words_reads_as_it_always_did(value in values()) {
            prop_assert_eq!(read_json(&value.to_string()).unwrap(), value);
        }

        #[test]
        fn a_bare_word_anywhere_is_the_number_it_says(value in values(), word in 0usize..3) {
            let (word, expected) = WORDS[word];
            let read = read_json(&format!("[{value}, {word}, {{\"k\": {word}}}]")).unwrap();
            prop_assert_eq!(&read[0], &value);
            for found in [&read[1], &read[2]["k"]] {
                prop_assert!(number(found).is_some_and(|n| n == expected || n.is_nan() && expected.is_nan()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in r#"([ -~]|é|NaN|-Infinity|"|\\|\{|\}|:|,){0,40}"#) {
            let _ = read_json(&text);
        }
    }
}
