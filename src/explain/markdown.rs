//! An explanation as Markdown with LaTeX, for lecture notes.

use super::document::{Explanation, Number, Part, ShownPicture};
use super::names::{as_they_are, in_latex, in_markdown, is_held};

/// Headings from `level` on; `show` says what stands for a row of pictures.
pub fn markdown(explanation: &Explanation, level: usize, mut show: impl FnMut(&[ShownPicture]) -> String) -> String {
    let mut out = format!("{} {}\n", "#".repeat(level), explanation.title);
    for part in &explanation.parts {
        out.push('\n');
        match part {
            Part::Heading(text) => out.push_str(&format!("{} {text}\n", "#".repeat(level + 1))),
            Part::Text(text) => out.push_str(&format!("{}\n", in_prose(text))),
            Part::Formula(latex) => out.push_str(&format!("$$\n{latex}\n$$\n")),
            Part::Numbers(numbers) => out.push_str(&of_numbers(numbers)),
            Part::Table(table) => {
                let cell = |cell: &String| if is_math(cell) { in_cell(&format!("${cell}$")) } else { in_cell(cell) };
                let row = |row: &[String]| format!("| {} |\n", row.iter().map(cell).collect::<Vec<_>>().join(" | "));
                out.push_str(&row(&table.head));
                out.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
                table.rows.iter().for_each(|cells| out.push_str(&row(cells)));
            }
            Part::Pictures(row) => out.push_str(&show(row)),
            Part::Source(text) => out.push_str(&format!("*Source: {text}*\n")),
        }
    }
    out
}

/// "From the left: $x_0$ · $x_t$"; names that would be hard on LaTeX stand as words.
pub fn caption(pictures: &[ShownPicture]) -> String {
    let symbol = |picture: &ShownPicture| {
        let name = picture.symbol.strip_prefix(r"\text{").and_then(|rest| rest.strip_suffix('}'));
        name.filter(|name| is_held(name)).map_or(format!("${}$", picture.symbol), in_markdown)
    };
    format!("From the left: {}", pictures.iter().map(symbol).collect::<Vec<_>>().join(" · "))
}

fn of_numbers(numbers: &[Number]) -> String {
    let mut out = String::from("| | | |\n|---|---|---|\n");
    for Number { symbol, value, meaning } in numbers {
        let value = if is_math(value) { format!("${value}$") } else { value.clone() };
        out.push_str(&format!(
            "| {} | {} | {} |\n",
            in_cell(&format!("${symbol}$")),
            in_cell(&value),
            in_cell(meaning)
        ));
    }
    out
}

/// Within a cell of a table, which a bar would end: within a formula it is `\vert`.
fn in_cell(text: &str) -> String {
    shown(text, true)
}

/// Within a paragraph.
fn in_prose(text: &str) -> String {
    shown(text, false)
}

/// Outside of formulas and code a `<` begins no tag, and names are shown as they are.
fn shown(text: &str, is_cell: bool) -> String {
    let (mut out, mut math, mut code) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        match c {
            '$' if !code => math = !math,
            '`' if !math => code = !code,
            _ => {}
        }
        let mut bytes = [0; 4];
        let one = c.encode_utf8(&mut bytes);
        match (math, code) {
            (true, _) if is_cell && c == '|' => out.push_str(r"\vert "),
            (false, _) if is_cell && c == '|' => out.push_str(r"\|"),
            (true, _) => out.push_str(&in_latex(one)),
            (_, true) => out.push_str(&as_they_are(one)),
            _ if c == '<' => out.push_str("&lt;"),
            _ => out.push_str(&in_markdown(one)),
        }
    }
    out
}

/// A number or a formula, which stands between dollars.
fn is_math(cell: &str) -> bool {
    let is_number = || cell.parse::<f64>().is_ok() && !cell.contains(|c: char| c.is_alphabetic() && c != 'e');
    !cell.contains('$') && (cell.contains('\\') || is_number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::document::number;

    #[test]
    fn bars_and_tags_do_no_harm() {
        let mut page = Explanation::new("T");
        page.text("a <img src=x> of $a < b$ and `x < y`");
        page.numbers([number(r"\alpha_{t|s}", 1.0, r"or x|y, $\alpha_{t|s}$")]);
        page.table(&["a|b"], vec![vec!["<b>".into()]]);
        let text = markdown(&page, 1, |_| String::new());
        for line in [
            "a &lt;img src=x> of $a < b$ and `x < y`",
            r"| $\alpha_{t\vert s}$ | $1$ | or x\|y, $\alpha_{t\vert s}$ |",
            r"| a\|b |",
            "| &lt;b> |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
