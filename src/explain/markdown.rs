//! An explanation as Markdown with LaTeX, for lecture notes.

use super::document::{Explanation, Number, Part};

/// Headings from `level` on; `show` says what stands for pictures.
pub fn markdown(explanation: &Explanation, level: usize, show: impl Fn(&Part) -> String) -> String {
    let mut out = format!("{} {}\n", "#".repeat(level), explanation.title);
    for part in &explanation.parts {
        out.push('\n');
        match part {
            Part::Heading(text) => out.push_str(&format!("{} {text}\n", "#".repeat(level + 1))),
            Part::Text(text) => out.push_str(&format!("{}\n", without_tags(text))),
            Part::Formula(latex) => out.push_str(&format!("$$\n{latex}\n$$\n")),
            Part::Numbers(numbers) => out.push_str(&of_numbers(numbers)),
            Part::Table(table) => {
                let cell = |cell: &String| if is_math(cell) { in_cell(&format!("${cell}$")) } else { in_cell(cell) };
                let row = |row: &[String]| format!("| {} |\n", row.iter().map(cell).collect::<Vec<_>>().join(" | "));
                out.push_str(&row(&table.head));
                out.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
                table.rows.iter().for_each(|cells| out.push_str(&row(cells)));
            }
            Part::Pictures(_) => out.push_str(&show(part)),
            Part::Source(text) => out.push_str(&format!("*Source: {text}*\n")),
        }
    }
    out
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

/// A bar would end the cell: within a formula it is `\vert`.
fn in_cell(text: &str) -> String {
    let parts = without_tags(text);
    let parts = parts.split('$').enumerate();
    let barless = |(i, part): (usize, &str)| part.replace('|', if i % 2 == 1 { r"\vert " } else { r"\|" });
    parts.map(barless).collect::<Vec<_>>().join("$")
}

/// Outside of formulas and code a `<` begins no tag: names come from anywhere.
fn without_tags(text: &str) -> String {
    let (mut out, mut math, mut code) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        match c {
            '$' if !code => math = !math,
            '`' if !math => code = !code,
            _ => {}
        }
        if c == '<' && !math && !code { out.push_str("&lt;") } else { out.push(c) }
    }
    out
}

/// A number or a formula, which stands between dollars.
fn is_math(cell: &str) -> bool {
    !cell.contains('$') && (cell.contains('\\') || cell.parse::<f64>().is_ok())
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
