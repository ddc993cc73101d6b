//! What is asked of the archive, and what comes back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;

use crate::config::Config;
use crate::lab::PreviewFrame;
use crate::run::LeftPicture;
use crate::run::follow::RunNews;

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
    /// Sample these runs from the same noise.
    Denoise { dirs: Vec<PathBuf>, seed: u64, num: usize },
    /// Nobody looks at the samples any more.
    StopDenoising,
    /// The pictures that a run has left.
    Album(PathBuf),
    /// One of them, at most so many pixels a side.
    Picture { path: PathBuf, most: u32 },
    /// A film.
    Film { path: PathBuf, most: u32 },
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
    /// A frame of a run's samples, and height, width and channels of each image.
    Frame {
        dir: PathBuf,
        frame: Box<PreviewFrame>,
        shape: (usize, usize, usize),
    },
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
    /// A run that can't be read: which, and why.
    Trouble {
        dir: PathBuf,
        why: String,
    },
    /// Something else that can't be done.
    Refused(String),
}
