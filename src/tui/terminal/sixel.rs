//! Sixel pictures with a fixed palette.
//!
//! A palette fitted to each picture would cost most of the time and let the greys of a moving
//! preview flicker from frame to frame. Here a shade is the same in every picture: greys, and with
//! them a few exact colours (of the frame around the images); else a colour cube with an ordered
//! dither, which stands still too.

use std::collections::HashMap;
use std::fmt::Write;

/// Rows of a band.
const BAND: usize = 6;

/// Greys of a grey picture: finer steps are not seen, and fewer colours are fewer bytes.
const GREYS: usize = 64;

/// Colours that are shown exactly beside the greys: those around images, and those of charts.
const FEW: usize = 160;

/// 4 × 4 ordered dither (Bayer 1973), 0 to 15.
const BAYER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// The shades that pixels are rounded to.
enum Palette {
    /// Greys, then the exact colours.
    Grey { levels: usize, exact: Vec<[u8; 3]>, place: HashMap<[u8; 3], usize> },
    /// And the ground's colour, where it can be exact.
    Cube { levels: [usize; 3], ground: Option<[u8; 3]> },
}

impl Palette {
    /// The finest one for these pixels that `registers` colours allow.
    fn choose(rgb: &[u8], width: usize, registers: usize) -> Self {
        if let Some(exact) = few_colors(rgb, FEW.min(registers * 5 / 8)) {
            let levels = GREYS.min(registers.saturating_sub(exact.len())).max(2);
            let place = exact.iter().enumerate().map(|(i, color)| (*color, levels + i)).collect();
            return Palette::Grey { levels, exact, place };
        }
        let levels = match registers {
            252.. => [6, 7, 6],
            64.. => [4, 4, 4],
            27.. => [3, 3, 3],
            16.. => [2, 4, 2],
            _ => [2, 2, 2],
        };
        let [r, g, b] = levels;
        let ground = ground(rgb, width).filter(|_| r * g * b < registers);
        Palette::Cube { levels, ground }
    }

    fn len(&self) -> usize {
        match self {
            Palette::Grey { levels, exact, .. } => levels + exact.len(),
            Palette::Cube { levels: [r, g, b], ground } => r * g * b + usize::from(ground.is_some()),
        }
    }

    fn index(&self, pixel: &[u8], x: usize, y: usize) -> usize {
        match self {
            Palette::Grey { levels, .. } if is_grey(pixel) => (usize::from(pixel[0]) * (levels - 1) + 127) / 255,
            Palette::Grey { levels, place, .. } => {
                place.get(&[pixel[0], pixel[1], pixel[2]]).copied().unwrap_or(*levels)
            }
            Palette::Cube { levels: [r, g, b], ground: Some(ground) } if ground == pixel => r * g * b,
            Palette::Cube { levels: [r, g, b], .. } => {
                let threshold = (f32::from(BAYER[y % 4][x % 4]) + 0.5) / 16.0;
                let level = |value: u8, n: usize| (f32::from(value) / 255.0 * (n - 1) as f32 + threshold) as usize;
                (level(pixel[0], *r) * g + level(pixel[1], *g)) * b + level(pixel[2], *b)
            }
        }
    }

    /// Red, green and blue of a shade, 0 to 100 each.
    fn percent(&self, index: usize) -> [usize; 3] {
        let percent = |level: usize, n: usize| (level * 100 + (n - 1) / 2) / (n - 1);
        match self {
            Palette::Grey { levels, .. } if index < *levels => [percent(index, *levels); 3],
            Palette::Grey { levels, exact, .. } => exact[index - levels].map(|v| (usize::from(v) * 100 + 127) / 255),
            Palette::Cube { levels: [r, g, b], ground: Some(ground) } if index == r * g * b => {
                ground.map(|v| (usize::from(v) * 100 + 127) / 255)
            }
            Palette::Cube { levels: [r, g, b], .. } => {
                [percent(index / (g * b), *r), percent(index / b % g, *g), percent(index % b, *b)]
            }
        }
    }
}

fn is_grey(pixel: &[u8]) -> bool {
    pixel[0] == pixel[1] && pixel[1] == pixel[2]
}

/// The colour of the ground between and around the images: that of a whole row or column of pixels. It has to be the
/// background's own, not a mixture of others.
fn ground(rgb: &[u8], width: usize) -> Option<[u8; 3]> {
    let color = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
    let row = rgb.chunks_exact(width * 3).find(|row| row.chunks_exact(3).all(|pixel| *pixel == row[..3]));
    let column = || {
        let top = rgb.get(..width * 3)?;
        let whole = |x: usize| rgb.chunks_exact(width * 3).all(|row| row[3 * x..3 * x + 3] == top[3 * x..3 * x + 3]);
        (0..width).rev().find(|x| whole(*x)).map(|x| color(&top[3 * x..]))
    };
    row.map(color).or_else(column)
}

