//! A trajectory, kept: the finished samples, and enough moments of the way to film it.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use image::RgbImage;

use super::finite::Watch;
use crate::picture::palette::{self, DARK};
use crate::picture::{self, is_points};
use crate::sampling::SampleFrame;

/// A trajectory that has run to its end.
pub struct Recording {
    /// Pictures, `[N, H, W, C]`.
    pub samples: Tensor,
    /// Network calls that it took.
    pub calls: usize,
    moments: Vec<Moment>,
    shape: (usize, usize, usize, usize),
}

/// What was on the way at one time, `[N, H, W, C]` each.
struct Moment {
    /// The timestep that the network was asked about; `None` of the noise at the beginning.
    asked: Option<usize>,
    x_t: Kept,
    x_0: Kept,
}

/// What is to be seen of all samples at one time.
pub struct WayPicture {
    pub when: WayTime,
    pub picture: RgbImage,
}

/// A time on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayTime {
    /// The noise that it begins with.
    Noise,
    /// The estimate x̂_0 of a network that was asked about this timestep.
    Asked(usize),
    /// The finished sample.
    Sample,
}

/// Pixels are kept as they are shown, in bytes: a film of large pictures takes a quarter of the memory so. Points
/// have no range, and are kept as numbers.
enum Kept {
    Pixels(Vec<u8>),
    Numbers(Vec<f32>),
}

impl Kept {
    fn of(x: &Tensor) -> Result<Self> {
        let (_, h, w, c) = x.dims4()?;
        let values = values(x)?;
        // What is no number is shown as such.
        Ok(match is_points((h, w, c)) || values.iter().any(|v| v.is_nan()) {
            true => Self::Numbers(values),
            false => Self::Pixels(values.into_iter().map(picture::to_byte).collect()),
        })
    }

    /// The numbers of a range.
    fn values(&self, range: std::ops::Range<usize>) -> Vec<f32> {
        match self {
            Self::Pixels(bytes) => {
                bytes.get(range).unwrap_or(&[]).iter().map(|&byte| f32::from(byte) / 127.5 - 1.0).collect()
            }
            Self::Numbers(values) => values.get(range).unwrap_or(&[]).to_vec(),
        }
    }

    fn all(&self) -> Vec<f32> {
        match self {
            Self::Pixels(bytes) => self.values(0..bytes.len()),
            Self::Numbers(values) => values.clone(),
        }
    }
}

/// Of the frames 0 to the first number those that are kept, so many at most.
type Choose = fn(usize, usize) -> Vec<usize>;

impl Recording {
    /// Runs `trajectory` to its end and keeps at most `most` evenly spread frames, the first and the last
    /// among them; fewer than two keep only the samples. `seen` hears of every frame.
    ///
    /// # Errors
    /// What the trajectory reports, a trajectory without frames, or [`NotFinite`](super::NotFinite) samples.
    pub fn of(
        trajectory: impl Iterator<Item = Result<SampleFrame>>,
        most: usize,
        seen: impl FnMut(&SampleFrame),
    ) -> Result<Self> {
        Self::of_chosen(trajectory, (most, picture::moments), seen)
    }

