//! A mask of an image, as people paint them.

use std::path::Path;

use anyhow::{Context, Result};
use image::{DynamicImage, GrayAlphaImage, Luma, LumaA, Rgb, RgbImage};

use super::folder::with_picture;
use super::picture::fitted;

/// Which pixels are to be made anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// `[H, W]`.
    pub new: Vec<bool>,
    pub rule: MaskRule,
    /// Share of the mask, as it was painted, that is neither clearly white nor clearly black (neither painted nor
    /// clear), and was cut at half, 0 to 1.
    pub grey: f64,
}

/// What counted as painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskRule {
    /// Without transparency: white is new, black is kept.
    Brightness,
    /// White painted on transparent ground, with or without black: white is new, all else kept.
    WhiteOnTransparent,
    /// One dark colour painted on transparent ground: what is painted is new.
    PaintOnTransparent,
}

impl Mask {
    /// Share of the pixels that are new, 0 to 1.
    pub fn share(&self) -> f64 {
        self.new.iter().filter(|&&new| new).count() as f64 / self.new.len().max(1) as f64
    }
}

impl MaskRule {
    /// From here on, of 255, a pixel is painted and not transparent, white and not black.
    pub const HALF: u8 = 128;
}

const HALF: u8 = MaskRule::HALF;
/// Black, as JPEG leaves it, is up to here; white from as far below 255.
const NEARLY: u8 = 15;

/// Reads a mask and fits it to `(height, width)` as [`read_picture`](super::read_picture) fits a picture.
/// Transparent ground is kept; of what is painted on it, white is new and black kept; a mask that has only
/// dark paint means the paint. Without transparency white is new and black kept.
///
/// # Errors
/// A file that is missing or no picture, with its name.
pub fn read_mask(path: &Path, (height, width): (usize, usize)) -> Result<Mask> {
    let picture = with_picture(path, |picture| picture.to_luma_alpha8())
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("reading {}", path.display()))?;
    let (levels, rule) = levels(&picture);
    let is_grey = |pixel: &&Rgb<u8>| (NEARLY + 1..255 - NEARLY).contains(&pixel.0[0]);
    let grey = levels.pixels().filter(is_grey).count() as f64 / levels.pixels().len().max(1) as f64;
    let fitted = DynamicImage::ImageRgb8(fitted(&levels, (height, width))?).into_luma8();
    Ok(Mask { new: fitted.pixels().map(|Luma([level])| *level >= HALF).collect(), rule, grey })
}

/// White where new, black where kept.
fn levels(picture: &GrayAlphaImage) -> (RgbImage, MaskRule) {
    let painted = |LumaA([_, alpha]): &LumaA<u8>| *alpha >= HALF;
    let rule = if picture.pixels().all(painted) {
        MaskRule::Brightness
    } else if picture.pixels().any(|pixel| painted(pixel) && pixel.0[0] >= HALF) {
        MaskRule::WhiteOnTransparent
    } else {
        MaskRule::PaintOnTransparent
    };
    let level = |LumaA([luma, alpha]): LumaA<u8>| match rule {
        MaskRule::Brightness => luma,
        MaskRule::WhiteOnTransparent => ((u16::from(luma) * u16::from(alpha) + 127) / 255) as u8,
        MaskRule::PaintOnTransparent => alpha,
    };
    (RgbImage::from_fn(picture.width(), picture.height(), |x, y| Rgb([level(*picture.get_pixel(x, y)); 3])), rule)
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgba, RgbaImage};

    use super::*;

    const CLEAR: [u8; 4] = [0, 0, 0, 0];

    /// A mask whose left half is painted like this, and the right like that.
    fn mask(left: [u8; 4], right: [u8; 4]) -> Mask {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mask.png");
        RgbaImage::from_fn(20, 20, |x, _| Rgba(if x < 10 { left } else { right })).save(&path).unwrap();
        read_mask(&path, (10, 10)).unwrap()
    }

    #[test]
    fn masks_are_read_as_people_paint_them() {
        let left_is_new = |mask: Mask| {
            assert_eq!(mask.share(), 0.5);
            assert!(mask.new.chunks(10).all(|row| row[..5].iter().all(|&new| new)));
            mask.rule
        };
        let (white, black, red) = ([255; 4], [0, 0, 0, 255], [160, 0, 0, 255]);
        assert_eq!(left_is_new(mask(white, black)), MaskRule::Brightness);
        assert_eq!(left_is_new(mask(white, CLEAR)), MaskRule::WhiteOnTransparent);
        // White that nobody sees is no paint.
        assert_eq!(left_is_new(mask(white, [255, 255, 255, 0])), MaskRule::WhiteOnTransparent);
        assert_eq!(left_is_new(mask(black, CLEAR)), MaskRule::PaintOnTransparent);
        assert_eq!(left_is_new(mask(red, CLEAR)), MaskRule::PaintOnTransparent);
        assert_eq!(mask(black, black).share(), 0.0);
        assert_eq!(mask(CLEAR, CLEAR).share(), 0.0);
        assert_eq!(mask(white, white).share(), 1.0);
    }

    #[test]
    fn white_and_black_on_transparent_ground_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mask.png");
        let thirds = |x: u32| [[255; 4], [0, 0, 0, 255], CLEAR][(x / 10) as usize];
        RgbaImage::from_fn(30, 30, |x, _| Rgba(thirds(x))).save(&path).unwrap();
        let mask = read_mask(&path, (30, 30)).unwrap();
        assert!(mask.new.chunks(30).all(|row| row[..10].iter().all(|&new| new) && !row[10..].contains(&true)));
    }

    #[test]
    fn a_grey_picture_without_transparency_goes_by_its_brightness() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mask.png");
        GrayImage::from_fn(8, 8, |_, y| Luma([if y < 2 { 200 } else { 50 }])).save(&path).unwrap();
        let mask = read_mask(&path, (8, 8)).unwrap();
        assert_eq!((mask.share(), mask.grey), (0.25, 1.0));
        GrayImage::from_fn(8, 8, |_, y| Luma([[0, 3, 128, 252][y as usize / 2]])).save(&path).unwrap();
        let mask = read_mask(&path, (8, 8)).unwrap();
        assert_eq!((mask.share(), mask.grey), (0.5, 0.25));
    }
}
