use std::cell::RefCell;
use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::demo::running;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::pictures::{ChartContent, Picture, PictureSlot, Pictures};
use crate::tui::{sixel, view};

struct Measure {
    name: String,
    lines: RefCell<Vec<String>>,
}

impl Pictures for Measure {
    fn draw(&self, _: PictureSlot, _: &Picture, _: Rect, _: &mut Buffer) {}

    fn chart(
        &self,
        slot: PictureSlot,
        _: ChartContent,
        area: Rect,
        paint: &dyn Fn((u16, u16)) -> Vec<u8>,
        _: &mut Buffer,
    ) -> bool {
        let (w, h) = (area.width as usize * 8, area.height as usize * 15);
        let mut best = [f64::MAX; 2];
        for _ in 0..20 {
            let a = Instant::now();
            let rgb = paint((8, 15));
            best[0] = best[0].min(a.elapsed().as_secs_f64() * 1e3);
            let a = Instant::now();
            let six = sixel::encode(&rgb, w, h, 256).unwrap();
            best[1] = best[1].min(a.elapsed().as_secs_f64() * 1e3);
            if best[0] < 1e9 && self.lines.borrow().len() < 9 {
                let colors = rgb.chunks_exact(3).collect::<std::collections::HashSet<_>>().len();
                let line = format!("{}_{slot:?}: {w}x{h}, {colors} colours, {} kB", self.name, six.len() / 1000);
                if !self.lines.borrow().contains(&line) {
                    self.lines.borrow_mut().push(line);
                    image::RgbImage::from_raw(w as u32, h as u32, rgb)
                        .unwrap()
                        .save(format!("/work/try/h2/{}_{slot:?}.png", self.name))
                        .unwrap();
                }
            }
        }
        self.lines.borrow_mut().push(format!("   paint {:.2} ms, sixel {:.2} ms", best[0], best[1]));
        true
    }

    fn cell_size(&self) -> (u16, u16) {
        (8, 15)
    }
}

#[test]
#[ignore]
fn measure() {
    for (c, r) in [(120u16, 40u16), (200, 60)] {
        for zoom in [None, Some(Panel::Loss), Some(Panel::Schedule)] {
            let options =
                ScreenOptions { cell_size: (8, 15), background: Some([16, 16, 20]), ..ScreenOptions::default() };
            let mut state = running(c, r, options);
            state.zoomed = zoom.is_some();
            state.focus = zoom.unwrap_or(Panel::Loss);
            let pictures = Measure { name: format!("{c}x{r}_{zoom:?}"), lines: RefCell::default() };
            let area = Rect::new(0, 0, c, r);
            view::draw(&state, area, &pictures, &mut Buffer::empty(area));
            println!("{:#?}", pictures.lines.borrow());
        }
    }
}
