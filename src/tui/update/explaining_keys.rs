//! Keys while an explanation is shown.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act;
use super::explaining::ask;
use crate::explain::Topic;
use crate::explain::data::PAGE;
use crate::lab::{Command, Phase};
use crate::picture::is_points;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::state::{Explaining, Gravity, Overlay, State};

/// No explanation has more lines.
const MOST_LINES: usize = 600;

/// Takes a key into it.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let shape = state.live.info.as_ref().map_or((1, 1, 1), |info| info.image_shape);
    let images = state.live.info.as_ref().map_or(1, |info| info.train_images.max(1));
    let Some(Overlay::Explain(explaining)) = &mut state.overlay else { return Vec::new() };
    let shifted = event.modifiers.contains(KeyModifiers::SHIFT);
    match event.code {
        // A point has two coordinates, and no rows and columns.
        KeyCode::Left | KeyCode::Up if shifted && is_points(shape) => explaining.channel = 0,
        KeyCode::Right | KeyCode::Down if shifted && is_points(shape) => explaining.channel = 1,
        KeyCode::Char('c') => explaining.channel = (explaining.channel + 1) % shape.2.max(1),
        KeyCode::Left | KeyCode::Right | KeyCode::Up | KeyCode::Down if shifted => {
            let (row, column) = explaining.pixel.unwrap_or((shape.0 / 2, shape.1 / 2));
            let (down, right) = match event.code {
                KeyCode::Left => (0, -1),
                KeyCode::Right => (0, 1),
                KeyCode::Up => (-1, 0),
                _ => (1, 0),
            };
            let moved = |x: usize, by: isize, n: usize| x.saturating_add_signed(by).min(n.saturating_sub(1));
            explaining.pixel = Some((moved(row, down, shape.0), moved(column, right, shape.1)));
        }
        KeyCode::Left => return act::act(state, Action::CursorDown),
        KeyCode::Right => return act::act(state, Action::CursorUp),
        KeyCode::Up | KeyCode::Char('k') => explaining.scroll = explaining.scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => explaining.scroll += 1,
        KeyCode::PageUp => explaining.scroll = explaining.scroll.saturating_sub(10),
        KeyCode::PageDown => explaining.scroll += 10,
        KeyCode::Home => explaining.scroll = 0,
        KeyCode::End => explaining.scroll = MOST_LINES,
        KeyCode::Tab | KeyCode::BackTab => {
            let topics = Topic::ALL;
            let at = topics.iter().position(|topic| *topic == explaining.topic).unwrap_or(0);
            let by = if event.code == KeyCode::Tab { 1 } else { topics.len() - 1 };
            *explaining = explaining.on(topics[(at + by) % topics.len()]);
            return ask(state);
        }
        KeyCode::Char('o') => {
            // Of the data a whole page.
            let by = if explaining.topic == Topic::Data { PAGE } else { 1 };
            explaining.image = if explaining.image + by < images { explaining.image + by } else { 0 };
            explaining.pixel = None;
        }
        KeyCode::Char('n') => return by_hand(state),
        KeyCode::Char(' ') => return act::act(state, Action::TogglePause),
        KeyCode::Char('f') => return act::act(state, Action::ToggleFreeze),
        KeyCode::Char('s') => return act::act(state, Action::Snapshot),
        KeyCode::Esc | KeyCode::Char('E' | 'q') => state.overlay = None,
        _ => {}
    }
    if let Some(Overlay::Explain(explaining)) = &mut state.overlay {
        explaining.scroll = explaining.scroll.min(MOST_LINES);
    }
    Vec::new()
}

/// The run takes one step, which is explained.
fn by_hand(state: &mut State) -> Vec<Effect> {
    if state.is_watched() || state.ended || matches!(state.phase, Phase::Finished | Phase::Failed(_)) {
        let why = match state.is_watched() {
            true => {
                "this run is looked at, not trained here: `difflab explain training-step --run` takes its next step in memory"
            }
            false => {
                "the run has ended: `difflab explain training-step --run` takes a step from its checkpoint, in memory"
            }
        };
        state.news.answer(state.now, Gravity::Info, why);
        return Vec::new();
    }
    let now = state.now;
    let Some(Overlay::Explain(explaining)) = &mut state.overlay else { return Vec::new() };
    *explaining = Explaining { waits: true, ..explaining.on(Topic::TrainingStep) };
    explaining.asked = Some((explaining.request(state.cursor_t), now));
    vec![Effect::Send(Command::StepByHand)]
}
