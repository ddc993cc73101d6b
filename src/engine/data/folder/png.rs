//! PNG files without what may unfold to gigabytes and is no picture; and how the camera was held, wherever they say so.
//!
//! Colour profiles and texts are packed (iCCP, zTXt, iTXt), and a decoder unpacks the profile before anything else,
//! whatever its size: one megabyte fills a gigabyte. Nothing here looks at profiles or texts, so the decoder does
//! not get to see them. Chunks are told by length and type (W3C's PNG specification, section 5.3).

use std::io::{BufRead, ErrorKind, Read, Result, Seek, SeekFrom};

use image::metadata::Orientation;

use crate::data::fill::fill;

const SIGNATURE: u64 = 8;
/// Bytes of the checksum behind a chunk's data.
const CRC: u64 = 4;
const LEFT_OUT: [[u8; 4]; 4] = [*b"iCCP", *b"iTXt", *b"tEXt", *b"zTXt"];

/// Bytes of the longest eXIf chunk that is read.
const LONGEST_EXIF: u32 = 1 << 20;

/// How the camera was held: by the eXIf chunk, which may stand before the picture or (where the decoder doesn't look)
/// behind it. `None` where there is none that is whole.
pub fn orientation(source: &mut (impl Read + Seek)) -> Option<Orientation> {
    source.seek(SeekFrom::Start(SIGNATURE)).ok()?;
    loop {
        let mut head = [0; 8];
        source.read_exact(&mut head).ok()?;
        let [l0, l1, l2, l3, kind @ ..] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        match &kind {
            b"IEND" => return None,
            b"eXIf" if length <= LONGEST_EXIF => {
                let (mut data, mut said) = (vec![0; length as usize], [0; CRC as usize]);
                source.read_exact(&mut data).ok()?;
                source.read_exact(&mut said).ok()?;
                let mut crc = flate2::Crc::new();
                crc.update(&kind);
                crc.update(&data);
                return Orientation::from_exif_chunk(&data).filter(|_| crc.sum() == u32::from_be_bytes(said));
            }
            _ => source.seek(SeekFrom::Current(i64::from(length) + CRC as i64)).map(drop).ok()?,
        }
    }
}

/// A PNG file, read from its beginning, without the chunks that are left out.
pub struct WithoutProfiles<R> {
    source: R,
    /// Length and type of a chunk; how many of these bytes there are, and how many were handed on.
    head: [u8; 8],
    filled: usize,
    given: usize,
    /// Bytes of the source that follow them, up to the next chunk.
    left: u64,
}

impl<R: BufRead> WithoutProfiles<R> {
    /// Of a source that stands at its beginning.
    pub fn new(source: R) -> Self {
        Self { source, head: [0; 8], filled: 0, given: 0, left: SIGNATURE }
    }

    /// Goes on to the next chunk that is kept; at the end there is none.
    fn next_chunk(&mut self) -> Result<()> {
        loop {
            (self.given, self.filled, self.left) = (0, fill(&mut self.source, &mut self.head)?, 0);
            if self.filled < self.head.len() {
                return Ok(());
            }
            let [l0, l1, l2, l3, kind @ ..] = self.head;
            let rest = u64::from(u32::from_be_bytes([l0, l1, l2, l3])) + CRC;
            if !LEFT_OUT.contains(&kind) {
                self.left = rest;
                return Ok(());
            }
            std::io::copy(&mut (&mut self.source).take(rest), &mut std::io::sink())?;
        }
    }
}

impl<R: BufRead> BufRead for WithoutProfiles<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.given == self.filled && self.left == 0 {
            self.next_chunk()?;
        }
        if self.given < self.filled {
            return Ok(&self.head[self.given..self.filled]);
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let there = self.source.fill_buf()?;
        Ok(&there[..there.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        if self.given < self.filled {
            self.given = (self.given + count).min(self.filled);
        } else {
            self.left = self.left.saturating_sub(count as u64);
            self.source.consume(count);
        }
    }
}

impl<R: BufRead> Read for WithoutProfiles<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let there = self.fill_buf()?;
        let count = there.len().min(out.len());
        out[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R> Seek for WithoutProfiles<R> {
    /// The decoder's signature asks for it; a PNG is read from front to back.
    fn seek(&mut self, _: SeekFrom) -> Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::ZlibEncoder};
    use image::{ImageFormat, Rgb, RgbImage};

    use super::super::open::{look, with_picture};
    use super::*;

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
    }

    fn png() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([x as u8, y as u8, 7]));
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// With chunks behind the header.
    fn with(chunks: &[Vec<u8>]) -> Vec<u8> {
        let whole = png();
        let (head, rest) = whole.split_at(8 + 25);
        [head, &chunks.concat(), rest].concat()
    }

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        WithoutProfiles::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn profiles_and_texts_are_left_out_and_all_else_is_kept() {
        let kept = chunk(b"gAMA", &[0, 0, 0xb1, 0x8f]);
        let left_out = [b"iCCP", b"zTXt", b"iTXt", b"tEXt"].map(|kind| chunk(kind, b"profile\0\0packed"));
        assert_eq!(read(&with(&[&left_out[..], std::slice::from_ref(&kept)].concat())), with(&[kept]));
        let whole = png();
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), whole[..cut], "{cut}");
        }
    }

    #[test]
    fn how_the_camera_was_held_counts_before_the_picture_and_behind_it() {
        // A TIFF header and one entry: orientation (0x112) is 6, a quarter turn.
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let wide = RgbImage::from_fn(16, 8, |x, _| Rgb([x as u8; 3]));
        let mut bytes = Cursor::new(Vec::new());
        wide.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let whole = bytes.into_inner();
        let mut damaged = chunk(b"eXIf", exif);
        damaged[30] ^= 1;
        let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
        for (at, exif, shown) in [
            (whole.len(), vec![], (16, 8)),
            (8 + 25, chunk(b"eXIf", exif), (8, 16)),
            // Before the chunk that ends the file.
            (whole.len() - 12, chunk(b"eXIf", exif), (8, 16)),
            (whole.len() - 12, damaged, (16, 8)),
        ] {
            std::fs::write(file.path(), [&whole[..at], &exif, &whole[at..]].concat()).unwrap();
            let looked = look(file.path()).unwrap();
            let size = with_picture(file.path(), |picture| (picture.width(), picture.height())).unwrap();
            assert_eq!(((looked.width, looked.height), size), (shown, shown));
        }
    }

    #[test]
    fn a_profile_that_unfolds_to_a_gigabyte_is_not_unfolded() {
        let mut packed = ZlibEncoder::new(b"icc\0\0".to_vec(), Compression::best());
        for _ in 0..64 {
            packed.write_all(&[0; 1 << 20]).unwrap();
        }
        let bomb = with(&[chunk(b"iCCP", &packed.finish().unwrap())]);
        // The decoder sees what it would without the profile, byte for byte.
        assert_eq!(read(&bomb), png());
        let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
        std::fs::write(file.path(), bomb).unwrap();
        assert_eq!(look(file.path()).unwrap().width, 16);
        let picture = with_picture(file.path(), |picture| picture.to_rgb8()).unwrap();
        assert_eq!(picture.get_pixel(3, 5).0, [3, 5, 7]);
    }
}
