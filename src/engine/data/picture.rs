//! One picture of any size and format, as a run's own images are.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};

use super::folder::{look, with_picture};
use super::resize::{to_bytes, to_rgb};

/// Reads a picture and makes it `(height, width, channels)` (1 or 3): transparency on white, cropped about its
/// middle to that shape and resized. Pixels `[H, W, C]` in [-1, 1].
///
/// # Errors
/// A file that is missing or no picture, with its name.
pub fn read_picture(path: &Path, (height, width, channels): (usize, usize, usize)) -> Result<Vec<f32>> {
    let rgb = with_picture(path, |picture| to_rgb(picture, 0))
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("reading {}", path.display()))?;
    let fitted = fitted(&rgb, (height, width))?;
    Ok(to_bytes(fitted, channels).into_iter().map(|byte| f32::from(byte) / 127.5 - 1.0).collect())
}

/// Height and width of a picture, as it is shown; `None` where it can't be read.
pub fn picture_size(path: &Path) -> Option<(u32, u32)> {
    look(path).ok().map(|look| (look.height, look.width))
}

/// Height and width of the largest part of a picture of `(h, w)` pixels that has the shape `(height, width)`.
pub fn kept_of((h, w): (u32, u32), (height, width): (usize, usize)) -> (u32, u32) {
    let scale = (f64::from(w) / width as f64).min(f64::from(h) / height as f64);
    let side = |pixels: usize, most: u32| ((pixels as f64 * scale).round() as u32).clamp(1, most);
    (side(height, h), side(width, w))
}

/// Cropped about the middle to the shape `(height, width)`, and resized to it.
///
/// # Errors
/// A shape without pixels.
pub(super) fn fitted(rgb: &RgbImage, (height, width): (usize, usize)) -> Result<RgbImage> {
    ensure!(height > 0 && width > 0, "images of {width}×{height} pixels hold nothing");
    if let Some(pixels) = enlarged(rgb, (height, width)) {
        return Ok(pixels);
    }
    let (w, h) = rgb.dimensions();
    let (crop_h, crop_w) = kept_of((h, w), (height, width));
    let cropped = crop_imm(rgb, (w - crop_w) / 2, (h - crop_h) / 2, crop_w, crop_h).to_image();
    Ok(if cropped.dimensions() == (width as u32, height as u32) {
        cropped
    } else {
        resize(&cropped, width as u32, height as u32, FilterType::Triangle)
    })
}

/// The pixels of a picture that is exactly this large with each of them a square of one colour, as difflab writes a
/// sample: any filter would blur them.
fn enlarged(rgb: &RgbImage, (height, width): (usize, usize)) -> Option<RgbImage> {
    let (height, width) = (u32::try_from(height).ok()?, u32::try_from(width).ok()?);
    let scale = rgb.width() / width;
    if scale < 2 || rgb.dimensions() != (width * scale, height.checked_mul(scale)?) {
        return None;
    }
    let pixels = RgbImage::from_fn(width, height, |x, y| *rgb.get_pixel(x * scale, y * scale));
    let is_constant = rgb.enumerate_pixels().all(|(x, y, pixel)| pixel == pixels.get_pixel(x / scale, y / scale));
    is_constant.then_some(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn an_enlarged_picture_comes_back_to_the_bit_and_no_other_is_taken_for_one() {
        let pixels = RgbImage::from_fn(5, 7, |x, y| Rgb([(40 * x) as u8, (30 * y) as u8, ((x * y * 37) % 256) as u8]));
        for scale in [2, 3, 12] {
            let large = RgbImage::from_fn(5 * scale, 7 * scale, |x, y| *pixels.get_pixel(x / scale, y / scale));
            assert_eq!(fitted(&large, (7, 5)).unwrap(), pixels);
            let mut touched = large.clone();
            touched.put_pixel(1, 1, Rgb([255; 3]));
            assert!(enlarged(&touched, (7, 5)).is_none());
            assert!(enlarged(&large, (7, 6)).is_none() && enlarged(&large, (14, 5)).is_none());
        }
    }

    #[test]
    fn any_picture_takes_the_runs_shape_and_keeps_its_middle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wide.png");
        // Black, with a white square in the middle.
        let wide = RgbImage::from_fn(90, 30, |x, _| if (30..60).contains(&x) { Rgb([255; 3]) } else { Rgb([0; 3]) });
        wide.save(&path).unwrap();
        assert!(read_picture(&path, (8, 8, 1)).unwrap().iter().all(|&v| v == 1.0));
        let whole = read_picture(&path, (10, 30, 3)).unwrap();
        assert_eq!(whole.len(), 900);
        assert_eq!((whole[0], whole[15 * 3]), (-1.0, 1.0));
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.png");
        std::fs::write(&path, b"not a picture").unwrap();
        let message = |path: &Path| format!("{:#}", read_picture(path, (8, 8, 1)).unwrap_err());
        assert!(message(&path).contains("notes.png"));
        assert!(message(&dir.path().join("nowhere.png")).contains("nowhere.png"));
    }
}
