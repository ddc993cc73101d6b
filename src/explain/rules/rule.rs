//! What a rule is.

/// One update as a formula, and as a sum at one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub heading: &'static str,
    /// LaTeX, line by line.
    pub formulas: Vec<&'static str>,
    /// What the coefficients are made of: symbol, number, meaning.
    pub parts: Vec<(&'static str, f64, &'static str)>,
    /// What the answers come to at the pixel, before they are added up.
    pub answers: Vec<(String, f64, &'static str)>,
    /// What is left of the equals sign.
    pub result: &'static str,
    pub terms: Vec<RuleTerm>,
    /// The paper and its equations.
    pub source: &'static str,
}

/// One summand at the pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTerm {
    /// LaTeX.
    pub symbol: String,
    pub value: f64,
    pub coefficient: f64,
}

impl RuleTerm {
    pub fn new(symbol: impl Into<String>, value: f64, coefficient: f64) -> Self {
        Self { symbol: symbol.into(), value, coefficient }
    }

    /// The term; one with coefficient 0 counts nothing, whatever its value.
    pub fn product(&self) -> f64 {
        if self.coefficient == 0.0 { 0.0 } else { self.coefficient * self.value }
    }
}

impl Rule {
    /// Σ coefficient · value.
    pub fn sum(&self) -> f64 {
        self.terms.iter().map(RuleTerm::product).sum()
    }
}
