//! Grids of images, scaled to whole cells.

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

/// Where to lay them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridRoom {
    /// Cells.
    pub columns: u16,
    pub rows: u16,
    /// Pixels of a cell.
    pub cell: (u16, u16),
    /// Between the images.
    pub gap_color: [u8; 3],
    /// Around them all.
    pub around: [u8; 3],
    /// An image is not made smaller than this many pixels; rather fewer are shown.
    pub smallest: usize,
}

/// A laid-out grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Whole cells that the picture covers.
    pub columns: u16,
    pub rows: u16,
    /// Pixels: columns and rows times the cell.
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
    /// The first so many images are there…
    pub shown: usize,
    /// …in rows of so many.
    pub per_row: usize,
}

/// Lays the images out as large as they can be. `None` when nothing fits, or when the sizes lie.
pub fn grid(images: &Images, canvas: &GridRoom) -> Option<Grid> {
    let size = images.height * images.width * images.channels;
    let (cw, ch) = (usize::from(canvas.cell.0), usize::from(canvas.cell.1));
    let box_px = (usize::from(canvas.columns) * cw, usize::from(canvas.rows) * ch);
    if size == 0 || images.n == 0 || images.pixels.len() < images.n * size || box_px.0 == 0 || box_px.1 == 0 {
        return None;
    }
    // A gap of one column, and of one row: in half-blocks a tile then begins with a cell.
    let gap = (cw.div_ceil(3), ch.div_ceil(3).max(if ch == 2 { 2 } else { 1 }));
    let smallest = canvas.smallest as f64 / images.height.max(images.width) as f64;
    let mut shown = images.n;
    let (per_row, scale) = loop {
        let (per_row, scale) = best(images, shown, box_px, gap)?;
        if scale >= smallest || shown == 1 {
            break (per_row, scale);
        }
        shown -= 1;
    };
    let scale = if scale > 3.0 { scale.floor() } else { scale };
    let tile = (((images.width as f64 * scale) as usize).max(1), ((images.height as f64 * scale) as usize).max(1));
    let rows = shown.div_ceil(per_row);
    let used = (per_row * tile.0 + (per_row - 1) * gap.0, rows * tile.1 + (rows - 1) * gap.1);
    let (columns, lines) = (used.0.div_ceil(cw), used.1.div_ceil(ch));
    let (width, height) = (columns * cw, lines * ch);
    let mut rgb: Vec<u8> = canvas.around.iter().copied().cycle().take(width * height * 3).collect();
    for i in 0..shown {
        let at = ((i % per_row) * (tile.0 + gap.0), (i / per_row) * (tile.1 + gap.1));
        // The gaps to the images on the left and above.
        let from = (at.0.saturating_sub(gap.0), at.1.saturating_sub(gap.1));
        for y in from.1..at.1 + tile.1 {
            for x in from.0..at.0 + tile.0 {
                if let Some(pixel) = rgb.get_mut((y * width + x) * 3..).and_then(|rest| rest.get_mut(..3)) {
                    pixel.copy_from_slice(&canvas.gap_color);
                }
            }
        }
        let image = &images.pixels[i * size..(i + 1) * size];
        draw_tile(images, image, tile, |x, y, color| {
            let offset = ((at.1 + y) * width + at.0 + x) * 3;
            if let Some(pixel) = rgb.get_mut(offset..offset + 3) {
                pixel.copy_from_slice(&color);
            }
        });
    }
    Some(Grid { columns: columns as u16, rows: lines as u16, width, height, rgb, shown, per_row })
}

/// The number of images a row that lets them be largest, and their scale. `None` when nothing fits.
fn best(images: &Images, n: usize, box_px: (usize, usize), gap: (usize, usize)) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for per_row in 1..=n {
        let rows = n.div_ceil(per_row);
        let room = |whole: usize, parts: usize, gap: usize| whole.checked_sub((parts - 1) * gap).map(|r| r / parts);
        let (Some(w), Some(h)) = (room(box_px.0, per_row, gap.0), room(box_px.1, rows, gap.1)) else { continue };
        // Whole pixels, and an even number of rows: no tile shares a half-block with its neighbour.
        let h = if gap.1 == 2 { h & !1 } else { h };
        if w == 0 || h == 0 {
            continue;
        }
        let scale = (w as f64 / images.width as f64).min(h as f64 / images.height as f64);
        if best.is_none_or(|(_, s)| scale > s) {
            best = Some((per_row, scale));
        }
    }
    best
}

