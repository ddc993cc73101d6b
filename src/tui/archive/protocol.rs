//! What is asked of the archive, and what comes back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;

use crate::config::{Config, KeepHistory};
use crate::lab::{PreviewFrame, SamplingSettings};
use crate::run::follow::RunNews;
use crate::run::{KeptStep, LeftPicture};

/// Samples of one run: of which weights, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePane {
    pub dir: PathBuf,
    /// `None`: the newest step that is kept; of several panes of one run the same.
    pub step: Option<u64>,
    /// The raw weights in place of the averaged ones. Checkpoints alone have them.
    pub raw: bool,
    /// `None`: as the run's own previews are drawn.
    pub settings: Option<Arc<SamplingSettings>>,
}

/// In which order panes are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleOrder {
    /// A step of each in turn, so that they come out together.
    Together,
    /// One after the other, with one network in memory at a time.
    InTurn,
}

/// Samples in several panes, all from one noise.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRequest {
    /// Comes back with each frame, so that those of an earlier request are known as such.
    pub round: u64,
    pub panes: Vec<SamplePane>,
    pub seed: u64,
    /// Images a pane; of points there are as many as a plot needs.
    pub num: usize,
    pub order: SampleOrder,
    /// Something is trained in this process: one thread must do.
    pub gently: bool,
}

/// What a run has kept of its learning.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptOf {
    pub dir: PathBuf,
    /// Oldest first.
    pub steps: Vec<KeptStep>,
    /// What its config says about keeping more.
    pub history: KeepHistory,
}

/// Something to look for in run folders.
#[derive(Clone, Debug, PartialEq)]
pub enum ArchiveRequest {
    /// Which folders are meant by these words?
    Find(Vec<String>),
    /// Follow these runs, and no others.
    Follow(Vec<PathBuf>),
    /// The words that a person has put on steps.
    Bookmarks(PathBuf),
    /// Put one on a step; an empty one takes it away.
    Bookmark { dir: PathBuf, step: u64, word: String },
    /// Sample in several panes from one noise, in place of what was sampled before.
    Denoise(Box<SampleRequest>),
    /// Which steps these runs have kept.
    Kept(Vec<PathBuf>),
    /// Nobody looks at the samples any more.
    StopDenoising,
    /// The pictures that a run has left.
    Album(PathBuf),
    /// One of them, at most so many pixels a side.
    Picture { path: PathBuf, most: u32 },
    /// A film.
    Film { path: PathBuf, most: u32 },
    /// How many samples of a run the judge reads as asked, with each of these numbers of steps.
    ReadAsAsked(Box<ReadRequest>),
}

/// Samples to be judged: of the run's newest checkpoint, the classes in turn, as its previews are drawn but for the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRequest {
    pub dir: PathBuf,
    pub settings: SamplingSettings,
    /// Steps of sampling, one measurement each.
    pub steps: Vec<usize>,
    pub num: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum ArchiveNews {
    /// The folders that were meant.
    Found(Vec<PathBuf>),
    /// A run that is followed from now on.
    Opened {
        dir: PathBuf,
        config: Box<Config>,
        /// Floating-point operations of training with one image; 0 where nobody knows.
        flops: f64,
    },
    /// What its files say; `anew`: all that came before holds no more.
    Came {
        dir: PathBuf,
        anew: bool,
        news: Box<RunNews>,
    },
    Bookmarks {
        dir: PathBuf,
        bookmarks: BTreeMap<u64, String>,
    },
    /// A frame of a pane's samples, and height, width and channels of each image.
    Frame {
        round: u64,
        pane: usize,
        frame: Box<PreviewFrame>,
        shape: (usize, usize, usize),
    },
    /// A pane that can't be sampled, or not to its end.
    NoFrames {
        round: u64,
        pane: usize,
        why: String,
    },
    /// The steps that runs have kept.
    Kept(Vec<KeptOf>),
    Album {
        dir: PathBuf,
        pictures: Vec<LeftPicture>,
    },
    Picture {
        path: PathBuf,
        picture: Arc<RgbImage>,
    },
    Film {
        path: PathBuf,
        frames: Arc<Vec<RgbImage>>,
    },
    /// How many of how many samples are read as asked, for each of the numbers of steps; or why that can't be known. Of
    /// weights after so many training steps.
    ReadAsAsked {
        request: Box<ReadRequest>,
        read: Result<(u64, Vec<usize>), String>,
    },
    /// A run that can't be read: which, and why.
    Trouble {
        dir: PathBuf,
        why: String,
    },
    /// Something else that can't be done.
    Refused(String),
}
