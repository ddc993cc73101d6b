//! The whole screen: header, panels, status, footer.

use ratatui::layout::Rect;

use crate::tui::panel::Panel;

/// Below this, a sentence asks for a larger terminal.
pub const MIN_COLUMNS: u16 = 56;
pub const MIN_ROWS: u16 = 15;

/// From this size on, all four panels are there in full.
const GRID_COLUMNS: u16 = 104;
const GRID_ROWS: u16 = 28;

/// How much of a panel is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    Full,
    /// The one number, and a small curve or picture.
    Brief,
}

/// A panel and its place, borders included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelPlace {
    pub panel: Panel,
    pub area: Rect,
    pub density: Density,
}

impl PanelPlace {
    /// The place inside the borders, with a column of air at both sides.
    pub fn inner(&self) -> Rect {
        let a = self.area;
        Rect::new(a.x.saturating_add(2), a.y.saturating_add(1), a.width.saturating_sub(4), a.height.saturating_sub(2))
    }
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenLayout {
    pub header: Rect,
    pub panels: Vec<PanelPlace>,
    /// A row of its own for messages, and for what is going on while there are none.
    pub status: Rect,
    pub footer: Rect,
}

impl ScreenLayout {
    /// Between header and status: where all panels are.
    pub fn main(&self) -> Rect {
        let y = self.header.bottom();
        Rect { y, height: self.status.y.saturating_sub(y), ..self.header }
    }

    pub fn place(&self, panel: Panel) -> Option<&PanelPlace> {
        self.panels.iter().find(|p| p.panel == panel)
    }
}

/// The layout; `None` when the terminal is too small. `few`: no more than two panels at once, both large.
pub fn screen(size: Rect, focus: Panel, zoomed: bool, few: bool) -> Option<ScreenLayout> {
    if size.width < MIN_COLUMNS || size.height < MIN_ROWS {
        return None;
    }
    let roomy = size.height >= GRID_ROWS;
    let header = Rect { height: 1, ..size };
    let footer = Rect { y: size.bottom() - 1, height: 1, ..size };
    let status = Rect { y: size.bottom() - 2, height: 1, ..size };
    let main = Rect { y: size.y + 1, height: size.height - 3, ..size };
    let full = |panel, area| PanelPlace { panel, area, density: Density::Full };
    let panels = if zoomed || (few && size.width < GRID_COLUMNS) {
        vec![full(focus, main)]
    } else if few {
        // What is trained beside what it makes.
        let other = if focus == Panel::Denoising { Panel::Loss } else { Panel::Denoising };
        let [left, right] = halves(main.width);
        let (first, second) = (Rect { width: left, ..main }, Rect { x: main.x + left, width: right, ..main });
        match focus {
            Panel::Denoising => vec![full(other, first), full(focus, second)],
            _ => vec![full(focus, first), full(other, second)],
        }
    } else if size.width >= GRID_COLUMNS && roomy {
        let [left, right] = halves(main.width);
        let [top, bottom] = halves(main.height);
        Panel::ALL
            .into_iter()
            .enumerate()
            .map(|(i, panel)| {
                let (x, width) = if i % 2 == 0 { (main.x, left) } else { (main.x + left, right) };
                let (y, height) = if i < 2 { (main.y, top) } else { (main.y + top, bottom) };
                full(panel, Rect { x, y, width, height })
            })
            .collect()
    } else {
        focus_and_briefs(main, focus)
    };
    Some(ScreenLayout { header, panels, status, footer })
}

fn halves(length: u16) -> [u16; 2] {
    [length.div_ceil(2), length / 2]
}

/// The focused panel above, the other three in brief below it.
fn focus_and_briefs(main: Rect, focus: Panel) -> Vec<PanelPlace> {
    let brief_rows = (main.height / 3).clamp(5, 14);
    let top = main.height - brief_rows;
    let mut panels = vec![PanelPlace { panel: focus, area: Rect { height: top, ..main }, density: Density::Full }];
    let mut x = main.x;
    for (i, panel) in Panel::ALL.into_iter().filter(|p| *p != focus).enumerate() {
        let right = main.x + (u32::from(main.width) * (i as u32 + 1) / 3) as u16;
        let area = Rect { x, y: main.y + top, width: right - x, height: brief_rows };
        panels.push(PanelPlace { panel, area, density: Density::Brief });
        x = right;
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_tile_the_screen_without_overlap_at_every_size() {
        for width in (MIN_COLUMNS..=300).step_by(7) {
            for height in MIN_ROWS..=100 {
                for zoomed in [false, true] {
                    let size = Rect::new(0, 0, width, height);
                    for few in [false, true] {
                        let layout = screen(size, Panel::Schedule, zoomed, few).unwrap();
                        let covered: u32 = layout.panels.iter().map(|p| p.area.area()).sum();
                        assert_eq!(covered + 3 * u32::from(width), size.area(), "{width}×{height}");
                        for (i, a) in layout.panels.iter().enumerate() {
                            assert_eq!(a.area.intersection(size), a.area);
                            for b in &layout.panels[i + 1..] {
                                assert!(!a.area.intersects(b.area));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn all_four_panels_are_there_at_80_by_24_and_at_120_by_40() {
        for (w, h) in [(80, 24), (120, 40), (300, 100)] {
            let layout = screen(Rect::new(0, 0, w, h), Panel::Loss, false, false).unwrap();
            assert!(Panel::ALL.iter().all(|p| layout.place(*p).is_some()));
        }
    }

    #[test]
    fn a_tiny_terminal_has_no_layout() {
        assert_eq!(screen(Rect::new(0, 0, 1, 1), Panel::Loss, false, false), None);
    }
}