    /// The same for [`Self::way`]: the noise, the samples, and between them the estimates of evenly spread timesteps, the
    /// noisiest among them.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_way(trajectory: impl Iterator<Item = Result<SampleFrame>>, most: usize) -> Result<Self> {
        Self::of_chosen(trajectory, (most, moments_of_a_way), |_| {})
    }

    /// Keeps the frames that `choose` names of a trajectory of so many steps, so many at most.
    fn of_chosen(
        trajectory: impl Iterator<Item = Result<SampleFrame>>,
        (most, choose): (usize, Choose),
        mut seen: impl FnMut(&SampleFrame),
    ) -> Result<Self> {
        let mut moments: Vec<(usize, Moment)> = Vec::new();
        // Adaptive samplers don't know their length: beside those chosen by the length expected first, every `apart`-th
        // frame is kept, and every other one of those dropped when they become too many.
        let (mut apart, mut chosen) = (1, None);
        let (mut last, mut watch) = (None, Watch::default());
        let mut stood_at = None;
        for frame in trajectory {
            let frame: SampleFrame = frame?;
            seen(&frame);
            watch.see(&frame)?;
            let asked = stood_at.replace(frame.t);
            if most >= 2 {
                let chosen = chosen.get_or_insert_with(|| choose(frame.total, most));
                let stays = |index: usize, apart: usize| index.is_multiple_of(apart) || chosen.contains(&index);
                if frame.index.is_multiple_of(apart) && moments.len() >= KEPT * most {
                    apart *= 2;
                    moments.retain(|(index, _)| stays(*index, apart));
                }
                if stays(frame.index, apart) {
                    moments.push((frame.index, Moment::of(&frame, asked)?));
                }
            }
            last = Some((frame, asked));
        }
        let (last, asked) = last.context("the sampler made no frames")?;
        watch.judge(&last.x_t)?;
        if most >= 2 && moments.last().is_some_and(|(index, _)| *index != last.index) {
            moments.push((last.index, Moment::of(&last, asked)?));
        }
        let chosen = chosen.unwrap_or_default();
        let as_expected = chosen.last() == Some(&last.index);
        moments.retain(|(index, _)| match as_expected {
            true => chosen.contains(index),
            false => index.is_multiple_of(apart) || *index == last.index,
        });
        let mut moments: Vec<Option<Moment>> = moments.into_iter().map(|(_, moment)| Some(moment)).collect();
        let shown = match moments.len().checked_sub(1) {
            Some(newest) if !as_expected => picture::moments(newest, most),
            _ => (0..moments.len()).collect(),
        };
        let moments = shown.into_iter().filter_map(|i| moments[i].take()).collect();
        let (samples, calls) = (last.picture_of_x_t()?, last.index);
        let shape = samples.dims4().context("samples are batches of images [N, H, W, C]")?;
        Ok(Self { samples, calls, moments, shape })
    }

    /// All samples in one picture (points as a scatter plot), about `width` pixels wide.
    ///
    /// # Errors
    /// When the samples can't be read from their device.
    pub fn grid(&self, columns: usize, width: usize) -> Result<RgbImage> {
        let (_, h, w, c) = self.shape;
        if is_points((h, w, c)) {
            let points = values(&self.samples)?;
            return Ok(picture::scatter(&points, picture::reach(&points), width.min(SCATTER), DARK.x_0));
        }
        grid_of(&self.samples, columns, width)
    }

    /// Frames of a film of it, and how many there were on the way.
    pub fn frames(&self) -> (usize, usize) {
        (self.moments.len(), self.calls + 1)
    }

    /// Half the width of a window that shows nearly all samples that are points; pictures to compare take one.
    ///
    /// # Errors
    /// When the samples can't be read from their device.
    pub fn reach(&self) -> Result<f64> {
        Ok(picture::reach(&values(&self.samples)?))
    }

    /// The way in one column: the noise, what the network takes the samples for at each moment that was kept, and the
    /// finished samples, which are all there is where none was. In a picture the samples stand in `columns`, each pixel
    /// `scale` pixels large; points are scattered on a square of `side` pixels that shows `reach` to each side.
    ///
    /// # Errors
    /// When the samples can't be read from their device.
    pub fn way(&self, columns: usize, scale: usize, (side, reach): (usize, f64)) -> Result<Vec<WayPicture>> {
        let (n, h, w, c) = self.shape;
        let draw = |pixels: &[f32], colour: palette::Rgb| match is_points((h, w, c)) {
            true => picture::scatter(pixels, reach, side, colour),
            false => picture::grid(pixels, n, h, w, c, columns, scale, if n == 1 { 0 } else { 1 }),
        };
        let between = self.moments.len().saturating_sub(1);
        let on_the_way = self.moments.iter().take(between).map(|moment| match moment.asked {
            None => WayPicture { when: WayTime::Noise, picture: draw(&moment.x_t.all(), DARK.x_t) },
            Some(t) => WayPicture { when: WayTime::Asked(t), picture: draw(&moment.x_0.all(), DARK.x_0) },
        });
        let last = WayPicture { when: WayTime::Sample, picture: draw(&values(&self.samples)?, DARK.x_0) };
        Ok(on_the_way.chain([last]).collect())
    }

    /// One picture a moment: x_t at the left, x̂_0 at the right, together about `width` pixels wide.
    pub fn film(&self, columns: usize, width: usize) -> Vec<RgbImage> {
        let (n, h, w, c) = self.shape;
        if is_points((h, w, c)) {
            let one = |m: &Moment| {
                let (x_t, x_0) =
                    (scatter(&m.x_t.all(), width / 2, DARK.x_t), scatter(&m.x_0.all(), width / 2, DARK.x_0));
                picture::side_by_side(&[&x_t, &x_0], 8)
            };
            return self.moments.iter().map(one).collect();
        }
        let scale = scale_for(2 * columns.clamp(1, n.max(1)) * w, width);
        let one = |pixels: &[f32]| picture::grid(pixels, n, h, w, c, columns, scale, GAP);
        self.moments.iter().map(|m| picture::side_by_side(&[&one(&m.x_t.all()), &one(&m.x_0.all())], 8)).collect()
    }

    /// A strip (of points: all of them, as they move): for each of the first `images` images a row of x_t and a row of x̂_0, time from left to
    /// right in at most `columns` pictures.
    pub fn strip(&self, images: usize, columns: usize) -> RgbImage {
        let (n, h, w, c) = self.shape;
        let size = h * w * c;
        let last = self.moments.len().saturating_sub(1);
        let shown = if self.moments.is_empty() { vec![] } else { picture::moments(last, columns) };
        if is_points((h, w, c)) {
            let side = (STRIP / shown.len().max(1)).clamp(40, 240);
            let row = |color, points: fn(&Moment) -> &Kept| {
                (color, shown.iter().map(|&m| scatter(&points(&self.moments[m]).all(), side, color)).collect())
            };
            return picture::strip(&[row(DARK.x_t, |m| &m.x_t), row(DARK.x_0, |m| &m.x_0)], 4);
        }
        let scale = scale_for(shown.len() * w, STRIP);
        let row = |i: usize, pixels: fn(&Moment) -> &Kept| -> Vec<RgbImage> {
            let one = |m: usize| {
                let image = pixels(&self.moments[m]).values(i * size..(i + 1) * size);
                picture::grid(&image, 1, h, w, c, 1, scale, 0)
            };
            shown.iter().map(|&m| one(m)).collect()
        };
        let rows: Vec<_> =
            (0..n.min(images)).flat_map(|i| [(DARK.x_t, row(i, |m| &m.x_t)), (DARK.x_0, row(i, |m| &m.x_0))]).collect();
        picture::strip(&rows, 4)
    }
}

