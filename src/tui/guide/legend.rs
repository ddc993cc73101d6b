//! The legend of this screen: what each symbol and each colour on it means.

use super::keys::Entry;
use crate::config::PathName;
use crate::tui::chart::Marker;
use crate::tui::layout::Density;
use crate::tui::panel::Panel;
use crate::tui::state::{MarkKind, State};
use crate::tui::theme::Role;

/// Symbols with their colours and meanings, of those that `shows` finds on the screen as it is drawn.
pub fn legend(state: &State, shows: impl Fn(&str) -> bool) -> Vec<(Role, Entry)> {
    let ascii = state.plots.marker == Marker::Ascii;
    let mut found: Vec<(Role, Entry)> = Vec::new();
    // The list of runs has none of the panels.
    if state.is_browsing {
        return found;
    }
    let mut add = |role, keys: &str, text: String| found.push((role, Entry { keys: keys.to_string(), text }));
    let of = state.live.info.as_ref().map_or("images", |info| info.samples_word());
    let in_full = |panel| {
        let layout = state.layout();
        layout.is_some_and(|l| l.place(panel).is_some_and(|place| place.density == Density::Full))
    };
    if shows("train ") {
        let raw = match state.theme.is_for_the_back_row() {
            true => "smoothed",
            false => "smoothed; the loss of each step lies behind it, fainter",
        };
        add(Role::Train, "train", format!("the loss on the {of} that are trained on, {raw}"));
    }
    if shows("held-out") {
        add(Role::HeldOut, "held-out", format!("the loss on {of} that are kept out of training"));
    }
    if in_full(Panel::Loss) && !state.data().history.held_out().is_empty() {
        add(Role::HeldOut, if ascii { "o" } else { "•" }, "on the loss: the held-out loss was measured there".into());
    }
    if in_full(Panel::Loss) {
        // A picture of the chart has triangles only.
        let resume = match (ascii, state.draws_pictures()) {
            (true, _) => ">",
            (_, true) => "▶",
            _ => "↻",
        };
        let marks = [
            (MarkKind::Snapshot, if ascii { "#" } else { "◆" }, Role::Strong, "a snapshot was saved there"),
            (MarkKind::Checkpoint, if ascii { "^" } else { "▴" }, Role::Dim, "a checkpoint was saved there"),
            (MarkKind::Setting, if ascii { "v" } else { "▾" }, Role::Text, "a setting was changed there"),
            (MarkKind::Resume, resume, Role::Text, "the run was resumed there"),
        ];
        for (kind, symbol, role, text) in marks {
            if state.data().history.marks().iter().any(|mark| mark.kind == kind) {
                add(role, symbol, format!("on the loss: {text}"));
            }
        }
    }
    if shows("lr ") {
        add(Role::Dim, "lr", "learning rate: how far one step moves the weights".into());
    }
    if shows("‖g‖") {
        add(Role::Dim, "‖g‖", "gradient norm: how steep the loss is for the weights as they are".into());
    }
    if state.trains_autoencoder() {
        for (role, symbol, text) in [
            (Role::Clean, "x", "the training pictures"),
            (Role::Noisy, "x̂", "what the autoencoder gives back of them"),
            (Role::Dim, "z", "the latents: what the encoder makes of a picture, and the decoder reads"),
            (Role::Dim, "a", "how far the film has come from a picture's latents to those of the next"),
            (Role::Dim, "std", "how widely a channel of the latents varies over pictures and places"),
            (Role::Dim, "KL", "how far a channel is from N(0, 1), in nats a picture; near 0 it says nothing of it"),
            (Role::Dim, "PSNR", "peak signal-to-noise ratio, 10·lg(4/MSE) in dB: more is better"),
        ] {
            if shows(symbol) {
                add(role, symbol, text.into());
            }
        }
    } else {
        let last = state.timesteps() - 1;
        add(
            Role::Accent,
            "t",
            format!("time of the noising: 0 is the data, {last} is noise; one cursor for all panels"),
        );
    }
    if in_full(Panel::Heatmap) && !state.data().heat.columns().is_empty() {
        add(Role::Accent, if ascii { ">" } else { "▸" }, "the cursor t beside the map of losses".into());
        let bars = "at the right of the map: the newest column as bars, the cursor's in the cursor's colour";
        add(Role::Accent, if ascii { "=" } else { "▍" }, bars.into());
        let text = "mean loss by t (upwards) and step (to the right): dark is small, bright is large";
        add(Role::Text, if ascii { "#" } else { "▒" }, text.into());
    }
    // Below a picture of the curves it stands on the axis.
    if let Some(cursor) =
        ["┊", "▲"].into_iter().find(|cursor| shows(cursor) && (*cursor == "┊" || state.draws_pictures()))
    {
        add(Role::Accent, cursor, "the cursor t on the schedule".into());
    }
    if shows("x_t") {
        let way = "a sample at time t, on its way from noise";
        add(Role::Noisy, "x_t", format!("{way}; on the schedule: data with as much noise as t has"));
    }
    if shows("x̂_0") {
        add(Role::Clean, "x̂_0", "what the network, given x_t, takes the finished sample to be".into());
    }
    let vp = state.config.as_ref().is_none_or(|config| config.diffusion.path == PathName::Vp);
    if shows("ᾱ") {
        let how = if vp { ": x_t = √ᾱ x_0 + √(1−ᾱ) ε" } else { "" };
        add(Role::Dim, "ᾱ", format!("how much of the data's variance is left at t{how}"));
    }
    if shows("β ") {
        add(Role::Dim, "β", "how much noise the step to t adds".into());
    }
    if shows("α ") {
        add(Role::Dim, "α", "how much of the data is left at t: x_t = α x_0 + σ ε".into());
    }
    if shows("σ ") {
        add(Role::Dim, "σ", "how large the noise is at t, beside data of about 1".into());
    }
    if shows("SNR") && !state.trains_autoencoder() {
        add(Role::Dim, "SNR", "signal-to-noise ratio α²/σ²; log-SNR is its logarithm, dB ten times its lg".into());
    }
    if shows("ε") {
        add(Role::Dim, "ε", "the noise: normally distributed, variance 1".into());
    }
    let settings = &state.controls.live.sampling;
    if shows(&format!("w {:.1}", settings.sample.guidance_scale)) {
        let text = "guidance scale: how far samples are pushed towards their class, beyond what the network says";
        add(Role::Dim, "w", text.into());
    }
    if shows("η ") {
        add(Role::Dim, "η", "new noise in each step of ddim: 0 is none, 1 as much as in DDPM".into());
    }
    if shows("NFE") {
        add(Role::Dim, "NFE", "network calls for one sample".into());
    }
    if shows("EMA") {
        let what = if state.trains_autoencoder() { "reconstructions" } else { "samples" };
        let text = format!("{what} come from the weights averaged over many steps, not from the newest");
        add(Role::Dim, "EMA", text);
    }
    if shows("bits/dim") {
        add(Role::Dim, "L_t", "what time t adds to the bound on the bits that a pixel costs".into());
    }
    for (words, text) in [
        (["▸ live", "> live"], "the film shows what is being sampled now"),
        (["‖ held", "= held"], "the film stands where you put it"),
        (["▸ playing", "> playing"], "the film is played once more"),
    ] {
        if let Some(word) = words.into_iter().find(|word| shows(word)) {
            add(Role::Text, word, text.into());
        }
    }
    found
}
