//! Samples and noise as others read them: safetensors, `[N, C, H, W]`, f32.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};

use super::how_found::HowFound;
use crate::data;
use crate::nn::safetensors_file;
use crate::picture::is_points;

/// Writes `samples` `[N, H, W, C]` as the tensor `samples` `[N, C, H, W]`, images clipped to
/// [-1, 1].
///
/// # Errors
/// A file that can't be written; samples that are no batch of images.
pub fn write_samples(path: &Path, samples: &Tensor) -> Result<()> {
    let (_, height, width, channels) = samples.dims4().context("samples are batches of images [N, H, W, C]")?;
    let samples = if is_points((height, width, channels)) { samples.clone() } else { samples.clamp(-1f32, 1f32)? };
    let samples = samples.permute((0, 3, 1, 2))?.contiguous()?.to_device(&Device::Cpu)?;
    // Not candle's own `save`: it makes files that only their owner can read.
    let bytes = safetensors::serialize([("samples", &samples)], None).context("encoding the samples")?;
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Writes `noise` `[N, H, W, C]` as the tensor `noise` `[N, C, H, W]`, and how it was found, for [`read_noise`].
///
/// # Errors
/// A file that can't be written; noise that is no batch of images.
pub fn write_noise(path: &Path, noise: &Tensor, how: &HowFound) -> Result<()> {
    let noise = noise.permute((0, 3, 1, 2))?.contiguous()?.to_device(&Device::Cpu)?;
    let bytes = safetensors::serialize([("noise", &noise)], Some(how.metadata()?)).context("encoding the noise")?;
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Reads the tensor `noise` `[N, C, H, W]` (f32, unit variance) for images of `(height, width, channels)`
/// and returns it as `[N, H, W, C]`; with how it was found, if that was by an inversion.
///
/// # Errors
/// A missing file, a file that is no safetensors, one without `noise`, another type or shape, an empty
/// batch, NaN or infinity: each says what was found and what is needed.
pub fn read_noise(path: &Path, (height, width, channels): (usize, usize, usize)) -> Result<(Tensor, Option<HowFound>)> {
    let shown = path.display();
    let bytes = safetensors_file::read(path).context("the noise cannot be read")?;
    let tensors =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).with_context(|| format!("{shown} is damaged"))?;
    let Some(noise) = tensors.get("noise") else {
        let mut names: Vec<&String> = tensors.keys().collect();
        names.sort_unstable();
        let shown_names: Vec<String> = names.into_iter().map(|name| data::shown(name)).collect();
        bail!("{shown} has no tensor named `noise`; it holds: {}", shown_names.join(", "));
    };
    ensure!(noise.dtype() == DType::F32, "`noise` in {shown} is {:?}; f32 is needed", noise.dtype());
    let expected = format!("[N, {channels}, {height}, {width}]");
    match noise.dims() {
        [n, c, h, w] if (*c, *h, *w) == (channels, height, width) && *n > 0 => {}
        dims => bail!("`noise` in {shown} has the shape {dims:?}; this run needs {expected} with N at least 1"),
    }
    let sum = noise.abs()?.sum_all()?.to_scalar::<f32>()?;
    ensure!(sum.is_finite(), "`noise` in {shown} holds NaN or infinity");
    Ok((noise.permute((0, 2, 3, 1))?.contiguous()?, HowFound::of(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SampleConfig;
    use std::collections::HashMap;

    fn write(dir: &Path, name: &str, tensor: Tensor) -> std::path::PathBuf {
        let path = dir.join("file.safetensors");
        candle_core::safetensors::save(&HashMap::from([(name.to_string(), tensor)]), &path).unwrap();
        path
    }

    fn ramp(shape: (usize, usize, usize, usize)) -> Tensor {
        let n = shape.0 * shape.1 * shape.2 * shape.3;
        Tensor::from_vec((0..n).map(|v| v as f32 / n as f32).collect(), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn noise_comes_in_channels_first_and_is_handed_on_channels_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "noise", ramp((2, 3, 4, 5)));
        let (noise, how) = read_noise(&path, (4, 5, 3)).unwrap();
        assert_eq!(how, None, "made by others");
        assert_eq!(noise.dims(), [2, 4, 5, 3]);
        let value = |t: &Tensor, i: [usize; 4]| {
            let t = i.iter().fold(t.clone(), |t, &i| t.get(i).unwrap());
            t.to_scalar::<f32>().unwrap()
        };
        assert_eq!(value(&noise, [1, 2, 3, 0]), value(&ramp((2, 3, 4, 5)), [1, 0, 2, 3]));
    }

    #[test]
    fn wrong_noise_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let message = |path: &Path| format!("{:#}", read_noise(path, (28, 28, 1)).unwrap_err());
        let path = write(dir.path(), "noise", ramp((2, 28, 28, 1)));
        assert!(message(&path).contains("[2, 28, 28, 1]") && message(&path).contains("[N, 1, 28, 28]"));
        let path = write(dir.path(), "latents", ramp((2, 1, 28, 28)));
        assert!(message(&path).contains("latents"));
        let path = write(dir.path(), "noise", ramp((2, 1, 28, 28)).to_dtype(DType::F64).unwrap());
        assert!(message(&path).contains("f32"));
        let path = write(dir.path(), "noise", Tensor::full(f32::NAN, (1, 1, 28, 28), &Device::Cpu).unwrap());
        assert!(message(&path).contains("NaN"));
        std::fs::write(&path, b"not a safetensors file").unwrap();
        assert!(message(&path).contains("not a safetensors"));
        assert!(message(&dir.path().join("nowhere")).contains("nowhere"));
    }

    #[test]
    fn points_keep_their_place_beyond_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("points.safetensors");
        write_samples(&path, &Tensor::new(&[1.5f32, -2.0], &Device::Cpu).unwrap().reshape((1, 1, 1, 2)).unwrap())
            .unwrap();
        let read = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        assert_eq!(read["samples"].dims(), [1, 2, 1, 1]);
        assert_eq!(read["samples"].flatten_all().unwrap().to_vec1::<f32>().unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn noise_that_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("noise.safetensors");
        let noise = (ramp((2, 4, 5, 3)) * 4.0).unwrap();
        let how = HowFound { sample: SampleConfig { eta: 0.25, ..SampleConfig::default() }, class: Some(7) };
        write_noise(&path, &noise, &how).unwrap();
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (read, found) = read_noise(&path, (4, 5, 3)).unwrap();
        assert_eq!((values(&read), found), (values(&noise), Some(how)));
    }

    #[test]
    fn samples_are_written_channels_first_and_clipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples.safetensors");
        write_samples(&path, &(ramp((2, 4, 5, 3)) * 4.0).unwrap()).unwrap();
        let read = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        assert_eq!(read["samples"].dims(), [2, 3, 4, 5]);
        assert_eq!(read["samples"].max_all().unwrap().to_scalar::<f32>().unwrap(), 1.0);
    }
}
