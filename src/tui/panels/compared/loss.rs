//! The curves of all runs over one another.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::legend;
use crate::tui::chart::Weight;
use crate::tui::panels::frame::sentence;
use crate::tui::panels::loss::beside_curve;
use crate::tui::panels::series::{DrawnSeries, SeriesChart};
use crate::tui::pictures::Pictures;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// "loss · 3 runs · log · smooth 0.97".
pub fn subtitle(state: &State) -> Words {
    let runs = state.compared().len();
    let words = Words::new(&state.theme).add(Role::Text, state.plots.plotted.name(false));
    let words = words.add(Role::Dim, format!("{runs} {}", if runs == 1 { "run" } else { "runs" }));
    beside_curve(state, words)
}

/// The runs in the order they are drawn: the one under the cursor last, so that it lies on top.
fn series(state: &State) -> Vec<DrawnSeries<'_>> {
    let chosen = state.comparison.chosen;
    let runs = state.compared().iter().enumerate();
    let mut all: Vec<(bool, DrawnSeries)> = runs
        .map(|(i, run)| {
            let style = state.theme.run(run.color);
            let weight = if i == chosen { Weight::Thick } else { Weight::Thin };
            (i == chosen, DrawnSeries { history: state.history_of(run), style, band: None, weight })
        })
        .collect();
    all.sort_by_key(|(on_top, _)| *on_top);
    all.into_iter().map(|(_, series)| series).collect()
}

/// The chart, and the legend with each run's value.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = state.loss_pane(inner);
    let all = series(state);
    if all.iter().all(|series| series.history.losses().is_empty()) {
        sentence(&waiting(state), pane.chart, Role::Dim, &state.theme, buf);
    } else {
        let mut chart = SeriesChart::new(state, &all);
        chart.read(state, &all);
        legend::marks(state, &mut chart);
        chart.draw(state, pane.chart, pictures, buf);
    }
    legend::draw(state, pane.numbers, buf);
}

/// The run under the cursor and its difference, and small curves.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    let line = Rect { height: 1.min(inner.height), ..inner };
    legend::draw(state, line, buf);
    let curve = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    SeriesChart::new(state, &series(state)).sparkline(curve, state.plots.marker, buf);
}

fn waiting(state: &State) -> String {
    match state.compared().iter().all(|run| run.is_read || run.is_here || run.trouble.is_some()) {
        true => "none of these runs has a loss yet".into(),
        false => "reading the runs …".into(),
    }
}
