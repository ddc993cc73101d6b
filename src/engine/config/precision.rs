//! In what numbers a network multiplies, and what a config may ask for.

use serde::{Deserialize, Serialize};

use super::names::NetworkKind;

/// Which precision a config asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionChoice {
    #[default]
    F32,
    Bf16,
    /// The faster one, on the machine where a run begins.
    Auto,
}

impl From<Precision> for PrecisionChoice {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::Bf16 => Self::Bf16,
        }
    }
}

/// How precisely a network multiplies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Everything in f32.
    #[default]
    F32,
    /// The products of convolutions (which ones depends on the processor), and with AMX of attention, in bf16, their sums and
    /// everything else in f32. SiLU in front of them is as precise as bf16 needs it.
    Bf16,
}

impl NetworkKind {
    /// Whether anything of it is multiplied in bf16 where that is asked for.
    pub fn has_bf16(self) -> bool {
        self != Self::Mlp
    }
}

impl Precision {
    /// As in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}
