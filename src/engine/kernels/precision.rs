//! Which precisions this machine computes with.

use candle_core::Device;

use super::simd::{Isa, PairIsa};
use crate::config::Precision;

/// Why this process can't train with `precision` on `device`; `None`: it can.
pub fn obstacle(precision: Precision, device: &Device) -> Option<String> {
    match precision {
        Precision::F32 => None,
        Precision::Bf16 if !device.is_cpu() => {
            Some("mixed precision exists on the CPU only; use f32 on other devices".into())
        }
        Precision::Bf16 => without_products(Isa::current()),
    }
}

fn without_products(isa: Isa) -> Option<String> {
    match PairIsa::of(isa) {
        Some(_) => None,
        None => Some(format!(
            "it needs a processor with AVX512-BF16 (Zen 4, Sapphire Rapids and later), or AVX2, where it is slow; the \
             kernels run on {} here; use f32",
            isa.name()
        )),
    }
}

/// That `precision` makes the network called by `key` slower here, not faster; `None`: it does not.
pub fn slowness(key: &str, precision: Precision) -> Option<String> {
    let isa = Isa::current();
    let fast = PairIsa::of(isa).is_some_and(PairIsa::fast);
    (precision == Precision::Bf16 && !fast).then(|| {
        format!(
            "{key} = \"bf16\" is slower than f32 here: the processor has no instructions for it (AVX512-BF16), and {} \
             multiplies the rounded numbers in f32",
            isa.name()
        )
    })
}

/// That sampling in `precision` is not what this machine does on `device`, or not faster there; `None`: it is both.
pub fn sampling_doubt(precision: Precision, device: &Device) -> Option<String> {
    if precision == Precision::Bf16 && !device.is_cpu() {
        return Some(
            "sample.precision = \"bf16\" exists on the CPU only: previews and snapshots on this device are computed in f32"
                .into(),
        );
    }
    slowness("sample.precision", precision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::forced::on_each;

    #[test]
    fn f32_is_never_refused_and_bf16_only_with_the_reason() {
        on_each(|isa| {
            assert_eq!(obstacle(Precision::F32, &Device::Cpu), None);
            match obstacle(Precision::Bf16, &Device::Cpu) {
                Some(why) => assert!(why.contains("AVX512-BF16") && why.contains(isa.name()), "{why}"),
                None => assert!(isa.name() != "neon"),
            }
            assert_eq!(slowness("train.precision", Precision::F32), None);
            let said = slowness("train.precision", Precision::Bf16);
            assert!(said.is_none() == PairIsa::of(isa).is_some_and(PairIsa::fast), "{said:?}");
        });
    }
}
