//! The course beside the lab: who takes a message, and what the learner has done with it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{deeds, lesson_keys};
use crate::tui::action::Action;
use crate::tui::bindings;
use crate::tui::effect::Effect;
use crate::tui::layout::{self, CourseRoom};
use crate::tui::message::Message;
use crate::tui::state::{Lesson, State};

/// Lines that a turn of the wheel moves.
const WHEEL: isize = 3;

/// Who takes what is the lab's.
type Lab = fn(&mut State, Message) -> Vec<Effect>;

/// Takes a message, for the page or for the lab beside it.
pub fn in_front(state: &mut State, message: Message, lab: Lab) -> Vec<Effect> {
    let by_a_person = matches!(message, Message::Key(_) | Message::Mouse(_));
    let before = deeds::Before::of(state);
    let mut effects = taken(state, message, lab);
    effects.extend(deeds::watch(state, before, by_a_person));
    effects
}

fn taken(state: &mut State, message: Message, routed: Lab) -> Vec<Effect> {
    match message {
        Message::Resize(columns, rows) => {
            let Some(lesson) = &mut state.lesson else { return Vec::new() };
            lesson.terminal = (columns, rows);
            let lab = room(state).lab;
            lay_out(state);
            routed(state, Message::Resize(lab.width, lab.height))
        }
        Message::Key(event) if event.kind == KeyEventKind::Release => Vec::new(),
        Message::Key(event) => key(state, event, routed),
        Message::Mouse(event) => mouse(state, event, routed),
        Message::Paste(text) if state.reads_lesson() => {
            text.chars().for_each(|c| lesson_keys::write(state, c));
            Vec::new()
        }
        message => routed(state, message),
    }
}

fn key(state: &mut State, event: KeyEvent, routed: Lab) -> Vec<Effect> {
    let action = bindings::find(&event, state.focus);
    if action == Some(Action::Course) {
        let reads = state.reads_lesson();
        return turn(state, !reads);
    }
    if !state.reads_lesson() || action == Some(Action::Leave) {
        return routed(state, Message::Key(event));
    }
    match event.code {
        KeyCode::Esc => turn(state, false),
        // The same wherever one is.
        KeyCode::Char('q' | 'E' | ':') => {
            let effects = turn(state, false);
            [effects, routed(state, Message::Key(event))].concat()
        }
        KeyCode::Char('?' | ' ') | KeyCode::F(1) => routed(state, Message::Key(event)),
        _ => lesson_keys::key(state, &event),
    }
}

/// Keys to the page, or to the lab.
fn turn(state: &mut State, to_page: bool) -> Vec<Effect> {
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    lesson.has_focus = to_page;
    lay_out(state);
    // Where one covers the other, nothing of it stays.
    let covers = room(state).page.width == 0 || room(state).page == room(state).lab;
    if covers { vec![Effect::Turn] } else { Vec::new() }
}

fn mouse(state: &mut State, event: MouseEvent, routed: Lab) -> Vec<Effect> {
    let page = room(state).page;
    if !page.contains(Position::new(event.column, event.row)) {
        if matches!(event.kind, MouseEventKind::Down(_))
            && let Some(lesson) = &mut state.lesson
        {
            lesson.has_focus = false;
        }
        return routed(state, Message::Mouse(event));
    }
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            lesson.has_focus = true;
            let row = usize::from(event.row.saturating_sub(layout::course_text(page).y));
            if let Some(task) = lesson.page.get(lesson.scroll + row).and_then(|line| line.task) {
                lesson_keys::choose(lesson, task);
            }
        }
        MouseEventKind::ScrollDown => lesson_keys::scroll(lesson, WHEEL),
        MouseEventKind::ScrollUp => lesson_keys::scroll(lesson, -WHEEL),
        _ => {}
    }
    Vec::new()
}

/// Who has which part of the terminal.
fn room(state: &State) -> CourseRoom {
    let (columns, rows) = state.terminal_size();
    layout::course(Rect::new(0, 0, columns, rows), state.reads_lesson())
}

/// Breaks the page for the room that it has.
fn lay_out(state: &mut State) {
    let page = room(state).page;
    let text = layout::course_text(page);
    let Some(lesson) = &mut state.lesson else { return };
    let room = (usize::from(text.width), usize::from(text.height));
    if page.width > 0 && lesson.room != room {
        lesson.room = room;
        Lesson::break_lines(lesson);
    }
}
