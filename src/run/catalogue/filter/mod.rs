//! Which runs are shown: a line as a person types it.
//!
//! ```text
//! mnist -quick                         words of the name; a hyphen leaves out
//! schedule=cosine,linear lr>1e-3       keys of the config, short or in full; one of several values
//! val_loss<0.12 -tag:old state=training  what came of it
//! (two or moons) time>10m              or, brackets, units
//! ```

mod complete;
mod error;
mod parse;
mod term;

pub use complete::{Completion, Completions, completions};
pub use error::FilterError;

use super::field::RunField;
use super::listing::ListedRun;
use parse::{Expression, parse};
use term::FilterTerm;

/// A line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expression);

impl Default for Filter {
    /// Shows all runs.
    fn default() -> Self {
        Self(Expression::All(Vec::new()))
    }
}

impl Filter {
    /// An empty line shows all runs.
    ///
    /// # Errors
    /// What cannot be understood, where it stands, and what to do.
    pub fn parse(line: &str) -> Result<Self, FilterError> {
        parse(line).map(Self)
    }

    /// The columns and keys that it asks for, each once, in the order of the line.
    pub fn fields(&self) -> Vec<RunField> {
        let mut found = Vec::new();
        gather(&self.0, &mut found);
        found
    }

    /// Is `run` shown?
    pub fn admits(&self, run: &ListedRun) -> bool {
        holds(&self.0, run)
    }
}

fn holds(expression: &Expression, run: &ListedRun) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| holds(part, run)),
        Expression::Any(parts) => parts.iter().any(|part| holds(part, run)),
        Expression::Not(part) => !holds(part, run),
        Expression::Term(term) => term.holds(run),
    }
}

fn gather(expression: &Expression, found: &mut Vec<RunField>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| gather(part, found)),
        Expression::Not(part) => gather(part, found),
        Expression::Term(FilterTerm::Field { field, .. }) if !found.contains(field) => found.push(*field),
        Expression::Term(_) => {}
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
