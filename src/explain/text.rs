//! An explanation as plain text: formulas in Unicode, numbers in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::document::{Explanation, Number, NumberTable, Part};
use super::latex::{unicode, unicode_within};

/// The title, underlined.
pub fn title(explanation: &Explanation) -> String {
    format!("{}\n{}\n", explanation.title, "=".repeat(explanation.title.width()))
}

/// The lines of one part, of at most `width` columns where words allow it; none of pictures, which are shown otherwise.
pub fn lines(part: &Part, width: usize) -> Vec<String> {
    match part {
        Part::Heading(text) => {
            let text = unicode_within(text);
            vec![text.clone(), "-".repeat(text.width())]
        }
        Part::Text(text) => wrapped(&unicode_within(text), width),
        Part::Formula(latex) => indented(&wrapped(&unicode(latex), width.saturating_sub(4))),
        Part::Numbers(numbers) => of_numbers(numbers, width),
        Part::Table(table) => of_table(table),
        Part::Pictures(_) => Vec::new(),
        Part::Source(text) => wrapped(&format!("→ {text}"), width),
    }
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("    {line}")).collect()
}

/// `symbol = value   meaning`, the three in columns; a long meaning goes on below itself.
fn of_numbers(numbers: &[Number], width: usize) -> Vec<String> {
    let rows: Vec<[String; 3]> =
        numbers.iter().map(|n| [unicode(&n.symbol), unicode(&n.value), unicode_within(&n.meaning)]).collect();
    let widest = |i: usize| rows.iter().map(|row| row[i].width()).max().unwrap_or(0);
    let (symbols, values) = (widest(0), widest(1));
    let start = 4 + symbols + 3 + values + 2;
    let mut lines = Vec::new();
    for [symbol, value, meaning] in &rows {
        let left = format!("    {} = {}  ", padded(symbol, symbols, false), padded(value, values, true));
        let room = width.saturating_sub(start).max(20);
        let meaning = wrapped(meaning, room);
        lines.push(left + meaning.first().map_or("", String::as_str));
        lines.extend(meaning.iter().skip(1).map(|more| " ".repeat(start) + more));
    }
    lines
}

fn of_table(table: &NumberTable) -> Vec<String> {
    let rows: Vec<Vec<String>> = std::iter::once(&table.head)
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| unicode_within(&math(cell))).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.width()).max().unwrap_or(0);
    let is_number = |cell: &String| cell.chars().next().is_none_or(|c| c.is_ascii_digit() || "−–∞±<".contains(c));
    let right = |i: usize| i > 0 && rows.iter().skip(1).filter_map(|row| row.get(i)).all(is_number);
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().enumerate().map(|(i, cell)| padded(cell, width(i), right(i))).collect();
        format!("    {}", cells.join("  "))
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let rule: usize = (0..columns).map(width).sum::<usize>() + 2 * columns.saturating_sub(1);
    lines.insert(1, format!("    {}", "─".repeat(rule)));
    lines
}

/// A cell whose numbers are LaTeX without dollars.
fn math(cell: &str) -> String {
    let bare = !cell.contains('$') && (cell.contains('\\') || cell.starts_with('-'));
    if bare { format!("${cell}$") } else { cell.to_string() }
}

fn padded(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { space + text } else { text.to_string() + &space }
}

/// Words, as many a line as fit.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    filled(text.split_whitespace().map(|word| vec![word]), width)
}

/// As [`wrapped`]; a word that is wider than a line is broken, where one may read on: behind a slash, a dot, a sign.
pub fn fitted(text: &str, width: usize) -> Vec<String> {
    filled(text.split_whitespace().map(|word| pieces(word, width.max(1))), width)
}

/// As [`lines`] of text, of a formula or of a source, with words broken as in [`fitted`]: no line is wider.
pub fn fitted_lines(part: &Part, width: usize) -> Vec<String> {
    match part {
        Part::Text(text) => fitted(&unicode_within(text), width),
        Part::Formula(latex) => indented(&fitted(&unicode(latex), width.saturating_sub(4))),
        Part::Source(text) => fitted(&format!("→ {text}"), width),
        _ => lines(part, width),
    }
}

/// Words in their pieces; each but the last of a word's has a line of its own.
fn filled<'a>(words: impl Iterator<Item = Vec<&'a str>>, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        for (i, piece) in word.iter().enumerate() {
            let Some(line) = lines.last_mut() else { break };
            if line.is_empty() {
                line.push_str(piece);
            } else if i == 0 && word.len() == 1 && line.width() + 1 + piece.width() <= width {
                line.push(' ');
                line.push_str(piece);
            } else {
                lines.push(piece.to_string());
            }
        }
    }
    lines
}

/// A word in pieces that are no wider than a line.
fn pieces(word: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while rest.width() > width {
        let (mut fits, mut good, mut used) = (0, 0, 0);
        for (at, c) in rest.char_indices() {
            used += c.width().unwrap_or(0);
            if used > width && fits > 0 {
                break;
            }
            // A sign above a letter stays with it.
            fits = at + c.len_utf8();
            if "/\\.,;:=-+·)]}".contains(c) && 3 * used > width {
                good = fits;
            }
        }
        let (piece, more) = rest.split_at(if good > 0 { good } else { fits });
        pieces.push(piece);
        rest = more;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::document::number;

    #[test]
    fn numbers_stand_in_columns_and_long_meanings_below_themselves() {
        let numbers = [
            number(r"\bar\alpha_t", 0.5, "what is left of the signal's variance, the share of the picture"),
            number(r"\sqrt{1-\bar\alpha_t}", 0.612_34, "noise"),
        ];
        let lines = lines(&Part::Numbers(numbers.into()), 56);
        assert_eq!(lines[0], "    ᾱ_t      =    0.5  what is left of the signal's");
        assert_eq!(lines[1].trim_start(), "variance, the share of the");
        assert_eq!(lines.last().unwrap(), "    √(1−ᾱ_t) = 0.6123  noise".trim_end());
        assert!(lines.iter().all(|line| line.width() <= 56));
    }
    #[test]
    fn a_word_that_is_wider_than_a_line_is_broken_and_nothing_of_it_is_lost() {
        let command = "first `difflab mnist-quick --set diffusion.prediction_type=epsilon` then";
        assert_eq!(
            fitted(command, 24),
            ["first `difflab", "mnist-quick --set", "diffusion.", "prediction_type=epsilon`", "then"]
        );
        let formula =
            Part::Formula(r"\hat{x}_0=\hat{x}_0\hat{x}_0\hat{x}_0\hat{x}_0\hat{x}_0\hat{x}_0\hat{x}_0".into());
        for width in 1..40 {
            for text in [command, "/home/me/a-very-long-folder/of/mine.toml", "x̂x̂x̂x̂x̂x̂", "数字数字数字"]
            {
                let lines = fitted(text, width);
                assert!(lines.iter().all(|line| line.width() <= width.max(2)), "{width}: {lines:?}");
                assert!(lines.iter().all(|line| !line.starts_with('\u{302}')), "{width}: {lines:?}");
                let bare = |text: &str| text.split_whitespace().collect::<String>();
                assert_eq!(bare(&lines.concat()), bare(text));
            }
            assert!(fitted_lines(&formula, width).iter().all(|line| line.width() <= width.max(5)), "{width}");
        }
        assert_eq!(fitted("", 5), [""]);
    }
}
