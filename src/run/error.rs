//! What can be wrong with a run folder.

use std::io;
use std::path::{Path, PathBuf};

use super::io_words;
use crate::process::shell_word;

/// A run folder that cannot be used as asked. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the folder {} already has something in it\n  choose another with --run{or_resume}", path.display())]
    NotEmpty {
        path: PathBuf,
        /// How to go on with what is there, where that can be.
        or_resume: String,
    },
    #[error("the folder {} already has something in it\n  name another folder for the run", .0.display())]
    NoPlaceForImport(PathBuf),
    #[error(
        "{} already has something in it\n  choose another folder, or --force to put the export in its place", .0.display()
    )]
    Taken(PathBuf),
    #[error(
        "--force replaces an older export, and {} is none: it has no {mark}\n  choose another folder",
        path.display()
    )]
    NoExport { path: PathBuf, mark: &'static str },
    #[error("cannot write in {}: {}\n  {}", path.display(), io_words::reason(error), io_words::cure(error))]
    NotWritable { path: PathBuf, error: io::Error },
    /// What only a network that denoises can do.
    #[error(
        "{no}: {} trained an autoencoder, which gives pictures back and draws none by itself\n  `difflab eval {}` measures \
         how well it does",
        path.display(), shell_word(&path.display().to_string())
    )]
    DrawsNothing { path: PathBuf, no: &'static str },
    /// A run that goes on is asked for what was not trained.
    #[error("{0}")]
    NotTheSame(String),
    #[error("cannot read {}: {}", path.display(), io_words::unread(error))]
    NotReadable { path: PathBuf, error: io::Error },
    #[error(
        "{} is a link to {}, and would lead nowhere from the trash\n  move the folder itself to the trash, or remove the link",
        path.display(), target.display()
    )]
    IsALink { path: PathBuf, target: PathBuf },
    #[error("{} is there already: it is not overwritten\n  rename it, and restore again", .0.display())]
    NoPlaceToRestore(PathBuf),
    #[error("{} is not valid TOML: {reason}\n  mend it, or remove it", path.display())]
    BrokenNotes { path: PathBuf, reason: String },
    #[error("{} can't be read as metrics: it has no line of them\n  put the run's own file back", .0.display())]
    NoMetrics(PathBuf),
    #[error("{} is {what}, and a file of the run belongs there\n  move it away", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("no run \"{run}\": neither a folder nor the beginning of a name in runs/\n  {known}")]
    NotFound { run: String, known: String },
    #[error("\"{run}\" could be any of {}\n  write more of the name", matches.join(", "))]
    Ambiguous { run: String, matches: Vec<String> },
    #[error("{} is not a run folder: it has no config.toml", .0.display())]
    NotARun(PathBuf),
    #[error(
        "{} is no run's config: it lacks {}, and difflab writes every key\n  put the run's own config.toml back", path.display(),
        super::whole_config::named(lacks)
    )]
    NotWhole { path: PathBuf, lacks: Vec<&'static str> },
    #[error("another difflab is training in {}\n  stop that one first, or copy the folder", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} was written by a newer difflab (format {found}; this one reads up to {known})\n  update difflab to continue it",
        path.display()
    )]
    NewerFormat { path: PathBuf, found: u64, known: u64 },
    #[error("{} has no checkpoint that can be used\n  {details}", path.display())]
    NoCheckpoint { path: PathBuf, details: String },
    /// It has the time to write one.
    #[error("{} is being trained, and has no checkpoint yet\n  {first}", path.display())]
    NoCheckpointYet { path: PathBuf, first: String },
    #[error("{} has no checkpoint of step {step}; {there_are}", path.display())]
    NoSuchCheckpoint { path: PathBuf, step: u64, there_are: String },
    #[error(
        "the run in {} has done {done} steps, and train.steps = {steps} asks for fewer; nothing was changed\n  \
         more steps: --resume {} --steps {}", path.display(), path.display(), done + 1000
    )]
    StepsDone { path: PathBuf, done: u64, steps: u64 },
    #[error("the checkpoint {} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("{} is damaged: {what}\n  remove it; other steps of the history are not affected", path.display())]
    DamagedHistory { path: PathBuf, what: String },
    /// A folder of diffusers that is no run of ours; what the error says.
    #[error(transparent)]
    NotImportable(anyhow::Error),
    #[error("the checkpoint {} belongs to another run ({theirs}); this one is {ours}", path.display())]
    Foreign { path: PathBuf, theirs: String, ours: String },
}

impl RunError {
    /// The same with what loading the data said, which may be why they are others: files that were skipped, batches
    /// that are missing.
    #[must_use]
    pub fn with_words_of_loading(self, warnings: &[String]) -> Self {
        match self {
            Self::NotTheSame(text) if !warnings.is_empty() => Self::NotTheSame(format!(
                "{text}\n  loading the data said: {}",
                warnings.join("\n  loading the data said: ")
            )),
            other => other,
        }
    }

    pub(crate) fn not_writable(path: &Path, error: io::Error) -> Self {
        Self::NotWritable { path: path.to_path_buf(), error }
    }

    pub(crate) fn not_readable(path: &Path, error: io::Error) -> Self {
        Self::NotReadable { path: path.to_path_buf(), error }
    }

    /// A file of the checkpoint `dir` that could not be read: it is damaged, unless the file is only kept from us.
    pub(super) fn unread_in(dir: &Path, name: &str, error: io::Error) -> Self {
        match io_words::cure_of_reading(&error) {
            Some(_) => Self::not_readable(&dir.join(name), error),
            None => Self::damaged(dir, format!("{name} cannot be read ({})", io_words::reason(&error))),
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), what: what.into() }
    }
}
