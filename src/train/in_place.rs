//! Elementwise updates that write into a tensor's own storage, so that everything that shares it
//! (the network, its inference view) sees the new values without a copy.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, bail};

/// dst ← f(dst, a), elementwise, on a CPU.
pub fn update2(dst: &Tensor, a: &Tensor, f: impl Fn(f32, f32) -> f32) -> Result<()> {
    dst.inplace_op2(a, &Elementwise(f))
}

/// dst ← f(dst, a, b), elementwise, on a CPU.
pub fn update3(dst: &Tensor, a: &Tensor, b: &Tensor, f: impl Fn(f32, f32, f32) -> f32) -> Result<()> {
    dst.inplace_op3(a, b, &Elementwise(f))
}

struct Elementwise<F>(F);

impl<F: Fn(f32, f32) -> f32> InplaceOp2 for Elementwise<F> {
    fn name(&self) -> &'static str {
        "elementwise update of two"
    }

    fn cpu_fwd(&self, dst: &mut CpuStorage, dst_l: &Layout, a: &CpuStorage, a_l: &Layout) -> Result<()> {
        let a = slice(a, a_l)?;
        let dst = slice_mut(dst, dst_l)?;
        check_lengths(dst.len(), a.len())?;
        for (d, &a) in dst.iter_mut().zip(a) {
            *d = (self.0)(*d, a);
        }
        Ok(())
    }
}

impl<F: Fn(f32, f32, f32) -> f32> InplaceOp3 for Elementwise<F> {
    fn name(&self) -> &'static str {
        "elementwise update of three"
    }

    fn cpu_fwd(
        &self,
        dst: &mut CpuStorage,
        dst_l: &Layout,
        a: &CpuStorage,
        a_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
    ) -> Result<()> {
        let (a, b) = (slice(a, a_l)?, slice(b, b_l)?);
        let dst = slice_mut(dst, dst_l)?;
        check_lengths(dst.len(), a.len())?;
        check_lengths(dst.len(), b.len())?;
        for ((d, &a), &b) in dst.iter_mut().zip(a).zip(b) {
            *d = (self.0)(*d, a, b);
        }
        Ok(())
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("an in-place update needs contiguous tensors"),
    }
}

fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        (_, None) => bail!("an in-place update needs contiguous tensors"),
        _ => bail!("an in-place update needs f32 tensors"),
    }
}

fn check_lengths(a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { bail!("an in-place update of {a} elements with {b}") }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn whoever_shares_the_storage_sees_the_update() {
        let dst = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let view = dst.detach();
        let a = Tensor::new(&[10f32, 20.0], &Device::Cpu).unwrap();
        update2(&dst, &a, |d, a| d + a).unwrap();
        assert_eq!(view.to_vec1::<f32>().unwrap(), [11.0, 22.0]);
        update3(&dst, &a, &a, |d, a, b| d - a - b).unwrap();
        assert_eq!(view.to_vec1::<f32>().unwrap(), [-9.0, -18.0]);
    }

    #[test]
    fn tensors_of_other_lengths_are_refused() {
        let dst = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let a = Tensor::new(&[10f32, 20.0, 30.0], &Device::Cpu).unwrap();
        assert!(update2(&dst, &a, |d, a| d + a).is_err());
    }
}
