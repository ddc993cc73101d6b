//! Which precisions this machine computes with.

use anyhow::Result;
use candle_core::Device;

use super::simd::{Isa, PairIsa, TileIsa};
use crate::config::{NetworkKind, Precision, PrecisionChoice};
use crate::ranks::Collective;

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

/// The precision that such a network takes where `choice` is asked for on `device`: with `auto` the faster one; an mlp has nothing that is
/// multiplied in bf16.
pub fn taken(choice: PrecisionChoice, kind: NetworkKind, device: &Device) -> Precision {
    match choice {
        PrecisionChoice::F32 => Precision::F32,
        _ if !kind.has_bf16() => Precision::F32,
        PrecisionChoice::Bf16 => Precision::Bf16,
        PrecisionChoice::Auto if device.is_cpu() && gains(Isa::current()) => Precision::Bf16,
        PrecisionChoice::Auto => Precision::F32,
    }
}

/// What `auto` stands for with such a network on `device`, and why: "bf16, faster here than f32 (amx)". All ranks make this call and
/// take the same: bf16 where it is faster on each of them.
///
/// # Errors
/// When the connection to the others has ended.
pub fn faster(kind: NetworkKind, device: &Device, ranks: &dyn Collective) -> Result<(Precision, String)> {
    if !kind.has_bf16() {
        return Ok((Precision::F32, "f32, as an mlp always is".into()));
    }
    let own = taken(PrecisionChoice::Auto, kind, device);
    let name = Isa::current().name();
    let said = format!("{} {name} {}", u8::from(own == Precision::Bf16), ranks.host());
    let all = ranks.all_gather(said.into_bytes())?;
    let all: Vec<_> = all.iter().map(|said| String::from_utf8_lossy(said)).collect();
    let slow = all.iter().enumerate().find_map(|(rank, said)| Some((rank, said.strip_prefix("0 ")?)));
    Ok(match slow {
        None => (Precision::Bf16, format!("bf16, faster here than f32 ({name})")),
        Some(_) if !device.is_cpu() => (Precision::F32, "f32, as bf16 exists on the CPU only".into()),
        Some(_) if own == Precision::F32 => (Precision::F32, format!("f32, as bf16 is no faster here ({name})")),
        Some((rank, said)) => {
            let (name, host) = said.split_once(' ').unwrap_or((said, "another machine"));
            (Precision::F32, format!("f32, as bf16 is no faster on {host}, which has rank {rank} ({name})"))
        }
    })
}

/// The same as [`taken`], for all ranks, each of which makes this call.
///
/// # Errors
/// When the connection to the others has ended.
pub fn agreed(
    choice: PrecisionChoice,
    kind: NetworkKind,
    device: &Device,
    ranks: &dyn Collective,
) -> Result<Precision> {
    match choice {
        PrecisionChoice::Auto => Ok(faster(kind, device, ranks)?.0),
        named => Ok(taken(named, kind, device)),
    }
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
    Some(format!("{key} = \"bf16\" is slower than f32 here ({key} = \"auto\" takes the faster one): {why}"))
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
    use crate::ranks::{Alone, on_threads};

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

    #[test]
    fn auto_is_bf16_exactly_where_that_is_faster() {
        on_each(|isa| {
            let auto = taken(PrecisionChoice::Auto, NetworkKind::Unet, &Device::Cpu);
            assert_eq!(auto == Precision::Bf16, gains(isa), "{}", isa.name());
            assert_eq!(obstacle(auto, &Device::Cpu), None);
            assert_eq!(slowness("train.precision", auto), None);
            for precision in [Precision::F32, Precision::Bf16] {
                assert_eq!(taken(precision.into(), NetworkKind::Unet, &Device::Cpu), precision, "as it was asked for");
            }
            let (precision, why) = faster(NetworkKind::Unet, &Device::Cpu, &Alone).unwrap();
            assert_eq!(precision, auto);
            assert!(why.starts_with(auto.name()) && why.contains(isa.name()), "{why}");
        });
    }

    #[test]
    fn an_mlp_is_always_f32() {
        for choice in [PrecisionChoice::F32, PrecisionChoice::Bf16, PrecisionChoice::Auto] {
            assert_eq!(taken(choice, NetworkKind::Mlp, &Device::Cpu), Precision::F32);
            assert_eq!(agreed(choice, NetworkKind::Mlp, &Device::Cpu, &Alone).unwrap(), Precision::F32);
        }
        let (precision, why) = faster(NetworkKind::Mlp, &Device::Cpu, &Alone).unwrap();
        assert_eq!((precision, &*why), (Precision::F32, "f32, as an mlp always is"));
    }

    #[test]
    fn ranks_take_f32_where_bf16_is_not_faster_on_all_of_them() {
        let said = on_threads(2, |ranks| {
            let said = std::cell::RefCell::default();
            // Rank 0 on the fastest instruction set, rank 1 on the slowest.
            let wanted = if ranks.leads() { Isa::available()[0] } else { Isa::available()[Isa::available().len() - 1] };
            on_each(|isa| {
                if isa == wanted {
                    *said.borrow_mut() = Some(faster(NetworkKind::Unet, &Device::Cpu, &*ranks).unwrap());
                }
            });
            said.into_inner().unwrap()
        });
        assert!(said.iter().all(|(precision, _)| *precision == Precision::F32), "{said:?}");
        if gains(Isa::available()[0]) {
            assert!(said[0].1.contains("this machine, which has rank 1 (scalar)"), "{said:?}");
        }
    }
}
