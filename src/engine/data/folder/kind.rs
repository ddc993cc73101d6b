//! What a file is, by its first bytes.

use std::path::Path;

use image::ImageFormat;

/// First bytes that decide.
pub const HEAD: usize = 64;

/// The formats that are read, as people call them.
pub const READ: &str = "PNG, JPEG, GIF, WebP, BMP, TIFF, QOI and PNM";

/// Pictures that are not read: the ending of their names, what they are called.
const OTHERS: [(&str, &str); 22] = [
    ("heic", "HEIC"),
    ("heif", "HEIF"),
    ("avif", "AVIF"),
    ("jxl", "JPEG XL"),
    ("jp2", "JPEG 2000"),
    ("ico", "ICO"),
    ("svg", "SVG"),
    ("psd", "PSD"),
    ("xcf", "XCF"),
    ("exr", "OpenEXR"),
    ("hdr", "HDR"),
    ("tga", "TGA"),
    ("dds", "DDS"),
    ("dng", "raw photographs"),
    ("cr2", "raw photographs"),
    ("cr3", "raw photographs"),
    ("nef", "raw photographs"),
    ("arw", "raw photographs"),
    ("orf", "raw photographs"),
    ("rw2", "raw photographs"),
    ("raf", "raw photographs"),
    ("pdf", "PDF"),
];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FileKind {
    /// A picture that can be read.
    Picture(ImageFormat),
    /// A picture that can't, by what it is called.
    Other(&'static str),
    /// No picture at all.
    Unknown,
}

/// What a file is, by its first [`HEAD`] bytes; its name only decides where bytes could be chance.
pub fn kind(path: &Path, head: &[u8]) -> FileKind {
    let ending = ending(path);
    let named = |endings: &[&str]| endings.contains(&ending.as_str());
    let guess = match head {
        // BigTIFF, whose offsets have eight bytes.
        [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..] => Ok(ImageFormat::Tiff),
        _ => image::guess_format(head),
    };
    match guess {
        // Raw photographs are TIFF files that hold a small picture beside sensor data.
        Ok(ImageFormat::Tiff) => match other(&ending) {
            Some(called) => FileKind::Other(called),
            None => FileKind::Picture(ImageFormat::Tiff),
        },
        Ok(
            format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP | ImageFormat::Qoi),
        ) => FileKind::Picture(format),
        // Two letters begin these, which any text may begin with.
        Ok(ImageFormat::Bmp) if named(&["bmp", "dib"]) || bitmap_header(head) => FileKind::Picture(ImageFormat::Bmp),
        Ok(ImageFormat::Pnm) if named(&["pnm", "pbm", "pgm", "ppm", "pam"]) || pnm_header(head) => {
            FileKind::Picture(ImageFormat::Pnm)
        }
        _ => boxed(head).or_else(|| other(&ending)).map_or(FileKind::Unknown, FileKind::Other),
    }
}

/// Does the name promise a picture that we read?
pub fn named_as_picture(path: &Path) -> bool {
    let ending = ending(path);
    let read = ["png", "jpg", "jpeg", "jpe", "jfif", "gif", "webp", "bmp", "dib", "tif", "tiff", "qoi"];
    let pnm = ["pnm", "pbm", "pgm", "ppm", "pam"];
    read.contains(&ending.as_str()) || pnm.contains(&ending.as_str())
}

/// "heic" of "IMG_1.HEIC"; empty where there is none.
pub fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn other(ending: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(known, _)| *known == ending).map(|(_, called)| *called)
}

/// Formats that are told by the brand of an ISO media file, or a signature that image does not know.
fn boxed(head: &[u8]) -> Option<&'static str> {
    let brand = (head.get(4..8) == Some(b"ftyp")).then(|| head.get(8..12)).flatten();
    match brand {
        Some(b"avif" | b"avis") => Some("AVIF"),
        Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1") => Some("HEIC"),
        _ if head.starts_with(&[0xff, 0x0a]) || head.get(4..8) == Some(b"JXL ") => Some("JPEG XL"),
        _ if head.get(4..8) == Some(b"jP  ") => Some("JPEG 2000"),
        _ if head.starts_with(b"8BPS") => Some("PSD"),
        _ => None,
    }
}

/// The size of the second header of a bitmap is one of a few.
fn bitmap_header(head: &[u8]) -> bool {
    let size = head.get(14..18).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    matches!(size, Some(12 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// `P5`, white space, and then a number or a comment (or the key of a PAM).
fn pnm_header(head: &[u8]) -> bool {
    let Some(&[b'P', digit, space, ref rest @ ..]) = head.get(..16) else { return false };
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    let number = next.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'#');
    space.is_ascii_whitespace()
        && (number && (b'1'..=b'6').contains(&digit) || digit == b'7' && rest.starts_with(b"WIDTH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_they_hold_not_what_they_are_called() {
        let of = |name: &str, head: &[u8]| kind(Path::new(name), head);
        assert_eq!(of("a.jpg", b"\x89PNG\r\n\x1a\n...."), FileKind::Picture(ImageFormat::Png));
        assert_eq!(of("a", b"\xff\xd8\xff\xe0"), FileKind::Picture(ImageFormat::Jpeg));
        assert_eq!(of("a.png", b"RIFF\0\0\0\0WEBPVP8 "), FileKind::Picture(ImageFormat::WebP));
        assert_eq!(of("a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0"), FileKind::Other("HEIC"));
        assert_eq!(of("a.NEF", b"II*\0\x08\0\0\0"), FileKind::Other("raw photographs"));
        assert_eq!(of("a.tif", b"II*\0\x08\0\0\0"), FileKind::Picture(ImageFormat::Tiff));
        assert_eq!(of("big.tif", b"II+\0\x08\0\0\0"), FileKind::Picture(ImageFormat::Tiff));
        assert_eq!(of("a.svg", b"<svg xmlns="), FileKind::Other("SVG"));
        assert_eq!(of("notes.txt", b"hello"), FileKind::Unknown);
    }

    #[test]
    fn text_that_begins_like_a_picture_is_no_picture() {
        let of = |name: &str, head: &[u8]| kind(Path::new(name), head);
        assert_eq!(of("letter.txt", b"BMW drivers of the world, unite and read on"), FileKind::Unknown);
        assert_eq!(of("plan.txt", b"P5 is our next stop, and then home"), FileKind::Unknown);
        assert_eq!(of("a.bin", b"P5\n16 16\n255\n\0\0\0\0\0"), FileKind::Picture(ImageFormat::Pnm));
    }
}
