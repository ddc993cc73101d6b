//! Samples and films inside the file, within a number of bytes: where they don't fit, all of a kind are made smaller alike,
//! then left out, and that is said.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::figures::megabytes;
use super::shown::Shown;
use crate::picture::{self, FilmTiming};

/// Pixels a side of pictures that were made smaller; of films, with their frames. The first at which all fit is taken.
const PICTURES: [u32; 3] = [480, 320, 200];
const FILMS: [(u32, usize); 4] = [(320, 21), (240, 15), (160, 11), (112, 9)];
/// Frames that a film may have to be read again.
const MOST_FRAMES: usize = 400;
/// Of the room for pictures and films that pictures may take as they are, where there are films.
const SHARE: f64 = 0.7;

/// A picture inside the page.
pub struct Packed {
    pub uri: String,
    /// Width and height, so that the page doesn't jump.
    pub size: (u32, u32),
}

/// The pictures of a run, packed.
#[derive(Default)]
pub struct PackedRun {
    pub grid: Option<Packed>,
    pub film: Option<Packed>,
}

/// Packs the pictures of all runs into `room` bytes: grids go before films. Returns what was made smaller, left out or
/// can't be read, a sentence each, as well.
pub fn packed(runs: &[(String, Option<Shown>)], room: usize) -> (Vec<PackedRun>, Vec<String>) {
    let mut notes = Vec::new();
    let of = |path: fn(&Shown) -> Option<&PathBuf>| -> Vec<(&str, Option<&PathBuf>)> {
        runs.iter().map(|(name, shown)| (name.as_str(), shown.as_ref().and_then(path))).collect()
    };
    let (grids, films) = (of(|shown| Some(&shown.grid)), of(|shown| shown.film.as_ref()));
    let has_films = films.iter().any(|(_, film)| film.is_some());
    let for_grids = if has_films { (room as f64 * SHARE) as usize } else { room };
    let smaller: Vec<Smaller> =
        PICTURES.iter().map(|side| -> Smaller { Box::new(|path| picture_of(path, *side)) }).collect();
    let grids = pack(&grids, ("samples", "png"), &smaller, for_grids, &mut notes);
    let taken: usize = grids.iter().flatten().map(|packed| packed.uri.len()).sum();
    let smaller: Vec<Smaller> = FILMS.iter().map(|size| -> Smaller { Box::new(|path| film_of(path, *size)) }).collect();
    let films = pack(&films, ("film", "gif"), &smaller, room.saturating_sub(taken), &mut notes);
    (grids.into_iter().zip(films).map(|(grid, film)| PackedRun { grid, film }).collect(), notes)
}

/// Bytes in the page of so many of a picture.
fn inside(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + 64
}

type Smaller = Box<dyn Fn(&Path) -> Result<Vec<u8>>>;

/// Those of one kind, all at the first size at which they fit; a run's file that can't be read is told and left out.
fn pack(
    all: &[(&str, Option<&PathBuf>)],
    (what, format): (&str, &str),
    sizes: &[Smaller],
    room: usize,
    notes: &mut Vec<String>,
) -> Vec<Option<Packed>> {
    let read = |(name, path): &(&str, Option<&PathBuf>)| {
        let path = (*path)?;
        let read = fs::read(path).map_err(anyhow::Error::from).and_then(|bytes| Ok((size_of(&bytes)?, bytes)));
        match read {
            Ok((_, bytes)) => Some(bytes),
            Err(error) => {
                notes.push(format!("the {what} of {name} can't be shown: {}: {error:#}", path.display()));
                None
            }
        }
    };
    let whole: Vec<Option<Vec<u8>>> = all.iter().map(read).collect();
    let fits = |kept: &[Option<Vec<u8>>]| kept.iter().flatten().map(|bytes| inside(bytes.len())).sum::<usize>() <= room;
    let bytes = |kept: &[Option<Vec<u8>>]| megabytes(kept.iter().flatten().map(Vec::len).sum());
    let there: Vec<&str> =
        all.iter().zip(&whole).filter(|(_, there)| there.is_some()).map(|((name, _), _)| *name).collect();
    let of = match there[..] {
        [one] => format!("the {what} of {one}"),
        _ => format!("the {} of {} runs", if what == "film" { "films" } else { what }, there.len()),
    };
    let were = if there.len() > 1 || what == "samples" { "were" } else { "was" };
    if fits(&whole) {
        return whole.into_iter().map(|bytes| uri(bytes?, format)).collect();
    }
    for smaller in sizes {
        let made = |(i, whole): (usize, &Option<Vec<u8>>)| {
            let whole = whole.as_ref()?;
            // Made smaller, a small file can come out larger.
            let made = all[i].1.and_then(|path| smaller(path).ok()).filter(|made| made.len() < whole.len());
            Some(made.unwrap_or_else(|| whole.clone()))
        };
        let made: Vec<Option<Vec<u8>>> = whole.iter().enumerate().map(made).collect();
        if fits(&made) {
            notes.push(format!("{of} {were} made smaller, from {} to {}", bytes(&whole), bytes(&made)));
            return made.into_iter().map(|bytes| uri(bytes?, format)).collect();
        }
    }
    notes.push(format!("{of} would make the report too large ({}): left out", bytes(&whole)));
    all.iter().map(|_| None).collect()
}

