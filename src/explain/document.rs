//! What an explanation consists of, whoever shows it.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Tensor;
use image::RgbImage;

/// Headings, prose, formulas and numbers, in their order. Formulas and symbols are LaTeX; prose may hold some between
/// dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub title: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Heading(String),
    Text(String),
    Formula(String),
    Numbers(Vec<Number>),
    Table(NumberTable),
    Pictures(Vec<ShownPicture>),
    /// The paper and its equations.
    Source(String),
}

/// One line: a symbol, its number here, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub symbol: String,
    pub value: String,
    pub meaning: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NumberTable {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A picture with its symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownPicture {
    pub symbol: String,
    /// Height, width, channels.
    pub shape: (usize, usize, usize),
    /// H·W·C numbers, about [-1, 1].
    pub pixels: Arc<Vec<f32>>,
    /// Lines and dots on a dark ground, and not a picture of the data.
    pub drawing: bool,
}

impl Explanation {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), parts: Vec::new() }
    }

    pub fn heading(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Heading(text.into()));
    }

    pub fn text(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Text(text.into()));
    }

    pub fn formula(&mut self, latex: impl Into<String>) {
        self.parts.push(Part::Formula(latex.into()));
    }

    pub fn numbers(&mut self, numbers: impl Into<Vec<Number>>) {
        self.parts.push(Part::Numbers(numbers.into()));
    }

    pub fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) {
        self.parts.push(Part::Table(NumberTable { head: head.iter().map(|cell| cell.to_string()).collect(), rows }));
    }

    /// A row of pictures, each `[1, H, W, C]`, all of one size; none of points in the plane.
    ///
    /// # Errors
    /// When candle fails.
    pub fn pictures(&mut self, pictures: &[(&str, &Tensor)]) -> Result<()> {
        // A point in the plane is no picture.
        let of_one_pixel = |(_, image): &(&str, &Tensor)| image.dims().get(1..3) == Some(&[1, 1]);
        if pictures.iter().all(of_one_pixel) {
            return Ok(());
        }
        let picture = |(symbol, image): &(&str, &Tensor)| -> Result<ShownPicture> {
            let (_, h, w, c) = image.dims4()?;
            let pixels = Arc::new(image.flatten_all()?.to_vec1::<f32>()?);
            Ok(ShownPicture { symbol: symbol.to_string(), shape: (h, w, c), pixels, drawing: false })
        };
        self.parts.push(Part::Pictures(pictures.iter().map(picture).collect::<Result<_>>()?));
        Ok(())
    }

    /// A row of drawings, all of one size.
    pub fn drawings<'a>(&mut self, drawings: impl Iterator<Item = (String, &'a RgbImage)>) {
        let shown = drawings.map(|(symbol, drawing)| {
            let (w, h) = drawing.dimensions();
            let pixels = drawing.as_raw().iter().map(|&byte| f32::from(byte) / 127.5 - 1.0).collect();
            ShownPicture { symbol, shape: (h as usize, w as usize, 3), pixels: Arc::new(pixels), drawing: true }
        });
        self.parts.push(Part::Pictures(shown.collect()));
    }

    pub fn source(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Source(text.into()));
    }
}

/// `symbol = value`, to four digits.
pub fn number(symbol: &str, value: f64, meaning: &str) -> Number {
    Number { symbol: symbol.into(), value: digits(value), meaning: meaning.into() }
}

/// The same of what is a word or a count.
pub fn word(symbol: &str, value: impl ToString, meaning: &str) -> Number {
    Number { symbol: symbol.into(), value: value.to_string(), meaning: meaning.into() }
}

/// Four significant digits, in LaTeX: `0.03125`, `12.5`, `1.5\cdot 10^{-5}`, `\infty`.
pub fn digits(x: f64) -> String {
    let size = x.abs();
    // What rounding leaves of 0.
    if size < 1e-14 {
        return "0".into();
    }
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { r"\infty".into() } else { r"-\infty".into() };
    }
    if x == 0.0 {
        return "0".into();
    }
    let exponent = size.log10().floor() as i32;
    if (-4..6).contains(&exponent) {
        return trimmed(&format!("{x:.*}", (3 - exponent).max(0) as usize));
    }
    let rounded = format!("{x:.3e}");
    match rounded.split_once('e') {
        Some((mantissa, power)) => format!(r"{}\cdot 10^{{{power}}}", trimmed(mantissa)),
        None => rounded,
    }
}

/// Without zeros at the end of a fraction.
fn trimmed(number: &str) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').into(),
        false => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        for (x, said) in [
            (0.0, "0"),
            (0.031_254, "0.03125"),
            (12.5, "12.5"),
            (-1234.56, "-1235"),
            (0.999_99, "1"),
            (1.5e-5, r"1.5\cdot 10^{-5}"),
            (2.25e7, r"2.25\cdot 10^{7}"),
            (f64::INFINITY, r"\infty"),
        ] {
            assert_eq!(digits(x), said);
        }
    }
}
