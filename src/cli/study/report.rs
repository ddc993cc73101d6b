//! The Markdown table and the plot that a study leaves behind.

use std::path::Path;

use anyhow::{Result, bail};

use super::repeated::Repeated;
use crate::eval::Estimate;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::process::partial::Partial;
use crate::ranks::world;
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

/// Writes `out/NAME.md` and, with any plots, `out/NAME.png`, which the text is free to show. On top it says by which
/// command, version and when. Of several ranks the first writes.
///
/// # Errors
/// When a file cannot be written.
pub fn write(out: &Path, name: &str, text: &str, plots: &[LinePlot]) -> Result<()> {
    if !world().leads() {
        return Ok(());
    }
    if !plots.is_empty() {
        let plot = out.join(format!("{name}.png"));
        let _half_written = Partial::at(&plot);
        save_stacked(plots, &plot, PLOT.0, PLOT.1 * plots.len() as u32)?;
    }
    let path = out.join(format!("{name}.md"));
    let text = format!("{}\n\n{text}", made_by());
    write_replacing(&path, text.as_bytes())?;
    speak::remark(format_args!("wrote {}", path.display()));
    Ok(())
}

/// "Made on 2026-11-28 by difflab 0.1.0: `difflab study guidance latest`".
pub fn made_by() -> String {
    let day = jiff::Zoned::now().strftime("%Y-%m-%d");
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let arguments = arguments.join(" ").replace(['`', '\n'], " ");
    format!("Made on {day} by difflab {}: `difflab {arguments}`", env!("CARGO_PKG_VERSION"))
}

/// The share read as asked and the judge-FID over x, as far as they were measured.
pub fn quality(title: &str, x_label: &str, points: &[(f64, Repeated)]) -> Vec<LinePlot> {
    let plot = |title: &str, y_label: &str, color, y: fn(&Repeated) -> Option<f64>| {
        let points: Vec<(f64, f64)> = points.iter().filter_map(|(x, measured)| Some((*x, y(measured)?))).collect();
        (!points.is_empty()).then(|| LinePlot {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            log_y: false,
            series: vec![Series { name: String::new(), color, points }],
        })
    };
    let read = plot(title, "read as the class asked for, %", DARK.train, |m| Some(100.0 * m.accuracy()?.mean));
    let fid = plot("", "judge-FID, less is better", DARK.cosine, |m| Some(m.fid()?.mean));
    read.into_iter().chain(fid).collect()
}

/// "ddim 50: read as asked 97.5 ± 0.5 %, judge-FID 62.5 ± 3.1", or why there was nothing to read.
pub fn told(what: &str, measured: &Repeated) -> String {
    match measured.not_finite() {
        Some(why) => format!("warning: {what}: {why}"),
        None => {
            format!("{what}: read as asked {}, judge-FID {}", percent(measured.accuracy()), distance(measured.fid()))
        }
    }
}

/// A picture of the samples in Markdown, where there are any.
pub fn picture(measured: &Repeated, words: &str, path: &str) -> String {
    if measured.not_finite().is_some() { "NaN".into() } else { format!("![{words}]({path})") }
}

/// Fails when samples were none: the table says where, and that is no success.
///
/// # Errors
/// How many measurements had such samples.
pub fn all_finite<'a>(points: impl Iterator<Item = &'a Repeated>) -> Result<()> {
    let (mut of, mut bad, mut first) = (0, 0, None);
    for point in points {
        of += 1;
        if let Some(why) = point.not_finite() {
            bad += 1;
            first = first.or(Some(why));
        }
    }
    match first {
        Some(why) => bail!("{bad} of {of} measurements have no samples (NaN in the table); the first: {why}"),
        None => Ok(()),
    }
}

/// "97.5 ± 0.5 %", or a dash for what could not be measured.
pub fn percent(share: Option<Estimate>) -> String {
    share.map_or("–".into(), |share| share.affine(100.0, 0.0).text(1) + " %")
}

/// "62.5 ± 3.1", or a dash for what could not be measured.
pub fn distance(fid: Option<Estimate>) -> String {
    fid.map_or("–".into(), |fid| fid.text(1))
}

/// "0.692 ± 0.015", or a dash for what could not be measured.
pub fn share(share: Option<Estimate>) -> String {
    share.map_or("–".into(), |share| share.text(3))
}

/// What the floor in a table is.
pub const FLOOR: &str = "Each value is a mean with its standard error: over all samples for the share read as asked, over the \
                         seeds for the others. The floor has held-out images in the samples' place, as many, drawn anew for \
                         each seed: nothing can be told apart from real images that comes as near. Values that differ by less \
                         than two or three errors may be the same.\n\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::study::judging::JudgedPoint;
    use crate::cli::study::repeated::tests::point;

    #[test]
    fn a_table_is_markdown() {
        let text = table(&["w", "read"], &[vec!["0".into(), percent(Some(Estimate::share(195, 200)))]]);
        let ill = |why: &str| JudgedPoint { not_finite: Some(why.into()), ..point(0) };
        let points =
            [Repeated(vec![point(50), point(50)]), Repeated(vec![ill("no good")]), Repeated(vec![ill("no better")])];
        assert_eq!(told("w 1", &points[0]), "w 1: read as asked 50.0 ± 3.5 %, judge-FID 50.0 ± 0.0");
        assert_eq!(told("w 2", &points[1]), "warning: w 2: no good");
        assert_eq!((picture(&points[0], "a", "b"), picture(&points[1], "a", "b")), ("![a](b)".into(), "NaN".into()));
        assert!(all_finite(points[..1].iter()).is_ok());
        let said = all_finite(points.iter()).unwrap_err().to_string();
        assert!(said.starts_with("2 of 3 measurements") && said.ends_with("no good"), "{said}");
        assert_eq!(text, "| w | read |\n|---|---|\n| 0 | 97.5 ± 1.1 % |\n");
        assert_eq!((percent(None), distance(None), share(None)), ("–".into(), "–".into(), "–".into()));
    }
}
