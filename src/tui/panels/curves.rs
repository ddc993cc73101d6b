//! Curves on the screen: as a picture where the terminal has pixels, else with characters.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use crate::tui::chart::{ChartSheet, Scale, Sketch};
use crate::tui::pictures::{ChartContent, PictureSlot, Pictures};
use crate::tui::state::State;

/// Draws `sketch` over `plot`, on axes of which pictures with other ones would be wrong.
pub fn draw(
    state: &State,
    sketch: &Sketch,
    (slot, x, y): (PictureSlot, &Scale, &Scale),
    plot: Rect,
    pictures: &dyn Pictures,
    buf: &mut Buffer,
) {
    if let Some(background) = state.theme.background().filter(|_| state.draws_pictures()) {
        let cell = pictures.cell_size();
        let mut frame = DefaultHasher::new();
        for v in [x.low, x.high, y.low, y.high] {
            v.to_bits().hash(&mut frame);
        }
        (y.log, background, state.theme.is_for_the_back_row(), state.plots.smoothing, state.plots.x_axis.name())
            .hash(&mut frame);
        let across = usize::from(plot.width) * usize::from(cell.0);
        let curves = sketch.fingerprint(across, usize::from(plot.height) * usize::from(cell.1));
        let content = ChartContent { frame: frame.finish(), curves };
        let size = Size::new(plot.width, plot.height);
        let bold = state.theme.is_for_the_back_row();
        let paint = |cell| sketch.paint(ChartSheet { size, cell, background, bold });
        if pictures.chart(slot, content, plot, &paint, buf) {
            return;
        }
    }
    sketch.draw(plot, state.plots.marker, buf);
}
