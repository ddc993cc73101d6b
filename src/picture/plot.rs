//! Line plots as PNG files: the same calm look for schedules, losses and benchmarks.

mod axis;
mod canvas;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::RgbImage;

use self::axis::Axis;
use self::canvas::{Align, Canvas};
use super::palette::{DARK, Palette, Rgb};

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the legend says; empty: not in the legend.
    pub name: String,
    pub color: Rgb,
    /// (x, y) in order of x. Where a y is not finite, or not above 0 on a logarithmic axis, the line
    /// has a gap.
    pub points: Vec<(f64, f64)>,
}

/// A plot of lines over one x axis, on a dark background.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinePlot {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    /// Logarithmic y axis.
    pub log_y: bool,
    /// Later ones are drawn on top.
    pub series: Vec<Series>,
}

impl LinePlot {
    /// Draws the plot, `width` × `height` pixels.
    ///
    /// # Errors
    /// When the size is outside of 200×150 to 4000×4000.
    pub fn to_image(&self, width: u32, height: u32) -> Result<RgbImage> {
        stacked(std::slice::from_ref(self), width, height)
    }

    /// Draws the plot into a PNG file.
    ///
    /// # Errors
    /// As [`LinePlot::to_image`], and when the file can't be written.
    pub fn save_png(&self, path: &Path, width: u32, height: u32) -> Result<()> {
        save_stacked(std::slice::from_ref(self), path, width, height)
    }
}

/// Draws plots below each other, of equal heights, `width` × `height` pixels in all.
///
/// # Errors
/// When a plot would be smaller than 200×150, or the picture is larger than 4000×4000.
pub fn stacked(plots: &[LinePlot], width: u32, height: u32) -> Result<RgbImage> {
    ensure!(!plots.is_empty(), "there is nothing to plot");
    let each = height / plots.len() as u32;
    ensure!(
        width >= 200 && each >= 150 && width <= 4000 && height <= 4000,
        "a plot must have at least 200×150 pixels and a picture at most 4000×4000, not {width}×{height} for {} plots",
        plots.len()
    );
    let mut canvas = Canvas::new(width, height, DARK.background)?;
    for (i, plot) in plots.iter().enumerate() {
        let top = i as u32 * each;
        draw(plot, &mut canvas, &DARK, top as f64, each as f64, width as f64)?;
    }
    canvas.finish()
}

/// Draws plots below each other into a PNG file.
///
/// # Errors
/// As [`stacked`], and when the file can't be written.
pub fn save_stacked(plots: &[LinePlot], path: &Path, width: u32, height: u32) -> Result<()> {
    let image = stacked(plots, width, height)?;
    image
        .save_with_format(path, image::ImageFormat::Png)
        .with_context(|| format!("cannot write the plot {}", path.display()))
}

/// Font size of the title and of everything else, in pixels.
const TITLE: f64 = 19.0;
const LABEL: f64 = 15.0;

/// One plot in the rows `top..top + height` of the canvas.
fn draw(plot: &LinePlot, canvas: &mut Canvas, palette: &Palette, top: f64, height: f64, width: f64) -> Result<()> {
    let finite = |v: &f64| v.is_finite();
    let visible = |(_, y): &&(f64, f64)| y.is_finite() && (!plot.log_y || *y > 0.0);
    let all = || plot.series.iter().flat_map(|s| s.points.iter()).filter(visible);
    let x_axis = Axis::linear_tight(all().map(|p| p.0).filter(finite), (width / 110.0) as usize);
    let rows = (height / 48.0) as usize;
    let y_axis =
        if plot.log_y { Axis::logarithmic(all().map(|p| p.1), rows) } else { Axis::linear(all().map(|p| p.1), rows) };

    let widest = y_axis.ticks.iter().map(|tick| canvas.text_width(&tick.label, LABEL)).fold(0.0, f64::max);
    let (left, right) = (24.0 + widest + 10.0, width - 28.0);
    let (upper, lower) = (top + 62.0, top + height - 50.0);
    let to_x = |x: f64| left + x_axis.place(x) * (right - left);
    let to_y = |y: f64| lower - y_axis.place(y) * (lower - upper);

    let grid = palette.faint(palette.border, 0.55);
    for tick in &y_axis.ticks {
        let y = to_y(tick.value);
        canvas.line(&[(left, y), (right, y)], grid, 1.0)?;
        canvas.text(&tick.label, left - 10.0, y, LABEL, palette.dim, Align::Right)?;
    }
    for tick in &x_axis.ticks {
        let x = to_x(tick.value);
        canvas.line(&[(x, lower), (x, lower + 5.0)], palette.border, 1.0)?;
        canvas.text(&tick.label, x, lower + 16.0, LABEL, palette.dim, Align::Centre)?;
    }
    canvas.line(&[(left, lower), (right, lower)], palette.border, 1.0)?;
    canvas.text(&plot.x_label, right, lower + 37.0, LABEL, palette.dim, Align::Right)?;

    for series in &plot.series {
        for run in runs(series, plot.log_y) {
            let pixels: Vec<(f64, f64)> = run.iter().map(|&(x, y)| (to_x(x), to_y(y))).collect();
            canvas.line(&thinned(&pixels), series.color, 2.2)?;
        }
    }
    if all().next().is_none() {
        canvas.text("no data", (left + right) / 2.0, (upper + lower) / 2.0, LABEL, palette.dim, Align::Centre)?;
    }

    canvas.text(&plot.title, 24.0, top + 26.0, TITLE, palette.text, Align::Left)?;
    canvas.text(&plot.y_label, 24.0, top + 47.0, LABEL, palette.dim, Align::Left)?;
    legend(plot, canvas, palette, right, top + 26.0)
}

