//! The idx format of MNIST, plain or gzipped.
//!
//! Two zero bytes, the element type (0x08: unsigned byte), the number of dimensions, the dimensions as
//! big-endian u32, then the elements. A header that promises more than
//! the file can hold, unpacked, or more than the machine has memory for, is refused before room is made.

use std::io::{BufRead, ErrorKind, Read};

use super::DataError;
use super::gzip::Content;
use super::intake::{Intake, LARGEST_SIDE};
use super::room::room_for_labels;
use super::watch::Watch;
use crate::config::DataConfig;

/// Bytes of images that are unpacked together.
const AT_ONCE: usize = 1 << 18;

/// How the rows and columns of each image lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Row by row, as the format has it.
    Rows,
    /// Column by column, as EMNIST's files have it (Cohen et al. 2017).
    Columns,
}

/// Images as the config asks for them.
#[derive(Debug, PartialEq)]
pub(super) struct IdxImages {
    pub count: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// `[N, H, W, C]`, 0..=255.
    pub pixels: Vec<u8>,
}

/// Reads images: `[N, H, W]`, or `[N, H, W, C]` with 1 or 3 channels. `file` is what messages call it.
pub(super) fn images<R: BufRead>(
    file: &str,
    mut content: Content<R>,
    layout: Layout,
    config: &DataConfig,
    watch: &mut Watch,
) -> Result<IdxImages, DataError> {
    let Header { dims, expected } = header(file, &mut content, &[3, 4], "images")?;
    let [count, height, width] = [dims[0], dims[1], dims[2]].map(|dim| dim as usize);
    let channels = dims.get(3).map_or(1, |&channels| channels as usize);
    let sane = |side: usize| (1..=LARGEST_SIDE).contains(&side);
    if matches!(height, 1 | 3) && sane(width) && sane(channels) && channels > 4 {
        let expected = "images as [N, H, W, C], channels last".into();
        let found =
            format!("{}, which looks like [N, C, H, W], channels first; move that axis to the end", shape(&dims));
        return Err(malformed(file, expected, found));
    }
    if !sane(height) || !sane(width) || !matches!(channels, 1 | 3) {
        let expected = format!("images of 1 to {LARGEST_SIDE} pixels a side with 1 or 3 channels");
        return Err(malformed(file, expected, format!("{width}×{height} with {channels}")));
    }
    let len = height * width * channels;
    // Columns first are the image turned about its diagonal.
    let (height, width) = if layout == Layout::Columns { (width, height) } else { (height, width) };
    let mut intake = Intake::new(count, (height, width, channels), config)?;
    // As many at a time as unpack fast: a reader that is asked for little begins anew each time.
    let at_once = (AT_ONCE / len).max(1);
    let (mut some, mut turned) = (vec![0; at_once * len], Vec::new());
    for first in (0..count).step_by(at_once) {
        let wanted = at_once.min(count - first) * len;
        let got = fill(file, &mut content, &mut some[..wanted])?;
        if got < wanted {
            return Err(malformed(file, expected, format!("{}: the file is truncated", first * len + got)));
        }
        for image in some[..wanted].chunks_exact(len) {
            match layout {
                Layout::Rows => intake.push(image),
                Layout::Columns => {
                    transpose(image, (height, width, channels), &mut turned);
                    intake.push(&turned);
                }
            }
        }
        watch.at("loading", first + wanted / len, count)?;
    }
    end(file, &mut content, expected)?;
    let (height, width, channels) = intake.shape();
    Ok(IdxImages { count, height, width, channels, pixels: intake.pixels() })
}

/// Reads labels: `[N]`.
pub(super) fn labels<R: BufRead>(file: &str, mut content: Content<R>) -> Result<Vec<u32>, DataError> {
    let Header { dims, expected } = header(file, &mut content, &[1], "labels")?;
    let count = dims[0] as usize;
    let mut labels = room_for_labels(file, count)?;
    let mut bytes = [0; 1 << 12];
    while labels.len() < count {
        let wanted = bytes.len().min(count - labels.len());
        let got = fill(file, &mut content, &mut bytes[..wanted])?;
        labels.extend(bytes[..got].iter().map(|&label| u32::from(label)));
        if got < wanted {
            return Err(malformed(file, expected, format!("{}: the file is truncated", labels.len())));
        }
    }
    end(file, &mut content, expected)?;
    Ok(labels)
}

struct Header {
    dims: Vec<u32>,
    /// "2×2×2 = 8 bytes after the header, as the header says".
    expected: String,
}

