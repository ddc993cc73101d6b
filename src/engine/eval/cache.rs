//! Statistics of a reference, kept between evaluations.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nalgebra::{DMatrix, DVector};
use sha2::{Digest, Sha256};

use super::{Features, Moments};
use crate::ranks::Collective;

/// Length of a SHA-256 digest.
const DIGEST: usize = 32;

/// Where statistics are kept: `$DIFFLAB_CACHE`, or `difflab` in the user's cache folder. `None` when the system
/// names no such folder: then nothing is kept.
pub fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = named("DIFFLAB_CACHE") {
        return Some(own);
    }
    let folder = if cfg!(windows) {
        named("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        named("HOME").map(|home| home.join("Library/Caches"))
    } else {
        named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")))
    };
    folder.map(|folder| folder.join("difflab"))
}

/// The key of a reference: a digest of everything that its statistics follow from.
pub fn cache_key(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The moments kept under `key`, or those that `measure` finds, which are kept from then on. Files that are
/// damaged are ignored and written anew; a folder that can't be written costs only the time. Of several ranks all ask, and what
/// rank 0 has kept counts for all.
///
/// # Errors
/// What `measure` reports.
pub fn cached_moments(
    folder: Option<&Path>,
    key: &str,
    ranks: &dyn Collective,
    measure: impl FnOnce() -> Result<Moments>,
) -> Result<Moments> {
    let file = folder.filter(|_| ranks.leads()).map(|folder| folder.join(format!("judge-moments-{key}.bin")));
    let kept = ranks.broadcast(file.as_deref().and_then(kept_bytes).unwrap_or_default())?;
    if let Some(moments) = moments_of(&kept) {
        return Ok(moments);
    }
    let moments = measure()?;
    if let Some(file) = file {
        let numbers = std::iter::once(&moments.count).chain(moments.sum.iter()).chain(moments.squares.iter());
        let content: Vec<u8> = numbers.flat_map(|v| v.to_le_bytes()).collect();
        // Only time is lost when this fails.
        let _ = keep_bytes(&file, &content);
    }
    Ok(moments)
}

/// Writes a file of the cache: the SHA-256 of `content`, then that. It has its name once it is whole.
///
/// # Errors
/// When the disk does not take it.
pub fn keep_bytes(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(&Sha256::digest(content))?;
    beside.write_all(content)?;
    beside.as_file().sync_all()?;
    beside.persist(file)?;
    Ok(())
}

/// What [`keep_bytes`] wrote there; `None` where nothing is, or it is damaged.
pub fn kept_bytes(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(file).ok()?;
    let content = (bytes.len() >= DIGEST).then(|| bytes.split_off(DIGEST))?;
    (Sha256::digest(&content).as_slice() == bytes).then_some(content)
}

/// Count, sum and squares as little-endian f64.
fn moments_of(content: &[u8]) -> Option<Moments> {
    let width = Features::WIDTH;
    if content.len() != 8 * (1 + width + width * width) {
        return None;
    }
    let numbers: Vec<f64> = content.chunks_exact(8).filter_map(|b| b.try_into().ok()).map(f64::from_le_bytes).collect();
    let (count, rest) = numbers.split_first()?;
    let (sum, squares) = rest.split_at_checked(width)?;
    Some(Moments {
        count: *count,
        sum: DVector::from_column_slice(sum),
        squares: DMatrix::from_column_slice(width, width, squares),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::{Alone, on_threads};

    fn moments(seed: f32) -> Moments {
        Moments::of(&Features::new((0..3 * Features::WIDTH).map(|i| (i as f32 * seed).sin()).collect()))
    }

    #[test]
    fn what_was_measured_once_is_read_back_and_damage_is_measured_again() {
        let folder = tempfile::tempdir().unwrap();
        let (key, path) = (cache_key(&[b"a"]), Some(folder.path()));
        let first = cached_moments(path, &key, &Alone, || Ok(moments(1.0))).unwrap();
        let again = cached_moments(path, &key, &Alone, || anyhow::bail!("it is known")).unwrap();
        assert_eq!(first, again);
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[5000] ^= 1;
        for damaged in [&whole[..100], &[], &flipped] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(cached_moments(path, &key, &Alone, || Ok(moments(2.0))).unwrap(), moments(2.0));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        assert!(cached_moments(Some(Path::new("/dev/null/no")), &key, &Alone, || Ok(moments(1.0))).is_ok());
    }

    #[test]
    fn what_rank_0_has_kept_counts_for_all_ranks() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let key = cache_key(&[b"a"]);
        let ask = |value: f32| {
            on_threads(2, |ranks| {
                let folder = folders[ranks.rank()].path();
                cached_moments(Some(folder), &key, &*ranks, || Ok(moments(value))).unwrap()
            })
        };
        // The second has nothing of its own, and is not asked to measure again.
        assert_eq!((ask(1.0), ask(2.0)), (vec![moments(1.0); 2], vec![moments(1.0); 2]));
        let kept = |i: usize| fs::read_dir(folders[i].path()).unwrap().count();
        assert_eq!((kept(0), kept(1)), (1, 0));
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_eq!(cache_key(&[b"ab", b"c"]), cache_key(&[b"ab", b"c"]));
        assert_ne!(cache_key(&[b"ab", b"c"]), cache_key(&[b"a", b"bc"]));
    }
}
