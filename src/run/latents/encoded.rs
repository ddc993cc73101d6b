//! A dataset's latents: encoded once, and kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::config::Config;
use crate::data::{DataIdentity, Dataset};
use crate::eval::{cache_folder, cache_key, keep_bytes, kept_bytes};
use crate::nn::autoencoder::LatentSpace;
use crate::process::interrupt;

/// Pictures that are encoded at once.
const AT_ONCE: usize = 128;
/// Time between two words about how far it is.
const EVERY: Duration = Duration::from_millis(500);
/// Sets of latents that are kept: those used last.
const KEPT: usize = 6;

/// What is encoded.
#[derive(Clone, Copy)]
pub struct Encoding<'a> {
    pub data: &'a Dataset,
    /// The hash of its content ([`crate::data::DataIdentity`]).
    pub content: &'a str,
    /// The pictures mirrored left-right are encoded as well.
    pub mirrored: bool,
}

/// The dataset's latents in the place of its pixels, in the same order. They are read from the user's cache where they were
/// encoded before by the same weights; else encoded, told how far it is ("encoding 12,400 of 60,000 pictures"), and kept there.
///
/// # Errors
/// `Interrupted`; what the autoencoder reports.
pub fn encoded(asked: Encoding, space: &LatentSpace, tell: &mut dyn FnMut(usize, usize)) -> Result<Dataset> {
    in_cache(cache_folder().as_deref(), asked, space, tell)
}

/// What diffusion sees of `data`: their latents where it happens in such, else the data themselves. `identity` is theirs, where
/// it is known already.
///
/// # Errors
/// As [`encoded`].
pub fn seen_data(
    config: &Config,
    data: Dataset,
    identity: Option<&DataIdentity>,
    latents: Option<&LatentSpace>,
) -> Result<Dataset> {
    let Some(space) = latents else { return Ok(data) };
    let identity = identity.map_or_else(|| DataIdentity::of(&data), DataIdentity::clone);
    let asked = Encoding { data: &data, content: &identity.content, mirrored: config.data.horizontal_flip };
    encoded(asked, space, &mut |_, _| {})
}

