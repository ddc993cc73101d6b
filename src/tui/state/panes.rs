//! Denoising in several panes, all from one noise: settings of a run side by side, or what runs could do at the steps that
//! they have kept.

use std::path::PathBuf;
use std::time::Duration;

use super::film::{Film, Films, Still};
use super::learning::Learning;
use crate::lab::PreviewFrame;
use crate::tui::archive::SamplePane;

/// What Denoising shows in place of the preview's film, and how it moves.
#[derive(Clone, Debug, Default)]
pub struct Panes {
    /// Of the newest request for samples, those of compared runs included; frames of any other come too late.
    pub round: u64,
    /// How often other noise was drawn for them.
    pub drawn: u64,
    /// Since when they move: from noise to images, or since the newest step of training.
    pub playing: Option<Duration>,
    pub shown: Paned,
    /// When the steps that runs have kept were last asked for.
    pub looked: Duration,
}

/// What is in the panes.
#[derive(Clone, Debug, Default)]
pub enum Paned {
    /// Nothing: the preview's film, or the compared runs.
    #[default]
    Nothing,
    Beside(Box<Beside>),
    Learning(Box<Learning>),
}

/// Settings side by side.
#[derive(Clone, Debug)]
pub struct Beside {
    pub dir: PathBuf,
    /// As a person has typed them.
    pub line: String,
    pub panes: Vec<BesidePane>,
    /// Height, width and channels of an image.
    pub shape: (usize, usize, usize),
}

/// One of them.
#[derive(Clone, Debug)]
pub struct BesidePane {
    /// What it has otherwise: "ddim", "w 3".
    pub label: Vec<String>,
    pub asked: SamplePane,
    pub films: Films,
    /// Why it can't be sampled.
    pub trouble: Option<String>,
}

impl Panes {
    /// Whatever was asked for is wanted no more; the number of what is asked for next.
    pub fn next_round(&mut self) -> u64 {
        self.round += 1;
        self.round
    }
}

impl Beside {
    /// Takes a frame in.
    pub fn push(&mut self, pane: usize, frame: &PreviewFrame, shape: (usize, usize, usize)) {
        self.shape = shape;
        if let Some(pane) = self.panes.get_mut(pane) {
            pane.films.push(frame, None);
        }
    }

    /// The step of the weights, where all panes have the same.
    pub fn step(&self) -> Option<u64> {
        let mut steps = self.panes.iter().filter_map(|pane| Some(pane.films.newest()?.stills().first()?.step));
        let first = steps.next()?;
        steps.all(|step| step == first).then_some(first)
    }

    /// Is nothing to be seen yet, in any?
    pub fn is_empty(&self) -> bool {
        self.panes.iter().all(|pane| pane.films.newest().is_none() && pane.trouble.is_none())
    }
}

impl BesidePane {
    /// Its moment that is nearest to timestep `t`.
    pub fn still_at(&self, t: usize) -> Option<(&Film, &Still)> {
        let film = self.films.newest()?;
        Some((film, film.stills().get(film.nearest(t))?))
    }
}
