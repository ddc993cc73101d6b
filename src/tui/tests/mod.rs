//! The screen as a whole: what it looks like, what its keys do, and that nothing makes it panic.

mod behaviour;
mod demo;
mod fuzz;
mod looks;
mod paint;
mod pictures;
mod plane;
mod settings;
mod speed;
