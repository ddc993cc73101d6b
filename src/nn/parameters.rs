//! Which parameters an architecture has: name, kind and shape of each, and its layout in files.
//!
//! There is one description of the architecture: the constructors of the layers. They ask a
//! [`Scope`] for each parameter; behind it stand the weights, or a recorder that only takes notes.

use std::cell::RefCell;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};

use super::{Architecture, Weights};
use crate::config::Precision;

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

    /// Shape in files.
    pub fn file_shape(&self) -> Vec<usize> {
        match (self.kind, self.shape.as_slice()) {
            (ParameterKind::Conv, &[k, l, c_in, c_out]) => vec![c_out, c_in, k, l],
            (ParameterKind::Linear, &[c_in, c_out]) => vec![c_out, c_in],
            (_, shape) => shape.to_vec(),
        }
    }
}

/// All parameters of an architecture, in name order.
///
/// # Errors
/// When the architecture is impossible or not supported; the message names the key.
pub fn parameters(config: &dyn Architecture) -> Result<Vec<Parameter>> {
    config.parameters()
}

/// The parameters that `build` asks for, in name order.
pub(super) fn recorded(build: impl FnOnce(Scope) -> Result<()>) -> Result<Vec<Parameter>> {
    let recorder = Recorder { seen: RefCell::default(), blank: Tensor::zeros((), DType::F32, &Device::Cpu)? };
    build(Scope::root(&recorder))?;
    let mut parameters = recorder.seen.into_inner();
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parameters)
}

/// How many numbers an architecture learns.
///
/// # Errors
/// As [`parameters`].
pub fn parameter_count(config: &dyn Architecture) -> Result<usize> {
    Ok(parameters(config)?.iter().map(Parameter::count).sum())
}

/// Where layers under construction get their parameters from.
pub(super) trait Source {
    fn parameter(&self, parameter: Parameter) -> Result<Tensor>;
}

impl Source for Weights {
    fn parameter(&self, parameter: Parameter) -> Result<Tensor> {
        let tensor = self
            .get(&parameter.name)
            .ok_or_else(|| anyhow::anyhow!("the weights have no tensor {:?}", parameter.name))?;
        anyhow::ensure!(
            tensor.dims() == parameter.shape,
            "tensor {:?} has shape {:?}, but the network needs {:?}",
            parameter.name,
            tensor.dims(),
            parameter.shape
        );
        Ok(tensor.clone())
    }
}

/// Notes what is asked for, and answers with a placeholder.
struct Recorder {
    seen: RefCell<Vec<Parameter>>,
    blank: Tensor,
}

impl Source for Recorder {
    fn parameter(&self, parameter: Parameter) -> Result<Tensor> {
        self.seen.borrow_mut().push(parameter);
        Ok(self.blank.clone())
    }
}

/// A place in the tree of modules: a source, and the name of the module under construction.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    source: &'a dyn Source,
    name: String,
    precision: Precision,
}

impl<'a> Scope<'a> {
    pub fn root(source: &'a dyn Source) -> Self {
        Self { source, name: String::new(), precision: Precision::F32 }
    }

    /// The same place, for layers that multiply with this precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How precisely the layers built here multiply.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The child module `name`; `name` may have several parts, joined by dots.
    pub fn child(&self, name: impl std::fmt::Display) -> Self {
        let dot = if self.name.is_empty() { "" } else { "." };
        Self { source: self.source, name: format!("{}{dot}{name}", self.name), precision: self.precision }
    }

    /// Full name of this module.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameter `leaf` of this module.
    pub fn parameter(&self, leaf: &str, kind: ParameterKind, shape: &[usize]) -> Result<Tensor> {
        self.source.parameter(Parameter { name: self.child(leaf).name, kind, shape: shape.to_vec() })
    }
}
