//! Smooth lines and text on a bitmap: drawn three times too large with plotters, then averaged.

use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, ensure};
use image::{RgbImage, imageops};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoTextStyle, RGBColor, ShapeStyle, TextStyle, register_font};

use super::super::palette::Rgb;

/// How many times larger than the result everything is drawn, each way.
const SCALE: u32 = 3;

const FONT: &str = "difflab";

/// Registers the embedded font once; false if plotters can't read it.
static FONT_READY: LazyLock<bool> =
    LazyLock::new(|| register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());

/// Which end of a text its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// A picture in the making. All coordinates are pixels of the result, from its top left.
pub struct Canvas {
    buffer: Vec<u8>,
    width: u32,
    height: u32,
}

impl Canvas {
    /// # Errors
    /// When the embedded font can't be read.
    pub fn new(width: u32, height: u32, background: Rgb) -> Result<Self> {
        ensure!(*FONT_READY, "the embedded font cannot be read");
        let pixels = (width * SCALE) as usize * (height * SCALE) as usize;
        Ok(Self { buffer: background.repeat(pixels), width, height })
    }

    /// A line through `points`, `thickness` pixels thick, with round joints.
    ///
    /// # Errors
    /// When plotters can't draw it.
    pub fn line(&mut self, points: &[(f64, f64)], color: Rgb, thickness: f64) -> Result<()> {
        let points: Vec<(i32, i32)> = points.iter().map(|&(x, y)| (scaled(x), scaled(y))).collect();
        let width = (thickness * SCALE as f64).round().max(1.0) as u32;
        let color = RGBColor(color[0], color[1], color[2]);
        let style = ShapeStyle { color: color.into(), filled: true, stroke_width: width };
        let area =
            BitMapBackend::with_buffer(&mut self.buffer, (self.width * SCALE, self.height * SCALE)).into_drawing_area();
        // Piece by piece: the joints that plotters makes of a thick path shoot far out at sharp turns.
        for piece in points.windows(2) {
            area.draw(&PathElement::new(piece.to_vec(), style)).map_err(|e| anyhow!("drawing a line: {e}"))?;
        }
        if points.len() > 2 {
            for &joint in &points {
                let dot = Circle::new(joint, width as f64 / 2.0, color.filled());
                area.draw(&dot).map_err(|e| anyhow!("drawing a line: {e}"))?;
            }
        }
        Ok(())
    }

    /// Text on one row; `y` is the middle of its small letters.
    ///
    /// # Errors
    /// When plotters can't draw it.
    pub fn text(&mut self, text: &str, x: f64, y: f64, size: f64, color: Rgb, align: Align) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        // Text is laid out by hand: plotters rounds the widths that it aligns by.
        let x = match align {
            Align::Left => x,
            Align::Centre => x - self.text_width(text, size) / 2.0,
            Align::Right => x - self.text_width(text, size),
        };
        let color = RGBColor(color[0], color[1], color[2]);
        let style = style(size).color(&color).pos(Pos::new(HPos::Left, VPos::Center));
        let area =
            BitMapBackend::with_buffer(&mut self.buffer, (self.width * SCALE, self.height * SCALE)).into_drawing_area();
        area.draw_text(text, &style, (scaled(x), scaled(y + 0.13 * size)))
            .map_err(|e| anyhow!("drawing the text {text:?}: {e}"))
    }

    /// Width of a text in pixels.
    pub fn text_width(&self, text: &str, size: f64) -> f64 {
        // Without a layout there is no such text, and it takes no room.
        style(size).font.layout_box(text).map_or(0.0, |(start, end)| (end.0 - start.0) as f64 / SCALE as f64)
    }

    /// The finished picture.
    ///
    /// # Errors
    /// When the buffer doesn't fit the size, which can't be.
    pub fn finish(self) -> Result<RgbImage> {
        let large = RgbImage::from_raw(self.width * SCALE, self.height * SCALE, self.buffer)
            .context("the plot's buffer has the wrong size")?;
        Ok(imageops::thumbnail(&large, self.width, self.height))
    }
}

fn scaled(v: f64) -> i32 {
    // The clamp keeps far-off points from overflowing; nothing so far away is visible.
    (v * SCALE as f64).round().clamp(-1e6, 1e6) as i32
}

fn style(size: f64) -> TextStyle<'static> {
    (FONT, size * SCALE as f64).into_text_style(&(0, 0))
}
