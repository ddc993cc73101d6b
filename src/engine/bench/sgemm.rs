//! The ceiling: what the machine reaches in a plain matrix product.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::Times;
use crate::kernels::Workers;
use crate::random::{Stream, generator, normal};

/// Rows and columns of the matrices.
pub const SIZE: usize = 2048;

/// Operations of one product of `size` × `size` matrices.
pub fn flops(size: usize) -> u64 {
    2 * (size as u64).pow(3)
}

/// Times the f32 product of two `size` × `size` matrices. On a CPU the rows are split over the
/// workers, as training splits its batch, and each multiplies its share with the gemm crate.
///
/// # Errors
/// When the device has no memory for the matrices.
pub fn measure(size: usize, device: &Device, workers: &Workers, warm_up: usize, repeats: usize) -> Result<Times> {
    let matrix = |index| {
        let values = normal(&mut generator(0, Stream::Noise, index), size * size);
        Tensor::from_vec(values, (size, size), device)
    };
    let (a, b) = (matrix(0)?, matrix(1)?);
    let shares = if device.is_cpu() { workers.shares(size) } else { std::iter::once(0..size).collect() };
    Times::measure(warm_up, repeats, || {
        let products = workers.run(shares.len(), |i| a.narrow(0, shares[i].start, shares[i].len())?.matmul(&b));
        products.into_iter().collect::<candle_core::Result<Vec<_>>>()?;
        Ok(device.synchronize()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_timed_with_any_number_of_workers() {
        for threads in [1, 3] {
            let workers = Workers::new(threads).unwrap();
            let times = measure(64, &Device::Cpu, &workers, 1, 4).unwrap();
            assert!(times.seconds().len() == 4 && times.min() > 0.0);
        }
        assert_eq!(flops(SIZE), 17_179_869_184);
    }
}
