//! The header where nothing is trained on this screen and runs are only compared.

use ratatui::layout::Rect;

use super::Piece;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// "difflab  comparing 3 runs · 1 training", and at the right the run under the cursor.
pub fn header(state: &State, area: Rect) -> Vec<Piece> {
    let room = area.width.saturating_sub(2);
    let runs = state.compared();
    let training = runs.iter().filter(|run| run.is_trained).count();
    let name = Words::new(&state.theme).add(Role::Strong, "difflab").fit(room);
    let begin = area.x + 1 + name.width() as u16 + 2;
    let room = room.saturating_sub(name.width() as u16 + 2);
    let counted = format!("comparing {} {}", runs.len(), if runs.len() == 1 { "run" } else { "runs" });
    let words = Words::new(&state.theme).add(Role::Text, counted);
    let words = words.maybe(Role::Good, (training > 0).then(|| format!("{training} training")));
    let words = match state.frozen {
        Some(_) => words.add(Role::Accent, "display frozen"),
        None => words,
    };
    let line = words.fit(room);
    let left = room.saturating_sub(line.width() as u16 + 3);
    let mut pieces = vec![Piece { x: area.x + 1, line: name, action: None }, Piece { x: begin, line, action: None }];
    if let Some(run) = state.chosen_run() {
        let words = Words::new(&state.theme).styled(state.theme.run(run.color), run.name.clone());
        let words = match &run.config {
            Some(config) => words.add(Role::Dim, config.diffusion.label()),
            None => words,
        };
        let line = words.fit(left);
        let x = area.right().saturating_sub(line.width() as u16 + 1);
        pieces.push(Piece { x, line, action: None });
    }
    pieces
}
