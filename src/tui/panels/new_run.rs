//! "Save this run and start another?"

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::data::shown_text;
use crate::tui::format::thousands;
use crate::tui::state::{NewRun, State};
use crate::tui::theme::Role;
use crate::tui::words::{shorten, wrap};

const WIDTH: usize = 68;

/// Draws the question.
pub fn new_run(state: &State, asked: &NewRun, screen: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    let width = dialog::columns(screen, WIDTH);
    let mut lines: Vec<Line> = Vec::new();
    let mut settings = |settings: &[String], role| {
        lines.extend(settings.iter().map(|text| Line::from(Span::styled(shorten(text, width), style(role)))));
    };
    settings(&asked.asked, Role::Strong);
    if !asked.taken_along.is_empty() {
        settings(&["and as it was set live:".to_owned()], Role::Dim);
        settings(&asked.taken_along, Role::Text);
    }
    let mut say = |text: &str, role| {
        lines.push(Line::default());
        lines.extend(wrap(text, width).into_iter().map(|line| Line::from(Span::styled(line, style(role)))));
    };
    let needs = if asked.asked.len() == 1 { "This needs" } else { "These need" };
    say(
        &match state.ended {
            _ if asked.fork.is_some() => {
                let from = asked.fork.as_ref().map_or_else(String::new, |from| {
                    let name = from.run.file_name().unwrap_or_default().to_string_lossy();
                    format!("A fork of {} at step {}", shown_text(&name), thousands(from.step))
                });
                let with = if asked.asked.is_empty() { ", with nothing changed" } else { "" };
                let this = if state.ended { "This run has ended" } else { "This run is saved and left" };
                format!("{from}{with}. {this}: start it?")
            }
            true => "This run has ended. Start another with it?".to_owned(),
            false => format!("{needs} a new run. Save this one and start another with it?"),
        },
        Role::Text,
    );
    asked.warnings.iter().for_each(|warning| say(warning, Role::Warning));
    lines.push(Line::default());
    let answer = |key: &'static str, word: &'static str| {
        [Span::styled(key, style(Role::Accent)), Span::styled(format!(" {word}    "), style(Role::Text))]
    };
    lines.push(Line::from(
        [
            answer("y", "start it"),
            answer("n", if asked.line.is_empty() { "back to this run" } else { "back to the line" }),
        ]
        .concat(),
    ));
    let inner = dialog::open(state, screen, "Another run?", width as u16, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, usize::MAX, inner, buf);
}
