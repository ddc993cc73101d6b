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
    let (w, h) = rgb.dimensions();
    let (crop_h, crop_w) = kept_of((h, w), (height, width));
    let cropped = crop_imm(rgb, (w - crop_w) / 2, (h - crop_h) / 2, crop_w, crop_h).to_image();
    Ok(if cropped.dimensions() == (width as u32, height as u32) {
        cropped
    } else {
        resize(&cropped, width as u32, height as u32, FilterType::Triangle)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

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
