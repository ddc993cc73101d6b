//! What `difflab eval` has measured, as far as it was kept with the run.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::data::shown_path;
use crate::process::plain_file;

/// The file in the run folder that a report reads: what `difflab eval RUN --format json` prints.
pub const EVALUATION: &str = "eval.json";

/// What may have been measured, and where it stands in the JSON.
pub const MEASURED: [(&str, &str); 10] = [
    ("variational bound", "/vlb/total"),
    ("likelihood by the probability flow", "/nll/value"),
    ("judge-FID", "/judge_fid"),
    ("precision", "/precision"),
    ("recall", "/recall"),
    ("class accuracy", "/accuracy"),
    ("diversity", "/diversity"),
    ("energy distance", "/energy_distance"),
    ("reconstruction: mean squared error", "/reconstruction/mse"),
    ("reconstruction: PSNR, dB", "/reconstruction/psnr_db"),
];

/// What is known.
pub enum Evaluation {
    Missing,
    /// Why the file can't be read.
    Broken(String),
    Measured {
        value: Value,
        /// What stands in it and is no measurement, in a sentence.
        doubt: Option<String>,
    },
}

impl Evaluation {
    pub fn of(run: &Path) -> Self {
        let path = run.join(EVALUATION);
        let file = shown_path(&path);
        let value = match plain_file::read_text(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::Missing,
            Err(error) => return Self::Broken(format!("{file} can't be read: {error}")),
            Ok(text) => match serde_json::from_str(&text) {
                Ok(value @ Value::Object(_)) => value,
                _ => return Self::Broken(format!("{file} is not what `difflab eval` prints with --format json")),
            },
        };
        let strange: Vec<&str> =
            MEASURED.iter().filter(|(_, place)| is_strange(&value, place)).map(|(name, _)| *name).collect();
        if !MEASURED.iter().any(|(_, place)| mean(&value, place).is_some()) {
            let problem = "has none of the numbers that `difflab eval` prints with --format json";
            return Self::Broken(format!("{file} {problem}"));
        }
        let doubt = (!strange.is_empty())
            .then(|| format!("{file} says what is no measurement, and is left out, of: {}", strange.join(", ")));
        Self::Measured { value, doubt }
    }
}

fn mean(value: &Value, place: &str) -> Option<f64> {
    value.pointer(place)?.get("mean")?.as_f64()
}

/// Does something stand there, or where it should, that has no mean?
fn is_strange(value: &Value, place: &str) -> bool {
    let section = place.split('/').nth(1).unwrap_or_default();
    value.get(section).is_some_and(|there| !there.is_null()) && mean(value, place).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Evaluation {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(EVALUATION), text).unwrap();
        Evaluation::of(dir.path())
    }

    #[test]
    fn a_file_of_something_else_is_said_to_be_no_evaluation() {
        assert!(matches!(Evaluation::of(tempfile::tempdir().unwrap().path()), Evaluation::Missing));
        for text in ["half", "[1]", "3", "", "\"eval\""] {
            assert!(matches!(of(text), Evaluation::Broken(why) if why.contains("--format json")), "{text}");
        }
        for text in ["{}", r#"{"x": null}"#, r#"{"recall": "high", "vlb": 3}"#, r#"{"judge_fid": {"mean": null}}"#] {
            assert!(matches!(of(text), Evaluation::Broken(why) if why.contains("none of the numbers")), "{text}");
        }
    }

    #[test]
    fn what_is_no_measurement_among_others_is_named() {
        let Evaluation::Measured { doubt, .. } = of(r#"{"recall": {"mean": 0.5}, "vlb": null}"#) else { panic!() };
        assert_eq!(doubt, None);
        let text = r#"{"recall": {"mean": 0.5}, "vlb": {"total": 3}, "precision": [], "nll": null}"#;
        let Evaluation::Measured { doubt, .. } = of(text) else { panic!() };
        assert!(doubt.unwrap().ends_with("left out, of: variational bound, precision"));
    }
}