/// The dimensions, if their number is one of `ranks` and the file could hold what they promise.
fn header<R: BufRead>(file: &str, content: &mut Content<R>, ranks: &[u8], what: &str) -> Result<Header, DataError> {
    let early = || malformed(file, "an idx header".into(), "the end of the file".into());
    let four = |content: &mut Content<R>| {
        let mut four = [0u8; 4];
        if fill(file, content, &mut four)? < 4 { Err(early()) } else { Ok(four) }
    };
    let magic = four(content)?;
    let rank = magic[3];
    if magic[..3] != [0, 0, 8] || !ranks.contains(&rank) {
        let wanted: Vec<String> = ranks.iter().map(|rank| format!("000008{rank:02x}")).collect();
        let expected = format!("an idx file of {what} (first bytes {})", wanted.join(" or "));
        return Err(malformed(file, expected, other(magic, what)));
    }
    let mut dims = Vec::with_capacity(rank.into());
    for _ in 0..rank {
        dims.push(u32::from_be_bytes(four(content)?));
    }
    let shape = shape(&dims);
    let total = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim.into()));
    let expected = match total {
        Some(total) => format!("{shape} = {total} bytes after the header, as the header says"),
        None => format!("{shape} bytes after the header, as the header says"),
    };
    match total {
        Some(0) => Err(malformed(file, "at least one element".into(), format!("a header that says {shape}"))),
        Some(total) if total <= content.most => Ok(Header { dims, expected }),
        _ => {
            let found = format!("a file of only {} bytes: the header lies", content.file_len);
            Err(malformed(file, expected, found))
        }
    }
}

