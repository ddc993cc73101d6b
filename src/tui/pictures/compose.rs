//! Images as one picture, scaled to their places.

use super::Arrangement;

/// Images to lay out, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// `[n, height, width, channels]`.
    pub pixels: &'a [u8],
    pub n: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// Images as one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Whole cells that the picture covers.
    pub columns: u16,
    pub rows: u16,
    /// Pixels: columns and rows times the cell.
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// Puts the images where the arrangement says, on a ground of one colour. `None` when the sizes lie.
pub fn compose(images: &Images, arrangement: &Arrangement, cell: (u16, u16), ground: [u8; 3]) -> Option<Sheet> {
    let size = images.height * images.width * images.channels;
    let tile = arrangement.tile;
    let too_few = images.n < arrangement.shown || images.pixels.len() < images.n * size;
    if size == 0 || too_few || tile.0 == 0 || tile.1 == 0 || arrangement.per_row == 0 {
        return None;
    }
    let (columns, rows) = arrangement.cells(cell);
    let (width, height) = (usize::from(columns * cell.0), usize::from(rows * cell.1));
    let mut rgb: Vec<u8> = ground.iter().copied().cycle().take(width * height * 3).collect();
    let shrink = Shrink { across: shares(tile.0, images.width), down: shares(tile.1, images.height) };
    for (i, image) in images.pixels.chunks_exact(size).take(arrangement.shown).enumerate() {
        let (column, row) = (i % arrangement.per_row, i / arrangement.per_row);
        let (left, top) = (column * (tile.0 + arrangement.gap.0), row * (tile.1 + arrangement.gap.1));
        shrink.draw(images, image, |y, line| {
            let at = ((top + y) * width + left) * 3;
            if let Some(place) = rgb.get_mut(at..at + line.len()) {
                place.copy_from_slice(line);
            }
        });
    }
    Some(Sheet { columns, rows, width, height, rgb })
}

/// The first source pixel that one of the target covers, and how much of each from there on.
type Share = (usize, Vec<f32>);

/// The shares of `whole` source pixels in each of `parts` target pixels. Enlarged by a whole factor each target pixel
/// has one source pixel, so that pixels stay crisp.
fn shares(parts: usize, whole: usize) -> Vec<Share> {
    let share = |i: usize| {
        // In units of 1/parts of a source pixel.
        let (from, to) = (i * whole, (i + 1) * whole);
        let (first, end) = (from / parts, to.div_ceil(parts).min(whole));
        let covered = |source: usize| (to.min((source + 1) * parts) - from.max(source * parts)) as f32 / whole as f32;
        (first, (first..end).map(covered).collect())
    };
    (0..parts).map(share).collect()
}

/// Scales images of one size to tiles of one size.
struct Shrink {
    across: Vec<Share>,
    down: Vec<Share>,
}

impl Shrink {
    /// Gives the lines of the scaled image, `[width, 3]` each, from the top.
    fn draw(&self, images: &Images, image: &[u8], mut put: impl FnMut(usize, &[u8])) {
        let stride = images.width * images.channels;
        let mut line = vec![0; self.across.len() * 3];
        let mut mixed = vec![0.0; stride];
        let mut before: Option<&Share> = None;
        for (y, down) in self.down.iter().enumerate() {
            // A line that shows the same source as the one before is the same.
            if before != Some(down) {
                let (first, parts) = down;
                mixed.fill(0.0);
                for (source, part) in image[first * stride..].chunks_exact(stride).zip(parts) {
                    mixed.iter_mut().zip(source).for_each(|(sum, value)| *sum += part * f32::from(*value));
                }
                for (pixel, (first, parts)) in line.chunks_exact_mut(3).zip(&self.across) {
                    let channel = |c: usize| {
                        let source = mixed[first * images.channels + c..].iter().step_by(images.channels);
                        source.zip(parts).map(|(value, part)| value * part).sum::<f32>().round() as u8
                    };
                    let color =
                        if images.channels >= 3 { [channel(0), channel(1), channel(2)] } else { [channel(0); 3] };
                    pixel.copy_from_slice(&color);
                }
                before = Some(down);
            }
            put(y, &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(tile: (usize, usize)) -> Arrangement {
        Arrangement { shown: 1, per_row: 1, tile, gap: (1, 1) }
    }

    #[test]
    fn images_stand_where_they_are_arranged_and_around_them_is_the_ground() {
        let pixels: Vec<u8> = (0..3).flat_map(|i| [100 + i; 4]).collect();
        let images = Images { pixels: &pixels, n: 3, height: 2, width: 2, channels: 1 };
        let arrangement = Arrangement { shown: 3, per_row: 2, tile: (4, 4), gap: (2, 2) };
        let sheet = compose(&images, &arrangement, (4, 7), [1, 2, 3]).unwrap();
        assert_eq!((sheet.columns, sheet.rows, sheet.width, sheet.height), (3, 2, 12, 14));
        for y in 0..sheet.height {
            for x in 0..sheet.width {
                let color = &sheet.rgb[(y * sheet.width + x) * 3..][..3];
                let image = (y / 6) * 2 + x / 6;
                let want = if arrangement.covers(x, y) { [100 + image as u8; 3] } else { [1, 2, 3] };
                assert_eq!(color, want, "at {x}, {y}");
            }
        }
    }

    #[test]
    fn a_whole_factor_repeats_pixels_and_any_other_takes_the_mean() {
        let pixels = [255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255];
        let images = Images { pixels: &pixels, n: 1, height: 2, width: 2, channels: 3 };
        let shrunk = compose(&images, &one((1, 1)), (1, 1), [9; 3]).unwrap();
        assert_eq!(shrunk.rgb, [128, 0, 128]);
        let enlarged = compose(&images, &one((3, 3)), (1, 1), [9; 3]).unwrap();
        assert_eq!(enlarged.rgb[..9], [255, 0, 0, 128, 0, 128, 0, 0, 255]);
        let doubled = compose(&images, &one((4, 4)), (1, 1), [9; 3]).unwrap();
        assert_eq!(doubled.rgb[..12], [255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255]);
    }

    #[test]
    fn plain_images_stay_plain_at_every_size() {
        let pixels = [77; 28 * 28];
        let images = Images { pixels: &pixels, n: 1, height: 28, width: 28, channels: 1 };
        for side in 1..90 {
            let sheet = compose(&images, &one((side, side)), (1, 1), [9; 3]).unwrap();
            assert!(sheet.rgb.iter().all(|v| *v == 77), "{side}");
        }
    }

    #[test]
    fn lying_sizes_give_nothing() {
        let images = Images { pixels: &[0; 10], n: 2, height: 28, width: 28, channels: 1 };
        assert_eq!(compose(&images, &one((28, 28)), (1, 2), [0; 3]), None);
    }
}
