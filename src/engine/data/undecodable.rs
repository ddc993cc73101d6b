//! Why a picture can't be decoded, in words: decoders speak of chunks and markers.

use image::error::ImageFormatHint;
use image::{ImageError, ImageFormat};

/// "the file ends too early", "the PNG is damaged".
pub(super) fn why(error: &ImageError) -> String {
    let told = error.to_string();
    let ends =
        ["unexpected end", "unexpectedeof", "failed to fill whole buffer", "exhausted", "truncated", "no more bytes"];
    if ends.iter().any(|words| told.to_lowercase().contains(words)) {
        return "the file ends too early".into();
    }
    match error {
        ImageError::Decoding(decoding) => match decoding.format_hint() {
            ImageFormatHint::Exact(format) => {
                format!("the {} is damaged", called(format))
            }
            _ => "it is damaged, or no picture".into(),
        },
        ImageError::Limits(_) => "it is larger than a picture may be".into(),
        ImageError::Unsupported(unsupported) => match unsupported.format_hint() {
            // Palettes, Lab and floats, of a format that is read otherwise.
            ImageFormatHint::Exact(format) => {
                format!("this kind of {} is not read; convert it to a PNG or JPEG, grey or RGB", called(format))
            }
            _ => "it is no picture of a kind that is read here".into(),
        },
        ImageError::IoError(error) => told_by_system(error),
        _ => told,
    }
}

/// A format as people call it: "PNG", "WebP".
fn called(format: ImageFormat) -> String {
    format!("{format:?}").to_uppercase().replace("WEBP", "WebP")
}

/// What the system says of a file that can't be read, in words.
pub(super) fn told_by_system(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        // Rust adds "(os error 5)", which says nothing to a person.
        _ => error.to_string().split(" (os error ").next().unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_tiff_that_is_not_read_is_told_as_such() {
        // 1×1 in 8 bits of CIE L*a*b*: the tags of a baseline TIFF with PhotometricInterpretation 8.
        let tags: [(u16, u16, u32, u32); 8] = [
            (256, 3, 1, 1),
            (257, 3, 1, 1),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 8),
            (273, 4, 1, 8),
            (277, 3, 1, 1),
            (279, 4, 1, 1),
        ];
        let mut tiff = b"II*\0\x0c\0\0\0\x80\0\0\0".to_vec();
        tiff.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in tags {
            tiff.extend(tag.to_le_bytes());
            tiff.extend(kind.to_le_bytes());
            tiff.extend(count.to_le_bytes());
            tiff.extend(value.to_le_bytes());
        }
        tiff.extend([0; 4]);
        let error = image::load_from_memory_with_format(&tiff, image::ImageFormat::Tiff).unwrap_err();
        assert!(why(&error).contains("this kind of TIFF is not read"), "{error}: {}", why(&error));
    }

    #[test]
    fn damaged_pictures_are_told_without_the_decoders_own_words() {
        let mut png = Vec::new();
        let picture = image::RgbImage::from_fn(40, 40, |x, y| image::Rgb([(x * y) as u8, x as u8, y as u8]));
        picture.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        let mut jpeg = Vec::new();
        picture.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg).unwrap();
        for (whole, format) in [(png, image::ImageFormat::Png), (jpeg, image::ImageFormat::Jpeg)] {
            let mut told = std::collections::BTreeSet::new();
            for end in (8..whole.len()).step_by(7) {
                if let Err(error) = image::load_from_memory_with_format(&whole[..end], format) {
                    told.insert(why(&error));
                }
            }
            for at in 8..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x55;
                if let Err(error) = image::load_from_memory_with_format(&bytes, format) {
                    told.insert(why(&error));
                }
            }
            assert!(!told.is_empty());
            for words in told {
                assert!(!words.contains(['{', '(']) && !words.contains("Chunk"), "{words}");
            }
        }
    }
}
