//! The lower floors of difflab: mathematics, networks, kernels and data, without run folders and screens. They are a crate of
//! their own so that a change above them compiles in seconds; the crate `difflab` has the plan of the whole house.

// They panic where nobody listens any more: see difflab's `speak`.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod ascii;
pub mod bench;
pub mod config;
pub mod data;
pub mod diffusion;
pub mod eval;
pub mod kernels;
pub mod nn;
pub mod picture;
pub mod process;
pub mod random;
pub mod ranks;
pub mod sampling;
pub mod thousands;
pub mod train;
