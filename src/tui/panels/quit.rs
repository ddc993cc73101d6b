//! "Leave?"

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::lab::Phase;
use crate::tui::format::thousands;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::wrap;

const WIDTH: usize = 64;

/// Draws the question.
pub fn quit(state: &State, screen: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    let width = dialog::columns(screen, WIDTH);
    let step = thousands(state.live.history.latest.as_ref().map_or(0, |r| r.step));
    let waits = matches!(state.phase, Phase::Waiting(_));
    let finished = state.phase == Phase::Finished;
    let said = match (finished, state.rests_saved(), waits) {
        (true, true, _) => format!("All {step} steps are done and saved."),
        (true, false, _) => {
            format!("All {step} steps are done. What was set since the last checkpoint is saved first.")
        }
        (false, true, _) => format!("Training stops at step {step}, which is saved."),
        (false, false, true) => format!("Training stops at step {step}. It cannot be saved here yet."),
        (false, false, false) => format!("Training stops at step {step}. A checkpoint is saved first."),
    };
    let line = |text: String, role| Line::from(Span::styled(text, style(role)));
    let mut lines: Vec<Line> = wrap(&said, width).into_iter().map(|text| line(text, Role::Text)).collect();
    if state.snapshots_awaited > 0 {
        let text = "The snapshot that is being drawn is lost when you leave now.";
        lines.extend(wrap(text, width).into_iter().map(|text| line(text, Role::Warning)));
    }
    if waits {
        lines.push(Line::from(Span::styled("If it still can't be, you are asked where to save it.", style(Role::Dim))));
    } else if let Some(info) = &state.live.info {
        let dir = info.run_dir.display();
        let text = match finished {
            true if info.config.trains_autoencoder() => format!("Measure it with: difflab eval {dir}"),
            true => format!("Sample from it with: difflab sample {dir}"),
            false => format!("Resume later with: difflab --resume {dir}"),
        };
        lines.extend(wrap(&text, width).into_iter().map(|l| Line::from(Span::styled(l, style(Role::Dim)))));
    }
    lines.push(Line::default());
    let gap = if width < 56 { "  " } else { "    " };
    let answer = |key: &'static str, word: &'static str| {
        [Span::styled(key, style(Role::Accent)), Span::styled(format!(" {word}{gap}"), style(Role::Text))]
    };
    let answers = match state.rests_saved() {
        true => [answer("y", "leave"), answer("n", "stay")].concat(),
        false => [answer("y", "save and leave"), answer("n", "stay"), answer("d", "leave without saving")].concat(),
    };
    lines.push(Line::from(answers));
    let inner = dialog::open(state, screen, "Leave the lab?", width as u16, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, 0, inner, buf);
}
