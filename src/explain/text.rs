//! An explanation as plain text: formulas in Unicode, numbers in columns.

use unicode_width::UnicodeWidthStr;

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
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
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
}
