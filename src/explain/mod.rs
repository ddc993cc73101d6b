//! The mathematics of what one sees, with the live numbers: formulas, each with its source, filled in by the code that
//! trains and samples.
//!
//! A topic is one file. It asks trainer, schedule, sampler and network for its numbers and makes an [`Explanation`] of them;
//! [`text`] and [`markdown`] write that out. Formulas are LaTeX, of which [`latex`] makes lines for terminals.

pub mod bound;
pub mod data;
pub mod document;
pub mod forward;
pub mod guidance;
mod latents;
pub mod latex;
pub mod loss;
pub mod markdown;
mod names;
mod nouns;
mod of_topic;
pub mod path;
pub mod plane;
mod rules;
pub mod sampling_step;
pub mod subject;
pub mod targets;
pub mod text;
pub mod time;
mod topic;
mod trails;
pub mod training_step;
mod watched;

#[cfg(test)]
mod numbers_tests;
#[cfg(test)]
mod papers_tests;
#[cfg(test)]
mod path_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod stages_tests;

pub use document::{Explanation, Part};
pub use latents::shown_in_pictures;
pub use of_topic::{explain, of_the_path};
pub use subject::{AskedNetwork, ExplainedSubject, Focus, level};
pub use topic::Topic;
