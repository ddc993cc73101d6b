//! Memory for a dataset, asked for once.

use super::DataError;
use crate::process;
use crate::thousands::thousands;

/// Zeros for `images` of shape `(height, width, channels)`.
///
/// # Errors
/// Those of [`check_room`].
pub(super) fn room_for(images: usize, shape: (usize, usize, usize)) -> Result<Vec<u8>, DataError> {
    let bytes = check_room(images, shape)?;
    let mut room = Vec::new();
    reserve(&mut room, bytes)?;
    room.resize(bytes, 0);
    Ok(room)
}

/// Makes room for exactly `bytes` more.
///
/// # Errors
/// Where the system has no more memory to give.
pub(super) fn reserve(room: &mut Vec<u8>, bytes: usize) -> Result<(), DataError> {
    room.try_reserve_exact(bytes).map_err(|_| DataError::Unfit {
        problem: format!(
            "the system gives no {} MiB of memory for images{}; set a smaller data.image_size, or data.channels = 1, \
             or take fewer images",
            mib(bytes),
            free_memory().map_or(String::new(), |free| format!(" ({} MiB are free; is there a limit?)", mib(free)))
        ),
    })
}

/// Room for as many labels.
///
/// # Errors
/// A sentence, where the machine has not got that much memory free.
pub(super) fn room_for_labels(file: &str, count: usize) -> Result<Vec<u32>, DataError> {
    let bytes = count.saturating_mul(size_of::<u32>());
    let mut room = Vec::new();
    let fits = free_memory().is_none_or(|free| bytes <= free) && room.try_reserve_exact(count).is_ok();
    fits.then_some(room).ok_or_else(|| DataError::Unfit {
        problem: format!(
            "{file}: {} labels need {} MiB of memory, more than is free; take fewer",
            thousands(count),
            mib(bytes)
        ),
    })
}

/// Bytes that `images` of shape `(height, width, channels)` need.
///
/// # Errors
/// A sentence with what to set, where the machine has not got that much memory free.
pub(super) fn check_room(images: usize, (height, width, channels): (usize, usize, usize)) -> Result<usize, DataError> {
    let unfit = |needed: String, free: String| DataError::Unfit {
        problem: format!(
            "{} images of {width}×{height} pixels with {channels} channels need {needed} MiB of memory{free}; set a \
             smaller data.image_size, or data.channels = 1, or take fewer images",
            thousands(images)
        ),
    };
    let bytes = [height, width, channels].iter().try_fold(images, |product, &n| product.checked_mul(n));
    let bytes = bytes.ok_or_else(|| unfit("more than countable".into(), String::new()))?;
    match free_memory() {
        Some(free) if bytes > free => Err(unfit(mib(bytes), format!(", and {} MiB are free", mib(free)))),
        _ => Ok(bytes),
    }
}

fn mib(bytes: usize) -> String {
    thousands(bytes.div_ceil(1 << 20))
}

/// Bytes of memory that a new allocation can have, where the system tells.
fn free_memory() -> Option<usize> {
    process::free_memory().and_then(|bytes| usize::try_from(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_holds_is_refused_with_what_to_set() {
        assert_eq!(room_for(2, (3, 4, 1)).unwrap(), [0; 24]);
        let message = room_for(1_000_000_000, (6000, 4000, 3)).unwrap_err().to_string();
        assert!(message.contains("data.image_size") && message.contains("4000×6000"), "{message}");
        assert!(room_for(usize::MAX, (2, 2, 3)).is_err());
        let message = room_for_labels("labels.npy", usize::MAX / 8).unwrap_err().to_string();
        assert!(message.contains("labels.npy") && message.contains("MiB"), "{message}");
        let message = reserve(&mut Vec::new(), 1 << 62).unwrap_err().to_string();
        assert!(message.contains("data.image_size"), "{message}");
    }
}
