//! What the terminal can show besides pictures: colours, and characters beyond ASCII.

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

/// Does the locale's character set have more than ASCII? The first of the three variables that is
/// set decides, as for every program.
pub fn unicode() -> bool {
    unicode_in(["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).unwrap_or_default()))
}

fn unicode_in(locale: [String; 3]) -> bool {
    match locale.into_iter().find(|value| !value.is_empty()) {
        // Nothing said: a container, usually, on a terminal that has it all the same.
        None => std::env::var("TERM").is_ok_and(|term| term != "linux" && term != "dumb"),
        Some(value) => {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        }
    }
}

/// How curves are drawn unless the user says.
pub fn marker() -> Marker {
    if unicode() { Marker::Braille } else { Marker::Ascii }
}

/// Does the terminal draw octants (Unicode 16) itself, as far as its name says? No others are asked: what they don't
/// know may take no column, or two.
pub fn octants() -> bool {
    octants_in(["TERM", "TERM_PROGRAM"].map(|name| std::env::var(name).unwrap_or_default()))
}

fn octants_in(names: [String; 2]) -> bool {
    names.iter().any(|name| ["kitty", "ghostty", "foot"].iter().any(|known| name.to_ascii_lowercase().contains(known)))
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

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let locale = |a: &str, b: &str, c: &str| unicode_in([a, b, c].map(str::to_owned));
        assert!(locale("", "", "en_US.UTF-8"));
        assert!(locale("", "C.utf8", "C"));
        assert!(!locale("C", "en_US.UTF-8", "en_US.UTF-8"));
        assert!(!locale("POSIX", "", ""));
    }

    #[test]
    fn octants_are_for_terminals_that_draw_them() {
        let names = |term: &str, program: &str| octants_in([term, program].map(str::to_owned));
        assert!(names("xterm-kitty", "") && names("xterm-256color", "ghostty") && names("foot", ""));
        assert!(!names("xterm-256color", "Apple_Terminal") && !names("linux", ""));
    }

    #[test]
    fn a_light_background_gets_the_light_theme() {
        let with = |background| Graphics { background, ..Graphics::new(ImageProtocol::Ascii, "") };
        assert_eq!(theme(&with(Some([250, 245, 230]))), ThemeName::Light);
        assert_eq!(theme(&with(Some([16, 16, 20]))), ThemeName::Dark);
        assert_eq!(theme(&with(None)), ThemeName::Dark);
    }
}
