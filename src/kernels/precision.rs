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
        Some(pairs) if pairs.fast() => None,
        _ => Some(format!(
            "it needs a processor with AVX512-BF16 (Zen 4, Sapphire Rapids and later); the kernels run on {} here, \
             where it would only be slower; use f32",
            isa.name()
        )),
    }
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
                None => assert_eq!(isa.name(), "avx512"),
            }
        });
    }
}
