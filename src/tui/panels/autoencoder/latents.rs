//! The latents, channel by channel: KL, mean and deviation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::waiting::waiting;
use crate::tui::format::three_digits;
use crate::tui::panels::frame::sentence;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{Words, columns};

/// "7×7×4 · 1/4 of the numbers".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme);
    let (Some(look), Some(info)) = (state.autoencoder_look(), &state.live.info) else { return words };
    let ((h, w), channels, (height, width, depth)) = (look.latent_size, look.channels.len(), info.image_shape);
    let ratio = (height * width * depth) as f64 / (h * w * channels).max(1) as f64;
    words.add(Role::Text, format!("{w}×{h}×{channels}")).add(Role::Dim, fewer(ratio))
}

/// "8.0 times fewer numbers" than a picture has.
fn fewer(ratio: f64) -> String {
    if ratio > 1.0 { format!("{ratio:.1} times fewer numbers") } else { "no fewer numbers than a picture".into() }
}

/// Columns of a row: the channel's number, and each of its facts.
const COLUMN: usize = 9;
/// Columns of the first, and where the panel is narrow.
const NUMBER: usize = 7;
const NARROW: usize = 2;

/// A row a channel, and what the columns are.
pub fn draw(state: &State, inner: Rect, buf: &mut Buffer) {
    let Some(look) = state.autoencoder_look() else {
        sentence(waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    let theme = &state.theme;
    let has_kl = look.channels.iter().any(|channel| channel.kl.is_some());
    let wanted = NUMBER + COLUMN * if has_kl { 3 } else { 2 };
    let wide = usize::from(inner.width) >= wanted;
    let narrow = usize::from(inner.width).saturating_sub(NARROW) / if has_kl { 3 } else { 2 };
    let (number, column) = if wide { (NUMBER, COLUMN) } else { (NARROW, narrow.min(COLUMN)) };
    let kl_head = if wide { "KL nats" } else { "KL" };
    let row = |first: &str, mean: &str, deviation: &str, kl: &str| -> String {
        let kl = if has_kl { format!("{kl:>column$}") } else { String::new() };
        format!("{first:>number$}{mean:>column$}{deviation:>column$}{kl}")
    };
    let head = row(if wide { "channel" } else { "#" }, "mean", "std", kl_head);
    buf.set_stringn(inner.x, inner.y, head, usize::from(inner.width), theme.style(Role::Dim));
    let most = look.channels.iter().filter_map(|channel| channel.kl).fold(0.0, f64::max);
    // Where not all have a row, the last is for how many more there are.
    let rows = usize::from(inner.height.saturating_sub(1));
    let shown = if look.channels.len() > rows { rows.saturating_sub(1) } else { look.channels.len() };
    for (i, channel) in look.channels.iter().enumerate().take(shown) {
        let y = inner.y + 1 + i as u16;
        let kl = channel.kl.map_or(String::new(), three_digits);
        let mean = three_digits(channel.mean).replace('-', "−");
        let line = row(&(i + 1).to_string(), &mean, &three_digits(channel.deviation), &kl);
        buf.set_stringn(inner.x, y, &line, usize::from(inner.width), theme.style(Role::Text));
        // How much of the KL is this channel's: one at 0 says nothing of the picture.
        let start = inner.x + (number + 3 * column + 2) as u16;
        if let Some(kl) = channel.kl
            && inner.right() > start + 4
        {
            let room = f64::from(inner.right() - start).min(MOST_BAR);
            let length = (room * kl / most.max(1e-12)).round() as usize;
            let bar = if state.ascii { "=" } else { "▄" }.repeat(length);
            buf.set_string(start, y, bar, theme.style(Role::Train));
        }
    }
    let last = inner.bottom().saturating_sub(1);
    let note = match look.channels.len() - shown {
        0 if has_kl && wide && inner.height > look.channels.len() as u16 + 2 => {
            let long = "KL(q(z | x) ‖ N(0, 1)) of a picture: a channel near 0 says nothing of it";
            let short = "KL near 0: says nothing of a picture";
            Some(if columns(long) <= usize::from(inner.width) { long } else { short }.to_string())
        }
        0 => None,
        1 => Some("and 1 channel more".into()),
        more => Some(format!("and {more} channels more")),
    };
    if let Some(note) = note.filter(|note| columns(note) <= usize::from(inner.width)) {
        buf.set_string(inner.x, last, note, theme.style(Role::Dim));
    }
}

/// Cells of the longest bar.
const MOST_BAR: f64 = 40.0;