/// Images `[N, H, W, C]` in one picture, about `width` pixels wide; a single one without a frame, so that it can be
/// read back as it is.
///
/// # Errors
/// When they are no batch of images, or can't be read from their device.
pub fn grid_of(images: &Tensor, columns: usize, width: usize) -> Result<RgbImage> {
    let (n, h, w, c) = images.dims4().context("a grid shows batches of images [N, H, W, C]")?;
    let scale = scale_for(columns.clamp(1, n.max(1)) * w, width);
    let gap = if n == 1 { 0 } else { GAP * scale.min(2) };
    Ok(picture::grid(&values(images)?, n, h, w, c, columns, scale, gap))
}

/// What a grid of `n` samples of this shape says of itself; nothing where it is one picture.
pub fn sheet_words(n: usize, shape: (usize, usize, usize)) -> Option<String> {
    match is_points(shape) {
        true => Some(format!("a scatter plot of {n} points")),
        false => (n > 1).then(|| format!("a grid of {n} samples")),
    }
}

/// The noise, the samples after `total` steps, and `most` − 2 evenly spread estimates between them, the first among them.
fn moments_of_a_way(total: usize, most: usize) -> Vec<usize> {
    if total < most || most < 4 {
        return picture::moments(total, most);
    }
    let (first, last, apart) = (1, total - 1, most - 3);
    let between = (0..=apart).map(|i| first + (i * (last - first) + apart / 2) / apart);
    [0].into_iter().chain(between).chain([total]).collect()
}

