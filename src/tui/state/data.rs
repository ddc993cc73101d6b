//! What training has told so far: the part of the state that a freeze keeps.

use std::sync::Arc;

use super::compared::ComparedRun;
use super::film::Films;
use super::heat::Heat;
use super::history::History;
use crate::lab::RunInfo;

/// All that is plotted.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Facts of the run, once the worker knows them.
    pub info: Option<Arc<RunInfo>>,
    pub history: History,
    pub heat: Heat,
    pub films: Films,
    /// Other runs beside this one, and among them this one; empty while none are compared.
    pub compared: Vec<ComparedRun>,
}
