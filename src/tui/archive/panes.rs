//! Panes of samples from one noise: together, a step of each in turn, or one after the other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use crossbeam_channel::Sender;

use super::denoiser::Denoised;
use super::protocol::{ArchiveNews, SampleOrder, SamplePane, SampleRequest};
use crate::kernels::Workers;
use crate::run::{self, LoadedModel, checkpoint};

/// The panes of one request. Nobody listens any more: `Err(())`.
#[derive(Default)]
pub struct PanesUnderWay {
    work: Option<Work>,
}

struct Work {
    request: SampleRequest,
    workers: Arc<Workers>,
    waiting: VecDeque<usize>,
    under_way: Vec<Denoised>,
    /// What was opened last: settings side by side share one network.
    opened: Vec<(PathBuf, Option<u64>, LoadedModel)>,
}

impl PanesUnderWay {
    pub fn is_empty(&self) -> bool {
        self.work.is_none()
    }

    /// In place of what was under way.
    pub fn begin(&mut self, request: SampleRequest, news: &Sender<ArchiveNews>) -> Result<(), ()> {
        self.work = None;
        let workers = match Workers::new(usize::from(request.gently)) {
            Ok(workers) => Arc::new(workers),
            Err(error) => return news.send(ArchiveNews::Refused(format!("{error:#}"))).map_err(drop),
        };
        let waiting = (0..request.panes.len()).collect();
        self.work = Some(Work { request, workers, waiting, under_way: Vec::new(), opened: Vec::new() });
        Ok(())
    }

    /// Opens what waits, or takes a step of each pane.
    pub fn advance(&mut self, news: &Sender<ArchiveNews>) -> Result<(), ()> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let opens = match work.request.order {
            SampleOrder::Together => true,
            SampleOrder::InTurn => work.under_way.is_empty(),
        };
        match if opens { work.waiting.pop_front() } else { None } {
            Some(pane) => work.open(pane, news)?,
            None => work.step(news)?,
        }
        if work.waiting.is_empty() && work.under_way.is_empty() {
            self.work = None;
        }
        Ok(())
    }
}

impl Work {
    fn open(&mut self, pane: usize, news: &Sender<ArchiveNews>) -> Result<(), ()> {
        let asked = self.request.panes[pane].clone();
        let begun = self.model(&asked).and_then(|model| {
            let from = (self.request.seed, self.request.num, self.request.round);
            Denoised::begin((pane, &asked), &model, from, &self.workers)
        });
        match begun {
            Ok(begun) => self.under_way.push(begun),
            Err(error) => self.tell(pane, format!("it can't be sampled: {error:#}"), news)?,
        }
        Ok(())
    }

    fn tell(&self, pane: usize, why: String, news: &Sender<ArchiveNews>) -> Result<(), ()> {
        news.send(ArchiveNews::NoFrames { round: self.request.round, pane, why }).map_err(drop)
    }

    /// The network of a pane.
    fn model(&mut self, asked: &SamplePane) -> Result<LoadedModel> {
        if asked.raw && checkpoint::all(&asked.dir).is_empty() {
            bail!("raw weights are in checkpoints, and there is none yet");
        }
        let known = self.opened.iter().find(|(dir, step, _)| (dir, *step) == (&asked.dir, asked.step));
        let model = match known {
            Some((.., model)) => model.clone(),
            None => {
                // All panes of a run are of one step; where one is of raw weights, of a step that has them.
                let raw = self.request.panes.iter().any(|pane| pane.dir == asked.dir && pane.raw);
                let model = open(&asked.dir, asked.step, raw)?;
                if self.request.order == SampleOrder::InTurn {
                    self.opened.clear();
                }
                self.opened.push((asked.dir.clone(), asked.step, model.clone()));
                model
            }
        };
        if asked.raw { model.with_raw_weights() } else { Ok(model) }
    }

    /// A network call of each pane that is under way.
    fn step(&mut self, news: &Sender<ArchiveNews>) -> Result<(), ()> {
        let round = self.request.round;
        let mut going_on = Vec::with_capacity(self.under_way.len());
        for mut denoised in std::mem::take(&mut self.under_way) {
            let (pane, shape) = (denoised.pane, denoised.shape);
            match denoised.advance() {
                Ok(Some(frame)) => {
                    news.send(ArchiveNews::Frame { round, pane, frame: Box::new(frame), shape }).map_err(drop)?;
                    going_on.push(denoised);
                }
                Ok(None) => {}
                Err(error) => self.tell(pane, format!("{error:#}"), news)?,
            }
        }
        self.under_way = going_on;
        Ok(())
    }
}

/// The weights of a step, or the newest that are kept: those of the history may be newer than any checkpoint, but have no
/// raw ones, so that a checkpoint is taken for these if there is one.
fn open(dir: &Path, step: Option<u64>, raw: bool) -> Result<LoadedModel> {
    let kept = run::history::steps(dir).last().copied();
    let saved = checkpoint::all(dir).last().map(|(step, _)| *step);
    match step {
        None if kept > saved && (!raw || saved.is_none()) => {
            LoadedModel::open(dir, kept).or_else(|_| LoadedModel::open(dir, None))
        }
        step => LoadedModel::open(dir, step),
    }
}
