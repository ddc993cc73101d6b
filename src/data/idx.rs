//! The idx format of MNIST, plain or gzipped.
//!
//! Two zero bytes, the element type (0x08: unsigned byte), the number of dimensions, the dimensions as
//! big-endian u32, then the elements. Nothing in the header is believed before the file bears it out:
//! no header, however it lies, makes us allocate more than a small multiple of the file's own size.

use std::io::{ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::DataError;

/// No deflate stream expands more than 1032-fold.
const LARGEST_EXPANSION: u64 = 1032;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Largest height and width that we take for images.
const LARGEST_SIDE: u32 = 4096;

/// Images as they lie in the file, `[N, H, W, C]`, 0..=255.
#[derive(Debug, PartialEq)]
pub(super) struct IdxImages {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub pixels: Vec<u8>,
}

/// Reads images: `[N, H, W]`, or `[N, H, W, C]` with 1 or 3 channels. `file` is what messages call it.
pub(super) fn images(file: &str, bytes: &[u8]) -> Result<IdxImages, DataError> {
    let (dims, pixels) = elements(file, bytes, &[3, 4], "images")?;
    let channels = dims.get(3).copied().unwrap_or(1);
    let sane = |side: u32| (1..=LARGEST_SIDE).contains(&side);
    if !sane(dims[1]) || !sane(dims[2]) || !matches!(channels, 1 | 3) {
        let expected = format!("images of 1 to {LARGEST_SIDE} pixels a side with 1 or 3 channels");
        return Err(malformed(file, expected, format!("{}×{} with {channels}", dims[1], dims[2])));
    }
    Ok(IdxImages { height: dims[1] as usize, width: dims[2] as usize, channels: channels as usize, pixels })
}

/// Reads labels: `[N]`.
pub(super) fn labels(file: &str, bytes: &[u8]) -> Result<Vec<u32>, DataError> {
    let (_, labels) = elements(file, bytes, &[1], "labels")?;
    Ok(labels.into_iter().map(u32::from).collect())
}

/// Dimensions and elements of an idx file whose number of dimensions is one of `ranks`.
fn elements(file: &str, bytes: &[u8], ranks: &[u8], what: &str) -> Result<(Vec<u32>, Vec<u8>), DataError> {
    let file_len = bytes.len() as u64;
    if bytes.starts_with(&GZIP_MAGIC) {
        let most = file_len.saturating_mul(LARGEST_EXPANSION);
        read(file, GzDecoder::new(bytes), file_len, most, ranks, what)
    } else {
        read(file, bytes, file_len, file_len, ranks, what)
    }
}

fn read(
    file: &str,
    mut source: impl Read,
    file_len: u64,
    most: u64,
    ranks: &[u8],
    what: &str,
) -> Result<(Vec<u32>, Vec<u8>), DataError> {
    let mut magic = [0u8; 4];
    fill(file, &mut source, &mut magic)?;
    let rank = magic[3];
    if magic[..3] != [0, 0, 8] || !ranks.contains(&rank) {
        let wanted: Vec<String> = ranks.iter().map(|rank| format!("000008{rank:02x}")).collect();
        let expected = format!("an idx file of {what} (first bytes {})", wanted.join(" or "));
        let found = match (&magic, what) {
            ([0, 0, 8, 1], _) => "an idx file of labels".into(),
            ([0, 0, 8, 3 | 4], "labels") => "an idx file of images".into(),
            _ => magic.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        };
        return Err(malformed(file, expected, found));
    }
    let mut dims = Vec::with_capacity(rank.into());
    for _ in 0..rank {
        let mut dim = [0u8; 4];
        fill(file, &mut source, &mut dim)?;
        dims.push(u32::from_be_bytes(dim));
    }

    let shape = dims.iter().map(u32::to_string).collect::<Vec<_>>().join("×");
    let total = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim.into()));
    let expected = || match total {
        Some(total) => format!("{shape} = {total} bytes after the header, as the header says"),
        None => format!("{shape} bytes after the header, as the header says"),
    };
    let total = match total {
        Some(0) => return Err(malformed(file, "at least one element".into(), format!("a header that says {shape}"))),
        Some(total) if total <= most => total,
        _ => return Err(malformed(file, expected(), format!("a file of only {file_len} bytes: the header lies"))),
    };

    // One byte more than promised, so that a header that says too little is noticed too (and a gzip's
    // checksum gets read). Capacity follows the file's size; a true dataset grows it a few times at most.
    let start = total.saturating_add(1).min(file_len.saturating_mul(8)) as usize;
    let mut elements = Vec::with_capacity(start);
    let count =
        source.take(total.saturating_add(1)).read_to_end(&mut elements).map_err(|error| broken(file, &error))?;
    if (count as u64) < total {
        return Err(malformed(file, expected(), format!("{count}: the file is truncated")));
    }
    if count as u64 > total {
        return Err(malformed(file, expected(), "more than that: the header doesn't fit the file".into()));
    }
    Ok((dims, elements))
}

fn fill(file: &str, source: &mut impl Read, out: &mut [u8]) -> Result<(), DataError> {
    source.read_exact(out).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => malformed(file, "an idx header".into(), "the end of the file".into()),
        _ => broken(file, &error),
    })
}

fn broken(file: &str, error: &std::io::Error) -> DataError {
    let found = match error.kind() {
        ErrorKind::UnexpectedEof => "that it ends early: the file is truncated".into(),
        _ => format!("damage ({error})"),
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
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
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
        assert!(refusal(&idx(&[1, 1, 5000], &[0; 5000])).contains("4096"));
        assert!(refusal(&idx(&[1, 1, 1, 2], &[0; 2])).contains("1 or 3 channels"));
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
