//! One picture file: looked at, and decoded within limits.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::kind::{FileKind, HEAD, READ, kind, named_as_picture};
use super::{jpeg, png, tiff};
use crate::data::undecodable::{told_by_system, why};
use crate::picture::sheet_of;
use crate::process::plain_file::not_a_file;
use crate::thousands::thousands;

/// Pixels of the largest picture that is decoded: a camera of 108 megapixels.
const MOST_PIXELS: u64 = 128_000_000;
/// Bytes that a decoder may ask for at once.
const MOST_BYTES: u64 = 1 << 30;
/// Bytes of the largest file that is read.
const LARGEST_FILE: u64 = 1 << 30;
/// Decoded pictures above this size, in bytes, take turns, so that many threads don't hold many of them.
const LARGE: u64 = 64 << 20;

/// What else helps with one of many pictures.
const IN_FOLDER: &str = ", or take it out of the folder";

static TURN: Mutex<()> = Mutex::new(());

/// What a picture's header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// In pixels, as it is shown: turned as the camera was held.
    pub width: u32,
    pub height: u32,
    /// Stored without colour.
    pub grey: bool,
}

/// Why a file gives no picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A picture in a format that is not read, by what it is called.
    Other(&'static str),
    /// No picture, and not named like one.
    NoPicture,
    /// FIFOs, sockets and devices: what it is.
    NotAFile(&'static str),
    /// A picture that can't be used: why.
    Unusable(String),
}

/// Looks at a file of a folder: what it is, and what its header says. Decodes nothing.
///
/// # Errors
/// Why it gives no picture.
pub fn look(path: &Path) -> Result<Look, Refusal> {
    let Opened { mut file, kind, head, length } = open(path)?;
    let unusable = |reason: String| Refusal::Unusable(reason);
    let format = match kind {
        FileKind::Picture(format) => format,
        FileKind::Other(called) => return Err(Refusal::Other(called)),
        FileKind::Unknown if named_as_picture(path) => return Err(unusable(no_picture())),
        FileKind::Unknown => return Err(Refusal::NoPicture),
    };
    if format == ImageFormat::WebP {
        webp_is_whole(&head, length).map_err(unusable)?;
    }
    if let Some(words) = (format == ImageFormat::Png).then(|| sheet_of(path)).flatten() {
        return Err(unusable(format!("it shows {words}, which difflab drew, and is no picture to learn")));
    }
    // The decoder would read the whole file.
    let (width, height, orientation, grey) = if format == ImageFormat::Jpeg {
        let jpeg::Header { width, height, components, orientation } =
            jpeg::header(&mut BufReader::new(&mut file)).map_err(unusable)?;
        (width, height, orientation, components == 1)
    } else {
        let stored = stored(&mut file, format).map_err(unusable)?;
        let mut decoder = decoder(BufReader::new(file), format).map_err(unusable)?;
        let (width, height) = decoder.dimensions();
        within_limits(width, height, decoder.total_bytes(), IN_FOLDER).map_err(unusable)?;
        (width, height, stored.orientation(&mut decoder), !decoder.color_type().has_color())
    };
    within_limits(width, height, 0, IN_FOLDER).map_err(unusable)?;
    let turned = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Ok(Look { width, height, grey })
}

/// The picture in a file, the right way up; of several frames or pages the first. Then `shape` makes of it
/// what is kept; the picture itself is gone when this returns, and large ones take turns.
///
/// # Errors
/// A sentence, for whatever is no whole picture.
pub fn with_picture<T>(path: &Path, shape: impl FnOnce(DynamicImage) -> T) -> Result<T, String> {
    let Opened { mut file, kind, head, length } = open(path).map_err(|refusal| refusal.reason())?;
    let FileKind::Picture(format) = kind else {
        return Err(match kind {
            FileKind::Other(called) => not_read(called),
            _ => no_picture(),
        });
    };
    if length > LARGEST_FILE {
        return Err(format!("it has {} MiB, more than any picture", thousands(length >> 20)));
    }
    if format == ImageFormat::Jpeg {
        let mut bytes = Vec::with_capacity(length as usize);
        file.read_to_end(&mut bytes).map_err(|error| told_by_system(&error))?;
        // Before the decoder sees it: it makes room for what the header says.
        let header = jpeg::header(&mut Cursor::new(&bytes))?;
        within_limits(header.width, header.height, 0, "")?;
        if !jpeg::is_whole(&bytes) {
            return Err("it is truncated: the end of the image is missing".into());
        }
        let stored = Stored { orientation: Some(header.orientation), premultiplied: false };
        finish(decoder(Cursor::new(bytes), format)?, stored, shape)
    } else {
        if format == ImageFormat::WebP {
            webp_is_whole(&head, length)?;
        }
        let stored = stored(&mut file, format)?;
        finish(decoder(BufReader::new(file), format)?, stored, shape)
    }
}

/// How a picture is stored, as far as its decoder doesn't say.
struct Stored {
    /// `None`: the decoder knows.
    orientation: Option<Orientation>,
    /// Its colours are multiplied by their alpha.
    premultiplied: bool,
}

impl Stored {
    fn orientation(&self, decoder: &mut impl ImageDecoder) -> Orientation {
        self.orientation.unwrap_or_else(|| decoder.orientation().unwrap_or(Orientation::NoTransforms))
    }
}

/// Looks, and leaves the file at its beginning.
fn stored(file: &mut File, format: ImageFormat) -> Result<Stored, String> {
    let mut source = BufReader::new(&mut *file);
    let stored = match format {
        ImageFormat::Png => {
            let held = png::orientation(&mut source).unwrap_or(Orientation::NoTransforms);
            Stored { orientation: Some(held), premultiplied: false }
        }
        ImageFormat::Tiff => Stored { orientation: None, premultiplied: tiff::is_premultiplied(&mut source) },
        _ => Stored { orientation: None, premultiplied: false },
    };
    file.seek(SeekFrom::Start(0)).map_err(|error| told_by_system(&error))?;
    Ok(stored)
}

fn finish<T>(
    mut decoder: impl ImageDecoder,
    stored: Stored,
    shape: impl FnOnce(DynamicImage) -> T,
) -> Result<T, String> {
    let (width, height) = decoder.dimensions();
    let bytes = decoder.total_bytes();
    within_limits(width, height, bytes, "")?;
    let turn = (bytes > LARGE).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
    // Cameras store how they were held; without it people lie on their side.
    let orientation = stored.orientation(&mut decoder);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| why(&error))?;
    if stored.premultiplied {
        picture = tiff::straight(picture);
    }
    picture.apply_orientation(orientation);
    let shaped = shape(picture);
    drop(turn);
    Ok(shaped)
}

