//! A square window on the plane.

use ratatui::layout::Rect;

/// A square window on the plane, centred at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// As square as cells allow.
    pub area: Rect,
    /// It shows [-reach, reach] on both axes.
    pub reach: f64,
}

impl Window {
    /// The largest square in the middle of a room; a cell is twice as high as wide.
    pub fn within(room: Rect, reach: f64) -> Self {
        let rows = room.height.min(room.width / 2);
        let columns = 2 * rows;
        let area = Rect {
            x: room.x + (room.width - columns) / 2,
            y: room.y + (room.height - rows) / 2,
            width: columns,
            height: rows,
        };
        Self { area, reach }
    }

    /// Shares of the area, (0, 0) at the bottom left; `None` outside, and for what is no number.
    pub fn place(&self, x: f32, y: f32) -> Option<(f64, f64)> {
        let share = |v: f32| (f64::from(v) / self.reach + 1.0) / 2.0;
        let (x, y) = (share(x), share(y));
        ((0.0..1.0).contains(&x) && (0.0..1.0).contains(&y)).then_some((x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_square_in_the_middle_of_its_room() {
        let window = Window::within(Rect::new(10, 5, 57, 13), 2.0);
        assert_eq!(window.area, Rect::new(10 + 15, 5, 26, 13));
        assert_eq!(Window::within(Rect::new(0, 0, 9, 30), 2.0).area, Rect::new(0, 13, 8, 4));
        assert_eq!(window.place(0.0, 0.0), Some((0.5, 0.5)));
        assert_eq!(window.place(-2.0, 1.0), Some((0.0, 0.75)));
        assert_eq!(window.place(2.1, 0.0), None);
        assert_eq!(window.place(f32::NAN, 0.0), None);
        assert!(Window::within(Rect::ZERO, 1.0).area.is_empty());
    }
}
