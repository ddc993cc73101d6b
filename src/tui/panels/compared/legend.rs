//! The runs by name, each in its colour, with its value at the cursor and its difference from the pinned one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::lab::Phase;
use crate::tui::chart::{Marker, Shape};
use crate::tui::format::{left, right, thousands, three_digits};
use crate::tui::panels::series::SeriesChart;
use crate::tui::state::{ComparedRun, CurveReading, MarkKind, Plotted, State, XAxis};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words, columns, shorten_run};

/// The longest a name is written.
const LONGEST: usize = 34;
/// What stands beside it: the key, the value and the difference, with air.
const BESIDE: usize = 2 + 2 + 8 + 2 + DIFFERENCE;
const DIFFERENCE: usize = 18;

/// The pinned run on top, then the others in their order; where not all have room the one under the cursor, and in the head
/// how many are shown.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let rows = usize::from(area.height);
    let runs = state.compared();
    if rows == 0 || runs.is_empty() {
        return;
    }
    let (pinned, chosen) = (state.comparison.pinned.min(runs.len() - 1), state.comparison.chosen.min(runs.len() - 1));
    let mut order: Vec<usize> = vec![pinned];
    let head = rows > runs.len() || rows > 3;
    if rows < runs.len() + usize::from(head) && chosen != pinned {
        // It must be among those that are shown.
        order.push(chosen);
    }
    order.extend((0..runs.len()).filter(|i| *i != pinned));
    order = order.iter().enumerate().filter(|(at, i)| !order[..*at].contains(i)).map(|(_, i)| *i).collect();
    if rows == 1 {
        order = vec![chosen];
    }
    let room = rows - usize::from(head);
    let shown = room.min(order.len());
    let left_out = runs.len() - shown;
    let counted = (left_out > 0).then(|| format!("{shown} of {} runs: j", runs.len()));
    let place = state.reading_place();
    let base = place.and_then(|place| state.curve_at(state.history_of(&runs[pinned]), state.plots.plotted, place));
    let names = order.iter().map(|i| columns(&runs[*i].name)).max().unwrap_or(0).min(LONGEST);
    // The value and the difference keep their room.
    let names = names.min(usize::from(area.width).saturating_sub(BESIDE).max(10));
    let mut y = area.y;
    if head {
        buf.set_line(area.x, y, &where_read(state, place, counted.clone()).fit(area.width), area.width);
        y += 1;
    }
    for (at, &i) in order.iter().take(shown).enumerate() {
        let run = &runs[i];
        let read = place.and_then(|place| state.curve_at(state.history_of(run), state.plots.plotted, place));
        let last = at + 1 == shown && !head;
        let words = row(state, run, (i == pinned, i == chosen), names, read, base);
        let words = if last { words.maybe(Role::Dim, counted.clone()) } else { words };
        let line = words.fit(area.width.saturating_sub(2));
        let style =
            state.theme.run(run.color).add_modifier(if i == chosen { Modifier::BOLD } else { Modifier::empty() });
        let ascii = state.plots.marker == Marker::Ascii;
        let key = match (i == chosen, ascii) {
            (true, false) => "▶",
            (true, true) => ">",
            (false, false) => "━",
            (false, true) => "=",
        };
        buf.set_string(area.x, y, key, style);
        buf.set_line(area.x + 2, y, &line, area.width.saturating_sub(2));
        // The name in the run's colour.
        let name = columns(&shorten_run(&run.name, names)) as u16;
        buf.set_style(Rect { x: area.x + 2, y, width: name.min(area.width.saturating_sub(2)), height: 1 }, style);
        y += 1;
    }
}

/// "5 of 8 runs · other kinds of loss: E says why · at step 12,300"; what matters most first.
fn where_read(state: &State, place: Option<f64>, counted: Option<String>) -> Words {
    let caveat = state.comparability();
    let words = Words::new(&state.theme)
        .maybe(Role::Dim, counted)
        .maybe(Role::Warning, caveat.as_ref().map(|_| "losses of other kinds: E".into()));
    let Some(place) = place else { return words };
    let moment = state.reading_moment();
    let unit = state.plots.x_axis.name();
    let is_counted = matches!(state.plots.x_axis, XAxis::Step | XAxis::Images);
    let value = if place >= 1000.0 || is_counted { thousands(place.round() as u64) } else { three_digits(place) };
    let text = match moment {
        Some(moment) => format!("at step {}", thousands(moment.step)),
        None if state.compared().len() > 1 && caveat.is_none() => format!("where all have come: {unit} {value}"),
        None => format!("at {unit} {value}"),
    };
    let role = if moment.is_some() { Role::Accent } else { Role::Dim };
    words.add(role, text)
}

