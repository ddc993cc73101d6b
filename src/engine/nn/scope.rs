//! Where layers get their parameters from.
//!
//! There is one description of the architecture: the constructors of the layers. They ask a
//! [`Scope`] for each parameter; behind it stand the weights, or a recorder that only takes notes.

use std::cell::RefCell;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};

use super::{Parameter, ParameterKind, Weights};
use crate::config::Precision;

/// The parameters that `build` asks for, in name order.
pub(super) fn recorded(build: impl FnOnce(Scope) -> Result<()>) -> Result<Vec<Parameter>> {
    let recorder = Recorder { seen: RefCell::default(), blank: Tensor::zeros((), DType::F32, &Device::Cpu)? };
    build(Scope::root(&recorder))?;
    let mut parameters = recorder.seen.into_inner();
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parameters)
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
