//! What the terminal can show besides pictures: colours, and characters beyond ASCII.

use crate::ascii::terminal_has_utf8;
use crate::tui::chart::Marker;
use crate::tui::image_protocol::Graphics;
use crate::tui::theme::{Capability, ThemeName};

/// The colours that the terminal has, by what it showed when asked or says in `COLORTERM` and `TERM`;
/// none with `NO_COLOR`.
pub fn colors(graphics: &Graphics) -> Capability {
    match supports_color::on(supports_color::Stream::Stdout) {
        Some(level) if level.has_16m || graphics.true_color => Capability::TrueColor,
        Some(level) if level.has_256 => Capability::Ansi256,
        Some(_) => Capability::Ansi16,
        None => Capability::None,
    }
}

/// Why the lab's screen can't be drawn on this terminal, if it can't: it says of itself that it moves no cursor, or
/// doesn't say what it is.
pub fn no_screen() -> Option<String> {
    no_screen_on(std::env::var("TERM").ok().as_deref())
}

fn no_screen_on(term: Option<&str>) -> Option<String> {
    match term {
        Some(term @ ("dumb" | "unknown")) => Some(format!("TERM={term} can't show the lab's screen")),
        // Windows has no such variable.
        None | Some("") if cfg!(unix) => Some("TERM is not set, so that the lab's screen can't be drawn".into()),
        _ => None,
    }
}

/// How curves are drawn unless the user says.
pub fn marker() -> Marker {
    if terminal_has_utf8() { Marker::Braille } else { Marker::Ascii }
}

/// Light when the terminal says that its background is.
pub fn theme(graphics: &Graphics) -> ThemeName {
    match graphics.background {
        Some([r, g, b]) if u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114 > 127_500 => ThemeName::Light,
        _ => ThemeName::Dark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::image_protocol::ImageProtocol;

    #[cfg(unix)]
    #[test]
    fn a_terminal_that_moves_no_cursor_has_no_screen() {
        for term in [None, Some(""), Some("dumb"), Some("unknown")] {
            assert!(no_screen_on(term).is_some(), "{term:?}");
        }
        for term in ["xterm", "vt100", "linux", "screen-256color", "xterm-kitty"] {
            assert_eq!(no_screen_on(Some(term)), None);
        }
    }

    #[test]
    fn a_light_background_gets_the_light_theme() {
        let with = |background| Graphics { background, ..Graphics::new(ImageProtocol::Ascii, "") };
        assert_eq!(theme(&with(Some([250, 245, 230]))), ThemeName::Light);
        assert_eq!(theme(&with(Some([16, 16, 20]))), ThemeName::Dark);
        assert_eq!(theme(&with(None)), ThemeName::Dark);
    }
}
