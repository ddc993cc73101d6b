//! What `difflab eval` has measured, as far as it was kept with the run.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::process::plain_file;

/// The file in the run folder that a report reads: what `difflab eval RUN --format json` prints.
pub const EVALUATION: &str = "eval.json";

/// What is known.
pub enum Evaluation {
    Missing,
    /// Why the file can't be read.
    Broken(String),
    Measured(Value),
}

impl Evaluation {
    pub fn of(run: &Path) -> Self {
        let path = run.join(EVALUATION);
        match plain_file::read_text(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Broken(format!("{} can't be read: {error}", path.display())),
            Ok(text) => match serde_json::from_str(&text) {
                Ok(value @ Value::Object(_)) => Self::Measured(value),
                _ => Self::Broken(format!("{} is not what `difflab eval` prints with --format json", path.display())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_something_else_is_said_to_be_no_evaluation() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Evaluation::of(dir.path()), Evaluation::Missing));
        std::fs::write(dir.path().join(EVALUATION), "half").unwrap();
        assert!(matches!(Evaluation::of(dir.path()), Evaluation::Broken(why) if why.contains("--format json")));
        std::fs::write(dir.path().join(EVALUATION), "{}").unwrap();
        assert!(matches!(Evaluation::of(dir.path()), Evaluation::Measured(_)));
    }
}
