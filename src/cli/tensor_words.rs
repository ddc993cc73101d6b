//! What the tensor library says, in words for people.

use std::error::Error as StdError;

use candle_core::Error;

/// A cause of an error as a sentence: its own words, unless they are the tensor library's.
pub fn told(cause: &(dyn StdError + 'static)) -> String {
    cause.downcast_ref::<Error>().map_or_else(|| cause.to_string(), of_library)
}

fn of_library(error: &Error) -> String {
    match error {
        // A page of addresses is for those who debug the library.
        Error::WithBacktrace { inner, .. } => of_library(inner),
        Error::WithPath { inner, path } => format!("{}: {}", path.display(), of_library(inner)),
        Error::Context { inner, context } => format!("{context}: {}", of_library(inner)),
        Error::ShapeMismatchBinaryOp { lhs, rhs, .. } => {
            format!("tensors of the shapes {:?} and {:?} don't fit together", lhs.dims(), rhs.dims())
        }
        Error::DTypeMismatchBinaryOp { lhs, rhs, .. } => {
            format!("numbers of the types {} and {} don't fit together", lhs.as_str(), rhs.as_str())
        }
        Error::UnexpectedShape { expected, got, .. } => {
            format!("a tensor has the shape {:?}; {:?} is needed", got.dims(), expected.dims())
        }
        Error::CannotFindTensor { path } => format!("there is no tensor {path}"),
        Error::UnsupportedSafeTensorDtype(dtype) => format!("tensors of the type {dtype:?} are not read"),
        Error::SafeTensor(why) => format!("it is damaged or no safetensors file ({why})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn shapes_that_do_not_fit_are_told_without_the_librarys_words() {
        let of = |n: usize| Tensor::zeros(n, candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = candle_core::Var::from_tensor(&of(2)).unwrap().set(&of(3)).unwrap_err();
        assert_eq!(told(&error), "tensors of the shapes [2] and [3] don't fit together");
        let deep = Error::Msg("no".into()).context("reading a").with_path("b");
        assert_eq!(told(&deep), "b: reading a: no");
        assert_eq!(told(&std::io::Error::other("full")), "full");
    }
}
