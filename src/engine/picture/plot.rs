//! Line plots as PNG files: the same calm look for schedules, losses and benchmarks.

mod axis;
mod canvas;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::RgbImage;

pub use self::axis::Axis;
pub(super) use self::canvas::{Align, Canvas};
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
    let axes: Vec<(Axis, Axis)> = plots.iter().map(|plot| axes(plot, width as f64, each as f64)).collect();
    // One left edge for all, so that they read as one picture over one x axis.
    let labels = axes.iter().flat_map(|(_, y_axis)| &y_axis.ticks);
    let widest = labels.map(|tick| canvas.text_width(&tick.label, LABEL)).fold(0.0, f64::max);
    for (i, (plot, axes)) in plots.iter().zip(&axes).enumerate() {
        let (top, bottom) = (i as u32 * each, (i as u32 + 1) * each);
        let frame = Frame {
            left: EDGE + widest + 10.0,
            right: width as f64 - 28.0,
            top: top as f64 + 62.0,
            bottom: bottom as f64 - 50.0,
        };
        draw(plot, axes, &frame, &mut canvas, &DARK)?;
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

/// Space left of the titles, in pixels.
const EDGE: f64 = 24.0;

/// The rectangle that the lines are drawn in, in pixels.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Whether a point has a place on the plot.
fn shown(&(x, y): &(f64, f64), log_y: bool) -> bool {
    x.is_finite() && y.is_finite() && (!log_y || y > 0.0)
}

/// Horizontal and vertical axis for a plot of this size in pixels.
fn axes(plot: &LinePlot, width: f64, height: f64) -> (Axis, Axis) {
    let points = || plot.series.iter().flat_map(|s| &s.points).filter(|point| shown(point, plot.log_y));
    let rows = (height / 48.0) as usize;
    let y = points().map(|p| p.1);
    let y_axis = if plot.log_y { Axis::logarithmic(y, rows) } else { Axis::linear(y, rows) };
    (Axis::linear_tight(points().map(|p| p.0), (width / 110.0) as usize), y_axis)
}

/// One plot: grid and ticks, lines, title and legend.
fn draw(
    plot: &LinePlot,
    (x_axis, y_axis): &(Axis, Axis),
    &Frame { left, right, top, bottom }: &Frame,
    canvas: &mut Canvas,
    palette: &Palette,
) -> Result<()> {
    let to_x = |x: f64| left + x_axis.place(x) * (right - left);
    let to_y = |y: f64| bottom - y_axis.place(y) * (bottom - top);

    let grid = palette.faint(palette.border, 0.55);
    for tick in &y_axis.ticks {
        let y = to_y(tick.value);
        canvas.line(&[(left, y), (right, y)], grid, 1.0)?;
        canvas.text(&tick.label, left - 10.0, y, LABEL, palette.dim, Align::Right)?;
    }
    for tick in &x_axis.ticks {
        let x = to_x(tick.value);
        canvas.line(&[(x, bottom), (x, bottom + 5.0)], palette.border, 1.0)?;
        canvas.text(&tick.label, x, bottom + 16.0, LABEL, palette.dim, Align::Centre)?;
    }
    canvas.line(&[(left, bottom), (right, bottom)], palette.border, 1.0)?;
    canvas.text(&plot.x_label, right, bottom + 37.0, LABEL, palette.dim, Align::Right)?;

    for series in &plot.series {
        for run in runs(series, plot.log_y) {
            let pixels: Vec<(f64, f64)> = run.iter().map(|&(x, y)| (to_x(x), to_y(y))).collect();
            canvas.line(&thinned(&pixels), series.color, 2.2)?;
        }
    }
    if plot.series.iter().all(|series| runs(series, plot.log_y).next().is_none()) {
        canvas.text("no data", (left + right) / 2.0, (top + bottom) / 2.0, LABEL, palette.dim, Align::Centre)?;
    }

    canvas.text(&plot.title, EDGE, top - 36.0, TITLE, palette.text, Align::Left)?;
    canvas.text(&plot.y_label, EDGE, top - 15.0, LABEL, palette.dim, Align::Left)?;
    legend(plot, canvas, palette, right, top - 36.0)
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
    series.points.split(move |point| !shown(point, log_y)).filter(|run| !run.is_empty())
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
    fn a_jagged_line_stays_between_its_ends() {
        let jagged = (0..3000).map(|i| (i as f64, if i % 2 == 0 { 0.4 } else { 0.6 })).chain([(3000.0, 1.0)]);
        let image = plot(std::iter::once((-1.0, 0.0)).chain(jagged).collect(), false).to_image(600, 400).unwrap();
        // The axis runs from 0 to 1 over the rows 350 to 62, so that 0.4 and 0.6 are the rows 235 and 177.
        let line = pixels_of(&image, DARK.train).into_iter().filter(|&(x, y)| (100..500).contains(&x) && y > 50);
        let rows: Vec<u32> = line.map(|(_, y)| y).collect();
        assert!(rows.len() > 10_000);
        assert!(rows.iter().all(|y| (174..=238).contains(y)), "{:?} to {:?}", rows.iter().min(), rows.iter().max());
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