fn size_of(bytes: &[u8]) -> Result<(u32, u32)> {
    Ok(image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?.into_dimensions()?)
}

fn uri(bytes: Vec<u8>, format: &str) -> Option<Packed> {
    let size = size_of(&bytes).ok()?;
    Some(Packed { uri: format!("data:image/{format};base64,{}", BASE64_STANDARD.encode(&bytes)), size })
}

fn picture_of(path: &Path, side: u32) -> Result<Vec<u8>> {
    picture::png(&picture::read_picture(path, side)?, None)
}

/// Fewer and smaller frames, the first and the last among them.
fn film_of(path: &Path, (side, most): (u32, usize)) -> Result<Vec<u8>> {
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
    use crate::report::shown::left_by;

    fn noise(seed: u32) -> RgbImage {
        RgbImage::from_fn(640, 640, |x, y| {
            let v = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ seed).wrapping_mul(2_246_822_519);
            Rgb([(v >> 8) as u8, (v >> 16) as u8, (v >> 24) as u8])
        })
    }

    /// A run with a snapshot whose files are large.
    fn large(root: &Path, name: &str) -> (String, Option<Shown>) {
        let snapshot = root.join(name).join("snapshots/step-00000007");
        fs::create_dir_all(&snapshot).unwrap();
        noise(1).save(snapshot.join("grid.png")).unwrap();
        let frames: Vec<RgbImage> = (0..4).map(noise).collect();
        picture::save_film(&frames, &snapshot.join("trajectory.gif"), FilmTiming::default()).unwrap();
        (name.to_string(), left_by(&root.join(name)))
    }

    #[test]
    fn what_does_not_fit_is_made_smaller_then_left_out_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let runs = [large(dir.path(), "a")];
        let (whole, notes) = packed(&runs, 100 << 20);
        assert!(notes.is_empty() && whole[0].film.is_some());
        assert_eq!(whole[0].grid.as_ref().unwrap().size, (640, 640));
        let all = whole[0].grid.as_ref().unwrap().uri.len() + whole[0].film.as_ref().unwrap().uri.len();
        let (some, notes) = packed(&runs, all - 100_000);
        assert!(notes.len() == 1 && notes[0].starts_with("the film of a was made smaller, from "), "{notes:?}");
        assert!(some[0].film.as_ref().unwrap().size.0 <= 320);
        let (none, notes) = packed(&runs, 1000);
        assert!(none[0].grid.is_none() && none[0].film.is_none());
        assert!(notes.len() == 2 && notes.iter().all(|note| note.ends_with("left out")), "{notes:?}");
    }

    #[test]
    fn all_runs_are_made_smaller_alike_and_none_is_left_out_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let runs = ["a", "b", "c"].map(|name| large(dir.path(), name));
        let (whole, _) = packed(&runs, 100 << 20);
        let grid = whole[0].grid.as_ref().unwrap().uri.len();
        // Room for two grids as they are, and for some of a film.
        let (packed, notes) = packed(&runs, 2 * grid);
        let sizes: Vec<_> = packed.iter().map(|run| run.grid.as_ref().map(|grid| grid.size)).collect();
        assert!(sizes[0].is_some() && sizes.iter().all(|size| *size == sizes[0]), "{sizes:?} {notes:?}");
        let films: Vec<_> = packed.iter().map(|run| run.film.as_ref().map(|film| film.size)).collect();
        assert!(films.iter().all(|size| *size == films[0]), "{films:?} {notes:?}");
        assert!(notes[0].starts_with("the samples of 3 runs were made smaller, from "), "{notes:?}");
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_told_and_the_others_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let runs = ["a", "b"].map(|name| large(dir.path(), name));
        fs::write(&runs[0].1.as_ref().unwrap().grid, "x").unwrap();
        let (packed, notes) = packed(&runs, 100 << 20);
        assert!(packed[0].grid.is_none() && packed[0].film.is_some() && packed[1].grid.is_some());
        assert!(notes.len() == 1 && notes[0].starts_with("the samples of a can't be shown: "), "{notes:?}");
    }
}
