//! Which instruction set multiplies pairs.

use super::Simd;
use super::isa::{self, Isa};
use super::pairs::{PairKernel, PairSimd};
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::{x86_avx2::Avx2, x86_avx512::Avx512};

/// An instruction set that multiplies pairs, and that this processor has: a value of this type is
/// the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairIsa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    /// Without instructions for it: multiplied in f32.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Plain Rust: very slow.
    Portable,
}

impl PairIsa {
    /// The products of pairs that go with an instruction set.
    pub fn of(isa: Isa) -> Option<Self> {
        match isa.kind() {
            #[cfg(target_arch = "x86_64")]
            isa::Kind::Amx | isa::Kind::Avx512 => {
                let there = std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512bf16");
                there.then_some(Self(Kind::Avx512Bf16))
            }
            isa::Kind::Portable => Some(Self(Kind::Portable)),
            #[cfg(target_arch = "x86_64")]
            isa::Kind::Avx2 => Some(Self(Kind::Avx2)),
            #[cfg(target_arch = "aarch64")]
            isa::Kind::Neon => None,
        }
    }

    /// Numbers, or pairs, in a vector: as many as those of the instruction set that it goes with.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => Avx2::LANES,
            Kind::Portable => Portable::LANES,
        }
    }

    /// Whether the processor has instructions for it that do more products than those for f32.
    pub fn fast(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => super::x86_bf16::gains(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => false,
            Kind::Portable => false,
        }
    }

    /// Runs a kernel compiled for this instruction set.
    ///
    /// # Safety
    /// The kernel's own contract holds.
    pub unsafe fn run<K: PairKernel>(self, kernel: K) -> K::Output {
        // SAFETY: `of` made this value only after asking the processor; the rest is the caller's
        // promise.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512Bf16 => Avx512::run_pairs(kernel),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => Avx2::run_pairs(kernel),
                Kind::Portable => Portable::run_pairs(kernel),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rounded([f32; 16]);

    // SAFETY: `run` may always be called.
    impl PairKernel for Rounded {
        type Output = Vec<[u16; 2]>;

        unsafe fn run<S: PairSimd>(self) -> Vec<[u16; 2]> {
            let mut stored = [0f32; 16];
            let (mut paired, mut paired_again) = ([0f32; 16], [0f32; 16]);
            let ones = [f32::from_bits(0x3f80_3f80); 8];
            for i in (0..16).step_by(S::LANES) {
                // SAFETY: sixteen numbers are whole vectors of every width.
                unsafe {
                    let v = S::load(self.0.as_ptr().add(i));
                    S::store_rounded(stored.as_mut_ptr().add(i / 2), v);
                    S::store(paired.as_mut_ptr().add(i), S::pair(v, S::splat(1.0)));
                }
            }
            for i in (0..16).step_by(S::LANES) {
                // SAFETY: as above; a number is half a word.
                unsafe {
                    let pair = S::pair_rounded(stored.as_ptr().add(i / 2), ones.as_ptr().add(i / 2));
                    S::store(paired_again.as_mut_ptr().add(i), pair);
                }
            }
            assert_eq!(paired.map(f32::to_bits), paired_again.map(f32::to_bits));
            let halves = |x: f32| [x.to_bits() as u16, (x.to_bits() >> 16) as u16];
            let all = stored[..8].iter().flat_map(|&x| halves(x)).zip(paired);
            all.map(|(stored, x)| {
                assert_eq!(halves(x), [stored, 0x3f80]);
                [stored, halves(x)[0]]
            })
            .collect()
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_even_and_keep_their_places() {
        let mut numbers = [0.0; 16];
        let exact: [(u32, u16); 7] = [
            (0x3f80_0000, 0x3f80),
            (0x3f80_8000, 0x3f80), // a tie, down to even
            (0x3f81_8000, 0x3f82), // a tie, up to even
            (0x3f80_8001, 0x3f81),
            (0xc2f7_7fff, 0xc2f7),
            (0x7f80_0000, 0x7f80), // infinity
            (0x7f7f_ffff, 0x7f80), // the largest f32 lies beyond the largest bf16
        ];
        for (i, (bits, _)) in exact.iter().enumerate() {
            numbers[i] = f32::from_bits(*bits);
        }
        numbers[15] = f32::NAN;
        for isa in Isa::available().into_iter().filter_map(PairIsa::of) {
            // SAFETY: nothing but registers and arrays of its own.
            let got = unsafe { isa.run(Rounded(numbers)) };
            for (i, (bits, want)) in exact.iter().enumerate() {
                assert_eq!(got[i][0], *want, "{bits:x} with {isa:?}");
            }
            assert!(f32::from_bits((got[15][0] as u32) << 16).is_nan());
        }
    }

    struct Dot;

    // SAFETY: `run` may always be called.
    impl PairKernel for Dot {
        type Output = f32;

        unsafe fn run<S: PairSimd>(self) -> f32 {
            // SAFETY: registers only.
            unsafe {
                let (a, b) = (S::pair(S::splat(2.0), S::splat(3.0)), S::pair(S::splat(5.0), S::splat(7.0)));
                S::largest(S::dot(a, b, S::splat(0.5)))
            }
        }
    }

    #[test]
    fn a_dot_product_adds_both_products_to_the_sum() {
        for isa in Isa::available().into_iter().filter_map(PairIsa::of) {
            // SAFETY: registers only.
            assert_eq!(unsafe { isa.run(Dot) }, 31.5, "{isa:?}");
        }
    }
}
