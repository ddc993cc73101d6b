//! PNG files that say of themselves that they show several pictures, so that none of them is edited as if it were one.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result};
use image::{ImageFormat, RgbImage};

/// The keyword of the text in the file.
const KEYWORD: &[u8] = b"difflab sheet\0";
const TEXT: &[u8] = b"tEXt";
/// Signature and IHDR: a PNG's first chunk has one length. The text comes right after it.
const HEAD: usize = 8 + 25;
/// Longer words are not ours.
const MOST: usize = 256;

/// The bytes of a PNG. `sheet` says what it shows where that is more than one picture, in ASCII: "a grid of 20
/// samples".
///
/// # Errors
/// When the picture has no pixels.
pub fn png(picture: &RgbImage, sheet: Option<&str>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).context("encoding the PNG")?;
    if let Some(words) = sheet {
        let said = [TEXT, KEYWORD, words.as_bytes()].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&said);
        let length = (said.len() - TEXT.len()) as u32;
        let chunk = [&length.to_be_bytes()[..], &said, &crc.sum().to_be_bytes()].concat();
        bytes.splice(HEAD..HEAD, chunk);
    }
    Ok(bytes)
}

/// Writes that to `path`.
///
/// # Errors
/// As [`png`], or when the file can't be written.
pub fn save_png(picture: &RgbImage, path: &Path, sheet: Option<&str>) -> Result<()> {
    let bytes = png(picture, sheet)?;
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// What a PNG of difflab says that it shows, where that is more than one picture.
pub fn sheet_of(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(path).ok()?.take((HEAD + MOST) as u64).read_to_end(&mut head).ok()?;
    let chunk = head.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(HEAD - 8..)?;
    let length = u32::from_be_bytes(chunk.get(..4)?.try_into().ok()?) as usize;
    let said = chunk.get(4..8 + length)?.strip_prefix(TEXT)?.strip_prefix(KEYWORD)?;
    String::from_utf8(said.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_says_what_it_is_and_shows_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grid.png");
        let picture = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        save_png(&picture, &path, Some("a grid of 20 samples")).unwrap();
        assert_eq!(sheet_of(&path).as_deref(), Some("a grid of 20 samples"));
        assert_eq!(image::open(&path).unwrap().into_rgb8(), picture);
        save_png(&picture, &path, None).unwrap();
        assert_eq!(sheet_of(&path), None);
        assert_eq!(image::open(&path).unwrap().into_rgb8(), picture);
    }

    #[test]
    fn what_is_no_png_or_cut_off_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any.png");
        let whole = png(&RgbImage::new(2, 2), Some("a grid")).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let said = sheet_of(&path);
            assert!(said.is_none() || said.as_deref() == Some("a grid"));
        }
        assert_eq!(sheet_of(&dir.path().join("nowhere.png")), None);
    }
}
