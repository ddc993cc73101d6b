//! Records of an event file: length, checksum, data, checksum, all little-endian, one behind the other.

use std::io::{self, ErrorKind, Read};

/// Bytes of the largest record that is read: pictures are far smaller.
const LARGEST: u64 = 256 << 20;

/// Adds a record to `out`.
pub fn put(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
}

/// The next record's data; `None` at the end, and where what comes is torn or damaged.
///
/// # Errors
/// When the file can't be read.
pub fn next(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 12];
    if !fill(from, &mut head)? {
        return Ok(None);
    }
    let (length, sum) = head.split_at(8);
    let bytes = u64::from_le_bytes(length.try_into().unwrap_or_default());
    if sum != masked(length).to_le_bytes() || bytes > LARGEST {
        return Ok(None);
    }
    let mut data = Vec::new();
    from.take(bytes).read_to_end(&mut data)?;
    let mut sum = [0; 4];
    let whole = data.len() as u64 == bytes && fill(from, &mut sum)? && sum == masked(&data).to_le_bytes();
    Ok(whole.then_some(data))
}

/// Reads until `buffer` is full; `false` where the file ends before.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The checksum as these files have it: a CRC of data that has CRCs in them is no good one.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_has_the_bytes_that_tensorflow_writes() {
        // The first record of a file of TensorFlow's: its version, with wall_time 0.
        let mut event = b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2".to_vec();
        assert_eq!(event.len(), 24);
        let mut out = Vec::new();
        put(&mut out, &event);
        assert_eq!(&out[..12], b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", "{out:x?}");
        // RFC 3720, B.4: the CRC of 32 zeros is 8a9136aa.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        event.clear();
        assert_eq!(next(&mut &out[..]).unwrap().unwrap().len(), 24);
    }

    proptest! {
        #[test]
        fn records_are_read_as_written_and_torn_or_damaged_ones_are_none(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5),
            at: prop::sample::Index,
            flip in 1u8..,
        ) {
            let mut out = Vec::new();
            records.iter().for_each(|record| put(&mut out, record));
            let all = |mut from: &[u8]| std::iter::from_fn(|| next(&mut from).unwrap()).collect::<Vec<_>>();
            prop_assert_eq!(&all(&out), &records);
            let torn = all(&out[..at.index(out.len())]);
            prop_assert!(torn.len() < records.len() && records.starts_with(&torn));
            let mut damaged = out.clone();
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            let left = all(&damaged);
            prop_assert!(left.len() < records.len() && records.starts_with(&left));
        }
    }
}