/// The decoder takes what is missing at the end for what it has; but a WebP's header says how long it is: after "RIFF"
/// the bytes that follow these eight.
fn webp_is_whole(head: &[u8], length: u64) -> Result<(), String> {
    let said = head.get(4..8).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    match length < 8 + u64::from(said) {
        true => Err("it is truncated: the end of the image is missing".into()),
        false => Ok(()),
    }
}

/// A file that was opened.
struct Opened {
    file: File,
    kind: FileKind,
    /// Its first [`HEAD`] bytes.
    head: Vec<u8>,
    /// In bytes.
    length: u64,
}

/// Opens a file, if it is one: whoever opens a FIFO waits for its writer.
fn open(path: &Path) -> Result<Opened, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::Unusable(why(&ImageError::IoError(error)));
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if let Some(what) = not_a_file(&about) {
        return Err(Refusal::NotAFile(what));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    if head.is_empty() && named_as_picture(path) {
        return Err(Refusal::Unusable("it is empty".into()));
    }
    Ok(Opened { kind: kind(path, &head), file, head, length: about.len() })
}

trait Source: BufRead + Seek {}
impl<T: BufRead + Seek> Source for T {}

fn decoder<'a>(source: impl BufRead + Seek + 'a, format: ImageFormat) -> Result<impl ImageDecoder + 'a, String> {
    let source: Box<dyn Source + 'a> = match format {
        // The decoder's limits do not hold for the profile, which it would unpack.
        ImageFormat::Png => Box::new(png::WithoutProfiles::new(source)),
        _ => Box::new(source),
    };
    let mut reader = ImageReader::with_format(source, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| why(&error))
}

fn within_limits(width: u32, height: u32, bytes: u64, or: &str) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    match pixels {
        0 => Err(format!("its header says that it is {width}×{height}, which is no pixel at all")),
        _ if pixels > MOST_PIXELS || bytes > MOST_BYTES => Err(format!(
            "its header promises {width}×{height} pixels, more than difflab decodes ({} megapixels); make it smaller{or}",
            MOST_PIXELS / 1_000_000
        )),
        _ => Ok(()),
    }
}

fn no_picture() -> String {
    format!("its first bytes are those of no picture; difflab reads {READ}")
}

/// Why a picture in another format is left out.
pub fn not_read(called: &str) -> String {
    format!("difflab does not read {called}; convert to PNG or JPEG")
}

impl Refusal {
    /// In words.
    pub fn reason(&self) -> String {
        match self {
            Self::Other(called) => not_read(called),
            Self::NoPicture => no_picture(),
            Self::NotAFile(what) => format!("it is {what}, not a file"),
            Self::Unusable(reason) => reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::picture::save_png;

    #[test]
    fn a_sheet_that_difflab_drew_is_no_picture_to_learn() {
        let dir = tempfile::tempdir().unwrap();
        let (sheet, one) = (dir.path().join("sheet.png"), dir.path().join("one.png"));
        let picture = RgbImage::from_pixel(40, 20, image::Rgb([9, 8, 7]));
        save_png(&picture, &sheet, Some("a grid of 2 samples")).unwrap();
        save_png(&picture, &one, None).unwrap();
        let Err(Refusal::Unusable(why)) = look(&sheet) else { panic!("a sheet is taken for a picture") };
        assert!(why.contains("a grid of 2 samples, which difflab drew"), "{why}");
        assert_eq!(look(&one).map(|look| (look.width, look.height)), Ok((40, 20)));
    }
}
