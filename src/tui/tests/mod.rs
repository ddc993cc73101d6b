//! The screen as a whole: what it looks like, what its keys do, and that nothing makes it panic.

mod behaviour;
mod demo;
mod films;
mod fuzz;
mod looks;
mod paint;
mod plane;
mod settings;
mod speed;
mod traffic;
