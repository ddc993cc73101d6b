//! Which parameters an architecture has: name, kind and shape of each, and its layout in files.

use anyhow::Result;
use candle_core::Tensor;

/// What a parameter is; decides its layout in files and its initial values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Convolution weight: `[k, k, c_in, c_out]` in memory, `[c_out, c_in, k, k]` in files.
    Conv,
    /// Linear weight: `[c_in, c_out]` in memory, `[c_out, c_in]` in files.
    Linear,
    /// Bias of a layer whose outputs each sum over `fan_in` products.
    Bias { fan_in: usize },
    /// Scale of a normalization.
    NormWeight,
    /// Shift of a normalization.
    NormBias,
    /// A table of vectors, one a row.
    Embedding,
}

impl ParameterKind {
    /// From memory to a file's layout.
    pub fn to_file_layout(self, tensor: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Conv => tensor.permute((3, 2, 0, 1))?.contiguous(),
            Self::Linear => tensor.t()?.contiguous(),
            _ => Ok(tensor.clone()),
        }
    }

    /// From a file's layout to memory.
    pub fn from_file_layout(self, tensor: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Conv => tensor.permute((2, 3, 1, 0))?.contiguous(),
            Self::Linear => tensor.t()?.contiguous(),
            _ => Ok(tensor.clone()),
        }
    }
}

/// One parameter of an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// diffusers' name, such as `mid_block.resnets.0.conv1.weight`.
    pub name: String,
    pub kind: ParameterKind,
    /// Shape in memory.
    pub shape: Vec<usize>,
}

impl Parameter {
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is a matrix from features to features: neither at the network's entrance or exit, nor a table.
    pub fn is_matrix_inside(&self) -> bool {
        let layer = self.name.strip_suffix(".weight").unwrap_or(&self.name);
        let matrix = matches!(self.kind, ParameterKind::Conv | ParameterKind::Linear);
        matrix && !["conv_in", "conv_out", "input", "output"].contains(&layer)
    }

    /// Shape in files.
    pub fn file_shape(&self) -> Vec<usize> {
        match (self.kind, self.shape.as_slice()) {
            (ParameterKind::Conv, &[k, l, c_in, c_out]) => vec![c_out, c_in, k, l],
            (ParameterKind::Linear, &[c_in, c_out]) => vec![c_out, c_in],
            (_, shape) => shape.to_vec(),
        }
    }
}

/// Whether a parameter belongs to the last layer of a residual branch, of an attention or of the network.
pub(super) fn ends_a_branch(name: &str) -> bool {
    let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
    ["conv_out", "output"].contains(&layer)
        || [".conv2", ".to_out.0", ".linear_2"].iter().any(|end| layer.ends_with(end)) && !layer.starts_with("time_")
}

/// What a network is made of; the weights of any architecture are made, saved and read by it alone.
pub trait Architecture {
    /// All parameters, in name order.
    ///
    /// # Errors
    /// When the architecture is impossible or not supported; the message names the key.
    fn parameters(&self) -> Result<Vec<Parameter>>;
}

/// All parameters of an architecture, in name order.
///
/// # Errors
/// When the architecture is impossible or not supported; the message names the key.
pub fn parameters(config: &dyn Architecture) -> Result<Vec<Parameter>> {
    config.parameters()
}

/// How many numbers an architecture learns.
///
/// # Errors
/// As [`parameters`].
pub fn parameter_count(config: &dyn Architecture) -> Result<usize> {
    Ok(parameters(config)?.iter().map(Parameter::count).sum())
}
