//! A backend that writes nothing where nothing has changed.
//!
//! The terminal library ends each frame with a few sequences of its own (colours off, cursor off), whether or not a
//! character has changed. A display that stands still sends nothing at all.

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Passes everything on that does something.
pub struct QuietBackend<B> {
    inner: B,
    /// Something was passed on since the last flush.
    dirty: bool,
    /// The cursor has been hidden by us, and not been shown since.
    cursor_hidden: bool,
}

impl<B> QuietBackend<B> {
    pub fn new(inner: B) -> Self {
        Self { inner, dirty: false, cursor_hidden: false }
    }

    fn changing(&mut self) -> &mut B {
        self.dirty = true;
        &mut self.inner
    }
}

impl<B: Backend> Backend for QuietBackend<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), B::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() { Ok(()) } else { self.changing().draw(content) }
    }

    fn append_lines(&mut self, n: u16) -> Result<(), B::Error> {
        self.changing().append_lines(n)
    }

    fn hide_cursor(&mut self) -> Result<(), B::Error> {
        if std::mem::replace(&mut self.cursor_hidden, true) { Ok(()) } else { self.changing().hide_cursor() }
    }

    fn show_cursor(&mut self) -> Result<(), B::Error> {
        self.cursor_hidden = false;
        self.changing().show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, B::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), B::Error> {
        self.changing().set_cursor_position(position)
    }

    /// Who erases begins anew, after another program perhaps.
    fn clear(&mut self) -> Result<(), B::Error> {
        self.cursor_hidden = false;
        self.changing().clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), B::Error> {
        self.cursor_hidden = false;
        self.changing().clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, B::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, B::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), B::Error> {
        if std::mem::take(&mut self.dirty) { self.inner.flush() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write;
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
            written.0.borrow().len()
        };
        assert!(bytes("one") > 0);
        assert_eq!([bytes("one"), bytes("one")], [0, 0]);
        assert!(bytes("two") > 0);
        assert_eq!(bytes("two"), 0);
    }
}
