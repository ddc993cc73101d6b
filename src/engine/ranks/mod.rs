//! Several processes that do one piece of work together: who they are, how they talk, and in which order they add up.
//!
//! ```text
//! Collective   rank, size, barrier, broadcast, all-gather, all-to-all      the one interface
//!   Alone      one process
//!   Mpi        the processes of an MPI job (feature `mpi`)
//! Tree         the order in which numbers of shards are added, whoever holds them
//! world()      this process's job: Alone, until `join` has found others
//! ```
//!
//! What a sum of floats comes to depends on its order. So nothing here adds: numbers are passed on, and each rank adds what
//! it is to add by the [`Tree`], which knows shards and no ranks.

mod alone;
mod collective;
mod doubles;
mod gathered;
mod launched;
#[cfg(feature = "mpi")]
mod mpi;
mod share;
#[cfg(test)]
mod threads;
mod tree;
mod world;

pub use alone::Alone;
pub use collective::Collective;
pub use doubles::{bytes_of, doubles_of};
pub use launched::{Launched, launched, launched_as};
pub use share::share;
#[cfg(test)]
pub use threads::on_threads;
pub use tree::{Node, Sum, Tree};
pub use world::{NotJoined, join, world};
