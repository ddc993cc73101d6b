//! Samplers, guidance and respacing.
//!
//! A sampler is an iterator over steps: [`Trajectory`] takes a [`Denoiser`], a schedule and the
//! settings, and yields [`SampleFrame`]s. Preview, film, tests and `difflab sample` all consume that
//! one iterator. Guidance is a [`Denoiser`] that wraps a [`Denoiser`]; each sampler is one file that
//! implements [`Sampler`].

mod allowed;
mod beta_quantile;
mod clamp;
mod class_name;
mod counting;
mod ddim;
mod ddpm;
mod deis;
mod denoiser;
mod dpm_2;
mod dpmpp;
mod dpmpp_2s;
pub mod editing;
mod edm;
mod ends;
mod euler;
mod euler_a;
mod flow;
mod guidance;
mod heun;
mod levels;
mod lms;
mod make;
mod multistep;
mod network;
mod noise;
mod pc;
mod pf_ode;
mod pndm;
mod respacing;
mod runge_kutta;
mod sampler;
mod settings;
mod sigmas;
mod stability;
mod trajectory;
mod unipc;
mod update;
mod visited;
mod whole_timesteps;
#[cfg(test)]
mod whole_timesteps_tests;

#[cfg(test)]
mod diffusers_tests;
#[cfg(test)]
mod distribution_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod gaussian_tests;
#[cfg(test)]
mod idle_keys_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod paths_tests;

pub use allowed::check_sampler;
pub use clamp::Clamp;
pub use class_name::{find_class, means_no_class, null_class_otherwise};
pub use counting::{Counting, timesteps};
pub use ddim::Ddim;
pub use ddpm::Ddpm;
pub use deis::Deis;
pub use denoiser::{Denoiser, Prediction};
pub use dpm_2::Dpm2;
pub use dpmpp::Dpmpp;
pub use dpmpp_2s::Dpmpp2s;
pub use edm::Edm;
pub use euler::Euler;
pub use euler_a::EulerAncestral;
pub use flow::{Flow, FlowRule};
pub use guidance::{Guidance, Guided};
pub use heun::Heun;
pub use levels::Levels;
pub use lms::Lms;
pub use make::make;
pub use network::{Network, network_denoiser, traced_denoiser};
pub use noise::{NoiseSource, SeededNoise, starting_noise};
pub use pc::PredictorCorrector;
pub use pf_ode::ProbabilityFlow;
pub use pndm::Pndm;
pub use respacing::levels;
pub use runge_kutta::{BOGACKI_SHAMPINE, DORMAND_PRINCE, EmbeddedPair, Tolerance, Verdict};
pub use sampler::{Sampler, Step};
pub use settings::{Churn, SamplerSettings, Solver};
pub use stability::{check_config_stability, check_stability};
pub use trajectory::{SampleFrame, Trajectory, sample};
pub use unipc::UniPc;
pub use update::{
    AngleStep, Deviation, LambdaStep, PseudoMethod, PseudoStep, Raised, SamplerUpdate, StepStage, UniStep, UpdateRule,
};
