//! The structure of JPEG files: their headers, and whether they are whole.
//!
//! Decoders, ours too, fill what is missing of a JPEG with grey. A network would learn that. So before one
//! is decoded its segments are walked (ITU-T T.81, annex B): entropy-coded data go on to the next marker that
//! is no restart, and a whole file comes to the marker that ends the image. What lies behind that, as phones
//! append, is not looked at.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use image::metadata::Orientation;

use crate::data::undecodable::told_by_system;

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const EXIF: &[u8] = b"Exif\0\0";

/// What the header of a JPEG says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// In pixels, as stored.
    pub width: u32,
    pub height: u32,
    /// 1: grey; 3: colour; 4: four inks.
    pub components: u8,
    /// How the camera was held.
    pub orientation: Orientation,
}

/// Reads the header: the segments before the picture.
///
/// # Errors
/// A sentence, for files that end or break before.
pub fn header(source: &mut (impl Read + Seek)) -> Result<Header, String> {
    let early = |error: std::io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => "it is truncated: it ends within its header".to_string(),
        _ => told_by_system(&error),
    };
    let (mut orientation, mut found) = (Orientation::NoTransforms, None);
    let mut two = [0; 2];
    source.read_exact(&mut two).map_err(early)?;
    loop {
        let marker = next_marker(source).map_err(early)?;
        if standalone(marker) {
            continue;
        }
        if matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
            let (width, height, components) = found.ok_or("it has no frame header")?;
            return Ok(Header { width, height, components, orientation });
        }
        source.read_exact(&mut two).map_err(early)?;
        let length = u16::from_be_bytes(two).checked_sub(2).ok_or("a segment of its header has no length")?;
        if frame(marker) {
            let mut frame = [0; 6];
            source.read_exact(&mut frame).map_err(early)?;
            let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
            let [_, h1, h0, w1, w0, components] = frame;
            found = Some((side(w1, w0), side(h1, h0), components));
            // What the camera says may follow.
            let rest = i64::from(length) - frame.len() as i64;
            source.seek(SeekFrom::Current(rest.max(0))).map_err(early)?;
        } else if marker == 0xe1 {
            let mut segment = vec![0; length.into()];
            source.read_exact(&mut segment).map_err(early)?;
            if let Some(held) = segment.strip_prefix(EXIF).and_then(Orientation::from_exif_chunk) {
                orientation = held;
            }
        } else {
            source.seek(SeekFrom::Current(length.into())).map_err(early)?;
        }
    }
}

/// Does the file come to its end-of-image marker?
pub fn is_whole(file: &[u8]) -> bool {
    let mut rest = file.get(2..).unwrap_or_default();
    loop {
        // Entropy-coded data, and whatever else lies between segments.
        let Ok(marker) = next_marker(&mut rest) else { return false };
        match marker {
            END_OF_IMAGE => return true,
            marker if standalone(marker) => {}
            _ => {
                let length = rest.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                match rest.get(length.max(2)..) {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
        }
    }
}

/// The next marker's second byte: not the zero that stands for a literal 0xff, nor a fill byte.
fn next_marker(source: &mut impl Read) -> std::io::Result<u8> {
    let mut byte = [0];
    let mut after_ff = false;
    loop {
        source.read_exact(&mut byte)?;
        match byte[0] {
            0xff => after_ff = true,
            0 => after_ff = false,
            marker if after_ff => return Ok(marker),
            _ => {}
        }
    }
}

/// Markers without a segment: TEM, the restarts, and another start.
fn standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd8)
}

/// The frame headers, SOF0 to SOF15 without the tables among them.
fn frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{Rgb, RgbImage};

    use super::*;

    fn jpeg() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 10) as u8, (x * y % 251) as u8]));
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn headers_give_size_and_colours() {
        let header = header(&mut Cursor::new(jpeg())).unwrap();
        assert_eq!((header.width, header.height, header.components), (40, 24, 3));
        assert_eq!(header.orientation, Orientation::NoTransforms);
    }

    #[test]
    fn only_what_comes_to_its_end_is_whole() {
        let whole = jpeg();
        assert!(is_whole(&whole));
        for cut in 0..whole.len() {
            assert!(!is_whole(&whole[..cut]), "{cut} of {}", whole.len());
        }
        let appended = [&whole[..], b"\xff\xd8\xff phone data"].concat();
        assert!(is_whole(&appended));
    }

    #[test]
    fn a_picture_within_the_header_does_not_end_the_file() {
        let whole = jpeg();
        // An APP1 segment that holds a whole JPEG, as a thumbnail does.
        let small = [&b"thumbnail"[..], &whole].concat();
        let length = (small.len() as u16 + 2).to_be_bytes();
        let with = [&whole[..2], &[0xff, 0xe1], &length, &small, &whole[2..]].concat();
        assert!(is_whole(&with));
        assert!(!is_whole(&with[..with.len() - 2]));
        assert_eq!(header(&mut Cursor::new(with)).unwrap().width, 40);
    }

    #[test]
    fn damaged_headers_are_sentences() {
        assert!(header(&mut Cursor::new(&jpeg()[..3])).unwrap_err().contains("truncated"));
        assert!(header(&mut Cursor::new(b"\xff\xd8\xff\xda\0\x08".to_vec())).unwrap_err().contains("frame"));
        assert!(header(&mut Cursor::new(b"\xff\xd8\xff\xe0\0\0".to_vec())).unwrap_err().contains("length"));
    }
}
