//! What the decoder of TIFF files doesn't heed: whether colours are stored already multiplied by their alpha.
//!
//! ExtraSamples (TIFF 6.0, section 18) says what a fourth sample is: 1 is associated alpha, of premultiplied colours;
//! 2 is a plain one. Taken for plain, premultiplied colours come out too dark wherever they are half transparent.

use std::io::{Read, Result, Seek, SeekFrom};

use image::{DynamicImage, ImageBuffer, Rgba};

const EXTRA_SAMPLES: u64 = 338;
const ASSOCIATED: u64 = 1;
/// Entries of a directory that are looked at; pictures have some dozens.
const MOST_ENTRIES: u64 = 4096;

/// Are the colours of the first picture premultiplied? What can't be read is the decoder's to report.
pub fn is_premultiplied(source: &mut (impl Read + Seek)) -> bool {
    extra_sample(source).is_ok_and(|first| first == Some(ASSOCIATED))
}

/// What the first sample beyond the colours is, where the file says so.
fn extra_sample(source: &mut (impl Read + Seek)) -> Result<Option<u64>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = [0; 4];
    source.read_exact(&mut head)?;
    let little = head[0] == b'I';
    let big = head.contains(&43);
    let mut read = |bytes: usize| number(source, bytes, little);
    // BigTIFF says first how many bytes its offsets have: eight.
    let (offset, many) = if big { (8, 8) } else { (4, 2) };
    if big {
        read(4)?;
    }
    let directory = read(offset)?;
    source.seek(SeekFrom::Start(directory))?;
    let entries = number(source, many, little)?;
    for _ in 0..entries.min(MOST_ENTRIES) {
        let (tag, _kind) = (number(source, 2, little)?, number(source, 2, little)?);
        let count = number(source, offset, little)?;
        if tag != EXTRA_SAMPLES {
            source.seek(SeekFrom::Current(offset as i64))?;
            continue;
        }
        // Two bytes each; as many as fit stand in the place of the offset.
        if count > offset as u64 / 2 {
            let place = number(source, offset, little)?;
            source.seek(SeekFrom::Start(place))?;
        }
        return number(source, 2, little).map(Some);
    }
    Ok(None)
}

/// A number of up to eight bytes.
fn number(source: &mut impl Read, bytes: usize, little: bool) -> Result<u64> {
    let mut eight = [0; 8];
    source.read_exact(&mut eight[..bytes])?;
    if !little {
        eight[..bytes].reverse();
    }
    Ok(u64::from_le_bytes(eight))
}

/// The picture with its colours divided by their alpha again.
pub fn straight(mut picture: DynamicImage) -> DynamicImage {
    match &mut picture {
        DynamicImage::ImageRgba8(pixels) => divide(pixels, f32::from(u8::MAX), |c| c as u8),
        DynamicImage::ImageRgba16(pixels) => divide(pixels, f32::from(u16::MAX), |c| c as u16),
        DynamicImage::ImageRgba32F(pixels) => {
            for Rgba([r, g, b, a]) in pixels.pixels_mut().filter(|pixel| pixel[3] > 0.0) {
                [r, g, b].into_iter().for_each(|c| *c /= *a);
            }
        }
        // Others have no alpha when they come out of a TIFF.
        _ => {}
    }
    picture
}

/// Of whole numbers up to `most`.
fn divide<T>(pixels: &mut ImageBuffer<Rgba<T>, Vec<T>>, most: f32, whole: impl Fn(f32) -> T)
where
    T: Copy + Into<f32>,
    Rgba<T>: image::Pixel<Subpixel = T>,
{
    for Rgba([r, g, b, a]) in pixels.pixels_mut() {
        let alpha: f32 = (*a).into();
        if alpha > 0.0 {
            [r, g, b].into_iter().for_each(|c| *c = whole(((*c).into() * most / alpha).round().min(most)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::open::with_picture;
    use super::*;

    /// One pixel, half transparent, whose fourth sample is of this kind.
    fn tiff(extra: u32, pixel: [u8; 4]) -> Vec<u8> {
        let tags: [(u16, u16, u32, u32); 10] = [
            (256, 3, 1, 1),
            (257, 3, 1, 1),
            (258, 3, 4, 138),
            (259, 3, 1, 1),
            (262, 3, 1, 2),
            (273, 4, 1, 8),
            (277, 3, 1, 4),
            (278, 3, 1, 1),
            (279, 4, 1, 4),
            (338, 3, 1, extra),
        ];
        let mut bytes = [&b"II*\0\x0c\0\0\0"[..], &pixel].concat();
        bytes.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in tags {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend([0; 4]);
        bytes.extend([8u16; 4].map(u16::to_le_bytes).concat());
        bytes
    }

    #[test]
    fn premultiplied_colours_are_laid_on_white_as_light_as_plain_ones() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.tif");
        let on_white = |extra: u32, pixel: [u8; 4]| {
            std::fs::write(&path, tiff(extra, pixel)).unwrap();
            with_picture(&path, |picture| crate::data::resize::to_rgb(picture, 0).get_pixel(0, 0).0).unwrap()
        };
        let plain = on_white(2, [200, 100, 0, 128]);
        assert_eq!(plain, [227, 177, 127]);
        // 200 · 128 / 255, and so on.
        assert_eq!(on_white(1, [100, 50, 0, 128]), plain);
        assert_eq!(on_white(1, [0, 0, 0, 0]), [255; 3]);
    }

    #[test]
    fn the_kind_of_the_fourth_sample_is_read_in_either_order_and_size() {
        let is = |bytes: &[u8]| is_premultiplied(&mut Cursor::new(bytes));
        assert!(is(&tiff(1, [0; 4])) && !is(&tiff(2, [0; 4])) && !is(&tiff(0, [0; 4])));
        let motorola = b"MM\0*\0\0\0\x08\0\x01\x01\x52\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0";
        assert!(is(motorola));
        let mut big = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
        big.extend(b"\x52\x01\x03\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
        assert!(is(&big));
        // Cut anywhere it is not known, and the decoder says the rest.
        let whole = tiff(1, [0; 4]);
        for cut in 0..whole.len() - 16 {
            is(&whole[..cut]);
        }
    }
}
