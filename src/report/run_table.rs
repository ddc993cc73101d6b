//! Values of several runs as a table that can be read however many there are: few runs are columns, many are rows, what is
//! the same in all is told once, and sentences stand below.

use super::escape::{breakable, escaped};

/// Runs that stand beside each other at most, and values that stand beside each other for many runs.
const COLUMNS: usize = 4;
const VALUES: usize = 9;

/// One value a run and row; HTML, all of it.
pub struct RunTable {
    /// The runs' names.
    heads: Vec<String>,
    rows: Vec<TableRow>,
}

struct TableRow {
    name: String,
    cells: Vec<Option<String>>,
    /// Sentences, which take a width of their own.
    are_words: bool,
}

const NONE: &str = "–";

impl RunTable {
    /// Of runs with these names.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self { heads: names.map(breakable).collect(), rows: Vec::new() }
    }

    /// Before each name the colour in which the run is drawn.
    pub fn with_swatches(mut self) -> Self {
        for (i, head) in self.heads.iter_mut().enumerate() {
            *head = format!("<span class=\"swatch c-run{i}\"></span>{head}");
        }
        self
    }

    /// A row of short values, HTML; none where no run has one.
    pub fn row(&mut self, name: impl Into<String>, cells: Vec<Option<String>>) {
        self.push(name.into(), cells, false);
    }

    /// A row of sentences, HTML; none where no run has one.
    pub fn words(&mut self, name: impl Into<String>, cells: Vec<Option<String>>) {
        self.push(name.into(), cells, true);
    }

    fn push(&mut self, name: String, cells: Vec<Option<String>>, are_words: bool) {
        if cells.iter().any(Option::is_some) {
            self.rows.push(TableRow { name, cells, are_words });
        }
    }

    pub fn html(&self) -> String {
        if self.heads.len() <= COLUMNS {
            return self.by_column(&self.rows.iter().collect::<Vec<_>>(), 0..self.heads.len());
        }
        let (same, others): (Vec<&TableRow>, Vec<&TableRow>) = self.rows.iter().partition(|row| row.is_same());
        let (words, values): (Vec<&TableRow>, Vec<&TableRow>) = others.into_iter().partition(|row| row.are_words);
        let mut html = String::new();
        if !same.is_empty() {
            let told = |row: &&TableRow| format!("{}: {}", row.name, row.cell(0));
            html += &format!(
                "<p>The same in all {} runs: {}.</p>\n",
                self.heads.len(),
                same.iter().map(told).collect::<Vec<_>>().join("; ")
            );
        }
        match values.len() {
            0 => {}
            1..=VALUES => html += &self.by_row(&values),
            _ => {
                for first in (0..self.heads.len()).step_by(COLUMNS) {
                    html += &self.by_column(&values, first..(first + COLUMNS).min(self.heads.len()));
                }
            }
        }
        for row in words {
            html += &format!("<h3>{}</h3><ul>", row.name);
            for (head, cell) in self.heads.iter().zip(&row.cells) {
                html += &cell.as_ref().map_or(String::new(), |cell| format!("<li>{head}: {cell}</li>"));
            }
            html += "</ul>\n";
        }
        html
    }

    /// A column a run.
    fn by_column(&self, rows: &[&TableRow], which: std::ops::Range<usize>) -> String {
        let heads: String = self.heads[which.clone()].iter().map(|head| format!("<th>{head}</th>")).collect();
        let mut html = format!("<div class=\"scroll\"><table><thead><tr><th></th>{heads}</tr></thead><tbody>");
        for row in rows {
            let class = if row.are_words { " class=\"words\"" } else { "" };
            let cells: String = which.clone().map(|i| format!("<td>{}</td>", row.cell(i))).collect();
            html += &format!("<tr{class}><th>{}</th>{cells}</tr>", row.name);
        }
        html + "</tbody></table></div>\n"
    }

    /// A row a run.
    fn by_row(&self, rows: &[&TableRow]) -> String {
        let names: String = rows.iter().map(|row| format!("<th>{}</th>", row.name)).collect();
        let mut html =
            format!("<div class=\"scroll\"><table class=\"by-row\"><thead><tr><th></th>{names}</tr></thead><tbody>");
        for (i, head) in self.heads.iter().enumerate() {
            let cells: String = rows.iter().map(|row| format!("<td>{}</td>", row.cell(i))).collect();
            html += &format!("<tr><th>{head}</th>{cells}</tr>");
        }
        html + "</tbody></table></div>\n"
    }
}

impl TableRow {
    fn is_same(&self) -> bool {
        self.cells.first().is_some_and(Option::is_some) && self.cells.iter().all(|cell| *cell == self.cells[0])
    }

    fn cell(&self, i: usize) -> &str {
        self.cells[i].as_deref().unwrap_or(NONE)
    }
}

/// Cells that are text.
pub fn texts(cells: impl Iterator<Item = Option<String>>) -> Vec<Option<String>> {
    cells.map(|cell| cell.map(|text| escaped(&text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(runs: usize, values: usize) -> String {
        let names: Vec<String> = (0..runs).map(|i| format!("run-{i}")).collect();
        let mut table = RunTable::of(names.iter().map(String::as_str));
        table.row("data", vec![Some("mnist".into()); runs]);
        for value in 0..values {
            table.row(format!("key{value}"), (0..runs).map(|i| (i != 1).then(|| format!("{value}.{i}"))).collect());
        }
        table.row("nothing", vec![None; runs]);
        table.words("note", (0..runs).map(|i| (i == 0).then(|| "a long one".into())).collect());
        table.html()
    }

    #[test]
    fn few_runs_are_columns_and_many_are_rows_with_sentences_below() {
        let few = table(3, 2);
        assert!(few.contains("<th></th><th>run-0</th><th>run-1</th><th>run-2</th>"), "{few}");
        assert!(
            few.contains("<th>data</th><td>mnist</td>") && few.contains("<tr class=\"words\"><th>note</th>"),
            "{few}"
        );
        assert!(few.contains("<th>key0</th><td>0.0</td><td>–</td><td>0.2</td>") && !few.contains("nothing"), "{few}");
        let many = table(12, 2);
        assert!(many.contains("The same in all 12 runs: data: mnist."), "{many}");
        assert!(many.contains("<th></th><th>key0</th><th>key1</th>"), "{many}");
        assert!(many.contains("<tr><th>run-2</th><td>0.2</td><td>1.2</td></tr>"), "{many}");
        assert!(many.contains("<h3>note</h3><ul><li>run-0: a long one</li></ul>"), "{many}");
    }

    #[test]
    fn of_many_runs_with_many_values_four_stand_beside_each_other() {
        let html = table(9, 20);
        assert_eq!(html.matches("<table>").count(), 3, "{html}");
        assert!(
            html.contains("<th></th><th>run-8</th></tr>") && html.contains("<th>key19</th><td>19.8</td>"),
            "{html}"
        );
    }
}
