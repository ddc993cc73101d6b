//! An explanation as Markdown with LaTeX, for lecture notes.

use super::document::{Explanation, Number, Part};

/// Headings from `level` on; `show` says what stands for pictures.
pub fn markdown(explanation: &Explanation, level: usize, show: impl Fn(&Part) -> String) -> String {
    let mut out = format!("{} {}\n", "#".repeat(level), explanation.title);
    for part in &explanation.parts {
        out.push('\n');
        match part {
            Part::Heading(text) => out.push_str(&format!("{} {text}\n", "#".repeat(level + 1))),
            Part::Text(text) => out.push_str(&format!("{text}\n")),
            Part::Formula(latex) => out.push_str(&format!("$$\n{latex}\n$$\n")),
            Part::Numbers(numbers) => out.push_str(&of_numbers(numbers)),
            Part::Table(table) => {
                let cell = |cell: &String| if is_math(cell) { format!("${cell}$") } else { cell.clone() };
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
        // A bar would end the cell.
        let symbol = symbol.replace('|', r"\vert ");
        out.push_str(&format!("| ${symbol}$ | {value} | {meaning} |\n"));
    }
    out
}

/// A number or a formula, which stands between dollars.
fn is_math(cell: &str) -> bool {
    !cell.contains('$') && (cell.contains('\\') || cell.parse::<f64>().is_ok())
}
