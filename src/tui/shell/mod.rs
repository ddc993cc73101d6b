//! What the lab does outside its own state: it waits for keys, events and time, asks the worker, and draws.

mod behind;
mod event_loop;
#[cfg(test)]
mod event_loop_tests;
mod experiment;
mod farewell;
mod input;
mod learning;
mod looking_on;
mod onlooker;
mod outbox;
mod pacing;
mod run;
mod runs_thread;
mod sources;
mod surface;
mod trials;

pub use experiment::experiment;
pub use looking_on::{begin_fork, browse, compare, watch};
pub use run::{TuiOptions, run};
