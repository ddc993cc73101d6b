//! Which precisions this machine computes with.

use candle_core::Device;

use super::simd::{Isa, PairIsa, TileIsa};
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
            "it needs a processor with AMX (Sapphire Rapids and later) or AVX512-BF16 (Zen 4 and later), or AVX2, where it is \
             slow; the kernels run on {} here; use f32",
            isa.name()
        )),
    }
}

/// Whether products in bf16 are faster than those in f32 here.
fn gains(isa: Isa) -> bool {
    TileIsa::of(isa).is_some() || PairIsa::of(isa).is_some_and(PairIsa::fast)
}

/// That `precision` makes the network called by `key` slower here, not faster; `None`: it does not.
pub fn slowness(key: &str, precision: Precision) -> Option<String> {
    let isa = Isa::current();
    if precision != Precision::Bf16 || gains(isa) {
        return None;
    }
    let name = isa.name();
    let why = match (PairIsa::of(isa), name) {
        (None, _) => return Some(format!("{key} = \"bf16\" changes nothing here: {name} has no products in bf16")),
        (Some(_), "avx512") => {
            "the processor's instructions for it (AVX512-BF16) do fewer products than those for f32".to_string()
        }
        _ => format!(
            "the processor has no instructions for it (AMX, or AVX512-BF16), and {name} multiplies the rounded numbers \
             in f32"
        ),
    };
    Some(format!("{key} = \"bf16\" is slower than f32 here: {why}"))
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
            assert!(said.is_none() == gains(isa), "{said:?}");
            assert!(said.is_none_or(|said| said.contains("BF16") || PairIsa::of(isa).is_none()));
            assert!(gains(isa) || isa.name() != "amx");
        });
    }
}
