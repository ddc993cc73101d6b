//! A backend that writes nothing where nothing has changed, and else whole frames.
//!
//! The terminal library ends each frame with a few sequences of its own (colours off, cursor off), whether or not a
//! character has changed. A display that stands still sends nothing at all. One that changes says where a frame
//! begins and ends, so that a terminal which knows these words shows it at once: a picture takes a while to draw,
//! and its label would be there before.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// A frame begins, and is complete ("synchronized output"); terminals that don't know the words pass over them.
const BEGIN: &[u8] = b"\x1b[?2026h";
pub const COMPLETE: &[u8] = b"\x1b[?2026l";

/// Passes everything on that does something.
pub struct QuietBackend<B> {
    inner: B,
    /// Something was passed on since the last flush.
    dirty: bool,
    /// The beginning of a frame was.
    in_frame: bool,
    /// The cursor has been hidden by us, and not been shown since.
    cursor_hidden: bool,
}

impl<B> QuietBackend<B> {
    pub fn new(inner: B) -> Self {
        Self { inner, dirty: false, in_frame: false, cursor_hidden: false }
    }

    fn changing(&mut self) -> &mut B {
        self.dirty = true;
        &mut self.inner
    }
}

impl<B: Backend<Error = io::Error> + Write> Backend for QuietBackend<B> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), io::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.in_frame, true) {
            self.changing().write_all(BEGIN)?;
        }
        self.changing().draw(content)
    }

    fn append_lines(&mut self, n: u16) -> Result<(), io::Error> {
        self.changing().append_lines(n)
    }

    fn hide_cursor(&mut self) -> Result<(), io::Error> {
        if std::mem::replace(&mut self.cursor_hidden, true) { Ok(()) } else { self.changing().hide_cursor() }
    }

    fn show_cursor(&mut self) -> Result<(), io::Error> {
        self.cursor_hidden = false;
        self.changing().show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, io::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), io::Error> {
        self.changing().set_cursor_position(position)
    }

    /// Who erases begins anew, after another program perhaps.
    fn clear(&mut self) -> Result<(), io::Error> {
        self.cursor_hidden = false;
        self.changing().clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), io::Error> {
        self.cursor_hidden = false;
        self.changing().clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, io::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, io::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        if std::mem::take(&mut self.in_frame) {
            self.inner.write_all(COMPLETE)?;
        }
        if std::mem::take(&mut self.dirty) { Backend::flush(&mut self.inner) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use ratatui::backend::CrosstermBackend;
    use ratatui::layout::Rect;
    use ratatui::widgets::Paragraph;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;

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

    #[test]
    fn a_frame_like_the_one_before_writes_nothing() {
        let written = Written::default();
        let backend = QuietBackend::new(CrosstermBackend::new(written.clone()));
        let viewport = Viewport::Fixed(Rect::new(0, 0, 20, 3));
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        let mut bytes = |text: &str| {
            written.0.borrow_mut().clear();
            terminal.draw(|frame| frame.render_widget(Paragraph::new(text), frame.area())).unwrap();
            let written = String::from_utf8(written.0.borrow().clone()).unwrap();
            assert!(written.is_empty() || written.starts_with("\x1b[?2026h") && written.ends_with("\x1b[?2026l"));
            written.len()
        };
        assert!(bytes("one") > 0);
        assert_eq!([bytes("one"), bytes("one")], [0, 0]);
        assert!(bytes("two") > 0);
        assert_eq!(bytes("two"), 0);
    }
}
