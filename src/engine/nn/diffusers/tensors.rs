//! The weights' file: safetensors in diffusers' names and layout.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::nn::{Architecture, Parameter, Weights, parameters, safetensors_file};

/// Names that attention's layers had before diffusers 0.17, and have now.
const OLD_NAMES: [(&str, &str); 4] =
    [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

/// Writes the weights of a network to one safetensors file: f32, diffusers' names and layout, with
/// the metadata that torch's readers expect.
///
/// # Errors
/// When a tensor of the network is missing or has another shape, or the file can't be written.
pub fn save_weights(path: &Path, config: &dyn Architecture, weights: &Weights) -> Result<()> {
    let mut data = Vec::with_capacity(weights.len());
    for parameter in parameters(config)? {
        let name = &parameter.name;
        let tensor = weights.get(name).with_context(|| format!("saving the weights: there is no tensor {name:?}"))?;
        ensure!(
            tensor.dims() == parameter.shape,
            "saving the weights: tensor {name:?} has shape {:?}, but the network needs {:?}",
            tensor.dims(),
            parameter.shape
        );
        let values = parameter.kind.to_file_layout(tensor)?.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        data.push((parameter, bytes));
    }
    let views = data
        .iter()
        .map(|(p, bytes)| Ok((p.name.as_str(), TensorView::new(Dtype::F32, p.file_shape(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let bytes = serialize(views, Some(metadata)).with_context(|| format!("encoding {}", path.display()))?;
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Reads the weights of a network from safetensors files that we or diffusers wrote (f32, f16, bf16 or
/// f64; all become f32; large networks are split over several files), and warnings about tensors that
/// the network has no place for, or that are there twice.
///
/// Of two tensors for one place diffusers takes, and so do we: in a single file the one with the name from before
/// 0.17, in split files the one with today's; of two files the later.
///
/// # Errors
/// When a file can't be read or is damaged, or a tensor is missing or has the wrong shape; the message
/// names the file and the tensor.
pub fn load_weights(paths: &[PathBuf], config: &dyn Architecture, device: &Device) -> Result<(Weights, Vec<String>)> {
    let wanted: BTreeMap<String, Parameter> = parameters(config)?.into_iter().map(|p| (p.name.clone(), p)).collect();
    let old_wins = paths.len() == 1;
    let (mut tensors, mut warnings) = (BTreeMap::new(), Vec::new());
    // Of each tensor, whether it came under its old name, and of those that are there twice the first.
    let mut taken: BTreeMap<String, bool> = BTreeMap::new();
    let (mut two_names, mut two_files) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let bytes = safetensors_file::read(path)?;
        let file = SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{} is damaged or no safetensors file", path.display()))?;
        let mut names = file.names();
        names.sort();
        for name in names {
            let new = new_name(name);
            let Some(parameter) = wanted.get(&new) else {
                warnings.push(format!(
                    "{}: tensor {name:?} belongs to no layer of the network and is ignored",
                    path.display()
                ));
                continue;
            };
            let old = new != name;
            match taken.get(&new) {
                Some(before) if *before != old => {
                    two_names.insert(new.clone());
                    if old != old_wins {
                        continue;
                    }
                }
                Some(_) => {
                    two_files.insert(new.clone());
                }
                None => {}
            }
            let tensor = (|| read(&file.tensor(name)?, parameter, device))()
                .with_context(|| format!("{}: tensor {name:?}", path.display()))?;
            tensors.insert(new.clone(), tensor);
            taken.insert(new, old);
        }
    }
    if let Some(first) = two_names.first() {
        warnings.push(format!(
            "{} came under the name from before 0.17 and under today's, the first {first:?}: {} are taken, as diffusers \
             does",
            tensors_of(two_names.len()),
            if old_wins { "the old ones" } else { "today's" }
        ));
    }
    if let Some(first) = two_files.first() {
        warnings.push(format!(
            "{} came in more than one file, the first {first:?}: those of the last file are taken, as diffusers does",
            tensors_of(two_files.len())
        ));
    }
    let missing: Vec<&String> = wanted.keys().filter(|name| !tensors.contains_key(*name)).collect();
    if let Some(first) = missing.first() {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let more = match missing.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more of {}", wanted.len()),
        };
        bail!("{}: tensor {first:?} is missing{more}", shown.join(", "));
    }
    Ok((Weights::from_map(tensors), warnings))
}

fn tensors_of(count: usize) -> String {
    format!("{count} tensor{}", if count == 1 { "" } else { "s" })
}

/// A sentence on weights that are no finite numbers, if there are any: names and counts.
///
/// # Errors
/// When a tensor can't be read.
pub fn not_finite(weights: &Weights) -> Result<Option<String>> {
    const NAMED: usize = 3;
    let mut found = Vec::new();
    for (name, tensor) in weights.iter() {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let (nan, infinite) =
            (values.iter().filter(|v| v.is_nan()).count(), values.iter().filter(|v| v.is_infinite()).count());
        if nan + infinite > 0 {
            found.push(format!("{name} ({nan} NaN and {infinite} infinite of {})", values.len()));
        }
    }
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    Ok(match found.len() {
        0 => None,
        count if count > NAMED => Some(format!("{named} and {} more", tensors_of(count - NAMED))),
        _ => Some(named),
    })
}

fn read(view: &TensorView, parameter: &Parameter, device: &Device) -> Result<Tensor> {
    let expected = parameter.file_shape();
    ensure!(view.shape() == expected, "has shape {:?}, but the network needs {expected:?}", view.shape());
    let dtype = match view.dtype() {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F64 => DType::F64,
        other => bail!("holds {other:?} values; only F32, F16, BF16 and F64 are read"),
    };
    let tensor = Tensor::from_raw_buffer(view.data(), dtype, &expected, device)?.to_dtype(DType::F32)?;
    Ok(parameter.kind.from_file_layout(&tensor)?)
}

/// The name that today's diffusers gives a tensor.
fn new_name(name: &str) -> String {
    if !name.contains(".attentions.") {
        return name.to_string();
    }
    OLD_NAMES.iter().fold(name.to_string(), |name, (old, new)| name.replace(old, new))
}
