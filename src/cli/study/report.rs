//! The Markdown table and the plot that a study leaves behind.

use std::path::Path;

use anyhow::Result;

use super::subject::Measured;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::process::partial::Partial;
use crate::run::write_replacing;
use crate::speak;

/// Width and height in pixels of each plot.
const PLOT: (u32, u32) = (1200, 380);

/// A table in Markdown: the header, then the rows, each with as many cells.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header: Vec<String> = header.iter().map(|cell| cell.to_string()).collect();
    let mut text = line(&header) + &format!("|{}\n", "---|".repeat(header.len()));
    text.extend(rows.iter().map(|row| line(row)));
    text
}

/// Writes `out/NAME.md` and, with any plots, `out/NAME.png`, which the text is free to show.
///
/// # Errors
/// When a file cannot be written.
pub fn write(out: &Path, name: &str, text: &str, plots: &[LinePlot]) -> Result<()> {
    if !plots.is_empty() {
        let plot = out.join(format!("{name}.png"));
        let _half_written = Partial::at(&plot);
        save_stacked(plots, &plot, PLOT.0, PLOT.1 * plots.len() as u32)?;
    }
    let path = out.join(format!("{name}.md"));
    write_replacing(&path, text.as_bytes())?;
    speak::remark(format_args!("wrote {}", path.display()));
    Ok(())
}

/// The share read as asked and the judge-FID over x, as far as they were measured.
pub fn quality(title: &str, x_label: &str, points: &[(f64, Measured)]) -> Vec<LinePlot> {
    let plot = |title: &str, y_label: &str, color, y: fn(&Measured) -> Option<f64>| {
        let points: Vec<(f64, f64)> = points.iter().filter_map(|(x, measured)| Some((*x, y(measured)?))).collect();
        (!points.is_empty()).then(|| LinePlot {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            log_y: false,
            series: vec![Series { name: String::new(), color, points }],
        })
    };
    let read = plot(title, "read as the class asked for, %", DARK.train, |m| m.accuracy.map(|share| 100.0 * share));
    let fid = plot("", "judge-FID, less is better", DARK.cosine, |m| m.fid);
    read.into_iter().chain(fid).collect()
}

/// "97.5 %", or a dash for what could not be measured.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

/// "12.3", or a dash for what could not be measured.
pub fn distance(fid: Option<f64>) -> String {
    fid.map_or("–".into(), |fid| format!("{fid:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let text = table(&["w", "read"], &[vec!["0".into(), percent(Some(0.975))], vec!["1".into(), percent(None)]]);
        assert_eq!(text, "| w | read |\n|---|---|\n| 0 | 97.5 % |\n| 1 | – |\n");
    }
}