fn in_cache(
    folder: Option<&Path>,
    asked: Encoding,
    space: &LatentSpace,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Dataset> {
    let Encoding { data, content, mirrored } = asked;
    let (h, w, l) = space.shape();
    let numbers = data.len() * h * w * l;
    let file = folder.map(|folder| folder.join(format!("latents-{}.bin", key(asked, space, content))));
    let sets = if mirrored { 2 } else { 1 };
    let read = file.as_deref().and_then(|file| read(file, sets * numbers));
    let mut all = match read {
        Some(all) => all,
        None => {
            let all = encode_all(data, mirrored, space, tell)?;
            if let Some(file) = file {
                // Only time is lost when this fails.
                let _ = write(&file, &all);
            }
            all
        }
    };
    let flipped = mirrored.then(|| all.split_off(numbers));
    Ok(data.in_latents((h, w, l), all, flipped))
}

/// The first half of a digest tells them apart.
fn key(Encoding { mirrored, .. }: Encoding, space: &LatentSpace, content: &str) -> String {
    let sides: &[u8] = if mirrored { b"mirrored" } else { b"plain" };
    cache_key(&[space.sha256().as_bytes(), content.as_bytes(), sides])[..32].to_string()
}

fn encode_all(
    data: &Dataset,
    mirrored: bool,
    space: &LatentSpace,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Vec<f32>> {
    let (h, w, l) = space.shape();
    let sides: &[bool] = if mirrored { &[false, true] } else { &[false] };
    let mut all = Vec::with_capacity(sides.len() * data.len() * h * w * l);
    let (total, mut next) = (sides.len() * data.len(), Instant::now());
    for &flip in sides {
        for from in (0..data.len()).step_by(AT_ONCE) {
            interrupt::check()?;
            if Instant::now() >= next {
                tell(all.len() / (h * w * l).max(1), total);
                next = Instant::now() + EVERY;
            }
            let indices: Vec<usize> = (from..data.len().min(from + AT_ONCE)).collect();
            let pixels = data.gather(&indices, Some(&vec![flip; indices.len()]));
            let x = Tensor::from_vec(pixels, (indices.len(), data.height, data.width, data.channels), &Device::Cpu)?;
            all.extend(space.encode(&x)?.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    Ok(all)
}

/// The numbers as little-endian f32.
fn write(file: &Path, numbers: &[f32]) -> std::io::Result<()> {
    let content: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    keep_bytes(file, &content)?;
    file.parent().into_iter().for_each(|folder| forget_oldest(folder, file));
    Ok(())
}

/// What is damaged, or of another length, is as good as not there.
fn read(file: &Path, numbers: usize) -> Option<Vec<f32>> {
    let content = kept_bytes(file).filter(|content| content.len() == 4 * numbers)?;
    // So that the one used last is the youngest.
    let _ = fs::File::options().append(true).open(file).and_then(|file| file.set_modified(SystemTime::now()));
    Some(content.chunks_exact(4).filter_map(|four| four.try_into().ok()).map(f32::from_le_bytes).collect())
}

/// Removes all but the [`KEPT`] youngest; never `file`.
fn forget_oldest(folder: &Path, file: &Path) {
    let ours = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("latents-") && name.ends_with(".bin") && path != file
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(ours);
    let mut others: Vec<_> =
        entries.filter_map(|path| Some((fs::metadata(&path).and_then(|about| about.modified()).ok()?, path))).collect();
    others.sort();
    others.reverse();
    others.into_iter().skip(KEPT - 1).for_each(|(_, path)| drop(fs::remove_file(path)));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernels::Workers;
    use crate::nn::Weights;
    use crate::nn::autoencoder::{AutoencoderConfig, TinyConfig};

    fn space(seed: u64) -> LatentSpace {
        let config = AutoencoderConfig::Tiny(TinyConfig::new(1, 2, 2, 4, 1));
        let weights = Weights::init(&config, seed, &Device::Cpu).unwrap();
        LatentSpace::new(&config, &weights, (4, 4, 1), Arc::new(Workers::new(2).unwrap())).unwrap()
    }

    fn data() -> Dataset {
        Dataset {
            name: "test".into(),
            source: "made here".into(),
            height: 4,
            width: 4,
            channels: 1,
            pixels: (0..300 * 16).map(|i| ((i * 31) % 251) as u8).collect::<Vec<u8>>().into(),
            labels: Arc::new(vec![1; 300]),
            classes: vec!["a".into(), "b".into()],
            warnings: vec![],
        }
    }

    fn of(folder: &Path, space: &LatentSpace, mirrored: bool) -> (Dataset, usize) {
        let data = data();
        let mut told = 0;
        let asked = Encoding { data: &data, content: "abc", mirrored };
        (in_cache(Some(folder), asked, space, &mut |_, _| told += 1).unwrap(), told)
    }

    #[test]
    fn data_are_encoded_once_for_these_weights_and_damage_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let first = space(1);
        let (latents, told) = of(folder.path(), &first, false);
        assert!(told > 0);
        assert_eq!((latents.len(), latents.height, latents.width, latents.channels), (300, 2, 2, 2));
        assert_eq!(latents.labels.len(), 300);
        let x = Tensor::from_vec(data().gather(&[7, 299], None), (2, 4, 4, 1), &Device::Cpu).unwrap();
        let alone: Vec<f32> = first.encode(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(latents.gather(&[7, 299], None), alone);
        let (again, told) = of(folder.path(), &first, false);
        assert_eq!((again.pixels.clone(), told), (latents.pixels.clone(), 0), "read from the cache");
        assert!(of(folder.path(), &space(2), false).1 > 0, "other weights, other latents");
        for entry in fs::read_dir(folder.path()).unwrap().flatten() {
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(entry.path(), &bytes[..bytes.len() - 4]).unwrap();
        }
        let (mended, told) = of(folder.path(), &first, false);
        assert!(told > 0 && mended.pixels == latents.pixels);
    }

    #[test]
    fn mirrored_pictures_have_latents_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let space = space(1);
        let (latents, _) = of(folder.path(), &space, true);
        let flipped = data().gather(&[5], Some(&[true]));
        let x = Tensor::from_vec(flipped, (1, 4, 4, 1), &Device::Cpu).unwrap();
        let alone: Vec<f32> = space.encode(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(latents.gather(&[5], Some(&[true])), alone);
        let (again, told) = of(folder.path(), &space, true);
        assert!(again.pixels == latents.pixels && told == 0);
    }

    #[test]
    fn the_cache_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..9 {
            of(folder.path(), &space(seed), false);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), KEPT);
    }
}
