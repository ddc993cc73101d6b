//! The course's page beside the lab: its text, its tasks, and the line for the answer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::course::{Deed, Expected};
use crate::tui::layout;
use crate::tui::outline::outline;
use crate::tui::state::{Lesson, LineKind, PageLine, State};
use crate::tui::theme::Role;
use crate::tui::words::{columns, shorten};

/// Draws it.
pub fn lesson(state: &State, lesson: &Lesson, page: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    for position in page.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
            cell.set_style(state.theme.base());
        }
    }
    let reads = state.reads_lesson();
    let role = if reads { Role::Accent } else { Role::Border };
    outline(page, role, &state.theme, state.plots.marker, buf);
    if page.width < 24 || page.height < 10 {
        let inner = layout::course_inner(page);
        buf.set_stringn(inner.x, inner.y, "too small: Esc", usize::from(inner.width), style(Role::Warning));
        return;
    }
    heading(state, lesson, page, buf);
    let inner = layout::course_inner(page);
    buf.set_line(inner.x, inner.y, &run_line(state, lesson, inner.width), inner.width);
    let text = layout::course_text(page);
    let rows = usize::from(text.height);
    for (i, line) in lesson.page.iter().skip(lesson.scroll).take(rows).enumerate() {
        buf.set_line(text.x, text.y + i as u16, &styled(state, lesson, line), text.width);
    }
    let left = lesson.page.len().saturating_sub(lesson.scroll + rows);
    if left > 0 {
        let more = format!("{left} more: ↓");
        let x = text.right().saturating_sub(columns(&more) as u16);
        buf.set_string(x, text.bottom(), more, style(Role::Dim));
    }
    let answer = answer_line(state, lesson, reads);
    buf.set_line(inner.x, inner.bottom() - 3, &answer, inner.width);
    for (i, keys) in key_lines(lesson, reads).iter().enumerate() {
        buf.set_line(inner.x, inner.bottom() - 2 + i as u16, &hints(state, keys, inner.width), inner.width);
    }
}

fn heading(state: &State, lesson: &Lesson, page: Rect, buf: &mut Buffer) {
    let of = lesson.station();
    let title = match of.number {
        Some(number) => format!(" {number} of {} · {} ", lesson.stations.len(), of.station.title),
        None => format!(" {} ", of.station.title),
    };
    let done = format!(" {}/{} done ", lesson.done(), lesson.tasks.len());
    let room = usize::from(page.width.saturating_sub(4)).saturating_sub(columns(&done) + 1);
    buf.set_string(page.x + 2, page.y, shorten(&title, room), state.theme.style(Role::Strong));
    let role = if lesson.done() == lesson.tasks.len() { Role::Good } else { Role::Dim };
    let x = page.right().saturating_sub(columns(&done) as u16 + 2);
    buf.set_string(x, page.y, done, state.theme.style(role));
}

/// Whose run is on the screen.
fn run_line(state: &State, lesson: &Lesson, width: u16) -> Line<'static> {
    let here = state.config.as_ref().and_then(|config| lesson.run_on_screen(config));
    let name = |i: usize| lesson.runs[i].run.as_ref().map(|run| run.title.clone());
    let wanted = lesson.wanted_run().and_then(|run| run.run.as_ref()).map(|run| run.title.clone());
    let other = |shown: String| {
        let wanted = wanted.clone().unwrap_or("its own".into());
        (format!("{shown} is shown; r opens {wanted}"), Role::Warning)
    };
    let (text, role) = match here {
        Some(i) if lesson.runs.len() == 1 || wanted == name(i) => {
            (format!("{} is shown", name(i).unwrap_or("its run".into())), Role::Dim)
        }
        Some(i) => other(name(i).unwrap_or_default()),
        None => other("another run".into()),
    };
    Line::from(Span::styled(shorten(&text, usize::from(width)), state.theme.style(role)))
}

fn styled(state: &State, lesson: &Lesson, line: &PageLine) -> Line<'static> {
    let style = |role| state.theme.style(role);
    let role = match line.kind {
        LineKind::Text | LineKind::Choice => Role::Text,
        LineKind::Formula | LineKind::Heading => Role::Strong,
        LineKind::Source | LineKind::Help => Role::Dim,
        LineKind::Task => Role::Text,
        LineKind::Good => Role::Good,
        LineKind::Bad => Role::Warning,
    };
    if line.kind != LineKind::Task {
        return Line::from(Span::styled(line.text.clone(), style(role)));
    }
    // "▸✓3 " and the text.
    let head = line.text.char_indices().nth(2).map_or(0, |(at, _)| at);
    let number = line.text[head..].find(' ').map_or(line.text.len(), |at| head + at);
    let chosen = line.task == Some(lesson.chosen);
    let number_style: Style = style(if chosen { Role::Accent } else { Role::Strong });
    Line::from(vec![
        Span::styled(line.text[..head].to_string(), style(if chosen { Role::Accent } else { Role::Good })),
        Span::styled(line.text[head..number].to_string(), number_style),
        Span::styled(line.text[number..].to_string(), style(role)),
    ])
}

fn answer_line(state: &State, lesson: &Lesson, reads: bool) -> Line<'static> {
    let style = |role| state.theme.style(role);
    let Some(task) = lesson.task() else { return Line::default() };
    let number = format!("{} ", lesson.chosen + 1);
    let types = matches!(
        (&task.question.expected, &task.deed),
        (Expected::Number { .. } | Expected::Choice { .. }, _) | (_, Some(Deed::FewestSteps { .. }))
    );
    if !types {
        let words = match (task.done, &task.deed) {
            (true, _) => "done",
            (false, Some(_)) => "the lab sees it when it is done",
            (false, None) => "Enter when you have done it",
        };
        return Line::from(vec![Span::styled(number, style(Role::Accent)), Span::styled(words, style(Role::Dim))]);
    }
    let cursor = if reads { "▏" } else { "" };
    let asked = match (&lesson.line, task.done) {
        (line, true) if line.is_empty() => "done; answer again if you like",
        (line, false) if line.is_empty() => "your answer",
        _ => "",
    };
    Line::from(vec![
        Span::styled(number, style(Role::Accent)),
        Span::styled(lesson.line.clone(), style(Role::Strong)),
        Span::styled(cursor, style(Role::Accent)),
        Span::styled(asked, style(Role::Dim)),
    ])
}

type Keys = Vec<(&'static str, &'static str)>;

fn key_lines(lesson: &Lesson, reads: bool) -> [Keys; 2] {
    if !reads {
        return [vec![("F2", "read on, and answer here")], Vec::new()];
    }
    let mut second = vec![("↑↓", "read"), ("r", "its run")];
    if lesson.stations.len() > 1 {
        second.push(("n p", "station"));
    }
    second.push(("F2", "lab"));
    [vec![("Tab", "task"), ("Enter", "check"), ("h", "hint"), ("s", "answer")], second]
}

fn hints(state: &State, keys: &Keys, width: u16) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, what) in keys {
        let more = columns(key) + columns(what) + 3;
        if used + more > usize::from(width) + 2 {
            continue;
        }
        used += more;
        spans.push(Span::styled(format!("{key} "), state.theme.style(Role::Text)));
        spans.push(Span::styled(format!("{what}  "), state.theme.style(Role::Dim)));
    }
    Line::from(spans)
}
