//! A chart: lines over an axis, as SVG that needs nothing else, and their numbers for the read-out.

use std::fmt::Write;

use serde_json::{Value, json};

use super::escape::{escaped, json as script_json};
use super::figures::brief;
use crate::picture::plot::Axis;

/// Units of the drawing; on a phone one of them is about 0.7 pixels, and letters of 13 can be read.
pub const WIDTH: f64 = 480.0;
pub const HEIGHT: f64 = 280.0;
/// Where the lines are: left, top, right, bottom.
pub const PLOT: [f64; 4] = [56.0, 10.0, 470.0, 236.0];

/// A line.
pub struct Line {
    /// What legend and read-out call it.
    pub name: String,
    /// A class of the style sheet that has its colour.
    pub color: String,
    /// A dashed one is there to compare.
    pub dashed: bool,
    /// (x, y) in order of x; a y that the axis can't show leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// A faint band behind a line: (x, low, high). One without any width is a faint line.
pub struct Band {
    pub name: String,
    pub color: String,
    pub points: Vec<(f64, f64, f64)>,
}

pub struct Chart {
    pub title: String,
    pub x: &'static str,
    pub log_y: bool,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
}

impl Chart {
    /// The figure: title, legend, drawing, room for the read-out, and the numbers. Nothing without a point.
    pub fn html(&self) -> Option<String> {
        let shows = |y: f64| y.is_finite() && (!self.log_y || y > 0.0);
        let xs = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
        let ys = || {
            let bands = self.bands.iter().flat_map(|band| band.points.iter().flat_map(|point| [point.1, point.2]));
            self.lines
                .iter()
                .flat_map(|line| line.points.iter().map(|point| point.1))
                .chain(bands)
                .filter(|y| shows(*y))
        };
        ys().next()?;
        let x_axis = Axis::linear_tight(xs(), 5);
        let y_axis = if self.log_y { Axis::logarithmic(ys(), 5) } else { Axis::linear(ys(), 5) };
        let [left, top, right, bottom] = PLOT;
        let at_x = |x: f64| left + x_axis.place(x) * (right - left);
        let at_y = |y: f64| bottom - y_axis.place(y) * (bottom - top);
        let mut svg = frame(&self.title);
        for tick in &y_axis.ticks {
            let y = at_y(tick.value);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                escaped(&tick.label)
            );
        }
        svg += &x_ticks(&x_axis, self.x);
        for Band { color, points, .. } in &self.bands {
            let shown = points.iter().filter(|point| shows(point.1) && shows(point.2));
            if points.iter().all(|point| point.1 == point.2) {
                // Each step is to be seen: a line.
                let path: Vec<String> = shown.map(|p| format!("{:.1} {:.1}", at_x(p.0), at_y(p.1))).collect();
                let _ = write!(svg, "<path class=\"raw {color}\" d=\"M{}\"/>", path.join("L"));
                continue;
            }
            let upper: Vec<String> = shown.clone().map(|p| format!("{:.1} {:.1}", at_x(p.0), at_y(p.2))).collect();
            let lower: Vec<String> = shown.rev().map(|p| format!("{:.1} {:.1}", at_x(p.0), at_y(p.1))).collect();
            let _ = write!(svg, "<path class=\"band {color}\" d=\"M{}L{}Z\"/>", upper.join("L"), lower.join("L"));
        }
        for Line { color, dashed, points, .. } in &self.lines {
            let mut path = String::new();
            let mut pen_up = true;
            for &(x, y) in points {
                if !shows(y) {
                    pen_up = true;
                    continue;
                }
                let _ = write!(path, "{}{:.1} {:.1}", if pen_up { "M" } else { "L" }, at_x(x), at_y(y));
                pen_up = false;
            }
            if let [(x, y)] = points[..] {
                // A point alone is a dot.
                let _ = write!(svg, "<circle class=\"{color}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", at_x(x), at_y(y));
            }
            let dash = if *dashed { " dashed" } else { "" };
            let _ = write!(svg, "<path class=\"line {color}{dash}\" d=\"{path}\"/>");
        }
        svg += "<g class=\"cursor\"></g></svg>";
        let ends = |axis: &Axis| {
            let (low, high) = axis.ends();
            json!([low, high])
        };
        let data = json!({
            "kind": "lines",
            "x": self.x,
            "plot": PLOT,
            "xs": ends(&x_axis),
            "ys": ends(&y_axis),
            "log": self.log_y,
            "lines": self.lines.iter().map(line_json).collect::<Vec<_>>(),
        });
        Some(figure(&self.title, &self.legend(), &svg, &data))
    }

