//! A picture at the shell, in the best way the terminal has.
//!
//! For commands that print and leave. It asks the terminal what it can do and reads the reply from
//! standard input, so it must never run while something else reads keys.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use image::{DynamicImage, RgbImage, imageops::FilterType};

use crate::ascii::terminal_has_utf8;

/// How pictures are put on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TerminalProtocol {
    /// The best that the terminal confirms.
    #[default]
    Auto,
    Kitty,
    Iterm,
    Sixel,
    /// Two pixels a character, in colour; works everywhere.
    HalfBlock,
    /// Characters from light to dark; needs no colour.
    Ascii,
}

/// Width assumed where there is no terminal to ask.
const WIDTH_OFF_TERMINAL: u16 = 80;
/// No wider than this many cells, however wide the terminal: digits need no poster, and some sixel
/// terminals stop at 1,000 pixels.
const MAX_WIDTH: u32 = 160;

/// Prints `picture` to standard output, scaled to fit the terminal, and returns the protocol that was
/// used. Kitty, iTerm2 and sixel are used only where the terminal confirms them: asking takes at most two
/// seconds, and where there is nobody to ask (a pipe, a file) the picture is printed in half-blocks, or
/// as ASCII where `NO_COLOR` is set.
///
/// # Errors
/// When standard output can't be written; a reader that closed the pipe is no error.
pub fn print_in_terminal(picture: &RgbImage, protocol: TerminalProtocol) -> Result<TerminalProtocol> {
    if picture.width() == 0 || picture.height() == 0 {
        return Ok(TerminalProtocol::HalfBlock);
    }
    let on_terminal = io::stdout().is_terminal();
    let (columns, rows) = match crossterm::terminal::size() {
        Ok((columns, rows)) if on_terminal && columns > 0 && rows > 0 => (columns, Some(rows)),
        _ => (WIDTH_OFF_TERMINAL, None),
    };
    let used = choose(protocol, on_terminal);
    let (width, height) = cells(picture.dimensions(), columns, rows);
    if used == TerminalProtocol::Ascii {
        let text = in_characters(picture, width, height);
        arrived(io::stdout().write_all(text.as_bytes()))?;
        return Ok(used);
    }
    let config = viuer::Config {
        absolute_offset: false,
        width: Some(width),
        height: Some(height),
        truecolor: !on_terminal || has_true_colour(),
        use_kitty: used == TerminalProtocol::Kitty,
        use_iterm: used == TerminalProtocol::Iterm,
        use_sixel: used == TerminalProtocol::Sixel,
        ..viuer::Config::default()
    };
    let printed = match viuer::print(&DynamicImage::ImageRgb8(picture.clone()), &config) {
        // Sixel leaves the cursor where the picture ends.
        Ok(_) if used == TerminalProtocol::Sixel => writeln!(io::stdout()),
        Ok(_) => Ok(()),
        Err(viuer::ViuError::Io(error)) => Err(error),
        Err(other) => return Err(other).context("printing the picture"),
    };
    arrived(printed)?;
    Ok(used)
}

/// Did all of it arrive? Whoever closed the pipe has seen enough: no error.
fn arrived(written: io::Result<()>) -> Result<()> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            bail!("standard output could not be written: {error}")
        }
        _ => Ok(()),
    }
}

/// What to use of what was asked for.
fn choose(wanted: TerminalProtocol, on_terminal: bool) -> TerminalProtocol {
    use TerminalProtocol::{Ascii, Auto, HalfBlock, Iterm, Kitty, Sixel};
    if wanted == Ascii || wanted == HalfBlock {
        return wanted;
    }
    let no_blocks = on_terminal && !terminal_has_utf8();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let fallback = if no_color || no_blocks { Ascii } else { HalfBlock };
    if !on_terminal || !io::stdin().is_terminal() {
        return fallback;
    }
    if matches!(wanted, Auto | Iterm) && viuer::is_iterm_supported() {
        return Iterm;
    }
    // viuer asks the terminal and waits for the answer without a limit; ask only one that answers.
    if !terminal_answers() {
        return fallback;
    }
    if matches!(wanted, Auto | Kitty) && viuer::get_kitty_support() != viuer::KittySupport::None {
        return Kitty;
    }
    if matches!(wanted, Auto | Sixel) && viuer::is_sixel_supported() {
        return Sixel;
    }
    fallback
}

