//! What multiplies tiles.

use std::marker::PhantomData;

#[cfg(test)]
use super::emulated_tiles::Emulated;
use super::isa::Isa;
use super::pairs::{PairKernel, PairSimd};
use super::tiles::{TileKernel, Tiles};
#[cfg(target_arch = "x86_64")]
use super::{x86_amx::Amx, x86_avx512::Avx512};

/// Something that multiplies tiles, and that this processor has: a value of this type is the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileIsa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Beside AVX-512 with its products of pairs.
    #[cfg(target_arch = "x86_64")]
    Amx,
    #[cfg(test)]
    Emulated(super::PairIsa),
}

impl TileIsa {
    /// The tiles that go with an instruction set.
    pub fn of(isa: Isa) -> Option<Self> {
        match isa.kind() {
            #[cfg(target_arch = "x86_64")]
            super::isa::Kind::Amx => Some(Self(Kind::Amx)),
            _ => None,
        }
    }

    /// All that tests can run here: those of the processor, and tiles in plain Rust.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        let real = Isa::available().into_iter().filter_map(Self::of);
        let pairs = Isa::available().into_iter().filter_map(super::PairIsa::of);
        real.chain(pairs.map(|pairs| Self(Kind::Emulated(pairs)))).collect()
    }

    /// Runs a kernel.
    ///
    /// # Safety
    /// The kernel's own contract holds.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, unused_unsafe))]
    pub unsafe fn run<K: TileKernel>(self, kernel: K) -> K::Output {
        // SAFETY: `of` made this value only where both are there; the rest is the caller's promise.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Amx => Avx512::run_pairs(OnTiles::<K, Amx>(kernel, PhantomData)),
                #[cfg(test)]
                Kind::Emulated(pairs) => pairs.run(OnTiles::<K, Emulated>(kernel, PhantomData)),
            }
        }
    }

    /// Runs a kernel that needs no tiles, with the vectors beside them.
    ///
    /// # Safety
    /// The kernel's own contract holds.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, unused_unsafe))]
    pub unsafe fn run_pairs<K: PairKernel>(self, kernel: K) -> K::Output {
        // SAFETY: as for `run`.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Amx => Avx512::run_pairs(kernel),
                #[cfg(test)]
                Kind::Emulated(pairs) => pairs.run(kernel),
            }
        }
    }
}

/// A [`TileKernel`] run with one kind of tiles.
struct OnTiles<K, T>(K, PhantomData<T>);

// SAFETY: `run` asks for what the kernel asks for.
impl<K: TileKernel, T: Tiles> PairKernel for OnTiles<K, T> {
    type Output = K::Output;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe {
            T::begin();
            let output = self.0.run::<S, T>();
            T::end();
            output
        }
    }
}
