//! The loss by t and step as colours, with the numbers for the read-out.

use std::fmt::Write;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::chart::{PLOT, figure, frame, x_ticks};
use super::figures::{brief, figure as number};
use super::thin::stretches;
use crate::picture::palette::heat;
use crate::picture::plot::Axis;
use crate::picture::png;
use crate::run::TimestepLossRow;

/// Columns at most; each is the mean of the rows of a stretch.
const COLUMNS: usize = 160;

/// The figure of one run, with `timesteps` T; nothing where no loss is known.
///
/// # Errors
/// When the picture can't be packed.
pub fn heatmap(title: &str, rows: &[TimestepLossRow], timesteps: usize) -> Result<Option<String>> {
    let bins = rows.last().map_or(0, |row| row.mean.len());
    let rows: Vec<&TimestepLossRow> = rows.iter().filter(|row| row.mean.len() == bins).collect();
    let columns: Vec<(u64, Vec<f64>)> = stretches(rows.len(), COLUMNS).map(|part| merged(&rows[part], bins)).collect();
    let values = || columns.iter().flat_map(|(_, cells)| cells.iter().copied()).filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = values().fold((f64::INFINITY, 0f64), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return Ok(None);
    }
    let share = |v: f64| if high > low { (v / low).ln() / (high / low).ln() } else { 0.5 };
    // t upwards.
    let picture = RgbImage::from_fn(columns.len() as u32, bins as u32, |x, y| {
        let value = columns[x as usize].1[bins - 1 - y as usize];
        // Where nothing was drawn there is neither dark nor light.
        if value.is_finite() && value > 0.0 { Rgb(heat(share(value))) } else { Rgb([128, 128, 128]) }
    });
    let [left, top, right, bottom] = PLOT;
    let mut svg = frame(title);
    let _ = write!(
        svg,
        "<image class=\"cells\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
         href=\"data:image/png;base64,{}\"/>",
        right - left,
        bottom - top,
        BASE64_STANDARD.encode(png(&picture, None)?)
    );
    let t_axis = Axis::linear_tight([0.0, timesteps as f64].into_iter(), 4);
    for tick in &t_axis.ticks {
        let y = bottom - t_axis.place(tick.value) * (bottom - top);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{} {y:.1}H{left}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            left - 4.0,
            left - 7.0,
            (y + 4.0).max(top + 10.0),
            tick.label
        );
    }
    let _ = write!(svg, "<text class=\"tick\" x=\"8\" y=\"{}\">t</text>", (top + bottom) / 2.0);
    let steps = columns.iter().map(|(step, _)| *step as f64);
    svg += &x_ticks(&Axis::linear_tight(std::iter::once(0.0).chain(steps), 5), "step");
    svg += "<g class=\"cursor\"></g></svg>";
    let data = json!({
        "kind": "heat",
        "plot": PLOT,
        "timesteps": timesteps,
        "steps": columns.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        "cells": columns.iter().map(|(_, cells)| cells.iter().map(|v| brief(*v)).collect()).collect::<Vec<Vec<Value>>>(),
    });
    let legend = format!(
        "<p class=\"legend\">mean squared error: {} <span class=\"scale\"></span> {}, logarithmic; grey: no t was drawn \
         there</p>",
        number(low),
        number(high)
    );
    Ok(Some(figure(title, &legend, &svg, &data)))
}

/// Rows in one, by their counts, with the step of the last.
fn merged(rows: &[&TimestepLossRow], bins: usize) -> (u64, Vec<f64>) {
    let (mut sums, mut counts) = (vec![0.0; bins], vec![0u64; bins]);
    for row in rows {
        for (bin, (&mean, &count)) in row.mean.iter().zip(&row.count).enumerate() {
            if count > 0 && mean.is_finite() {
                sums[bin] += f64::from(mean) * f64::from(count);
                counts[bin] += u64::from(count);
            }
        }
    }
    let mean = |(sum, count): (f64, u64)| if count == 0 { f64::NAN } else { sum / count as f64 };
    (rows.last().map_or(0, |row| row.step), sums.into_iter().zip(counts).map(mean).collect())
}

/// The scale of colours, for the style sheet: a gradient from the least to the largest.
pub fn scale() -> String {
    let colors: Vec<String> =
        (0..=8).map(|i| heat(f64::from(i) / 8.0)).map(|[r, g, b]| format!("rgb({r},{g},{b})")).collect();
    format!("linear-gradient(90deg,{})", colors.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means_by_their_counts_and_empty_ones_are_null() {
        let row =
            |step, mean: [f32; 2], count: [u32; 2]| TimestepLossRow { step, mean: mean.into(), count: count.into() };
        let rows = [row(10, [1.0, f32::NAN], [1, 0]), row(20, [4.0, f32::NAN], [2, 0])];
        let (step, cells) = merged(&rows.iter().collect::<Vec<_>>(), 2);
        assert!((step, cells[0]) == (20, 3.0) && cells[1].is_nan());
        let html = heatmap("Loss by t", &rows, 100).unwrap().unwrap();
        assert!(html.contains("\"steps\":[10,20]") && html.contains("\"cells\":[[1,null],[4,null]]"), "{html}");
        assert!(html.contains("data:image/png;base64,iVBOR"), "{html}");
        assert!(heatmap("x", &[], 100).unwrap().is_none());
        assert!(heatmap("x", &[row(1, [f32::NAN; 2], [0; 2])], 100).unwrap().is_none());
        assert_eq!(scale().matches("rgb(").count(), 9);
    }

    #[test]
    fn a_long_run_has_as_many_columns_as_can_be_seen() {
        let rows: Vec<_> =
            (1..=5000).map(|step| TimestepLossRow { step, mean: vec![0.5; 40], count: vec![1; 40] }).collect();
        let html = heatmap("x", &rows, 1000).unwrap().unwrap();
        assert!(html.len() < 60_000, "{}", html.len());
        assert!(html.contains("5000],") || html.contains("5000]"));
    }
}