/// Names with a piece of their line, on the title's row, ending at `right`.
fn legend(plot: &LinePlot, canvas: &mut Canvas, palette: &Palette, right: f64, y: f64) -> Result<()> {
    let mut x = right;
    for series in plot.series.iter().rev().filter(|series| !series.name.is_empty()) {
        canvas.text(&series.name, x, y, LABEL, palette.text, Align::Right)?;
        x -= canvas.text_width(&series.name, LABEL) + 8.0;
        canvas.line(&[(x - 20.0, y), (x, y)], series.color, 3.0)?;
        x -= 20.0 + 20.0;
    }
    Ok(())
}

/// The stretches of a line between its gaps.
fn runs(series: &Series, log_y: bool) -> impl Iterator<Item = &[(f64, f64)]> {
    let shown = move |&(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (!log_y || y > 0.0);
    series.points.split(move |point| !shown(point)).filter(|run| !run.is_empty())
}

/// A line with at most four points for each half pixel across: the first, the lowest, the highest
/// and the last there, which look like all of them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    let column = |point: &(f64, f64)| (point.0 * 2.0).floor() as i64;
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 4 {
            kept.extend_from_slice(group);
            continue;
        }
        let by_height = |a: &usize, b: &usize| group[*a].1.total_cmp(&group[*b].1);
        let last = group.len() - 1;
        let lowest = (0..=last).min_by(by_height).unwrap_or(0);
        let highest = (0..=last).max_by(by_height).unwrap_or(0);
        let mut chosen = [0, lowest.min(highest), lowest.max(highest), last];
        chosen.sort_unstable();
        kept.extend(chosen.map(|i| group[i]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>, log_y: bool) -> LinePlot {
        let series = vec![Series { name: "loss".into(), color: DARK.train, points }];
        LinePlot { title: "A plot".into(), x_label: "step".into(), y_label: "nats".into(), log_y, series }
    }

    fn pixels_of(image: &RgbImage, color: Rgb) -> Vec<(u32, u32)> {
        let close = |p: &image::Rgb<u8>| (0..3).all(|i| p.0[i].abs_diff(color[i]) < 24);
        image.enumerate_pixels().filter(|(_, _, p)| close(p)).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn a_rising_line_rises() {
        let image = plot((0..100).map(|i| (i as f64, i as f64)).collect(), false).to_image(600, 400).unwrap();
        // Below the legend.
        let line: Vec<_> = pixels_of(&image, DARK.train).into_iter().filter(|&(_, y)| y > 50).collect();
        let (left, right) = (line.iter().min().unwrap(), line.iter().max().unwrap());
        assert!(right.0 - left.0 > 450, "the line spans the plot");
        assert!(left.1 > right.1 + 200, "and goes up");
    }

    #[test]
    fn a_logarithmic_axis_makes_exponentials_straight() {
        let image = plot((0..100).map(|i| (i as f64, (0.1 * i as f64).exp())).collect(), true).to_image(600, 400);
        let line: Vec<_> = pixels_of(&image.unwrap(), DARK.train).into_iter().filter(|&(_, y)| y > 50).collect();
        let (&left, &right) = (line.iter().min().unwrap(), line.iter().max().unwrap());
        let slope = (right.1 as f64 - left.1 as f64) / (right.0 - left.0) as f64;
        for &(x, y) in &line {
            let expected = left.1 as f64 + slope * (x - left.0) as f64;
            assert!((y as f64 - expected).abs() < 6.0, "({x}, {y}) is off the straight line");
        }
    }

    #[test]
    fn odd_data_never_panics() {
        let odd = [
            vec![],
            vec![(0.0, 1.0)],
            vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::INFINITY, 2.0)],
            vec![(0.0, -1.0), (1.0, 0.0), (2.0, -5.0)],
            vec![(0.0, 3.0), (1.0, 3.0)],
            vec![(5.0, 1e-300), (5.0, 1e300)],
            vec![(-f64::MAX, -f64::MAX), (f64::MAX, f64::MAX)],
        ];
        for points in odd {
            for log_y in [false, true] {
                plot(points.clone(), log_y).to_image(300, 200).unwrap();
            }
        }
        assert!(plot(vec![], false).to_image(10, 10).is_err());
        assert!(stacked(&[], 500, 500).is_err());
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_extremes() {
        let many: Vec<(f64, f64)> = (0..10_000).map(|i| (i as f64 / 1e4, ((i * 37) % 1000) as f64)).collect();
        let kept = thinned(&many);
        assert!(kept.len() <= 8);
        assert_eq!((kept[0], kept[kept.len() - 1]), (many[0], many[9999]));
        let highest = kept.iter().map(|p| p.1).fold(0.0, f64::max);
        assert_eq!(highest, 999.0);
    }

    #[test]
    fn a_gap_is_not_bridged() {
        let gap = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 2.0)];
        let series = Series { name: String::new(), color: DARK.train, points: gap };
        assert_eq!(runs(&series, false).map(<[_]>::len).collect::<Vec<_>>(), vec![1, 2]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = plot(vec![], false).save_png(Path::new("/no/such/folder/p.png"), 300, 200).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder/p.png"));
    }
}
