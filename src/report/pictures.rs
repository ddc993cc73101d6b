//! Samples and films inside the file, within a number of bytes: what doesn't fit is made smaller, then left out, and said.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::drawn::DrawnSamples;
use super::figures::megabytes;
use crate::picture::{self, FilmTiming};
use crate::run::left_pictures;
use crate::thousands::thousands;

/// Pixels a side and frames of a film that was made smaller; of a picture.
const SMALL_FILM: (u32, usize) = (320, 21);
const SMALL_PICTURE: u32 = 480;
/// Frames that a film may have to be read again.
const MOST_FRAMES: usize = 400;

/// Pictures of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// A PNG.
    pub grid: PathBuf,
    /// A GIF.
    pub film: Option<PathBuf>,
    /// "snapshot of step 1,000".
    pub what: String,
}

/// What a run has left: its newest snapshot, or, without one, its newest preview.
pub fn left_by(run: &Path) -> Option<Shown> {
    let all = left_pictures(run);
    let newest = all.iter().rfind(|left| left.is_snapshot()).or(all.last())?;
    let kind = if newest.is_snapshot() { "snapshot" } else { "preview" };
    let film = newest.film.clone().filter(|film| film.is_file());
    Some(Shown { grid: newest.path.clone(), film, what: format!("{kind} of step {}", newest.step) })
}

impl Shown {
    /// What was drawn for the report.
    pub fn of(drawn: &DrawnSamples) -> Self {
        Self {
            grid: drawn.dir.join("grid.png"),
            film: Some(drawn.dir.join("trajectory.gif")),
            what: format!("{} samples of step {}, drawn for this report", thousands(drawn.num), drawn.step),
        }
    }
}

/// A picture inside the page.
pub struct Packed {
    pub uri: String,
    /// Height over width, so that the page doesn't jump.
    pub size: (u32, u32),
}

/// The pictures of a run, packed.
pub struct PackedRun {
    pub grid: Option<Packed>,
    pub film: Option<Packed>,
}

/// Packs the pictures of all runs into `room` bytes: grids go before films. Returns what was made smaller or left out, a
/// sentence each, as well.
///
/// # Errors
/// When a picture can't be read.
pub fn packed(runs: &[(String, Option<Shown>)], room: usize) -> Result<(Vec<PackedRun>, Vec<String>)> {
    let (mut left, mut notes) = (room, Vec::new());
    let mut packed: Vec<PackedRun> = Vec::new();
    for (name, shown) in runs {
        let grid = match shown {
            Some(shown) => {
                let most = left;
                let room = (&mut left, most);
                pack(&shown.grid, &format!("the samples of {name}"), (small_picture, "png"), room, &mut notes)?
            }
            None => None,
        };
        packed.push(PackedRun { grid, film: None });
    }
    let films: Vec<Option<&PathBuf>> = runs.iter().map(|(_, shown)| shown.as_ref()?.film.as_ref()).collect();
    let sizes = films.iter().flatten().map(|film| fs::metadata(film).map_or(0, |file| file.len() as usize));
    // Where not all of them fit, all are made smaller.
    let whole = sizes.map(inside).sum::<usize>() <= left;
    for (((name, _), film), packed) in runs.iter().zip(films).zip(&mut packed) {
        if let Some(film) = film {
            let most = if whole { left } else { 0 };
            let room = (&mut left, most);
            packed.film = pack(film, &format!("the film of {name}"), (small_film, "gif"), room, &mut notes)?;
        }
    }
    Ok((packed, notes))
}

/// Bytes in the page of so many of a picture.
fn inside(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + 64
}

type Smaller = fn(&Path) -> Result<Vec<u8>>;

fn pack(
    path: &Path,
    what: &str,
    (smaller, kind): (Smaller, &str),
    (left, most_as_it_is): (&mut usize, usize),
    notes: &mut Vec<String>,
) -> Result<Option<Packed>> {
    let whole = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let (bytes, before) = match inside(whole.len()) <= most_as_it_is {
        true => (whole, None),
        false => (smaller(path)?, Some(whole.len())),
    };
    if inside(bytes.len()) > *left {
        notes.push(format!("{what} would make the report too large ({}): left out", megabytes(bytes.len())));
        return Ok(None);
    }
    if let Some(before) = before {
        notes.push(format!("{what} was made smaller, from {} to {}", megabytes(before), megabytes(bytes.len())));
    }
    *left -= inside(bytes.len());
    let size = image::ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format()?.into_dimensions();
    let size = size.with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(Packed { uri: format!("data:image/{kind};base64,{}", BASE64_STANDARD.encode(&bytes)), size }))
}

fn small_picture(path: &Path) -> Result<Vec<u8>> {
    picture::png(&picture::read_picture(path, SMALL_PICTURE)?, None)
}

/// Fewer and smaller frames, the first and the last among them.
fn small_film(path: &Path) -> Result<Vec<u8>> {
    let (side, most) = SMALL_FILM;
    let frames = picture::read_film(path, side, MOST_FRAMES)?;
    let kept = picture::moments(frames.len() - 1, most).into_iter().map(|i| frames[i].clone()).collect::<Vec<_>>();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("film.gif");
    let timing = FilmTiming { frame_ms: 120, ..FilmTiming::default() };
    picture::save_film(&kept, &file, timing)?;
    fs::read(&file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn what_does_not_fit_is_made_smaller_then_left_out_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("snapshots/step-00000007");
        fs::create_dir_all(&run).unwrap();
        let noise = |seed: u32| {
            RgbImage::from_fn(640, 640, |x, y| {
                let v = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ seed).wrapping_mul(2_246_822_519);
                Rgb([(v >> 8) as u8, (v >> 16) as u8, (v >> 24) as u8])
            })
        };
        noise(1).save(run.join("grid.png")).unwrap();
        let frames: Vec<RgbImage> = (0..4).map(noise).collect();
        picture::save_film(&frames, &run.join("trajectory.gif"), FilmTiming::default()).unwrap();
        let shown = left_by(dir.path()).unwrap();
        assert_eq!(shown.what, "snapshot of step 7");
        let runs = [("a".to_string(), Some(shown))];
        let pack = |room| packed(&runs, room).unwrap();
        let (whole, notes) = pack(100 << 20);
        assert!(notes.is_empty() && whole[0].film.is_some());
        assert_eq!(whole[0].grid.as_ref().unwrap().size, (640, 640));
        let all = whole[0].grid.as_ref().unwrap().uri.len() + whole[0].film.as_ref().unwrap().uri.len();
        let (some, notes) = pack(all - 100_000);
        assert!(notes.len() == 1 && notes[0].starts_with("the film of a was made smaller, from "), "{notes:?}");
        assert!(some[0].film.as_ref().unwrap().size.0 <= 320);
        let (none, notes) = pack(1000);
        assert!(none[0].grid.is_none() && none[0].film.is_none());
        assert!(notes.len() == 2 && notes.iter().all(|note| note.ends_with("left out")), "{notes:?}");
        assert!(left_by(&run).is_none());
    }
}
