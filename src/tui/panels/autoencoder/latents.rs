//! The latents, channel by channel: KL, mean and deviation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::waiting;
use crate::tui::format::three_digits;
use crate::tui::panels::frame::sentence;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// "7×7×4 · 1/4 of the numbers".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme);
    let (Some(look), Some(info)) = (state.autoencoder_look(), &state.live.info) else { return words };
    let ((h, w), channels, (height, width, depth)) = (look.latent_size, look.channels.len(), info.image_shape);
    let ratio = (height * width * depth) as f64 / (h * w * channels).max(1) as f64;
    words.add(Role::Text, format!("{w}×{h}×{channels}")).add(Role::Dim, format!("{ratio:.1} times fewer numbers"))
}

/// A row a channel, and what the columns are.
pub fn draw(state: &State, inner: Rect, buf: &mut Buffer) {
    let Some(look) = state.autoencoder_look() else {
        sentence(waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    let theme = &state.theme;
    let has_kl = look.channels.iter().any(|channel| channel.kl.is_some());
    let head = if has_kl { "channel     mean      std  KL nats" } else { "channel     mean      std" };
    buf.set_stringn(inner.x, inner.y, head, usize::from(inner.width), theme.style(Role::Dim));
    let most = look.channels.iter().filter_map(|channel| channel.kl).fold(0.0, f64::max);
    let room = usize::from(inner.height.saturating_sub(2)).max(1);
    for (i, channel) in look.channels.iter().enumerate().take(room) {
        let y = inner.y + 1 + i as u16;
        if y >= inner.bottom() {
            return;
        }
        let kl = channel.kl.map_or(String::new(), |kl| format!("{:>9}", three_digits(kl)));
        let mean = three_digits(channel.mean).replace('-', "−");
        let line = format!("{:>7}{:>9}{:>9}{kl}", i + 1, mean, three_digits(channel.deviation));
        buf.set_stringn(inner.x, y, &line, usize::from(inner.width), theme.style(Role::Text));
        // How much of the KL is this channel's: one at 0 says nothing of the picture.
        let start = inner.x + 37;
        if let Some(kl) = channel.kl
            && inner.right() > start + 4
        {
            let length = (f64::from(inner.right() - start) * kl / most.max(1e-12)).round() as usize;
            let bar = if state.ascii { "=" } else { "█" }.repeat(length);
            buf.set_string(start, y, bar, theme.style(Role::Train));
        }
    }
    let last = inner.bottom().saturating_sub(1);
    if look.channels.len() > room {
        let more = format!("and {} channels more", look.channels.len() - room);
        buf.set_stringn(inner.x, last, more, usize::from(inner.width), theme.style(Role::Dim));
    } else if has_kl && inner.height > look.channels.len() as u16 + 2 {
        let note = "KL(q(z | x) ‖ N(0, 1)) of a picture: a channel near 0 says nothing of it";
        buf.set_stringn(inner.x, last, note, usize::from(inner.width), theme.style(Role::Dim));
    }
}
