//! The archive's threads, and how they are asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded, never, unbounded};

use super::follower::follow;
use super::panes::PanesUnderWay;
use super::protocol::{ArchiveNews, ArchiveRequest, KeptOf, ReadRequest};
use super::read_as_asked::read_as_asked;
use crate::picture::{read_film, read_picture};
use crate::process::lower_priority_to;
use crate::run;
use crate::run::notes::Notes;

/// News that may wait for the screen; more, and the readers wait.
const WAITING: usize = 64;

/// Frames of a film.
const FRAMES: usize = 200;

/// About a tenth of a processor beside one that trains: the share that previews have.
const NICENESS: i32 = 10;

/// The archive, seen from the screen. Its threads begin when something is first asked, and end with it.
pub struct Archive {
    asked: Option<Asked>,
    news: Receiver<ArchiveNews>,
}

struct Asked {
    requests: Sender<ArchiveRequest>,
    follow: Sender<Vec<PathBuf>>,
    news: Sender<ArchiveNews>,
}

impl Default for Archive {
    fn default() -> Self {
        Self { asked: None, news: never() }
    }
}

impl Archive {
    /// Asks for something; the answer comes as news. Where the system refuses a thread, that is the answer.
    pub fn ask(&mut self, request: ArchiveRequest) {
        if self.asked.is_none() {
            self.begin();
        }
        // Whoever does not listen any more has ended with an answer.
        let Some(asked) = &self.asked else { return };
        _ = match request {
            ArchiveRequest::Follow(dirs) => asked.follow.send(dirs).is_ok(),
            ArchiveRequest::ReadAsAsked(request) => judge(request, asked.news.clone()),
            request => asked.requests.send(request).is_ok(),
        };
    }

    pub fn news(&self) -> &Receiver<ArchiveNews> {
        &self.news
    }

    fn begin(&mut self) {
        let (send, news) = bounded(WAITING);
        let (requests, requested) = unbounded();
        let (follow_these, wanted) = unbounded();
        let (following, answering) = (send.clone(), send.clone());
        self.news = news;
        let begun = std::thread::Builder::new()
            .name("difflab-follow".into())
            .spawn(move || follow(&wanted, &following))
            .and_then(|_| {
                let answer = move || answer(&requested, &answering);
                std::thread::Builder::new().name("difflab-archive".into()).spawn(answer)
            });
        match begun {
            // Neither is joined: they end when nobody asks any more.
            Ok(_) => self.asked = Some(Asked { requests, follow: follow_these, news: send }),
            Err(error) => {
                let (send, news) = bounded(1);
                _ = send.try_send(ArchiveNews::Refused(format!("no thread to read other runs with: {error}")));
                self.news = news;
            }
        }
    }
}

/// Somebody waits for it: on a thread of its own, which is no nicer than the one that trains.
fn judge(request: Box<ReadRequest>, news: Sender<ArchiveNews>) -> bool {
    let (to, asked) = (news.clone(), request.clone());
    let begun = std::thread::Builder::new().name("difflab-judge".into()).spawn(move || {
        let read = read_as_asked(&asked).map_err(|error| format!("{error:#}"));
        _ = to.send(ArchiveNews::ReadAsAsked { request: asked, read });
    });
    match begun {
        Ok(_) => true,
        Err(error) => {
            let read = Err(format!("no thread to draw samples with: {error}"));
            news.try_send(ArchiveNews::ReadAsAsked { request, read }).is_ok()
        }
    }
}

/// Answers one request after the other; while samples are on their way, a step of them between two requests.
fn answer(requests: &Receiver<ArchiveRequest>, news: &Sender<ArchiveNews>) {
    // Training goes first, as it does before previews. The threads that sample begin here and are as nice.
    lower_priority_to(NICENESS);
    let mut samples = PanesUnderWay::default();
    loop {
        let request = match samples.is_empty() {
            true => match requests.recv() {
                Ok(request) => Some(request),
                Err(_) => return,
            },
            false => match requests.try_recv() {
                Ok(request) => Some(request),
                Err(crossbeam_channel::TryRecvError::Empty) => None,
                Err(crossbeam_channel::TryRecvError::Disconnected) => return,
            },
        };
        let sent = match request {
            None => samples.advance(news),
            Some(ArchiveRequest::Denoise(request)) => samples.begin(*request, news),
            Some(ArchiveRequest::StopDenoising) => {
                samples = PanesUnderWay::default();
                Ok(())
            }
            Some(request) => {
                let what = one(&request);
                let answer = what.unwrap_or_else(|error| Some(ArchiveNews::Refused(format!("{error:#}"))));
                answer.map_or(Ok(()), |answer| news.send(answer).map_err(drop))
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The answer to what takes one.
fn one(request: &ArchiveRequest) -> Result<Option<ArchiveNews>> {
    Ok(Some(match request {
        ArchiveRequest::Find(words) => {
            ArchiveNews::Found(words.iter().map(|word| run::find(word)).collect::<Result<_, _>>()?)
        }
        ArchiveRequest::Bookmarks(dir) => bookmarks(dir, Notes::of(dir)?),
        ArchiveRequest::Bookmark { dir, step, word } => {
            let word = run::notes::bookmark(word).map_err(anyhow::Error::msg)?;
            let changed = Notes::change(dir, |notes| {
                _ = if word.is_empty() { notes.bookmarks.remove(step) } else { notes.bookmarks.insert(*step, word) };
            });
            bookmarks(dir, changed?)
        }
        ArchiveRequest::Album(dir) => ArchiveNews::Album { dir: dir.clone(), pictures: run::left_pictures(dir) },
        ArchiveRequest::Picture { path, most } => {
            ArchiveNews::Picture { path: path.clone(), picture: Arc::new(read_picture(path, *most)?) }
        }
        ArchiveRequest::Film { path, most } => {
            ArchiveNews::Film { path: path.clone(), frames: Arc::new(read_film(path, *most, FRAMES)?) }
        }
        ArchiveRequest::Kept(dirs) => ArchiveNews::Kept(dirs.iter().map(|dir| kept(dir)).collect()),
        // Another thread's, or no question.
        ArchiveRequest::Follow(_)
        | ArchiveRequest::Denoise(_)
        | ArchiveRequest::StopDenoising
        | ArchiveRequest::ReadAsAsked(_) => return Ok(None),
    }))
}

fn bookmarks(dir: &Path, notes: Notes) -> ArchiveNews {
    ArchiveNews::Bookmarks { dir: dir.to_path_buf(), bookmarks: notes.bookmarks }
}

fn kept(dir: &Path) -> KeptOf {
    // Of a config that can't be read the sampling will tell.
    let history = run::config_of(dir).map(|config| config.train.history).unwrap_or_default();
    KeptOf { dir: dir.to_path_buf(), steps: run::kept_steps(dir), history }
}
