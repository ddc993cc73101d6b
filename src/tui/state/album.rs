//! The album: what a run has left of pictures, one beside the other in the order of their steps.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;

use crate::run::LeftPicture;

/// Pictures that are kept; the screen never shows more at once.
const KEPT: usize = 96;

/// Time that a frame of a film stands, and its last one.
const FRAME: Duration = Duration::from_millis(80);
const HOLD: Duration = Duration::from_millis(2000);

/// The album of one run, open over the panels.
#[derive(Clone, Debug, Default)]
pub struct Album {
    pub dir: PathBuf,
    pub name: String,
    /// `None` until they were looked for.
    pub pictures: Option<Vec<LeftPicture>>,
    /// The one under the cursor.
    pub chosen: usize,
    /// The one that is put beside it.
    pub beside: Option<usize>,
    /// Large, alone or beside the other, and since when: films run from then.
    pub open: Option<Duration>,
    /// What was read so far: `None` was asked for.
    read: HashMap<PathBuf, Option<Arc<RgbImage>>>,
    films: HashMap<PathBuf, Option<Arc<Vec<RgbImage>>>>,
    /// In the order that they were asked for.
    asked: Vec<PathBuf>,
}

impl Album {
    pub fn of(dir: &Path) -> Self {
        let name =
            dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned());
        Self { dir: dir.to_path_buf(), name, ..Self::default() }
    }

    /// Those that were found; none until then.
    pub fn all(&self) -> &[LeftPicture] {
        self.pictures.as_deref().unwrap_or_default()
    }

    /// Takes in what was found: the cursor stands on the newest.
    pub fn found(&mut self, pictures: Vec<LeftPicture>) {
        if self.pictures.is_none() {
            self.chosen = pictures.len().saturating_sub(1);
        }
        self.chosen = self.chosen.min(pictures.len().saturating_sub(1));
        self.beside = self.beside.filter(|beside| *beside < pictures.len());
        self.pictures = Some(pictures);
    }

    /// Those that are shown large: one, or two in the order of their steps.
    pub fn large(&self) -> Vec<usize> {
        match self.beside {
            Some(beside) if beside != self.chosen => vec![beside.min(self.chosen), beside.max(self.chosen)],
            _ => vec![self.chosen],
        }
    }

    /// Those that are missing of these pictures; they count as asked for from now on.
    pub fn to_ask(&mut self, wanted: &[usize]) -> Vec<PathBuf> {
        let mut missing = Vec::new();
        for &at in wanted {
            let Some(path) = self.all().get(at).map(|left| left.path.clone()) else { continue };
            if !self.read.contains_key(&path) {
                self.read.insert(path.clone(), None);
                self.asked.push(path.clone());
                missing.push(path);
            }
        }
        let keep: Vec<PathBuf> = wanted.iter().filter_map(|at| Some(self.all().get(*at)?.path.clone())).collect();
        while self.asked.len() > KEPT.max(keep.len()) {
            let Some(oldest) = self.asked.iter().position(|path| !keep.contains(path)) else { break };
            let path = self.asked.remove(oldest);
            self.read.remove(&path);
        }
        missing
    }

    /// The films that are missing of those shown large.
    pub fn films_to_ask(&mut self) -> Vec<PathBuf> {
        let films = self.large().into_iter().filter_map(|at| self.all().get(at)?.film.clone());
        let missing: Vec<PathBuf> = films.filter(|path| !self.films.contains_key(path)).collect();
        if !missing.is_empty() {
            // Each is some megabytes: only those that are shown are kept.
            let shown: Vec<PathBuf> =
                self.large().into_iter().filter_map(|at| self.all().get(at)?.film.clone()).collect();
            self.films.retain(|path, _| shown.contains(path));
            missing.iter().for_each(|path| _ = self.films.insert(path.clone(), None));
        }
        missing
    }

    pub fn came(&mut self, path: &Path, picture: Arc<RgbImage>) {
        if let Some(place) = self.read.get_mut(path) {
            *place = Some(picture);
        }
    }

    /// A film has come: both begin now, so that they run together.
    pub fn film_came(&mut self, path: &Path, frames: Arc<Vec<RgbImage>>, now: Duration) {
        if let Some(place) = self.films.get_mut(path) {
            *place = Some(frames);
            self.open = self.open.map(|_| now);
        }
    }

    /// The picture, once it was read.
    pub fn picture(&self, at: usize) -> Option<&Arc<RgbImage>> {
        self.read.get(&self.all().get(at)?.path)?.as_ref()
    }

    /// Frames of the film that is shown large, once it was read.
    fn frames(&self, at: usize) -> Option<&Arc<Vec<RgbImage>>> {
        self.films.get(self.all().get(at)?.film.as_ref()?)?.as_ref()
    }

    /// The film of a picture that is shown large, and which of its frames stands at a time.
    pub fn film_at(&self, at: usize, now: Duration) -> Option<(&Arc<Vec<RgbImage>>, usize)> {
        let (frames, since) = (self.frames(at)?, self.open?);
        let (last, ran) = (frames.len().checked_sub(1)?, now.saturating_sub(since));
        let round = FRAME * last as u32 + HOLD;
        let in_round = ran.as_millis() % round.as_millis().max(1);
        Some((frames, ((in_round / FRAME.as_millis()) as usize).min(last)))
    }

    /// When a film on the screen moves next.
    pub fn next_motion(&self, now: Duration) -> Option<Duration> {
        self.open?;
        self.large().into_iter().any(|at| self.frames(at).is_some()).then(|| now + FRAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn album(n: u64) -> Album {
        let mut album = Album::of(Path::new("runs/a"));
        let left = |step: u64| LeftPicture {
            step,
            path: format!("{step}.png").into(),
            film: step.is_multiple_of(2).then(|| format!("{step}.gif").into()),
        };
        album.found((0..n).map(left).collect());
        album
    }

    #[test]
    fn what_was_asked_for_is_not_asked_for_again_and_memory_is_bounded() {
        let mut album = album(1000);
        assert_eq!((album.name.as_str(), album.chosen), ("a", 999));
        assert_eq!(album.to_ask(&[3, 4]).len(), 2);
        assert!(album.to_ask(&[3, 4]).is_empty());
        album.came(Path::new("3.png"), Arc::new(RgbImage::new(1, 1)));
        assert!(album.picture(3).is_some() && album.picture(4).is_none());
        for at in 0..1000 {
            album.to_ask(&[at]);
        }
        assert!(album.read.len() <= KEPT && album.asked.len() <= KEPT);
        assert!(album.picture(3).is_none(), "gone");
    }

    #[test]
    fn films_run_together_from_their_beginning() {
        let mut album = album(10);
        (album.chosen, album.beside) = (4, Some(2));
        album.open = Some(Duration::from_secs(1));
        assert_eq!(album.large(), [2, 4]);
        assert_eq!(album.films_to_ask().len(), 2);
        assert!(album.films_to_ask().is_empty());
        let frames = Arc::new(vec![RgbImage::new(1, 1); 5]);
        album.film_came(Path::new("4.gif"), frames, Duration::from_secs(9));
        let at = |ms: u64| album.film_at(4, Duration::from_millis(9000 + ms)).unwrap().1;
        assert_eq!((at(0), at(79), at(80), at(320), at(2319), at(2321)), (0, 0, 1, 4, 4, 0));
        assert!(album.film_at(2, Duration::from_secs(9)).is_none());
    }
}
