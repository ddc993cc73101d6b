//! Which instruction set runs the kernels.

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::{Kernel, Simd, portable::Portable};
#[cfg(target_arch = "x86_64")]
use super::{x86_amx, x86_avx2::Avx2, x86_avx512::Avx512};

/// An instruction set that this processor has: a value of this type is the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// AVX-512, and tiles for products in bf16.
    #[cfg(target_arch = "x86_64")]
    Amx,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// All that this processor has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                if std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512bf16")
                    && x86_amx::there()
                {
                    kinds.push(Kind::Amx);
                }
                kinds.push(Kind::Avx512);
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                kinds.push(Kind::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            kinds.push(Kind::Neon);
        }
        kinds.push(Kind::Portable);
        kinds.into_iter().map(Self).collect()
    }

    /// The one in use: the fastest, unless `DIFFLAB_ISA` names another that is there.
    pub fn current() -> Self {
        #[cfg(test)]
        if let Some(isa) = forced::get() {
            return isa;
        }
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let available = Self::available();
            let chosen = Self::wanted().and_then(|name| available.iter().find(|isa| isa.name() == name).copied());
            chosen.unwrap_or(available[0])
        })
    }

    /// What `DIFFLAB_ISA` names.
    fn wanted() -> Option<&'static str> {
        static WANTED: OnceLock<Option<String>> = OnceLock::new();
        let named = || std::env::var("DIFFLAB_ISA").ok().map(|name| name.trim().to_string());
        WANTED.get_or_init(named).as_deref().filter(|name| !name.is_empty())
    }

    /// What `DIFFLAB_ISA` names and isn't there.
    pub fn asked_in_vain() -> Option<&'static str> {
        Self::wanted().filter(|name| Self::available().iter().all(|isa| isa.name() != *name))
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }

    /// Its name, as in `DIFFLAB_ISA`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx => "amx",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "scalar",
        }
    }

    /// Numbers in a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx | Kind::Avx512 => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => Neon::LANES,
            Kind::Portable => Portable::LANES,
        }
    }

    /// Runs a kernel compiled for this instruction set.
    ///
    /// # Safety
    /// The kernel's own contract holds.
    pub(crate) unsafe fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `available` made this value only after asking the processor; the rest is the
        // caller's promise.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Amx | Kind::Avx512 => Avx512::run(kernel),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => Avx2::run(kernel),
                #[cfg(target_arch = "aarch64")]
                Kind::Neon => Neon::run(kernel),
                Kind::Portable => Portable::run(kernel),
            }
        }
    }
}

/// Tests choose the instruction set for the operations that their own thread starts.
#[cfg(test)]
pub(crate) mod forced {
    use std::cell::Cell;

    use super::Isa;

    thread_local!(static FORCED: Cell<Option<Isa>> = const { Cell::new(None) });

    pub(super) fn get() -> Option<Isa> {
        FORCED.get()
    }

    /// Runs `test` once with each instruction set that is there.
    pub(crate) fn on_each(test: impl Fn(Isa)) {
        for isa in Isa::available() {
            FORCED.set(Some(isa));
            test(isa);
            FORCED.set(None);
        }
    }
}