/// The colours beside greys, when they are at most `most`.
fn few_colors(rgb: &[u8], most: usize) -> Option<Vec<[u8; 3]>> {
    let mut few: Vec<[u8; 3]> = Vec::new();
    let mut last = None;
    for pixel in rgb.chunks_exact(3).filter(|pixel| !is_grey(pixel)) {
        let color = [pixel[0], pixel[1], pixel[2]];
        // Most pixels are as the one before.
        if last.replace(color) != Some(color) && !few.contains(&color) {
            if few.len() == most {
                return None;
            }
            few.push(color);
        }
    }
    Some(few)
}

/// Encodes `[height, width, 3]` pixels as one sixel sequence of at most `registers` colours. Every
/// pixel is painted. `None` when the pixels don't match the size, or there are none.
pub fn encode(rgb: &[u8], width: usize, height: usize, registers: usize) -> Option<String> {
    if width == 0 || height == 0 || rgb.len() != width * height * 3 {
        return None;
    }
    let palette = Palette::choose(rgb, width, registers);
    let mut bands = String::with_capacity(width * height / 4);
    let dithered = matches!(palette, Palette::Cube { .. });
    let mut before: Option<(&[u8], usize)> = None;
    let mut used = vec![false; palette.len()];
    // Of each shade, which of the band's six rows it paints in each column.
    let mut rows = vec![0u8; palette.len() * width];
    let mut present = vec![false; palette.len()];
    for (band, pixels) in rgb.chunks(BAND * width * 3).enumerate() {
        if band > 0 {
            bands.push('-');
        }
        for (y, line) in pixels.chunks_exact(width * 3).enumerate() {
            for (x, pixel) in line.chunks_exact(3).enumerate() {
                let shade = match before {
                    // In charts and around images most pixels are as the one before.
                    Some((same, shade)) if same == pixel && !dithered => shade,
                    _ => palette.index(pixel, x, band * BAND + y),
                };
                before = Some((pixel, shade));
                rows[shade * width + x] |= 1 << y;
                present[shade] = true;
            }
        }
        let mut first = true;
        for shade in (0..palette.len()).filter(|&shade| std::mem::take(&mut present[shade])) {
            used[shade] = true;
            // Writing into a string doesn't fail.
            let _ = write!(bands, "{}#{shade}", if first { "" } else { "$" });
            first = false;
            let columns = &mut rows[shade * width..(shade + 1) * width];
            write_runs(&mut bands, columns);
            columns.fill(0);
        }
    }
    let mut sixel = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for shade in (0..palette.len()).filter(|&shade| used[shade]) {
        let [r, g, b] = palette.percent(shade);
        let _ = write!(sixel, "#{shade};2;{r};{g};{b}");
    }
    sixel.push_str(&bands);
    sixel.push_str("\x1b\\");
    Some(sixel)
}

