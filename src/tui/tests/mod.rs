//! The screen as a whole: what it looks like, what its keys do, and that nothing makes it panic.

mod album;
mod another_run;
mod bars;
mod behaviour;
mod charts;
mod comparing;
mod demo;
mod experiments;
mod explaining;
mod films;
mod fuzz;
mod help;
mod lesson;
mod looks;
mod paint;
mod panes;
mod pictures;
mod plane;
mod pointer;
mod reading;
mod runs;
mod runs_looks;
mod settings;
mod speed;
mod traffic;
mod undo;