    fn legend(&self) -> String {
        let bands = self.bands.iter().map(|band| (&band.name, &band.color, "swatch wide"));
        let lines = self
            .lines
            .iter()
            .map(|line| (&line.name, &line.color, if line.dashed { "swatch dashed" } else { "swatch" }));
        let entries = lines
            .chain(bands)
            .map(|(name, color, kind)| format!("<li><span class=\"{kind} {color}\"></span>{}</li>", escaped(name)));
        format!("<ul class=\"legend\">{}</ul>", entries.collect::<String>())
    }
}

fn line_json(line: &Line) -> Value {
    let points: Vec<Value> = line.points.iter().map(|(x, y)| json!([brief_x(*x), brief(*y)])).collect();
    json!({ "name": line.name, "color": line.color, "points": points })
}

/// Steps are whole, and not rounded.
fn brief_x(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 { (x as i64).into() } else { brief(x) }
}

/// The beginning of a drawing.
pub fn frame(title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escaped(title))
}

/// Ticks and the name of the x axis below the plot.
pub fn x_ticks(axis: &Axis, name: &str) -> String {
    let [left, _, right, bottom] = PLOT;
    let mut svg = String::new();
    for tick in &axis.ticks {
        let x = left + axis.place(tick.value) * (right - left);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {bottom}v5\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{}</text>",
            // A number at the end stays on the drawing.
            x.min(WIDTH - 4.0 * tick.label.len() as f64),
            bottom + 19.0,
            escaped(&tick.label)
        );
    }
    let middle = (left + right) / 2.0;
    let below = bottom + 37.0;
    svg + &format!("<text class=\"tick\" x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", escaped(name))
}

/// A drawing with its title, legend, room for the read-out, and the numbers for it.
pub fn figure(title: &str, legend: &str, svg: &str, data: &Value) -> String {
    format!(
        "<figure class=\"chart\"><figcaption>{}</figcaption>{legend}{svg}<p class=\"readout\"></p><script \
         type=\"application/json\">{}</script></figure>\n",
        escaped(title),
        script_json(data)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "Loss of <b>".into(),
            x: "step",
            log_y: true,
            bands: Vec::new(),
            lines: vec![Line { name: "</script>".into(), color: "c-train".into(), dashed: false, points }],
        }
    }

    #[test]
    fn a_line_has_gaps_where_it_cannot_be_drawn_and_names_are_no_markup() {
        let html = chart(vec![(1.0, 0.5), (2.0, 0.4), (3.0, f64::NAN), (4.0, -1.0), (5.0, 0.2)]).html().unwrap();
        let path = html.split("class=\"line c-train\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert!(html.contains("Loss of &lt;b&gt;") && html.contains("&lt;/script&gt;"), "{html}");
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert!(html.contains("[1,0.5],[2,0.4],[3,null],[4,-1],[5,0.2]"), "{html}");
    }

    #[test]
    fn a_point_alone_is_a_dot_and_nothing_is_no_chart() {
        assert!(chart(vec![(1.0, 0.5)]).html().unwrap().contains("<circle"));
        assert!(chart(vec![(1.0, -1.0)]).html().is_none());
        assert!(chart(Vec::new()).html().is_none());
    }
}
