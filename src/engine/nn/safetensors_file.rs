//! The bytes of a safetensors file, once its header is known to fit it: eight bytes of length, that many of JSON, then
//! the tensors. What is something else is told so before it is read whole.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::Metadata;

use crate::process::plain_file;
use crate::thousands::thousands;

/// Bytes of the longest header, as the format has it.
const LONGEST_HEADER: u64 = 100_000_000;

/// Reads the file.
///
/// # Errors
/// A file that is missing, no plain file, no safetensors file, or cut off: with its name.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let reading = || format!("reading {shown}");
    let (mut file, length) = plain_file::open(path).with_context(reading)?;
    let other = || format!("{shown} is not a safetensors file, or its beginning is damaged");
    let mut bytes = Vec::new();
    (&mut file).take(8).read_to_end(&mut bytes).with_context(reading)?;
    let header = bytes.first_chunk().map(|eight| u64::from_le_bytes(*eight));
    let Some(header) = header.filter(|&header| header <= LONGEST_HEADER) else { bail!(other()) };
    // So does every header begin.
    (&mut file).take(1).read_to_end(&mut bytes).with_context(reading)?;
    ensure!(bytes.last() == Some(&b'{') && header > 0, other());
    (&mut file).take(header - 1).read_to_end(&mut bytes).with_context(reading)?;
    ensure!(bytes.len() as u64 == 8 + header, "{shown} is cut off: it ends within its header");
    let Ok(metadata) = serde_json::from_slice::<Metadata>(&bytes[8..]) else { bail!(other()) };
    let end = metadata.tensors().values().map(|tensor| tensor.data_offsets.1).max().unwrap_or(0);
    let promised = (8 + header).saturating_add(end as u64);
    let [promised_shown, there] = [promised, length].map(thousands);
    if length < promised {
        bail!("{shown} is cut off: its header promises {promised_shown} bytes, and it has {there}");
    } else if length > promised {
        bail!("{shown} is damaged: it has {there} bytes, and its header speaks of {promised_shown}");
    }
    bytes.reserve_exact(end);
    file.read_to_end(&mut bytes).with_context(reading)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn what_is_none_or_no_whole_one_is_told_before_it_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.safetensors");
        let tensor = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        candle_core::safetensors::save(&[("a".to_string(), tensor)].into(), &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(&path).unwrap(), whole);
        let refusal = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let told = format!("{:#}", read(&path).unwrap_err());
            assert!(told.contains("a.safetensors"), "{told}");
            told
        };
        assert!(refusal(&whole[..whole.len() - 1]).contains("is cut off: its header promises"));
        assert!(refusal(&whole[..20]).contains("is cut off: it ends within its header"));
        assert!(refusal(&[&whole[..], b"x"].concat()).contains("is damaged: it has"));
        assert!(refusal(b"").contains("not a safetensors file"));
        assert!(refusal(b"not a safetensors file").contains("not a safetensors file"));
        assert!(refusal(&[0; 100]).contains("not a safetensors file"));
        File::create(&path).unwrap().set_len(5 << 30).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("not a safetensors file"));
        assert!(format!("{:#}", read(Path::new("/dev/zero")).unwrap_err()).contains("it is a device, not a file"));
    }
}
