//! Pixels in [-1, 1] to a picture.

use image::{Rgb, RgbImage};

/// The colour of a pixel that is no number: unlike anything a grey or natural picture shows.
const NOT_A_NUMBER: Rgb<u8> = Rgb([255, 0, 200]);

/// One image `[H, W, C]` in [-1, 1] as a picture. One channel is grey; of more than three, the first
/// three are shown; of two, the missing third is black. Values outside the range are clipped, NaN is
/// shown in magenta, and pixels that `pixels` is too short for are black.
pub fn to_image(pixels: &[f32], h: usize, w: usize, c: usize) -> RgbImage {
    RgbImage::from_fn(w as u32, h as u32, |x, y| pixel_at(pixels, w, c, y as usize, x as usize))
}

/// The colour of pixel (y, x) of an image `[H, W, C]`.
pub(super) fn pixel_at(pixels: &[f32], w: usize, c: usize, y: usize, x: usize) -> Rgb<u8> {
    let start = (y * w + x) * c;
    let values = pixels.get(start..start + c).unwrap_or(&[]);
    if values.iter().any(|v| v.is_nan()) {
        return NOT_A_NUMBER;
    }
    match values {
        [] => Rgb([0; 3]),
        [grey] => Rgb([to_byte(*grey); 3]),
        [r, g] => Rgb([to_byte(*r), to_byte(*g), 0]),
        [r, g, b, ..] => Rgb([to_byte(*r), to_byte(*g), to_byte(*b)]),
    }
}

/// [-1, 1] to 0..=255, rounded and clipped.
pub fn to_byte(v: f32) -> u8 {
    // `as u8` saturates, so ±∞ and values outside the range end at the edges.
    ((v + 1.0) * 127.5).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_maps_onto_bytes_and_clips() {
        assert_eq!([-1.0, 1.0, 0.0, -9.0, 9.0, f32::INFINITY].map(to_byte), [0, 255, 128, 0, 255, 255]);
        // Every byte survives the way to [-1, 1] and back.
        for b in 0..=255u8 {
            assert_eq!(to_byte(b as f32 / 127.5 - 1.0), b);
        }
    }

    #[test]
    fn grey_and_colour_are_read_channels_last() {
        let grey = to_image(&[-1.0, 1.0, 0.0, -1.0], 2, 2, 1);
        assert_eq!(grey.get_pixel(1, 0).0, [255; 3]);
        assert_eq!(grey.get_pixel(0, 1).0, [128; 3]);
        let colour = to_image(&[1.0, -1.0, -1.0, -1.0, 1.0, -1.0], 1, 2, 3);
        assert_eq!(colour.get_pixel(0, 0).0, [255, 0, 0]);
        assert_eq!(colour.get_pixel(1, 0).0, [0, 255, 0]);
    }

    #[test]
    fn nan_is_seen_and_missing_pixels_do_not_panic() {
        let image = to_image(&[f32::NAN], 2, 2, 1);
        assert_eq!(*image.get_pixel(0, 0), NOT_A_NUMBER);
        assert_eq!(image.get_pixel(1, 1).0, [0; 3]);
    }
}
