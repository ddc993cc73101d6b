//! Another curve of the run than its loss, as large as that.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::sentence;
use super::series::{DrawnSeries, SeriesChart};
use crate::tui::chart::Weight;
use crate::tui::pictures::Pictures;
use crate::tui::state::{Plotted, State};
use crate::tui::theme::Role;

/// Draws it.
pub fn draw(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let (history, plotted) = (&state.data().history, state.plots.plotted);
    if !plotted.values(history, 0, false).any(|(_, value)| value.is_finite()) {
        return sentence(nothing(plotted), area, Role::Dim, &state.theme, buf);
    }
    let role = if plotted == Plotted::HeldOut { Role::HeldOut } else { Role::Text };
    let weight = if plotted == Plotted::HeldOut { Weight::Thick } else { Weight::Thin };
    let all = [DrawnSeries { history, style: state.theme.style(role), band: None, weight }];
    let mut chart = SeriesChart::new(state, &all);
    chart.read(state, &all);
    chart.draw(state, area, pictures, buf);
}

fn nothing(plotted: Plotted) -> &'static str {
    match plotted {
        Plotted::HeldOut => "no held-out loss was measured yet",
        Plotted::Memory | Plotted::Processor => "this run has not written how much of the machine it uses",
        _ => "there is nothing of it yet",
    }
}
