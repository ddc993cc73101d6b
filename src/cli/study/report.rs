//! The Markdown table and the plot that a study leaves behind.

use std::path::Path;

use anyhow::{Result, bail};

use super::studied_run::JudgedPoint;
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
pub fn quality(title: &str, x_label: &str, points: &[(f64, JudgedPoint)]) -> Vec<LinePlot> {
    let plot = |title: &str, y_label: &str, color, y: fn(&JudgedPoint) -> Option<f64>| {
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

/// "ddim 50: read as asked 97.5 %", or why there was nothing to read.
pub fn told(what: &str, measured: &JudgedPoint) -> String {
    match &measured.not_finite {
        Some(why) => format!("warning: {what}: {why}"),
        None => format!("{what}: read as asked {}", percent(measured.accuracy)),
    }
}

/// A picture of the samples in Markdown, where there are any.
pub fn picture(measured: &JudgedPoint, words: &str, path: &str) -> String {
    if measured.not_finite.is_some() { "NaN".into() } else { format!("![{words}]({path})") }
}

/// Fails when samples were none: the table says where, and that is no success.
///
/// # Errors
/// How many measurements had such samples.
pub fn all_finite<'a>(points: impl Iterator<Item = &'a JudgedPoint>) -> Result<()> {
    let (mut of, mut bad, mut first) = (0, 0, None);
    for point in points {
        of += 1;
        if let Some(why) = &point.not_finite {
            bad += 1;
            first = first.or(Some(why));
        }
    }
    match first {
        Some(why) => bail!("{bad} of {of} measurements have no samples (NaN in the table); the first: {why}"),
        None => Ok(()),
    }
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
        let measured = |not_finite: Option<&str>| JudgedPoint {
            accuracy: Some(0.5),
            fid: None,
            calls: 1,
            seconds: 0.0,
            not_finite: not_finite.map(str::to_string),
        };
        let points = [measured(None), measured(Some("no good")), measured(Some("no better"))];
        assert_eq!(told("w 1", &points[0]), "w 1: read as asked 50.0 %");
        assert_eq!(told("w 2", &points[1]), "warning: w 2: no good");
        assert_eq!((picture(&points[0], "a", "b"), picture(&points[1], "a", "b")), ("![a](b)".into(), "NaN".into()));
        assert!(all_finite(points[..1].iter()).is_ok());
        let said = all_finite(points.iter()).unwrap_err().to_string();
        assert!(said.starts_with("2 of 3 measurements") && said.ends_with("no good"), "{said}");
        assert_eq!(text, "| w | read |\n|---|---|\n| 0 | 97.5 % |\n| 1 | – |\n");
    }
}