/// One shade's columns of a band, runs shortened, nothing after the last painted column.
fn write_runs(out: &mut String, columns: &[u8]) {
    let mut rest = match columns.iter().rposition(|&rows| rows != 0) {
        Some(last) => &columns[..=last],
        None => return,
    };
    while let Some(&rows) = rest.first() {
        let run = rest.iter().take_while(|&&other| other == rows).count();
        let letter = char::from(63 + rows);
        if run > 3 {
            let _ = write!(out, "!{run}{letter}");
        } else {
            (0..run).for_each(|_| out.push(letter));
        }
        rest = &rest[run..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a sixel back: the percentages of every pixel, `None` where nothing was painted.
    fn decode(sixel: &str, width: usize, height: usize) -> Vec<Option<[usize; 3]>> {
        let mut shades = std::collections::HashMap::new();
        let mut pixels = vec![None; width * height];
        let body = sixel.split_once('q').unwrap().1.strip_suffix("\x1b\\").unwrap();
        let body = body.split_once('#').map(|(_, rest)| format!("#{rest}")).unwrap();
        let (mut x, mut band, mut shade, mut run) = (0, 0, 0, 1);
        let mut chars = body.chars().peekable();
        let number = |chars: &mut std::iter::Peekable<std::str::Chars>| {
            let mut n = 0;
            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                n = n * 10 + digit as usize;
                chars.next();
            }
            n
        };
        while let Some(c) = chars.next() {
            match c {
                '#' => {
                    shade = number(&mut chars);
                    let mut values = Vec::new();
                    while chars.next_if_eq(&';').is_some() {
                        values.push(number(&mut chars));
                    }
                    if let [2, r, g, b] = values[..] {
                        shades.insert(shade, [r, g, b]);
                    }
                }
                '!' => run = number(&mut chars),
                '$' => x = 0,
                '-' => (x, band) = (0, band + 1),
                _ => {
                    for _ in 0..std::mem::replace(&mut run, 1) {
                        for row in (0..6).filter(|row| (c as u8 - 63) >> row & 1 == 1) {
                            let y = band * 6 + row;
                            assert!(x < width && y < height, "painted outside at {x}, {y}");
                            assert!(pixels[y * width + x].replace(shades[&shade]).is_none(), "painted twice");
                        }
                        x += 1;
                    }
                }
            }
        }
        pixels
    }

    #[test]
    fn greys_come_back_within_half_a_level_at_odd_sizes() {
        for (width, height) in [(1, 1), (7, 5), (13, 6), (30, 19)] {
            let grey = |i: usize| (i * 37 % 256) as u8;
            let rgb: Vec<u8> = (0..width * height).flat_map(|i| [grey(i); 3]).collect();
            let sixel = encode(&rgb, width, height, 256).unwrap();
            for (i, pixel) in decode(&sixel, width, height).into_iter().enumerate() {
                let [r, g, b] = pixel.unwrap_or_else(|| panic!("pixel {i} was not painted"));
                assert!(r == g && g == b);
                let want = f64::from(grey(i)) / 2.55;
                assert!((r as f64 - want).abs() < 50.0 / 63.0 + 0.6, "pixel {i}: {r} for {want}");
            }
        }
    }

    #[test]
    fn colours_keep_their_mean_and_obey_the_registers() {
        let (width, height, colour) = (24, 24, [200u8, 90, 30]);
        // Just so many that they can't be exact.
        let rgb: Vec<u8> =
            (0..width * height).flat_map(|i| [200, 70 + (i / 5 % 41) as u8, 28 + (i % 5) as u8]).collect();
        for registers in [8, 16, 27, 64, 256] {
            let pixels = decode(&encode(&rgb, width, height, registers).unwrap(), width, height);
            let different: std::collections::HashSet<_> = pixels.iter().collect();
            assert!(different.len() <= registers);
            for (channel, &value) in colour.iter().enumerate() {
                let sum: usize = pixels.iter().map(|p| p.unwrap()[channel]).sum();
                let (mean, want) = (sum as f64 / pixels.len() as f64, f64::from(value) / 2.55);
                assert!((mean - want).abs() < 4.0, "{registers} registers, channel {channel}: {mean} for {want}");
            }
        }
    }

    #[test]
    fn a_few_colours_among_greys_are_exact() {
        let rgb = [[255, 255, 255], [44, 48, 58], [16, 16, 20], [0, 0, 0]].concat();
        let pixels = decode(&encode(&rgb, 4, 1, 256).unwrap(), 4, 1);
        assert_eq!(pixels, [Some([100; 3]), Some([17, 19, 23]), Some([6, 6, 8]), Some([0; 3])]);
    }

    #[test]
    fn the_ground_of_colour_pictures_is_exact() {
        let (width, height) = (9, 8);
        let images: Vec<u8> = (0..width * height).flat_map(|i| [200, i as u8, 255 - 2 * i as u8]).collect();
        let paint = |is_ground: &dyn Fn(usize, usize) -> bool| {
            let mut rgb = images.clone();
            for (_, pixel) in rgb.chunks_exact_mut(3).enumerate().filter(|(i, _)| is_ground(i % width, i / width)) {
                pixel.copy_from_slice(&[16, 18, 24]);
            }
            rgb
        };
        for is_ground in [&(|x: usize, _: usize| x == 4) as &dyn Fn(usize, usize) -> bool, &|_, y| y == 3] {
            let pixels = decode(&encode(&paint(is_ground), width, height, 256).unwrap(), width, height);
            for i in (0..width * height).filter(|i| is_ground(i % width, i / width)) {
                assert_eq!(pixels[i], Some([6, 7, 9]));
            }
            // No register is left for it.
            assert!(encode(&paint(is_ground), width, height, 8).is_some());
        }
    }

    #[test]
    fn the_colours_of_a_chart_are_exact() {
        let rgb: Vec<u8> = (0..120).flat_map(|i| [16, 2 * i as u8, 40]).collect();
        let pixels = decode(&encode(&rgb, 120, 1, 256).unwrap(), 120, 1);
        for (i, pixel) in pixels.into_iter().enumerate() {
            assert_eq!(pixel, Some([6, (2 * i * 100 + 127) / 255, 16]), "pixel {i}");
        }
    }

    #[test]
    fn a_plain_picture_is_a_few_bytes() {
        let sixel = encode(&vec![255; 600 * 60 * 3], 600, 60, 256).unwrap();
        assert!(sixel.len() < 200, "{} bytes", sixel.len());
    }

    #[test]
    fn sizes_that_do_not_match_are_refused() {
        assert_eq!(encode(&[0; 3], 2, 2, 256), None);
        assert_eq!(encode(&[], 0, 0, 256), None);
    }
}