fn row(
    state: &State,
    run: &ComparedRun,
    (is_pinned, is_chosen): (bool, bool),
    names: usize,
    read: Option<CurveReading>,
    base: Option<CurveReading>,
) -> Words {
    let name = left(shorten_run(&run.name, names), names);
    let words =
        Words::new(&state.theme).joined_by(COLUMNS).add(if is_chosen { Role::Strong } else { Role::Text }, name);
    if let Some(trouble) = run.trouble.as_ref().filter(|_| read.is_none()) {
        return words.add_shortened(Role::Warning, trouble.clone(), 12);
    }
    let failed = run.has_failed && !run.is_trained;
    let value = read.map_or("–".into(), |read| value(state.plots.plotted, read.value));
    let words = words.add(if is_chosen { Role::Strong } else { Role::Text }, right(value, 8));
    let words = match (read, base) {
        _ if is_pinned => words.add(Role::Dim, left("pinned", DIFFERENCE)),
        (Some(read), Some(base)) => {
            let (difference, share) = read.less(&base);
            let role = if difference == 0.0 { Role::Dim } else { Role::Text };
            words.add(role, left(format!("Δ {}, {}", signed(difference), percent(share)), DIFFERENCE))
        }
        _ if failed => words.add(Role::Error, left("failed", DIFFERENCE)),
        _ => words.add(Role::Dim, left("Δ –", DIFFERENCE)),
    };
    let trains_here = run.is_here && matches!(state.phase, Phase::Training | Phase::Paused);
    let state_word = (trains_here || run.is_trained).then_some("training");
    words
        .maybe(Role::Good, state_word.map(String::from))
        .maybe(Role::Error, (failed && read.is_some()).then(|| "failed".into()))
        .maybe(Role::Dim, (!run.is_read && !run.is_here).then(|| "reading …".into()))
}

fn value(plotted: Plotted, value: f64) -> String {
    if plotted == Plotted::LearningRate { crate::tui::format::scientific(value) } else { three_digits(value) }
}

/// "−0.0043", "+0.012": two digits that count, which is what a difference of smoothed losses has.
pub fn signed(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || !(1e-5..10.0).contains(&size) {
        let text = three_digits(value);
        return if value > 0.0 { format!("+{text}") } else { text };
    }
    let decimals = (1.0 - size.log10().floor()) as usize;
    format!("{value:+.decimals$}").replace('-', "−")
}

/// "−3.4 %".
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p.is_nan() => "– %".into(),
        p if p.abs() < 0.05 => "0.0 %".into(),
        p if p.abs() < 100.0 => format!("{p:+.1} %").replace('-', "−"),
        p => format!("{p:+.0} %").replace('-', "−"),
    }
}

/// What happened in the run under the cursor; in the others only forks and words, lest marks hide the curves.
pub fn marks(state: &State, chart: &mut SeriesChart) {
    let chosen = state.comparison.chosen;
    for (i, run) in state.compared().iter().enumerate() {
        let history = state.history_of(run);
        let axis = history.axis(state.plots.x_axis);
        for mark in history.marks() {
            let shape = match mark.kind {
                MarkKind::Bookmark => Shape::Square,
                MarkKind::Fork => Shape::Fork,
                MarkKind::Snapshot if i == chosen => Shape::Diamond,
                MarkKind::Setting if i == chosen => Shape::Down,
                MarkKind::Resume if i == chosen => Shape::Right,
                _ => continue,
            };
            let place = history.moment_of(mark.step).on(axis);
            let read = state.curve_at(history, state.plots.plotted, place);
            let up = match mark.kind {
                MarkKind::Setting | MarkKind::Resume => 1.0,
                _ => read.map_or(f64::NAN, |read| chart.y.share(read.value).clamp(0.0, 1.0)),
            };
            chart.mark((chart.x.place(place), up), shape, state.theme.run(run.color));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_signs() {
        assert_eq!((signed(-0.0043), signed(0.012), signed(0.0)), ("−0.0043".into(), "+0.012".into(), "0".into()));
        assert_eq!(
            (percent(-0.034), percent(0.5), percent(12.0)),
            ("−3.4 %".into(), "+50.0 %".into(), "+1200 %".into())
        );
        assert_eq!((percent(f64::NAN), percent(-0.0001)), ("– %".into(), "0.0 %".into()));
    }
}
