//! Experiments of several runs.
