//! Samplers, guidance and respacing.
//!
//! A sampler is an iterator over steps: [`Trajectory`] takes a [`Denoiser`], a schedule and the
//! settings, and yields [`SampleFrame`]s. Preview, film, tests and `difflab sample` all consume that
//! one iterator. Guidance is a [`Denoiser`] that wraps a [`Denoiser`]; each sampler is one file that
//! implements [`Sampler`].

mod allowed;
mod class_name;
mod ddim;
mod ddpm;
mod denoiser;
mod dpmpp_2m;
mod dpmpp_2m_sde;
mod dpmpp_3m;
pub mod editing;
mod edm;
mod euler;
mod euler_a;
mod flow;
mod guidance;
mod heun;
mod karras;
mod levels;
mod multistep;
mod network;
mod noise;
mod pc;
mod pf_ode;
mod respacing;
mod runge_kutta;
mod sampler;
mod stability;
mod trajectory;
mod unipc;

#[cfg(test)]
mod diffusers_tests;
#[cfg(test)]
mod distribution_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod gaussian_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod paths_tests;

pub use allowed::check_sampler;
pub use class_name::find_class;
pub use ddim::Ddim;
pub use ddpm::Ddpm;
pub use denoiser::{Denoiser, Prediction};
pub use dpmpp_2m::Dpmpp2m;
pub use dpmpp_2m_sde::Dpmpp2mSde;
pub use dpmpp_3m::Dpmpp3m;
pub use edm::Edm;
pub use euler::Euler;
pub use euler_a::EulerAncestral;
pub use flow::{Flow, FlowRule};
pub use guidance::{Guidance, Guided};
pub use heun::Heun;
pub use levels::Levels;
pub use network::{Network, network_denoiser, traced_denoiser};
pub use noise::{NoiseSource, SeededNoise, starting_noise};
pub use pc::PredictorCorrector;
pub use pf_ode::ProbabilityFlow;
pub use respacing::{Counting, levels, timesteps};
pub use runge_kutta::{BOGACKI_SHAMPINE, DORMAND_PRINCE, EmbeddedPair, Tolerance, Verdict};
pub use sampler::{Churn, Sampler, SamplerSettings, Step, make};
pub use stability::{check_config_stability, check_stability};
pub use trajectory::{SampleFrame, Trajectory, sample};
pub use unipc::UniPc;
