//! MNIST's training images, unpacked by all cores.
//!
//! The packed file is one deflate stream, which has to be read from its beginning, unless one knows where a block begins
//! in the middle of it and what the 32 KiB before that are. Of this one file difflab knows it (made by
//! tests/parity/make_places.py). Whether it is that file, byte for byte, is looked at first.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use flate2::{Crc, Decompress, FlushDecompress};

use super::DataError;
use super::gzip::{Content, open_file};
use super::idx::IdxImages;
use super::room::{check_room, reserve};
use super::watch::Watch;
use crate::config::DataConfig;

/// Bytes of the packed file, and their crc32.
const PACKED_LEN: u64 = 9_912_422;
const PACKED_CRC: u32 = 0xeb39_2171;
/// Header of gzip, with the file's name.
const HEADER: usize = 34;
/// What the idx file says of itself: 60,000 images of 28×28 bytes.
const IDX: [u8; 16] = [0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28];
const COUNT: usize = 60_000;
const SIDE: usize = 28;
/// How far back a deflate stream looks (RFC 1951, 3.2.5).
const WINDOW: usize = 1 << 15;

/// The seven places, as tests/parity/make_places.py says.
static PLACES: &[u8] = include_bytes!("mnist-places.gz");

/// Where one can begin.
struct Place<'a> {
    /// The first bit of a block, counted from the file's beginning.
    bit: usize,
    /// Bytes that have been unpacked before.
    done: usize,
    /// The last of them.
    window: &'a [u8],
}

/// The images, where `packed` is MNIST's file and the config asks for them as they are; `None` where not, or where
/// anything is wrong: whoever reads the file from its beginning says what.
///
/// # Errors
/// [`DataError::Unfit`] where there is no memory for them, and interruption.
pub(super) fn images(packed: &[u8], config: &DataConfig, watch: &mut Watch) -> Result<Option<IdxImages>, DataError> {
    if !wanted(packed.len() as u64, config) || crc(packed).sum() != PACKED_CRC {
        return Ok(None);
    }
    let Some(places) = places() else { return Ok(None) };
    let len = check_room(COUNT, (SIDE, SIDE, 1))?;
    // Zeros that the system gives are not touched before they are written.
    reserve(&mut Vec::new(), len)?;
    let mut pixels = vec![0; len];
    let sound = unpack(packed, &places, &mut pixels);
    watch.at("loading", COUNT, COUNT)?;
    Ok(sound.then_some(IdxImages { count: COUNT, height: SIDE, width: SIDE, channels: 1, pixels }))
}

/// The same of a file that is still packed.
///
/// # Errors
/// Those of [`images`].
pub(super) fn images_in(path: &Path, config: &DataConfig, watch: &mut Watch) -> Result<Option<IdxImages>, DataError> {
    let Ok((file, len)) = open_file(path) else { return Ok(None) };
    if !wanted(len, config) {
        return Ok(None);
    }
    let mut packed = Vec::with_capacity(len as usize + 1);
    match file.take(len + 1).read_to_end(&mut packed) {
        Ok(_) => images(&packed, config, watch),
        Err(_) => Ok(None),
    }
}

/// Can a file of this length be the one, and are its images wanted as they are?
fn wanted(packed_len: u64, config: &DataConfig) -> bool {
    packed_len == PACKED_LEN && matches!(config.image_size, 0 | SIDE) && matches!(config.channels, 0 | 1)
}

/// From the bytes of [`PLACES`], the file's beginning before them.
fn places() -> Option<Vec<Place<'static>>> {
    static UNPACKED: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = UNPACKED.get_or_init(|| {
        let mut bytes = Vec::new();
        let content = Content::new(PLACES, PLACES.len() as u64);
        // What is cut off has other places, and is noticed by the sum.
        let _ = content.and_then(|mut content| content.read_to_end(&mut bytes));
        bytes
    });
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?) as usize);
    let first = Place { bit: 8 * HEADER, done: 0, window: &[] };
    let place = |bytes: &'static [u8]| {
        Some(Place { bit: number(&bytes[..8])?, done: number(&bytes[8..16])?, window: &bytes[16..] })
    };
    std::iter::once(Some(first)).chain(bytes.chunks_exact(16 + WINDOW).map(place)).collect()
}

