//! The screen as a whole: what it looks like, what its keys do, and that nothing makes it panic.

mod behaviour;
mod charts;
mod demo;
mod fuzz;
mod looks;
mod paint;
mod plane;
mod pointer;
mod settings;
mod speed;
