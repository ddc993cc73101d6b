//! The dark pixels of a drawing as a point set.

use std::path::Path;

use image::{DynamicImage, GrayImage};
use rand::{Rng, RngExt};

use super::folder::with_picture;
use super::points_formulas::Labelled;
use super::shown::shown_path;
use super::{DataError, resize};

/// The drawing that every difflab carries: a cat, 160 × 160 pixels.
static CAT: &[u8] = include_bytes!("../../../datasets/picture/cat.png");
const CAT_NAME: &str = "the cat inside the program";

/// `n` points on the picture of the file at `path` (empty: the cat), y upwards, in pixels: a pixel is
/// drawn the likelier the darker it is, and the point uniformly within it. Pixels lighter than
/// mid-grey are paper.
///
/// # Errors
/// When the file can't be read or is no picture, or no pixel is dark.
pub(super) fn dark_pixels(path: &str, n: usize, rng: &mut impl Rng) -> Result<Vec<Labelled>, DataError> {
    let (shown, picture) = if path.is_empty() {
        let cat = image::load_from_memory(CAT).map_err(|error| error.to_string()).map(luma);
        (CAT_NAME.to_string(), cat)
    } else {
        (shown_path(Path::new(path)), with_picture(Path::new(path), luma))
    };
    let picture = picture.map_err(|found| DataError::Malformed {
        file: shown.clone(),
        expected: "a picture; check data.path".into(),
        found,
    })?;
    let (width, height) = picture.dimensions();
    let mut places = Vec::new();
    let mut total = 0u64;
    for (x, y, pixel) in picture.enumerate_pixels() {
        let darkness = u64::from(255 - pixel.0[0]);
        if darkness > 127 {
            total += darkness;
            places.push((total, x, y));
        }
    }
    if places.is_empty() {
        let problem = format!("{shown}: all of its {width}×{height} pixels are lighter than mid-grey; draw in black");
        return Err(DataError::Unfit { problem });
    }
    let point = |_| {
        let at = rng.random_range(0..total);
        let (_, x, y) = places[places.partition_point(|(sum, ..)| *sum <= at)];
        let [dx, dy] = [rng.random::<f64>(), rng.random::<f64>()];
        ([f64::from(x) + dx, f64::from(height - 1 - y) + dy], 0)
    };
    Ok((0..n).map(point).collect())
}

/// Grey values; transparency is paper.
fn luma(picture: DynamicImage) -> GrayImage {
    DynamicImage::ImageRgb8(resize::to_rgb(picture, 0)).into_luma8()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator};

    fn points(path: &str) -> Result<Vec<Labelled>, DataError> {
        dark_pixels(path, 2000, &mut generator(0, Stream::Points, 0))
    }

    fn saved(dir: &std::path::Path, picture: &GrayImage) -> String {
        let path = dir.join("drawing.png");
        picture.save(&path).unwrap();
        path.display().to_string()
    }

    #[test]
    fn points_lie_on_the_dark_pixels_and_more_of_them_on_darker_ones() {
        let dir = tempfile::tempdir().unwrap();
        let mut picture = GrayImage::from_pixel(10, 8, image::Luma([255]));
        picture.put_pixel(2, 1, image::Luma([0]));
        picture.put_pixel(7, 6, image::Luma([100]));
        picture.put_pixel(5, 5, image::Luma([200]));
        let points = points(&saved(dir.path(), &picture)).unwrap();
        // The top row is row 0 of the picture, and highest in the plane.
        let within = |x: f64, y: f64, left: f64, bottom: f64| {
            (0.0..1.0).contains(&(x - left)) && (0.0..1.0).contains(&(y - bottom))
        };
        let dark = points.iter().filter(|([x, y], _)| within(*x, *y, 2.0, 6.0)).count();
        let grey = points.iter().filter(|([x, y], _)| within(*x, *y, 7.0, 1.0)).count();
        assert_eq!(dark + grey, 2000);
        let share = dark as f64 / 2000.0;
        assert!((share - 255.0 / 410.0).abs() < 0.05, "{share}");
    }

    #[test]
    fn what_is_no_drawing_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let white = saved(dir.path(), &GrayImage::from_pixel(4, 4, image::Luma([255])));
        assert!(points(&white).unwrap_err().to_string().contains("lighter than mid-grey"));
        std::fs::write(dir.path().join("notes.png"), "no picture").unwrap();
        let text = dir.path().join("notes.png").display().to_string();
        assert!(points(&text).unwrap_err().to_string().contains("notes.png: expected a picture"));
        assert!(points("/nowhere/x.png").unwrap_err().to_string().contains("check data.path"));
    }
}