const GAP: usize = 2;
/// Frames kept on the way, in multiples of those that will be shown.
const KEPT: usize = 2;

impl Moment {
    fn of(frame: &SampleFrame, asked: Option<usize>) -> Result<Self> {
        Ok(Self { asked, x_t: Kept::of(&frame.picture_of_x_t()?)?, x_0: Kept::of(&frame.picture_of_x_0()?)? })
    }
}

/// Width of a strip in pixels, about.
const STRIP: usize = 1200;
/// Side of a scatter plot in pixels.
const SCATTER: usize = 640;

fn scatter(points: &[f32], side: usize, color: palette::Rgb) -> RgbImage {
    picture::scatter(points, picture::reach(points), side, color)
}

/// The largest whole magnification (1 to 12) that keeps `pixels` within `width`.
fn scale_for(pixels: usize, width: usize) -> usize {
    (width / pixels.max(1)).clamp(1, 12)
}

/// Columns for a grid of `n` samples: one class a column where they come in turns, else about square.
pub fn columns_for(n: usize, classes: &[usize]) -> usize {
    let turn = classes.iter().skip(1).position(|&c| Some(&c) == classes.first()).map_or(classes.len(), |p| p + 1);
    if (2..=12).contains(&turn) && turn < n { turn } else { picture::square_columns(n) }
}

