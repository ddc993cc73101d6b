//! The table, for a terminal and in Markdown.

use unicode_width::UnicodeWidthStr;

/// Rows under a header, each with as many cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Columns under each other, for a terminal.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        all()
            .map(|row| {
                let cells =
                    row.iter().zip(&widths).map(|(cell, width)| cell.clone() + &" ".repeat(width - cell.width()));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
            })
            .collect()
    }

    /// The same in Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", "---|".repeat(self.header.len()));
        line(&self.header) + &rule + &self.rows.iter().map(|row| line(row)).collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_markdown_stays_a_table() {
        let row = |cells: [&str; 2]| cells.map(String::from).to_vec();
        let table = Table { header: row(["η", "loss"]), rows: vec![row(["0.001", "0.5"]), row(["a|b", "–"])] };
        assert_eq!(table.text(), "η      loss\n0.001  0.5\na|b    –\n");
        assert_eq!(table.markdown(), "| η | loss |\n|---|---|\n| 0.001 | 0.5 |\n| a\\|b | – |\n");
    }
}
