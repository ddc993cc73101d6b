//! Where everything of the list is.

use ratatui::layout::Rect;

/// Below this, a sentence asks for a larger terminal.
const MIN: (u16, u16) = (40, 10);

/// The places of the list, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunsLayout {
    pub header: Rect,
    pub filter: Rect,
    /// The table with its border.
    pub frame: Rect,
    pub heading: Rect,
    pub rows: Rect,
    /// What the columns do not say of the chosen run.
    pub detail: Rect,
    pub status: Rect,
    pub footer: Rect,
}

impl RunsLayout {
    /// `None` when the terminal is too small.
    pub fn of(area: Rect) -> Option<Self> {
        if area.width < MIN.0 || area.height < MIN.1 {
            return None;
        }
        let line = |y: u16| Rect { y, height: 1, ..area };
        let frame = Rect { y: area.y + 2, height: area.height - 5, ..area };
        let heading = Rect { x: frame.x + 2, y: frame.y + 1, width: frame.width - 4, height: 1 };
        Some(Self {
            header: line(area.y),
            filter: line(area.y + 1),
            frame,
            heading,
            rows: Rect { y: heading.y + 1, height: frame.height - 3, ..heading },
            detail: line(area.bottom() - 3),
            status: line(area.bottom() - 2),
            footer: line(area.bottom() - 1),
        })
    }
}
