//! The screen as a whole: what it looks like, what its keys do, and that nothing makes it panic.

mod bars;
mod behaviour;
mod demo;
mod fuzz;
mod help;
mod looks;
mod paint;
mod plane;
mod settings;
mod speed;
