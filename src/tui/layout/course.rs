//! The course's column beside the lab.

use ratatui::layout::Rect;

use super::screen::MIN_ROWS;

/// From this width on both are there; below it the page covers the lab while it is read.
pub const BOTH: u16 = 100;
/// Columns of text, borders included.
const LEAST: u16 = 44;
const MOST: u16 = 66;
/// What the lab needs for all its panels.
const WANTED: u16 = 104;

/// Who has which part of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourseRoom {
    /// The lab's; always from the left edge.
    pub lab: Rect,
    /// The page's; empty where it is not seen, all of it where it covers the lab.
    pub page: Rect,
}

/// Splits the terminal; `is_read`: keys go to the page.
pub fn course(terminal: Rect, is_read: bool) -> CourseRoom {
    if terminal.width >= BOTH && terminal.height >= MIN_ROWS {
        let width = terminal.width.saturating_sub(WANTED).clamp(LEAST, MOST);
        let lab = Rect { width: terminal.width - width, ..terminal };
        return CourseRoom { lab, page: Rect { x: lab.right(), width, ..terminal } };
    }
    CourseRoom { lab: terminal, page: if is_read { terminal } else { Rect { width: 0, ..terminal } } }
}

/// Rows below the text: how much more there is, the answer, and two of keys.
const BELOW: u16 = 4;

/// The part of the page's place that its text has.
pub fn course_text(page: Rect) -> Rect {
    let inner = course_inner(page);
    // A row for the run, and one of air.
    Rect { y: (inner.y + 2).min(inner.bottom()), height: inner.height.saturating_sub(2 + BELOW), ..inner }
}

/// The page inside its frame.
pub fn course_inner(page: Rect) -> Rect {
    Rect {
        x: page.x.saturating_add(2),
        y: page.y.saturating_add(1),
        width: page.width.saturating_sub(4),
        height: page.height.saturating_sub(2),
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::{MIN_COLUMNS, screen};
    use super::*;
    use crate::tui::panel::Panel;

    #[test]
    fn lab_and_page_share_the_terminal_and_both_have_room() {
        for width in 1..300 {
            for (height, is_read) in [(24, false), (30, true), (60, false)] {
                let terminal = Rect::new(0, 0, width, height);
                let room = course(terminal, is_read);
                if width < BOTH {
                    assert_eq!(room.lab, terminal);
                    assert_eq!(room.page.is_empty(), !is_read);
                    continue;
                }
                assert_eq!((room.lab.x, room.lab.right(), room.page.right()), (0, room.page.x, width));
                assert!(room.lab.width >= MIN_COLUMNS && room.page.width >= LEAST);
                assert!(screen(room.lab, Panel::Loss, false, false).is_some());
            }
        }
        let wide = course(Rect::new(0, 0, 160, 48), false);
        assert_eq!((wide.lab.width, wide.page.width), (104, 56), "all four panels beside it");
    }
}
