//! Every curve's value where the loss panel is read.

use crate::tui::format::{duration, scientific, thousands, three_digits};
use crate::tui::state::{Plotted, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// Two lines: what the losses were at the logged step under the cursor, and what went with them. `None` while nothing is
/// read.
pub fn lines(state: &State) -> Option<[Words; 2]> {
    let history = state.read_history();
    let moment = state.reading_moment()?;
    let place = state.reading_place()?;
    let losses = history.losses();
    let bucket = losses.get(losses.partition_point(|b| b.last.step < moment.step))?;
    let read = |plotted| state.curve_at(history, plotted, place);
    let words = || Words::new(&state.theme).joined_by(COLUMNS);
    let smoothed = bucket.smoothed_for(state.plots.smoothing, state.plots.log_y);
    let first = words()
        .pair(Role::Accent, "step", Role::Accent, thousands(moment.step))
        .pair(Role::Train, "smooth", Role::Strong, three_digits(smoothed))
        .pair(Role::Dim, "raw", Role::Text, three_digits(bucket.loss));
    let first = match read(Plotted::HeldOut) {
        Some(held_out) => {
            // Held-out losses are rarer: whose step it is, where it is another.
            let at = match held_out.at.step == moment.step {
                true => String::new(),
                false => format!(" at {}", thousands(held_out.at.step)),
            };
            first.pair(Role::HeldOut, "held-out", Role::Text, format!("{}{at}", three_digits(held_out.value)))
        }
        None => first,
    };
    // Where the point stands for several steps.
    let range = format!("{}–{}", three_digits(bucket.min), three_digits(bucket.max));
    let first = if bucket.min < bucket.max { first.pair(Role::Dim, "of", Role::Text, range) } else { first };
    let second = words()
        .pair(Role::Dim, "lr", Role::Text, scientific(bucket.lr))
        .pair(Role::Dim, "‖g‖", Role::Text, three_digits(bucket.grad_norm))
        .add(Role::Text, format!("{} {}", three_digits(bucket.images_per_s), state.speed_unit()));
    let memory = bucket.memory_mib.is_finite().then(|| format!("{} MiB", thousands(bucket.memory_mib.round() as u64)));
    let cpu = bucket.cpu_share.is_finite().then(|| format!("CPU {:.0} %", 100.0 * bucket.cpu_share));
    let second = second
        .maybe(Role::Dim, memory)
        .maybe(Role::Dim, cpu)
        .add(Role::Dim, format!("epoch {:.2}", moment.epoch))
        .add(Role::Dim, duration(moment.elapsed_s));
    Some([first, second])
}
