//! `E`: the keys on which the configs of the compared runs differ, and what came of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::format::{duration, left, thousands, three_digits};
use crate::tui::panels::dialog;
use crate::tui::state::{ComparedRun, State};
use crate::tui::theme::Role;
use crate::tui::words::{columns, shorten, shorten_run, wrap};

/// The widest a column gets.
const WIDEST: usize = 28;

/// Draws it.
pub fn configs(state: &State, scroll: usize, screen: Rect, buf: &mut Buffer) {
    let runs = state.compared();
    let theme = &state.theme;
    let keys = state.differing_keys();
    let results = results(state);
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
    let mut rows: Vec<(String, Vec<String>, Role)> = Vec::new();
    for (key, values) in &keys {
        rows.push((key.clone(), values.iter().map(cell).collect(), Role::Text));
    }
    for (name, values) in &results {
        rows.push(((*name).to_string(), values.clone(), Role::Dim));
    }
    let names = rows.iter().map(|(name, ..)| columns(name)).max().unwrap_or(0).min(40);
    let room = usize::from(screen.width.saturating_sub(6)).saturating_sub(names);
    let widest = |i: usize| {
        let cells = rows.iter().filter_map(|(_, values, _)| values.get(i)).map(|value| columns(value));
        cells.chain([columns(&runs[i].name)]).max().unwrap_or(0)
    };
    let most = (room / runs.len().max(1)).saturating_sub(2).clamp(6, WIDEST);
    let widths: Vec<usize> = (0..runs.len()).map(|i| widest(i).min(most)).collect();
    let line = |name: &str, name_style: Style, values: Vec<(String, Style)>| {
        let mut spans = vec![Span::styled(left(shorten(name, names), names), name_style)];
        for ((value, style), width) in values.into_iter().zip(&widths) {
            spans.push(Span::raw("  "));
            spans.push(Span::styled(left(shorten(&value, *width), *width), style));
        }
        Line::from(spans)
    };
    let head = runs.iter().zip(&widths).map(|(run, width)| (shorten_run(&run.name, *width), theme.run(run.color)));
    let head = head.collect();
    let mut lines = vec![line("", Style::new(), head)];
    let plain = theme.style(Role::Text);
    for (at, (name, values, role)) in rows.iter().enumerate() {
        if at == keys.len() {
            if keys.is_empty() {
                lines.push(Line::styled(same(runs), theme.style(Role::Dim)));
            }
            lines.push(Line::default());
        }
        let pinned = state.comparison.pinned;
        // What is as in the pinned run steps back.
        let style = |i: usize, value: &str| match at < keys.len()
            && i != pinned
            && values.get(pinned).is_some_and(|p| p == value)
        {
            true => theme.style(Role::Dim),
            false => plain,
        };
        let values = values.iter().enumerate().map(|(i, value)| (value.clone(), style(i, value))).collect();
        lines.push(line(name, theme.style(*role), values));
    }
    let width = lines.iter().map(Line::width).max().unwrap_or(0).min(usize::from(screen.width.saturating_sub(6)));
    if let Some(note) = state.comparability() {
        lines.push(Line::default());
        for text in wrap(&note, width.max(30)) {
            lines.push(Line::styled(text, theme.style(Role::Warning)));
        }
    }
    let width = lines.iter().map(Line::width).max().unwrap_or(0);
    let inner = dialog::open(state, screen, "Where the runs differ", width as u16, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, scroll, inner, buf);
}

fn same(runs: &[ComparedRun]) -> String {
    match runs.iter().filter(|run| !run.keys.is_empty()).count() {
        0 | 1 if runs.len() > 1 => "the configs are being read …".into(),
        1 => "one run alone differs from nothing".into(),
        _ => "the configs are the same".into(),
    }
}

/// Names, and each run's value.
fn results(state: &State) -> Vec<(&'static str, Vec<String>)> {
    let of = |value: &dyn Fn(&ComparedRun) -> Option<String>| -> Vec<String> {
        state.compared().iter().map(|run| value(run).unwrap_or_else(|| "–".into())).collect()
    };
    let latest = |run: &ComparedRun| state.history_of(run).latest.clone();
    let best = |run: &ComparedRun| {
        let held_out = state.history_of(run).held_out().iter();
        let mean = |b: &crate::tui::state::HeldOutBucket| b.sum / b.count.max(1) as f64;
        held_out.map(|b| (mean(b), b.at.step)).min_by(|a, b| a.0.total_cmp(&b.0))
    };
    vec![
        ("step", of(&|run| latest(run).map(|record| thousands(record.step)))),
        ("loss, smoothed", of(&|run| latest(run).map(|record| three_digits(record.loss_smoothed)))),
        ("held-out loss", of(&|run| state.history_of(run).latest_held_out.map(three_digits))),
        ("best held-out loss", of(&|run| best(run).map(|(loss, _)| three_digits(loss)))),
        ("  at step", of(&|run| best(run).map(|(_, step)| thousands(step)))),
        ("images/s", of(&|run| latest(run).map(|record| three_digits(record.images_per_s)))),
        ("time", of(&|run| latest(run).map(|record| duration(record.elapsed_s)))),
    ]
}
