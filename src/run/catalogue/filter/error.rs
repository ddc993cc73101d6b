//! What is wrong with a filter, and where.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

/// A filter that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Bytes of the line that are meant; empty at its end.
    pub at: Range<usize>,
    /// What is wrong with them, and what to do.
    pub message: String,
}

impl FilterError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The line with a line under it that points at the place: for a terminal, which shows both one above the other.
    pub fn pointed(&self, line: &str) -> String {
        let before = line.get(..self.at.start).unwrap_or(line).width();
        let marked = line.get(self.at.clone()).map_or(1, |part| part.width().max(1));
        format!("{line}\n{}{}", " ".repeat(before), "^".repeat(marked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_pointed_at_in_cells() {
        let line = "größe 数 lr>x";
        let at = line.find('x').unwrap();
        let error = FilterError::new(at..at + 1, "no");
        assert_eq!(error.pointed(line), format!("{line}\n            ^"));
        assert_eq!(FilterError::new(2..2, "no").pointed("a="), "a=\n  ^");
        assert_eq!(FilterError::new(9..12, "no").pointed("a="), "a=\n  ^");
    }
}
