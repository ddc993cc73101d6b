//! What the lab does outside its own state: it waits for keys, events and time, asks the worker, and draws.

mod compare;
mod event_loop;
mod farewell;
mod input;
mod outbox;
mod pacing;
mod run;
mod trials;

pub use compare::compare;
pub use run::{TuiOptions, run};
