//! Pictures and films that were written before, read again.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage, ImageReader, Limits, RgbImage, imageops::FilterType};

/// Pixels a side beyond which a file is none of ours.
const LARGEST: u32 = 16_384;

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    limits
}

/// A picture, made smaller where it has more than `most` pixels a side.
///
/// # Errors
/// When the file can't be read as a picture.
pub fn read_picture(path: &Path, most: u32) -> Result<RgbImage> {
    let reading = || format!("reading {}", path.display());
    let mut reader = ImageReader::open(path).with_context(reading)?;
    reader.limits(limits());
    Ok(fitted(reader.with_guessed_format().with_context(reading)?.decode().with_context(reading)?, most))
}

/// The frames of a GIF, each made smaller where it has more than `most` pixels a side; `frames` at most.
///
/// # Errors
/// When the file can't be read as a GIF, or has no frame.
pub fn read_film(path: &Path, most: u32, frames: usize) -> Result<Vec<RgbImage>> {
    let reading = || format!("reading {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let decoder = GifDecoder::new(BufReader::new(file)).with_context(reading)?;
    let mut film = Vec::new();
    for frame in decoder.into_frames().take(frames) {
        film.push(fitted(DynamicImage::ImageRgba8(frame.with_context(reading)?.into_buffer()), most));
    }
    ensure!(!film.is_empty(), "{} has no frames", path.display());
    Ok(film)
}

fn fitted(picture: DynamicImage, most: u32) -> RgbImage {
    let large = picture.width().max(picture.height()) > most;
    // Fast, and without the ringing of better filters around hard edges.
    let picture = if large { picture.resize(most, most, FilterType::Triangle) } else { picture };
    picture.into_rgb8()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{FilmTiming, save_film, save_png};
    use image::Rgb;

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let picture = RgbImage::from_fn(40, 20, |x, _| Rgb([if x < 20 { 255 } else { 0 }; 3]));
        let path = dir.path().join("a.png");
        save_png(&picture, &path, None).unwrap();
        assert_eq!(read_picture(&path, 100).unwrap(), picture);
        assert_eq!(read_picture(&path, 10).unwrap().dimensions(), (10, 5));
        let path = dir.path().join("a.gif");
        save_film(&[picture.clone(), picture.clone(), picture], &path, FilmTiming::default()).unwrap();
        assert_eq!(read_film(&path, 100, 100).unwrap().len(), 3);
        assert_eq!(read_film(&path, 100, 2).unwrap().len(), 2);
        std::fs::write(&path, "GIF89a").unwrap();
        let said = format!("{:#}", read_film(&path, 100, 2).unwrap_err());
        assert!(said.contains("a.gif"), "{said}");
        assert!(read_picture(&dir.path().join("none.png"), 10).is_err());
    }
}
