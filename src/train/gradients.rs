//! Gradients: summed over the workers' shares, measured, and looked through for NaN.

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Storage, Tensor, Var};

/// The gradient of every parameter, in their order, summed over the shares in theirs: the result
/// depends on how many shares there are, never on which was ready first.
///
/// # Errors
/// When a parameter has no gradient: some operation on its way to the loss has none.
pub fn sum_shares(parameters: &[(String, Var)], shares: &[GradStore]) -> Result<Vec<Tensor>> {
    parameters
        .iter()
        .map(|(name, parameter)| {
            let mut sum: Option<Tensor> = None;
            for share in shares {
                let gradient = share
                    .get(parameter)
                    .with_context(|| format!("the parameter {name} got no gradient: an operation without one?"))?;
                sum = Some(match sum {
                    None => gradient.clone(),
                    Some(sum) => (sum + gradient)?,
                });
            }
            sum.context("a batch without shares")
        })
        .collect()
}

/// Σ x², in f64 on a CPU.
pub fn sum_of_squares(x: &Tensor) -> Result<f64> {
    let x = x.contiguous()?;
    {
        let (storage, layout) = x.storage_and_layout();
        if let (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) = (&*storage, layout.contiguous_offsets()) {
            // Partial sums of 4096 in eight lanes, so that it vectorizes and stays exact enough.
            return Ok(values[start..end].chunks(4096).map(|chunk| chunk_of_squares(chunk) as f64).sum());
        }
    }
    Ok(x.sqr()?.sum_all()?.to_scalar::<f32>()? as f64)
}

fn chunk_of_squares(values: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane += x * x;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

/// √ Σ ‖g‖² over all parameters.
pub fn global_norm(gradients: &[Tensor]) -> Result<f64> {
    let mut sum = 0.0;
    for gradient in gradients {
        sum += sum_of_squares(gradient)?;
    }
    Ok(sum.sqrt())
}

/// The name of the first tensor with a NaN or an infinity.
pub fn first_not_finite<'a>(named: impl IntoIterator<Item = (&'a str, &'a Tensor)>) -> Result<Option<String>> {
    for (name, tensor) in named {
        if !tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|x| x.is_finite()) {
            return Ok(Some(name.to_string()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_norm_is_that_of_all_gradients_together() {
        let a = Tensor::new(&[3f32, 0.0], &Device::Cpu).unwrap();
        let b = Tensor::new(&[[0f32], [4.0]], &Device::Cpu).unwrap();
        assert!((global_norm(&[a, b]).unwrap() - 5.0).abs() < 1e-9);
        let long: Vec<f32> = (0..10_007).map(|i| ((i % 13) as f32 - 6.0) / 7.0).collect();
        let expected: f64 = long.iter().map(|&x| (x as f64).powi(2)).sum();
        let seen = sum_of_squares(&Tensor::new(&long[..], &Device::Cpu).unwrap()).unwrap();
        assert!((seen / expected - 1.0).abs() < 1e-5, "{seen} against {expected}");
    }

    #[test]
    fn the_first_tensor_that_is_not_finite_is_named() {
        let good = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let bad = Tensor::new(&[1f32, f32::INFINITY], &Device::Cpu).unwrap();
        assert_eq!(first_not_finite([("a", &good)]).unwrap(), None);
        assert_eq!(first_not_finite([("a", &good), ("b", &bad)]).unwrap(), Some("b".into()));
    }

    #[test]
    fn shares_are_summed_and_a_missing_gradient_is_named() {
        let used = Var::from_vec(vec![2f32], 1, &Device::Cpu).unwrap();
        let unused = Var::from_vec(vec![2f32], 1, &Device::Cpu).unwrap();
        let share = |k: f64| (used.as_tensor() * k).unwrap().backward().unwrap();
        let named = [("used".to_string(), used.clone())];
        let sum = sum_shares(&named, &[share(2.0), share(5.0)]).unwrap();
        assert_eq!(sum[0].to_vec1::<f32>().unwrap(), [7.0]);
        let named = [("conv_out.bias".to_string(), unused)];
        let error = sum_shares(&named, &[share(1.0)]).unwrap_err().to_string();
        assert!(error.contains("conv_out.bias"), "{error}");
    }
}
