//! Pictures of any size and colour made into equal squares.

use image::imageops::{FilterType, crop_imm, resize};
use image::{DynamicImage, GrayImage, RgbImage, Rgba, RgbaImage};

/// The picture as RGB, transparency laid on white, cropped to its central square and resized to
/// `side` × `side` (0: left as it is).
pub(super) fn to_rgb(picture: DynamicImage, side: u32) -> RgbImage {
    let rgb = if picture.color().has_alpha() { on_white(&picture.into_rgba8()) } else { picture.into_rgb8() };
    if side == 0 || rgb.dimensions() == (side, side) {
        return rgb;
    }
    let (width, height) = rgb.dimensions();
    let shorter = width.min(height);
    let square = crop_imm(&rgb, (width - shorter) / 2, (height - shorter) / 2, shorter, shorter);
    // The triangle filter widens with the reduction, so large photographs don't alias.
    resize(&*square, side, side, FilterType::Triangle)
}

fn on_white(picture: &RgbaImage) -> RgbImage {
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (Rgba([r, g, b, a]), pixel) in picture.pixels().zip(out.pixels_mut()) {
        let over_white = |c: u8| {
            let (c, a) = (u32::from(c), u32::from(*a));
            ((c * a + 255 * (255 - a) + 127) / 255) as u8
        };
        pixel.0 = [over_white(*r), over_white(*g), over_white(*b)];
    }
    out
}

/// Bytes `[H, W, channels]` of an RGB picture; one channel is its luma.
pub(super) fn to_bytes(picture: RgbImage, channels: usize) -> Vec<u8> {
    if channels == 1 { DynamicImage::ImageRgb8(picture).into_luma8().into_raw() } else { picture.into_raw() }
}

/// One image of bytes `[H, W, channels_in]` (1, 3, or 4 with transparency) made `[side, side, channels_out]`. `None` when the
/// bytes don't fill the picture.
pub(super) fn bytes_to_bytes(
    bytes: &[u8],
    (height, width, channels): (u32, u32, usize),
    side: u32,
    channels_out: usize,
) -> Option<Vec<u8>> {
    let picture = match channels {
        1 => DynamicImage::ImageLuma8(GrayImage::from_raw(width, height, bytes.to_vec())?),
        4 => DynamicImage::ImageRgba8(RgbaImage::from_raw(width, height, bytes.to_vec())?),
        _ => DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, bytes.to_vec())?),
    };
    Some(to_bytes(to_rgb(picture, side), channels_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_laid_on_white() {
        let picture = RgbaImage::from_raw(3, 1, vec![9, 9, 9, 0, 10, 20, 30, 255, 0, 0, 0, 128]).unwrap();
        let rgb = to_rgb(DynamicImage::ImageRgba8(picture), 0);
        assert_eq!(rgb.into_raw(), [255, 255, 255, 10, 20, 30, 127, 127, 127]);
    }

    #[test]
    fn wide_pictures_keep_their_middle() {
        // Red, green, green, blue: the middle two columns are green.
        let row = [[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 0, 255]];
        let picture = RgbImage::from_fn(4, 2, |x, _| image::Rgb(row[x as usize]));
        let square = to_rgb(DynamicImage::ImageRgb8(picture), 2);
        assert!(square.pixels().all(|pixel| pixel.0 == [0, 255, 0]));
    }

    #[test]
    fn grey_survives_the_way_through_rgb() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_to_bytes(&bytes, (16, 16, 1), 0, 1).unwrap(), bytes);
        assert_eq!(bytes_to_bytes(&bytes, (16, 16, 1), 8, 3).unwrap().len(), 8 * 8 * 3);
        assert!(bytes_to_bytes(&bytes, (16, 17, 1), 0, 1).is_none());
    }
}
