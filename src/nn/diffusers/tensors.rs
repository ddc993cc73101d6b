//! The weights' file: safetensors in diffusers' names and layout.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::nn::{Architecture, Parameter, Weights, parameters};

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
/// the network has no place for.
///
/// # Errors
/// When a file can't be read or is damaged, or a tensor is missing or has the wrong shape; the message
/// names the file and the tensor.
pub fn load_weights(paths: &[PathBuf], config: &dyn Architecture, device: &Device) -> Result<(Weights, Vec<String>)> {
    let wanted: BTreeMap<String, Parameter> = parameters(config)?.into_iter().map(|p| (p.name.clone(), p)).collect();
    let (mut tensors, mut warnings) = (BTreeMap::new(), Vec::new());
    for path in paths {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let file = SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{} is damaged or no safetensors file", path.display()))?;
        let stored: BTreeMap<String, &str> = file.names().into_iter().map(|name| (new_name(name), name)).collect();
        for (new, name) in stored {
            match wanted.get(&new) {
                Some(parameter) => {
                    let tensor = (|| read(&file.tensor(name)?, parameter, device))()
                        .with_context(|| format!("{}: tensor {name:?}", path.display()))?;
                    tensors.insert(new, tensor);
                }
                None => warnings.push(format!(
                    "{}: tensor {name:?} belongs to no layer of the network and is ignored",
                    path.display()
                )),
            }
        }
    }
    if let Some(missing) = wanted.keys().find(|name| !tensors.contains_key(*name)) {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        bail!("{}: tensor {missing:?} is missing", shown.join(", "));
    }
    Ok((Weights::from_map(tensors), warnings))
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
