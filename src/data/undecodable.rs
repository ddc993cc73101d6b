//! Why a picture can't be decoded, in words: decoders speak of chunks and markers.

use image::ImageError;

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
            image::error::ImageFormatHint::Exact(format) => {
                format!("the {format:?} is damaged").replace("Png", "PNG").replace("Jpeg", "JPEG")
            }
            _ => "it is damaged, or no picture".into(),
        },
        ImageError::Limits(_) => "it is larger than a picture may be".into(),
        ImageError::Unsupported(_) => "it is no picture of a kind that is read here".into(),
        ImageError::IoError(error) => told_by_system(error),
        _ => told,
    }
}

fn told_by_system(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