/// Fills `pixels` from all places at once; whether all came out as it should.
fn unpack(packed: &[u8], places: &[Place], pixels: &mut [u8]) -> bool {
    let mut rest = pixels;
    let mut pieces = Vec::with_capacity(places.len());
    for (i, place) in places.iter().enumerate() {
        let next = places.get(i + 1);
        // The idx header belongs to the first piece, and is no pixel.
        let begin = place.done.max(IDX.len());
        let len = next.map_or(rest.len(), |next| next.done.saturating_sub(begin));
        let Some((piece, after)) = rest.split_at_mut_checked(len) else { return false };
        rest = after;
        let end = next.map_or(packed.len(), |next| next.bit.div_ceil(8));
        pieces.push(Mutex::new((place, end, piece, None)));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
    let turn = AtomicUsize::new(0);
    let work = || {
        while let Some(piece) = pieces.get(turn.fetch_add(1, Ordering::Relaxed)) {
            // Each is taken once.
            let Ok(mut piece) = piece.lock() else { return };
            let (place, end, out, sum) = &mut *piece;
            *sum = packed.get(place.bit / 8..*end).and_then(|stream| run(stream, place, out));
        }
    };
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| _ = scope.spawn(work));
        work();
    });
    let mut whole = crc(&IDX);
    for piece in pieces {
        match piece.into_inner() {
            Ok((.., Some(sum))) => whole.combine(&sum),
            _ => return false,
        }
    }
    let trailer = packed.last_chunk::<8>().and_then(|trailer| trailer.first_chunk::<4>());
    trailer.is_some_and(|sum| u32::from_le_bytes(*sum) == whole.sum())
}

/// Unpacks one piece: `stream` is the bytes from that of the place's first bit on. Returns the sum of what came out.
fn run(stream: &[u8], place: &Place, out: &mut [u8]) -> Option<Crc> {
    let mut inflate = Decompress::new(false);
    let shift = place.bit % 8;
    let moved;
    let stream = match shift {
        0 => stream,
        _ => {
            let (low, high) = (stream.iter(), stream.iter().skip(1).chain([&0]));
            moved = low.zip(high).map(|(low, high)| low >> shift | high << (8 - shift)).collect::<Vec<u8>>();
            &moved
        }
    };
    if place.window.is_empty() {
        let mut idx = [0; IDX.len()];
        fill(&mut inflate, stream, &mut idx)?;
        if idx != IDX {
            return None;
        }
    } else {
        // The window comes before as a block that is stored as it is (RFC 1951, 3.2.4).
        let len = (WINDOW as u16).to_le_bytes();
        let head = [0, len[0], len[1], !len[0], !len[1]];
        let mut window = vec![0; WINDOW];
        fill(&mut inflate, &[&head[..], place.window].concat(), &mut window)?;
    }
    let before = inflate.total_in();
    let used = if place.window.is_empty() { before as usize } else { 0 };
    fill(&mut inflate, stream.get(used..)?, out)?;
    Some(crc(out))
}

/// Fills `out` from the beginning of `input`.
fn fill(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Option<()> {
    let (first_in, first_out) = (inflate.total_in(), inflate.total_out());
    loop {
        let (used, done) = (inflate.total_in() - first_in, (inflate.total_out() - first_out) as usize);
        if done == out.len() {
            return Some(());
        }
        inflate.decompress(input.get(used as usize..)?, &mut out[done..], FlushDecompress::None).ok()?;
        if inflate.total_out() - first_out == done as u64 && inflate.total_in() - first_in == used {
            return None;
        }
    }
}

fn crc(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

#[cfg(test)]
mod tests {
    use super::super::idx::{self, Layout};
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/mnist/train-images-idx3-ubyte.gz");

    fn at_once(packed: &[u8], config: &DataConfig) -> Option<IdxImages> {
        images(packed, config, &mut Watch::new(&mut |_| {})).unwrap()
    }

    #[test]
    fn all_at_once_gives_what_one_after_another_does() {
        let packed = std::fs::read(PATH).unwrap();
        let config = DataConfig::default();
        let content = Content::new(&packed[..], PACKED_LEN).unwrap();
        let expected = idx::images("mnist", content, Layout::Rows, &config, &mut Watch::new(&mut |_| {})).unwrap();
        assert!(at_once(&packed, &config) == Some(expected));
        assert_eq!(places().unwrap().len(), 8);
    }

    #[test]
    fn a_damaged_file_and_images_of_another_size_are_left_to_the_reader() {
        let mut packed = std::fs::read(PATH).unwrap();
        let other = DataConfig { image_size: 14, ..DataConfig::default() };
        assert_eq!(at_once(&packed, &other), None);
        for at in [HEADER + 5, packed.len() / 2, packed.len() - 7] {
            packed[at] ^= 1;
            assert_eq!(at_once(&packed, &DataConfig::default()), None);
            // Were the sum of the packed bytes right by chance, that of the unpacked ones would not be.
            assert!(!unpack(&packed, &places().unwrap(), &mut vec![0; COUNT * SIDE * SIDE]));
            packed[at] ^= 1;
        }
        assert_eq!(at_once(&packed[1..], &DataConfig::default()), None);
    }
}