fn values(images: &Tensor) -> Result<Vec<f32>> {
    Ok(images.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trajectory(total: usize) -> impl Iterator<Item = Result<SampleFrame>> {
        (0..=total).map(move |index| {
            let level = 1.0 - 2.0 * index as f32 / total as f32;
            let x_t = Tensor::full(level, (2, 4, 4, 1), &Device::Cpu)?;
            Ok(SampleFrame { index, total, t: total - index, x_0: x_t.neg()?, x_t, update: None, latents: None })
        })
    }

    #[test]
    fn it_keeps_the_ends_and_no_more_moments_than_asked() {
        let mut seen = 0;
        let recording = Recording::of(trajectory(50), 11, |_| seen += 1).unwrap();
        assert_eq!(seen, 51);
        assert_eq!(recording.moments.len(), 11);
        assert_eq!(recording.moments[0].x_t.all()[0], 1.0);
        assert_eq!(recording.moments[10].x_t.all()[0], -1.0);
        assert_eq!(values(&recording.samples).unwrap(), vec![-1.0; 32]);
        let bare = Recording::of(trajectory(5), 0, |_| {}).unwrap();
        assert!(bare.moments.is_empty());
    }

    #[test]
    fn a_trajectory_longer_than_it_expected_keeps_its_ends() {
        let lengthening = trajectory(500).map(|frame| {
            let frame = frame?;
            Ok(SampleFrame { total: if frame.index < 500 { frame.index + 3 } else { 500 }, ..frame })
        });
        let recording = Recording::of(lengthening, 11, |_| {}).unwrap();
        assert_eq!((recording.calls, recording.moments.len()), (500, 11));
        assert_eq!((recording.moments[0].x_t.all()[0], recording.moments[10].x_t.all()[0]), (1.0, -1.0));
        assert!((recording.moments[5].x_t.all()[0]).abs() < 0.1);
    }

    #[test]
    fn a_way_has_evenly_spread_timesteps_from_the_noisiest_on() {
        let times = |total, most| {
            let way = Recording::of_way(trajectory(total), most).unwrap().way(2, 1, (40, 1.5)).unwrap();
            way.into_iter().map(|one| one.when).collect::<Vec<_>>()
        };
        use WayTime::{Asked, Noise, Sample};
        let asked = [50, 44, 38, 32, 26, 20, 14, 8, 2].map(Asked);
        assert_eq!(times(50, 11), [&[Noise][..], &asked, &[Sample]].concat());
        assert_eq!(times(3, 11), [Noise, Asked(3), Asked(2), Sample]);
        for total in [4, 10, 11, 12, 25, 100, 1000] {
            let times = times(total, 11);
            let asked: Vec<usize> = times
                .iter()
                .filter_map(|time| match time {
                    Asked(t) => Some(*t),
                    _ => None,
                })
                .collect();
            let apart: Vec<usize> = asked.windows(2).map(|pair| pair[0] - pair[1]).collect();
            assert_eq!((times[0], asked[0], *times.last().unwrap()), (Noise, total, Sample), "{total}");
            assert!(
                apart.iter().max().unwrap() - apart.iter().min().unwrap() <= 1 && times.len() <= 11,
                "{total}: {apart:?}"
            );
        }
    }

    #[test]
    fn a_film_of_a_known_length_is_evenly_spread() {
        let recording = Recording::of(trajectory(50), 11, |_| {}).unwrap();
        let levels: Vec<f32> = recording.moments.iter().map(|moment| moment.x_t.all()[0]).collect();
        for (i, level) in levels.iter().enumerate() {
            assert!((level - (1.0 - 0.2 * i as f32)).abs() < 0.02, "{levels:?}");
        }
    }

    #[test]
    fn film_and_strip_show_x_t_and_the_estimate() {
        let recording = Recording::of(trajectory(4), 5, |_| {}).unwrap();
        let film = recording.film(2, 64);
        assert_eq!(film.len(), 5);
        let (width, _) = film[0].dimensions();
        assert_eq!(film[0].get_pixel(GAP as u32, GAP as u32).0, [255; 3]);
        assert_eq!(film[0].get_pixel(width - 1 - GAP as u32, GAP as u32).0, [0; 3]);
        let strip = recording.strip(1, 5);
        assert_eq!(strip.get_pixel(5, 5).0, DARK.x_t);
        assert_eq!(strip.get_pixel(13, 5).0, [255; 3]);
    }

    #[test]
    fn the_way_has_the_noise_the_estimates_and_the_samples() {
        let recording = Recording::of(trajectory(4), 5, |_| {}).unwrap();
        let way = recording.way(2, 3, (40, 1.5)).unwrap();
        use WayTime::{Asked, Noise, Sample};
        let times: Vec<WayTime> = way.iter().map(|one| one.when).collect();
        assert_eq!(times, [Noise, Asked(4), Asked(3), Asked(2), Sample]);
        // Two images of 4×4, each pixel 3×3, gaps of one pixel around them.
        assert!(way.iter().all(|one| one.picture.dimensions() == (27, 14)));
        let levels: Vec<u8> = way.iter().map(|one| one.picture.get_pixel(2, 2).0[0]).collect();
        assert_eq!(levels, [255, 64, 128, 191, 0], "the noise, then estimates, then the sample");
        let alone = Recording::of(trajectory(4), 0, |_| {}).unwrap().way(1, 1, (40, 1.5)).unwrap();
        assert!(alone.len() == 1 && alone[0].when == Sample);
    }

    #[test]
    fn classes_in_turn_make_the_columns() {
        let turns: Vec<usize> = (0..20).map(|i| i % 10).collect();
        assert_eq!(columns_for(20, &turns), 10);
        assert_eq!(columns_for(9, &turns[..9]), 3);
        assert_eq!(columns_for(16, &[7; 16]), 4);
        assert_eq!(columns_for(16, &[]), 4);
    }

    #[test]
    fn a_failing_trajectory_fails_the_recording() {
        let failing = trajectory(3).chain([Err(anyhow::anyhow!("NaN at t = 7"))]);
        assert!(Recording::of(failing, 5, |_| {}).is_err());
        assert!(Recording::of(std::iter::empty(), 5, |_| {}).is_err());
    }
}