/// Scales one image to a tile: the mean over the pixels that fall on each of the tile's.
fn draw_tile(images: &Images, image: &[u8], tile: (usize, usize), mut put: impl FnMut(usize, usize, [u8; 3])) {
    let (h, w, c) = (images.height, images.width, images.channels);
    let span = |i: usize, parts: usize, whole: usize| {
        let from = (i * whole / parts).min(whole - 1);
        from..((i + 1) * whole).div_ceil(parts).clamp(from + 1, whole)
    };
    // Enlarging takes the nearest pixel, so that pixels stay crisp.
    let pick = |i: usize, parts: usize, whole: usize| {
        if parts >= whole {
            let at = ((2 * i + 1) * whole / (2 * parts)).min(whole - 1);
            at..at + 1
        } else {
            span(i, parts, whole)
        }
    };
    for y in 0..tile.1 {
        let ys = pick(y, tile.1, h);
        for x in 0..tile.0 {
            let xs = pick(x, tile.0, w);
            let count = (ys.len() * xs.len()) as u32;
            let mean = |channel: usize| {
                let sum: u32 = ys
                    .clone()
                    .flat_map(|sy| xs.clone().map(move |sx| (sy * w + sx) * c + channel))
                    .map(|i| u32::from(image[i]))
                    .sum();
                ((sum + count / 2) / count) as u8
            };
            let color = if c >= 3 { [mean(0), mean(1), mean(2)] } else { [mean(0); 3] };
            put(x, y, color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas(columns: u16, rows: u16, cell: (u16, u16)) -> GridRoom {
        GridRoom { columns, rows, cell, gap_color: [9; 3], around: [9; 3], smallest: 10 }
    }

    #[test]
    fn the_grid_covers_whole_cells_and_fits_its_box() {
        let pixels = vec![200; 10 * 28 * 28];
        let images = Images { pixels: &pixels, n: 10, height: 28, width: 28, channels: 1 };
        for columns in 1..80 {
            for rows in 1..40 {
                for cell in [(1, 2), (10, 20), (7, 15)] {
                    if let Some(grid) = grid(&images, &canvas(columns, rows, cell)) {
                        assert!(grid.columns <= columns && grid.rows <= rows, "{columns}×{rows} {cell:?}");
                        assert_eq!(grid.rgb.len(), grid.width * grid.height * 3);
                        assert_eq!(grid.width, usize::from(grid.columns * cell.0));
                        assert!(grid.shown >= 1 && grid.shown <= 10);
                    }
                }
            }
        }
    }

    #[test]
    fn few_pixels_show_fewer_images_and_many_show_all() {
        let pixels = vec![200; 10 * 28 * 28];
        let images = Images { pixels: &pixels, n: 10, height: 28, width: 28, channels: 1 };
        let small = grid(&images, &canvas(28, 13, (1, 2))).unwrap();
        assert!(small.shown < 10, "{}", small.shown);
        assert_eq!(grid(&images, &canvas(28, 13, (10, 20))).unwrap().shown, 10);
    }

    #[test]
    fn shrinking_takes_the_mean_and_colours_stay() {
        let pixels = [255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255];
        let images = Images { pixels: &pixels, n: 1, height: 2, width: 2, channels: 3 };
        let grid = grid(&images, &GridRoom { smallest: 1, ..canvas(1, 1, (1, 1)) }).unwrap();
        assert_eq!(grid.rgb, [128, 0, 128]);
    }

    #[test]
    fn lying_sizes_give_nothing() {
        let images = Images { pixels: &[0; 10], n: 2, height: 28, width: 28, channels: 1 };
        assert_eq!(grid(&images, &canvas(10, 10, (1, 2))), None);
    }
}
