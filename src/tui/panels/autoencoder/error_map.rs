//! The squared error at each pixel of the pictures, as colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::waiting::waiting;
use crate::lab::AutoencoderLook;
use crate::tui::format::three_digits;
use crate::tui::panels::frame::sentence;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// What the colours are of.
pub fn subtitle(state: &State) -> Words {
    Words::new(&state.theme).add(Role::Dim, "(x − x̂)²").add(Role::Dim, "mean over the pictures")
}

/// The map, and below it its numbers.
pub fn draw(state: &State, inner: Rect, buf: &mut Buffer) {
    let Some((look, (height, width))) = looked(state) else {
        sentence(waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    let lines = u16::from(inner.height > 3);
    let room = Rect { height: inner.height - lines, ..inner };
    let most = look.error.iter().copied().fold(0.0_f32, f32::max);
    // Two pixels of the map in a cell, one above the other, each twice as wide as a pixel of the picture is high.
    let scale = (f64::from(room.width) / width as f64).min(2.0 * f64::from(room.height) / height as f64);
    let columns = ((width as f64 * scale) as u16).clamp(1, room.width);
    let rows = ((height as f64 * scale / 2.0).ceil() as u16).clamp(1, room.height);
    let left = room.x + (room.width - columns) / 2;
    let share = |x: u16, half: u32| -> f64 {
        let column = (usize::from(x) * width / usize::from(columns)).min(width - 1);
        let row = (half as usize * height / (2 * usize::from(rows))).min(height - 1);
        let error = f64::from(look.error[row * width + column]);
        if most > 0.0 { (error / f64::from(most)).sqrt() } else { 0.0 }
    };
    for y in 0..rows {
        for x in 0..columns {
            let (above, below) = (share(x, 2 * u32::from(y)), share(x, 2 * u32::from(y) + 1));
            let Some(cell) = buf.cell_mut((left + x, room.y + y)) else { continue };
            match (state.theme.heat(above), state.theme.heat(below)) {
                (Some(above), Some(below)) if !state.ascii => {
                    cell.set_char('▀').set_style(Style::new().fg(above).bg(below));
                }
                _ => {
                    let shade = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
                    cell.set_char(shade[((above.max(below) * 9.0).round() as usize).min(9)]);
                }
            }
        }
    }
    if lines > 0 {
        let mean = look.error.iter().map(|e| f64::from(*e)).sum::<f64>() / look.error.len().max(1) as f64;
        let words = Words::new(&state.theme)
            .joined_by(COLUMNS)
            .pair(Role::Dim, "MSE", Role::Strong, three_digits(mean))
            .pair(Role::Dim, "PSNR", Role::Text, format!("{:.1} dB", psnr(mean)))
            .pair(Role::Dim, "largest", Role::Text, three_digits(f64::from(most)));
        buf.set_line(inner.x, inner.bottom() - 1, &words.fit(inner.width), inner.width);
    }
}

/// Peak signal-to-noise ratio in dB of pixels in [-1, 1], whose peak is 2.
fn psnr(mean: f64) -> f64 {
    10.0 * (4.0 / mean.max(1e-12)).log10()
}

/// What was seen last, with the picture's height and width, where they fit.
fn looked(state: &State) -> Option<(&AutoencoderLook, (usize, usize))> {
    let look = state.autoencoder_look()?;
    let (height, width, _) = state.live.info.as_ref()?.image_shape;
    (look.error.len() == height * width && height * width > 0).then_some((look, (height, width)))
}
