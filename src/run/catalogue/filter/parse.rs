//! From a line to what it asks for.

use std::ops::Range;

use super::error::FilterError;
use super::term::{FilterTerm, Operator, Written};
use crate::run::catalogue::field::RunField;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(FilterTerm),
}

/// Brackets in brackets.
const DEEPEST: usize = 30;

/// Operators, longer ones first. `:` stands for itself only right behind a key.
const OPERATORS: [(&str, Operator); 9] = [
    ("!=", Operator::IsNot),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Is),
    ("=", Operator::Is),
    ("<", Operator::Less),
    (">", Operator::More),
    ("~", Operator::Has),
    (":", Operator::Has),
];

/// What a line asks for; an empty one asks for nothing.
///
/// # Errors
/// What can't be understood, and where.
pub fn parse(line: &str) -> Result<Expression, FilterError> {
    let mut parser = Parser { line, at: 0 };
    parser.skip_spaces();
    if parser.rest().is_empty() {
        return Ok(Expression::All(Vec::new()));
    }
    let expression = parser.any(0)?;
    match parser.rest().chars().next() {
        None => Ok(expression),
        Some(_) => Err(parser.here(1, "this bracket closes none that was opened; in quotes it is part of a name")),
    }
}

/// The operator that `text` begins with, and its length.
pub(super) fn operator(text: &str) -> Option<(Operator, usize)> {
    OPERATORS.into_iter().find(|(sign, _)| text.starts_with(sign)).map(|(sign, comparison)| (comparison, sign.len()))
}

/// Can `c` be part of a key?
pub(super) fn of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

struct Parser<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at = self.line.len() - self.rest().trim_start().len();
    }

    fn here(&self, length: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.at..self.at + length, message)
    }

    /// Takes a word that stands alone, `or` say, in small letters or large.
    fn takes_word(&mut self, word: &str) -> bool {
        let (begins, rest) = self.rest().split_at_checked(word.len()).unwrap_or_default();
        let behind = begins.eq_ignore_ascii_case(word).then_some(rest);
        let alone = behind.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_whitespace() || c == '(' || c == ')') || rest.is_empty()
        });
        // A key may be called so.
        let is_key = behind.is_some_and(|rest| operator(rest.trim_start()).is_some());
        if alone && !is_key {
            self.at += word.len();
            self.skip_spaces();
        }
        alone && !is_key
    }

    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.takes_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = Vec::new();
        loop {
            self.skip_spaces();
            let before = self.at;
            let ends = self.rest().is_empty() || self.rest().starts_with(')') || self.takes_word("or");
            if ends {
                self.at = before;
                break;
            }
            // It is what a space means; behind it something has to come.
            if !parts.is_empty() && self.takes_word("and") && (self.rest().is_empty() || self.rest().starts_with(')')) {
                parts.clear();
                break;
            }
            parts.push(self.one(depth)?);
        }
        match parts.is_empty() {
            true => Err(self.here(0, "something is missing here: a word of the name, or a term such as lr>1e-3")),
            false => Ok(one_or(parts, Expression::All)),
        }
    }

    fn one(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut negated = false;
        loop {
            self.skip_spaces();
            let sign = self.rest().starts_with(['-', '!']) && operator(self.rest()).is_none();
            if sign {
                self.at += 1;
            } else if !self.takes_word("not") {
                break;
            }
            negated = !negated;
        }
        let found = match self.rest().chars().next() {
            None => Err(self.here(0, "what shall be left out? Write it behind the sign, as in -tag:old")),
            Some('(') if depth >= DEEPEST => Err(self.here(1, "so many brackets in brackets are too many")),
            Some('(') => {
                let opened = self.at;
                self.at += 1;
                let inner = self.any(depth + 1)?;
                match self.rest().starts_with(')') {
                    true => self.at += 1,
                    false => return Err(FilterError::new(opened..opened + 1, "this bracket is not closed")),
                }
                Ok(inner)
            }
            Some(_) => self.term().map(Expression::Term),
        }?;
        Ok(if negated { Expression::Not(Box::new(found)) } else { found })
    }

    fn term(&mut self) -> Result<FilterTerm, FilterError> {
        if self.rest().starts_with('"') {
            return Ok(FilterTerm::name(&self.quoted()?.text));
        }
        let start = self.at;
        let key = self.rest().split(|c| !of_key(c)).next().unwrap_or_default();
        let behind = &self.rest()[key.len()..];
        let spaces = behind.len() - behind.trim_start().len();
        let sign = operator(behind)
            .or_else(|| operator(behind.trim_start()).filter(|_| !behind.trim_start().starts_with(':')));
        let Some((comparison, length)) = sign else { return self.name(start) };
        if key.is_empty() {
            return Err(self.here(length, "a key belongs before this sign, as in lr>1e-3"));
        }
        let spaces = if operator(behind).is_some() { 0 } else { spaces };
        let field = RunField::named(key).map_err(|why| FilterError::new(start..start + key.len(), why))?;
        self.at += key.len() + spaces + length;
        let sign_ends = self.at;
        self.skip_spaces();
        let values_at = self.at;
        let mut values = vec![self.value()?];
        while self.rest().starts_with(',') {
            self.at += 1;
            values.push(self.value()?);
        }
        if values.iter().all(|value| value.text.is_empty() && !value.quoted) {
            let written = self.line[start..sign_ends].trim_end();
            return Err(FilterError::new(self.at..self.at, format!("a value belongs behind {written}")));
        }
        // `lr=1,` while somebody types.
        values.retain(|value| value.quoted || !value.text.is_empty());
        let raw = Written { text: self.line[values_at..self.at].into(), at: values_at..self.at, quoted: false };
        FilterTerm::of_field(field, (comparison, start..sign_ends), &values, raw)
    }

    /// A word of the name.
    fn name(&mut self, start: usize) -> Result<FilterTerm, FilterError> {
        let word = self.rest().split(|c: char| c.is_whitespace() || c == '(' || c == ')').next().unwrap_or_default();
        if let Some(sign) = word.find(['=', '<', '>']) {
            let message = format!("there is no key or column `{}`; in quotes all of it is a word", &word[..sign]);
            return Err(FilterError::new(start..start + sign, message));
        }
        self.at += word.len();
        Ok(FilterTerm::name(word))
    }

    /// A value up to a comma, a space or a closing bracket; in quotes all up to the next, in square brackets likewise.
    fn value(&mut self) -> Result<Written, FilterError> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let start = self.at;
        let length = match self.rest().strip_prefix('[') {
            Some(inner) => match inner.find(']') {
                Some(end) => end + 2,
                None => return Err(self.here(1, "this bracket is not closed")),
            },
            None => self.rest().find(|c: char| c.is_whitespace() || c == ',' || c == ')').unwrap_or(self.rest().len()),
        };
        self.at += length;
        Ok(self.written(start..self.at, false))
    }

    fn quoted(&mut self) -> Result<Written, FilterError> {
        let start = self.at + 1;
        match self.line[start..].find('"') {
            Some(length) => {
                self.at = start + length + 1;
                Ok(self.written(start..start + length, true))
            }
            None => Err(self.here(1, "this quote is not closed")),
        }
    }

    fn written(&self, at: Range<usize>, quoted: bool) -> Written {
        Written { text: self.line[at.clone()].into(), at, quoted }
    }
}

/// One is itself.
fn one_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.pop(), parts.is_empty()) {
        (Some(one), true) => one,
        (last, _) => {
            parts.extend(last);
            several(parts)
        }
    }
}
