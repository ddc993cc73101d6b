//! What the lab does outside its own state: it waits for keys, events and time, asks the worker, and draws.

mod event_loop;
mod farewell;
mod input;
mod looking_on;
mod onlooker;
mod outbox;
mod pacing;
mod run;
mod runs_thread;
mod trials;

pub use looking_on::{browse, compare, watch};
pub use run::{TuiOptions, run};
