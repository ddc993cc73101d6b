//! Moving pictures: a trajectory as a GIF, or its moments side by side on one strip.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, Rgb, RgbImage, imageops};

use super::palette::{DARK, Rgb as Colour};

/// How fast a film runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilmTiming {
    /// Milliseconds a frame is shown. GIF counts in hundredths of a second, and players slow down
    /// anything under 20 ms.
    pub frame_ms: u32,
    /// Milliseconds the last frame, the finished sample, is held before the film starts again.
    pub hold_ms: u32,
}

impl Default for FilmTiming {
    fn default() -> Self {
        Self { frame_ms: 60, hold_ms: 2000 }
    }
}

/// Which frames of a trajectory to keep so that at most `most` remain: evenly spread, the first
/// (index 0, pure noise) and the last (`total`, the finished sample) always among them.
pub fn moments(total: usize, most: usize) -> Vec<usize> {
    let most = most.max(2);
    if total < most {
        return (0..=total).collect();
    }
    (0..most).map(|i| (i * total + (most - 1) / 2) / (most - 1)).collect()
}

/// Writes `frames` as a GIF that runs for ever, holding the last frame. A thin line at the bottom
/// shows how far the film has come.
///
/// # Errors
/// No frames; frames of different sizes; a file that can't be written.
pub fn save_film(frames: &[RgbImage], path: &Path, timing: FilmTiming) -> Result<()> {
    let Some(first) = frames.first() else { bail!("a film needs at least one frame: {}", path.display()) };
    if let Some(other) = frames.iter().find(|f| f.dimensions() != first.dimensions()) {
        bail!("a film's frames must have one size: {:?} and {:?}", first.dimensions(), other.dimensions());
    }
    let file = File::create(path).with_context(|| format!("creating the film {}", path.display()))?;
    let mut file = BufWriter::new(file);
    {
        // Speed 10: exact for up to 256 colours, which every grey film has; a good palette else.
        let mut encoder = GifEncoder::new_with_speed(&mut file, 10);
        encoder.set_repeat(Repeat::Infinite)?;
        let last = frames.len() - 1;
        for (i, frame) in frames.iter().enumerate() {
            let ms = if i == last { timing.hold_ms } else { timing.frame_ms };
            let picture = with_progress(frame, i, last);
            let rgba = DynamicImage::ImageRgb8(picture).into_rgba8();
            encoder
                .encode_frame(Frame::from_parts(rgba, 0, 0, Delay::from_numer_denom_ms(ms, 1)))
                .with_context(|| format!("writing the film {}", path.display()))?;
        }
    }
    file.flush().with_context(|| format!("writing the film {}", path.display()))
}

/// The frame with a line below it, lit from the left up to `at` of `last`.
fn with_progress(frame: &RgbImage, at: usize, last: usize) -> RgbImage {
    const THICKNESS: u32 = 2;
    let (width, height) = frame.dimensions();
    let mut out = RgbImage::from_pixel(width, height + THICKNESS, Rgb(DARK.border));
    imageops::replace(&mut out, frame, 0, 0);
    let lit = (width as usize * at).checked_div(last).map_or(width, |lit| lit as u32);
    for y in height..height + THICKNESS {
        for x in 0..lit {
            out.put_pixel(x, y, Rgb(DARK.accent));
        }
    }
    out
}

/// A film strip: `rows` of equally sized pictures, time from left to right. Each row has a mark in
/// its colour at the left, `gap` pixels of dark background lie between pictures.
pub fn strip(rows: &[(Colour, Vec<RgbImage>)], gap: u32) -> RgbImage {
    const MARK: u32 = 4;
    let (w, h) = rows.iter().flat_map(|(_, row)| row).map(|p| p.dimensions()).max().unwrap_or((0, 0));
    let columns = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0) as u32;
    let left = gap + MARK + gap;
    let size = (left + columns * (w + gap), gap + rows.len() as u32 * (h + gap));
    let mut out = RgbImage::from_pixel(size.0, size.1, Rgb(DARK.background));
    for (y, (colour, row)) in rows.iter().enumerate() {
        let top = gap + y as u32 * (h + gap);
        for dy in 0..h {
            for dx in 0..MARK {
                out.put_pixel(gap + dx, top + dy, Rgb(*colour));
            }
        }
        for (x, picture) in row.iter().enumerate() {
            imageops::replace(&mut out, picture, (left + x as u32 * (w + gap)) as i64, top as i64);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    fn frame(level: u8) -> RgbImage {
        RgbImage::from_fn(20, 10, |x, y| Rgb([level, (x * 10) as u8, (y * 20) as u8]))
    }

    #[test]
    fn moments_keep_both_ends_and_never_repeat() {
        assert_eq!(moments(3, 10), [0, 1, 2, 3]);
        for (total, most) in [(50, 51), (50, 11), (1000, 60), (7, 2), (1, 2), (0, 5), (9, 0)] {
            let kept = moments(total, most);
            assert_eq!((kept[0], *kept.last().unwrap()), (0, total));
            assert!(kept.len() <= most.max(2), "{total} {most}: {kept:?}");
            assert!(kept.windows(2).all(|w| w[0] < w[1]), "{total} {most}: {kept:?}");
        }
    }

    #[test]
    fn a_film_reads_back_with_its_pictures_and_holds_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("film.gif");
        let frames: Vec<_> = [0, 100, 255].map(frame).to_vec();
        save_film(&frames, &path, FilmTiming { frame_ms: 60, hold_ms: 1500 }).unwrap();
        let decoder = GifDecoder::new(std::io::BufReader::new(File::open(&path).unwrap())).unwrap();
        let read = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(read.len(), 3);
        let delays: Vec<u32> =
            read.iter().map(|f| f.delay().numer_denom_ms().0 / f.delay().numer_denom_ms().1).collect();
        assert_eq!(delays, [60, 60, 1500]);
        for (frame, original) in read.iter().zip(&frames) {
            let rgb = DynamicImage::ImageRgba8(frame.buffer().clone()).into_rgb8();
            assert_eq!(rgb.get_pixel(7, 4), original.get_pixel(7, 4));
        }
        assert_eq!(read[2].buffer().get_pixel(19, 10).0[..3], DARK.accent);
        assert_eq!(read[0].buffer().get_pixel(0, 10).0[..3], DARK.border);
    }

    #[test]
    fn films_of_nothing_or_of_mixed_sizes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("film.gif");
        assert!(save_film(&[], &path, FilmTiming::default()).is_err());
        let mixed = [frame(0), RgbImage::new(3, 3)];
        assert!(save_film(&mixed, &path, FilmTiming::default()).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn a_strip_marks_each_row_and_places_pictures_in_time() {
        let out = strip(&[(DARK.x_t, vec![frame(9), frame(99)]), (DARK.x_0, vec![frame(200)])], 2);
        assert_eq!(out.dimensions(), (2 + 4 + 2 + 2 * 22, 2 + 2 * 12));
        assert_eq!(out.get_pixel(3, 5).0, DARK.x_t);
        assert_eq!(out.get_pixel(3, 20).0, DARK.x_0);
        assert_eq!(out.get_pixel(8 + 22, 2).0[0], 99);
        assert_eq!(out.get_pixel(8, 14).0[0], 200);
    }
}
