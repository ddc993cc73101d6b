//! Many images in one picture.

use image::{Rgb, RgbImage, imageops};

use super::image::pixel_at;
use super::palette::DARK;

/// `n` images `[N, H, W, C]` in [-1, 1], row by row in `columns` columns, each pixel a square of
/// `scale` × `scale`, `gap` pixels of dark background between the images and around them.
/// Zero columns or scale count as one.
#[expect(clippy::too_many_arguments, reason = "four numbers of shape and three of layout, all of one kind")]
pub fn grid(
    pixels: &[f32],
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    columns: usize,
    scale: usize,
    gap: usize,
) -> RgbImage {
    let (columns, scale) = (columns.clamp(1, n.max(1)), scale.max(1));
    let rows = n.div_ceil(columns);
    let (cell_h, cell_w) = (h * scale + gap, w * scale + gap);
    let mut picture =
        RgbImage::from_pixel((columns * cell_w + gap) as u32, (rows * cell_h + gap) as u32, Rgb(DARK.background));
    let size = h * w * c;
    for (i, image) in pixels.chunks_exact(size.max(1)).take(n).enumerate() {
        let (top, left) = (gap + i / columns * cell_h, gap + i % columns * cell_w);
        for y in 0..h * scale {
            for x in 0..w * scale {
                let colour = pixel_at(image, w, c, y / scale, x / scale);
                picture.put_pixel((left + x) as u32, (top + y) as u32, colour);
            }
        }
    }
    picture
}

/// Columns that make a grid of `n` images about square, wider than high.
pub fn square_columns(n: usize) -> usize {
    (1..=n.max(1)).find(|c| c * c >= n).unwrap_or(1)
}

/// Pictures beside each other, `gap` dark pixels between them, aligned at the top.
pub fn side_by_side(pictures: &[&RgbImage], gap: u32) -> RgbImage {
    let width = pictures.iter().map(|p| p.width()).sum::<u32>() + gap * (pictures.len().max(1) - 1) as u32;
    let height = pictures.iter().map(|p| p.height()).max().unwrap_or(0);
    let mut out = RgbImage::from_pixel(width, height, Rgb(DARK.background));
    let mut left = 0;
    for picture in pictures {
        imageops::replace(&mut out, *picture, left, 0);
        left += (picture.width() + gap) as i64;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_row_by_row_with_gaps_between() {
        // Three 1×1 images in two columns, scale 2, gap 1.
        let picture = grid(&[1.0, 0.0, -1.0], 3, 1, 1, 1, 2, 2, 1);
        assert_eq!(picture.dimensions(), (7, 7));
        assert_eq!(picture.get_pixel(0, 0).0, DARK.background);
        assert_eq!(picture.get_pixel(1, 1).0, [255; 3]);
        assert_eq!(picture.get_pixel(2, 2).0, [255; 3]);
        assert_eq!(picture.get_pixel(3, 1).0, DARK.background);
        assert_eq!(picture.get_pixel(4, 1).0, [128; 3]);
        assert_eq!(picture.get_pixel(1, 4).0, [0; 3]);
        assert_eq!(picture.get_pixel(4, 4).0, DARK.background);
    }

    #[test]
    fn a_grid_of_nothing_is_an_empty_frame() {
        assert_eq!(grid(&[], 0, 28, 28, 1, 5, 2, 1).dimensions(), (58, 1));
        assert_eq!(side_by_side(&[], 3).dimensions(), (0, 0));
    }

    #[test]
    fn square_columns_are_never_fewer_than_rows() {
        for n in 1..200usize {
            let columns = square_columns(n);
            assert!(columns >= n.div_ceil(columns), "{n}");
        }
        assert_eq!(square_columns(16), 4);
        assert_eq!(square_columns(0), 1);
    }

    #[test]
    fn pictures_beside_each_other_keep_their_pixels() {
        let red = RgbImage::from_pixel(2, 3, Rgb([255, 0, 0]));
        let blue = RgbImage::from_pixel(1, 1, Rgb([0, 0, 255]));
        let both = side_by_side(&[&red, &blue], 1);
        assert_eq!(both.dimensions(), (4, 3));
        assert_eq!(both.get_pixel(1, 2).0, [255, 0, 0]);
        assert_eq!(both.get_pixel(2, 0).0, DARK.background);
        assert_eq!(both.get_pixel(3, 0).0, [0, 0, 255]);
    }
}
