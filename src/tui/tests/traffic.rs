//! What is written to the terminal: pictures that fit their labels, and nothing where nothing changes.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::behaviour::act;
use super::demo::{frame, record, row, running};
use crate::lab::Event;
use crate::tui::action::Action;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::pictures::{HalfBlocks, PictureSlot};
use crate::tui::state::State;
use crate::tui::terminal::encoder::Encoder;
use crate::tui::terminal::image_protocol::{Graphics, ImageProtocol};
use crate::tui::terminal::protocol_pictures::ProtocolPictures;
use crate::tui::terminal::quiet_backend::QuietBackend;
use crate::tui::theme::Capability;
use crate::tui::update::update;
use crate::tui::view::view;

#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A screen with real pictures, and all that is written to it.
struct Screen {
    state: State,
    pictures: ProtocolPictures,
    terminal: Terminal<QuietBackend<CrosstermBackend<Written>>>,
    written: Written,
    ms: u64,
    step: u64,
}

impl Screen {
    fn new(protocol: ImageProtocol) -> Self {
        let graphics = Graphics { cell: Some((9, 18)), kitty_inflates: true, ..Graphics::new(protocol, "") };
        let half_blocks = HalfBlocks { capability: Capability::TrueColor };
        let pictures = ProtocolPictures::new(Encoder::spawn(&graphics).unwrap(), &graphics, half_blocks);
        let state = running(120, 40, ScreenOptions { cell_size: (9, 18), ..ScreenOptions::default() });
        let written = Written::default();
        let backend = QuietBackend::new(CrosstermBackend::new(written.clone()));
        let viewport = Viewport::Fixed(Rect::new(0, 0, 120, 40));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        Self { state, pictures, terminal, written, ms: 60_000, step: 12_480 }
    }

    /// Time goes by, and a frame is drawn; returns what it writes.
    fn draw(&mut self) -> String {
        self.ms += 100;
        update(&mut self.state, Message::Tick(Duration::from_millis(self.ms)));
        self.pictures.prepare(&self.state.gallery);
        self.written.0.borrow_mut().clear();
        let (state, pictures) = (&self.state, &self.pictures);
        self.terminal.draw(|frame| view(state, frame, pictures)).unwrap();
        String::from_utf8_lossy(&self.written.0.borrow()).into_owned()
    }

    /// Training goes on by some steps, and the previews with it.
    fn train(&mut self) {
        for _ in 0..10 {
            self.step += 1;
            update(&mut self.state, Message::Lab(Event::Step(record(self.step))));
        }
        if self.step.is_multiple_of(50) {
            update(&mut self.state, Message::Lab(Event::TimestepLoss(row(self.step))));
        }
        let (film, index) = (3 + self.step / 260, (self.step / 10 % 26) as usize);
        update(&mut self.state, Message::Preview(frame(film, index, self.step)));
    }
}

fn pictures(written: &str) -> usize {
    written.matches("\x1bP0;1;0q").count() + written.matches("\x1b_G").count() + written.matches("\x1b]1337;").count()
}

const PROTOCOLS: [ImageProtocol; 3] = [ImageProtocol::Sixel, ImageProtocol::Kitty, ImageProtocol::Iterm];

#[test]
fn each_frame_has_the_pictures_of_its_label_and_no_others() {
    for protocol in PROTOCOLS {
        let mut screen = Screen::new(protocol);
        let mut moved = 0;
        for _ in 0..60 {
            screen.train();
            let before = screen.state.cursor_t;
            let written = screen.draw();
            let gallery = &screen.state.gallery;
            for (slot, placed) in [
                (PictureSlot::Forward, gallery.forward()),
                (PictureSlot::NoisyGrid, gallery.noisy()),
                (PictureSlot::CleanGrid, gallery.clean()),
            ] {
                let encoded = screen.pictures.encoder().latest(slot).unwrap();
                assert_eq!(encoded.version, placed.unwrap().picture.version, "{slot:?} at t {}", screen.state.cursor_t);
            }
            if screen.state.cursor_t != before {
                moved += 1;
                assert!(
                    pictures(&written) >= 3,
                    "{} pictures came with t {}",
                    pictures(&written),
                    screen.state.cursor_t
                );
            }
        }
        assert!(moved > 10, "the film moved {moved} times only");
    }
}

#[test]
fn a_held_film_sends_no_pictures_while_training_goes_on() {
    for protocol in PROTOCOLS {
        let mut screen = Screen::new(protocol);
        act(&mut screen.state, Action::ToggleFilm);
        screen.draw();
        screen.draw();
        let mut most = 0;
        for _ in 0..100 {
            screen.train();
            let written = screen.draw();
            assert_eq!(pictures(&written), 0, "{protocol:?}");
            most = most.max(written.len());
        }
        assert!(most > 0, "the step goes on");
        // Curves, a column of the map, numbers: characters.
        assert!(most < 20_000, "{most} bytes for a frame");
        assert_eq!(screen.draw().len(), 0, "without news nothing at all");
    }
}

#[test]
fn a_frozen_display_sends_nothing_but_its_header() {
    for protocol in PROTOCOLS {
        let mut screen = Screen::new(protocol);
        act(&mut screen.state, Action::ToggleFreeze);
        screen.draw();
        screen.draw();
        let mut most = 0;
        for _ in 0..100 {
            screen.train();
            most = most.max(screen.draw().len());
        }
        assert!(most < 300, "{protocol:?}: {most} bytes for a frame");
        assert_eq!(screen.draw().len(), 0, "{protocol:?}");
    }
}

#[test]
fn a_dialog_takes_of_the_pictures_only_what_it_touches() {
    let mut screen = Screen::new(ImageProtocol::Sixel);
    act(&mut screen.state, Action::ToggleFilm);
    let tiles = pictures(&screen.draw());
    assert!(tiles >= 6, "{tiles}");
    act(&mut screen.state, Action::Quit);
    assert_eq!(pictures(&screen.draw()), 0, "those beside it are not sent again");
    screen.state.overlay = None;
    let again = pictures(&screen.draw());
    assert!(again >= 1 && again <= tiles / 2, "{again} of {tiles} pieces were touched");
    // One that covers the whole screen hides all.
    act(&mut screen.state, Action::Help);
    screen.draw();
    screen.state.overlay = None;
    assert!(pictures(&screen.draw()) > again);
}