/// What a file is instead, by its first four bytes.
fn other(magic: [u8; 4], what: &str) -> String {
    let elements = match magic[2] {
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => "",
    };
    match (magic, what) {
        ([0, 0, 8, 1], _) => "an idx file of labels".into(),
        ([0, 0, 8, 3 | 4], "labels") => "an idx file of images".into(),
        ([0, 0, 8, rank], _) => format!("an idx file of {rank} dimensions"),
        ([0, 0, _, 1..=8], _) if !elements.is_empty() => {
            format!("an idx file of {elements}; save it as unsigned bytes, 0 to 255")
        }
        _ => magic.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn shape(dims: &[u32]) -> String {
    dims.iter().map(u32::to_string).collect::<Vec<_>>().join("×")
}

/// Bytes `[W, H, C]` made `[H, W, C]` of that shape.
fn transpose(image: &[u8], (height, width, channels): (usize, usize, usize), out: &mut Vec<u8>) {
    out.clear();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let at = (x * height + y) * channels;
        out.extend_from_slice(image.get(at..at + channels).unwrap_or_default());
    }
}

/// Reads until `out` is full or the content ends; how many bytes there were.
fn fill(file: &str, source: &mut impl Read, out: &mut [u8]) -> Result<usize, DataError> {
    super::fill::fill(source, out).map_err(|error| broken(file, &error))
}

/// Nothing may follow: a header that says too little is noticed too (and a gzip's checksum gets read).
fn end(file: &str, source: &mut impl Read, expected: String) -> Result<(), DataError> {
    match fill(file, source, &mut [0])? {
        0 => Ok(()),
        _ => Err(malformed(file, expected, "more than that: the header doesn't fit the file".into())),
    }
}

fn broken(file: &str, error: &std::io::Error) -> DataError {
    let found = match error.kind() {
        ErrorKind::UnexpectedEof => "that it ends early: the file is truncated".into(),
        _ => "damage: its checksum is wrong, or it can't be unpacked".into(),
    };
    malformed(file, "sound gzip data".into(), found)
}

fn malformed(file: &str, expected: String, found: String) -> DataError {
    DataError::Malformed { file: file.into(), expected, found }
}

/// A file of bytes with these dimensions, for tests.
#[cfg(test)]
pub(super) fn idx(dims: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(elements);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::gzip::gzip;

    fn images(file: &str, bytes: &[u8]) -> Result<IdxImages, DataError> {
        laid(file, bytes, Layout::Rows)
    }

    fn laid(file: &str, bytes: &[u8], layout: Layout) -> Result<IdxImages, DataError> {
        let content = Content::new(bytes, bytes.len() as u64).unwrap();
        super::images(file, content, layout, &DataConfig::default(), &mut Watch::new(&mut |_| {}))
    }

    fn labels(file: &str, bytes: &[u8]) -> Result<Vec<u32>, DataError> {
        super::labels(file, Content::new(bytes, bytes.len() as u64).unwrap())
    }

    fn refusal(bytes: &[u8]) -> String {
        images("x-images", bytes).unwrap_err().to_string()
    }

    #[test]
    fn plain_and_gzipped_files_read_the_same() {
        let bytes = idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
        let read = images("x", &bytes).unwrap();
        assert_eq!((read.height, read.width, read.channels, read.pixels.len()), (2, 3, 1, 12));
        assert_eq!(images("x", &gzip(&bytes)).unwrap(), read);
        assert_eq!(images("x", &idx(&[1, 1, 1, 3], &[7, 8, 9])).unwrap().channels, 3);
        assert_eq!(labels("x", &gzip(&idx(&[3], &[4, 0, 255]))).unwrap(), [4, 0, 255]);
    }

    #[test]
    fn truncated_files_say_what_was_expected_and_found() {
        let whole = idx(&[2, 2, 2], &[1; 8]);
        let text = refusal(&whole[..whole.len() - 1]);
        let wanted = "x-images: expected 2×2×2 = 8 bytes after the header, as the header says, found ";
        assert_eq!(text, format!("{wanted}7: the file is truncated"));
        assert!(refusal(&whole[..6]).contains("the end of the file"));
        assert!(refusal(&[]).contains("the end of the file"));
        let packed = gzip(&whole);
        let text = refusal(&packed[..packed.len() - 9]);
        assert!(text.contains("truncated"), "{text}");
    }

    #[test]
    fn lying_headers_are_refused_without_allocating_what_they_claim() {
        // 4 Gi images of 4096×4096: more than any machine has.
        let huge = idx(&[u32::MAX, 4096, 4096], &[0; 100]);
        assert!(refusal(&huge).contains("the header lies"));
        assert!(refusal(&gzip(&huge)).contains("the header lies"));
        let overflow = idx(&[u32::MAX, u32::MAX, u32::MAX, u32::MAX], &[0; 4]);
        assert!(refusal(&overflow).contains("the header lies"));
        // Too little promised.
        assert!(refusal(&idx(&[1, 2, 2], &[0; 5])).contains("more than that"));
        assert!(refusal(&gzip(&idx(&[1, 2, 2], &[0; 5]))).contains("more than that"));
        // Promised, within what gzip could hold, and not there.
        assert!(refusal(&gzip(&idx(&[10, 2, 2], &[0; 5]))).contains("truncated"));
    }

    #[test]
    fn other_files_are_told_apart() {
        let text = refusal(b"\x89PNG\r\n\x1a\nxxxx");
        assert!(text.contains("00000803") && text.contains("89504e47"), "{text}");
        assert!(refusal(&idx(&[3], &[1, 2, 3])).contains("found an idx file of labels"));
        assert!(labels("y", &idx(&[1, 1, 1], &[1])).unwrap_err().to_string().contains("found an idx file of images"));
        assert!(refusal(&idx(&[0, 28, 28], &[])).contains("at least one"));
        assert!(
            refusal(&idx(&[1, 1, 5000], &[0; 5000])).contains("4096 pixels a side with 1 or 3 channels, found 5000×1")
        );
        assert!(refusal(&idx(&[1, 1, 1, 2], &[0; 2])).contains("1 or 3 channels"));
    }

    #[test]
    fn other_types_and_channels_first_are_named_in_words() {
        let text = refusal(&[0, 0, 0x0d, 3, 0, 0, 0, 1]);
        assert!(text.contains("32-bit floats; save it as unsigned bytes"), "{text}");
        assert!(refusal(&idx(&[2, 2], &[0; 4])).contains("an idx file of 2 dimensions"));
        let text = refusal(&idx(&[1, 3, 8, 8], &[0; 192]));
        assert!(text.contains("1×3×8×8, which looks like [N, C, H, W]"), "{text}");
    }

    #[test]
    fn several_members_of_a_gzip_are_one_file() {
        let bytes = idx(&[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
        let two = [gzip(&bytes[..9]), gzip(&bytes[9..])].concat();
        assert_eq!(images("x", &two).unwrap(), images("x", &bytes).unwrap());
    }

    #[test]
    fn columns_are_turned_into_rows() {
        let bytes = idx(&[1, 2, 3], &[1, 2, 3, 4, 5, 6]);
        let turned = laid("x", &bytes, Layout::Columns).unwrap();
        assert_eq!((turned.height, turned.width, &turned.pixels[..]), (3, 2, &[1, 4, 2, 5, 3, 6][..]));
    }

    #[test]
    fn a_flipped_bit_in_a_gzip_is_noticed() {
        let mut packed = gzip(&idx(&[4, 28, 28], &[9; 4 * 28 * 28]));
        let last = packed.len() - 6; // inside the checksum
        packed[last] ^= 1;
        assert!(refusal(&packed).contains("damage"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>, as_idx: bool, rank in 0u8..6) {
            if as_idx {
                bytes.splice(..0, [0, 0, 8, rank]);
            }
            let _ = images("x", &bytes);
            let _ = labels("x", &bytes);
            let _ = images("x", &gzip(&bytes));
        }

        #[test]
        fn whatever_the_header_claims_little_is_allocated(dims in proptest::collection::vec(1u32.., 3..=4), body in 0usize..64) {
            let bytes = idx(&dims, &vec![0; body]);
            if let Ok(read) = images("x", &bytes) {
                prop_assert_eq!(read.pixels.len(), body);
                prop_assert!(read.pixels.capacity() <= 8 * bytes.len() + 64);
            }
        }
    }
}