/// Does the terminal answer questions? crossterm asks for the keyboard protocol and the device
/// attributes and waits at most two seconds; an error means silence.
fn terminal_answers() -> bool {
    // A terminal that says it is dumb is, and a query would be printed as text.
    std::env::var("TERM").is_ok_and(|term| term != "dumb" && !term.is_empty())
        && crossterm::terminal::supports_keyboard_enhancement().is_ok()
}

fn has_true_colour() -> bool {
    supports_color::on(supports_color::Stream::Stdout).is_some_and(|level| level.has_16m)
}

/// Cells (columns, rows) for a picture of `size` pixels, so that it keeps its shape where a cell is twice
/// as high as wide, is never enlarged, and fits the terminal with two rows to spare for the prompt.
fn cells(size: (u32, u32), columns: u16, rows: Option<u16>) -> (u32, u32) {
    let (w, h) = (size.0 as f64, size.1 as f64);
    let widest = (columns as u32).clamp(1, MAX_WIDTH) as f64;
    let highest = rows.map_or(f64::INFINITY, |r| r.saturating_sub(2).max(1) as f64 * 2.0);
    let scale = (widest / w).min(highest / h).min(1.0);
    (((w * scale).round() as u32).max(1), ((h * scale / 2.0).round() as u32).max(1))
}

/// The picture in `height` lines of `width` characters, from dark to bright.
pub fn in_characters(picture: &RgbImage, width: u32, height: u32) -> String {
    const RAMP: &[u8] = b" .:-=+*#%@";
    let small = image::imageops::resize(picture, width, height, FilterType::Triangle);
    let mut out = String::new();
    for row in small.rows() {
        for pixel in row {
            let [r, g, b] = pixel.0.map(u32::from);
            let level = (r * 299 + g * 587 + b * 114) / 1000;
            let _ = out.write_char(RAMP[(level as usize * RAMP.len() / 256).min(RAMP.len() - 1)] as char);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn pictures_fit_the_terminal_keep_their_shape_and_are_not_enlarged() {
        assert_eq!(cells((300, 120), 80, Some(24)), (80, 16));
        assert_eq!(cells((300, 600), 80, Some(24)), (22, 22));
        assert_eq!(cells((30, 12), 80, Some(24)), (30, 6));
        assert_eq!(cells((4000, 2000), 500, Some(200)), (160, 40));
        assert_eq!(cells((300, 3000), 80, None), (80, 400));
        assert_eq!(cells((300, 300), 1, Some(1)), (1, 1));
    }

    #[test]
    fn ascii_goes_from_dark_to_bright() {
        let picture = RgbImage::from_fn(10, 2, |x, _| Rgb([(x * 28) as u8; 3]));
        let text = in_characters(&picture, 10, 1);
        assert_eq!(text.trim_end_matches('\n').len(), 10);
        assert!(text.starts_with(' ') && text.trim_end().ends_with('@'), "{text}");
    }

    #[test]
    fn off_a_terminal_pixel_protocols_give_way_to_characters() {
        for wanted in [TerminalProtocol::Auto, TerminalProtocol::Kitty, TerminalProtocol::Sixel] {
            let used = choose(wanted, false);
            assert!(matches!(used, TerminalProtocol::HalfBlock | TerminalProtocol::Ascii));
        }
        assert_eq!(choose(TerminalProtocol::Ascii, false), TerminalProtocol::Ascii);
    }
}
