//! What the terminal can show besides pictures: colours, and characters beyond ASCII.

use crate::ascii::terminal_has_utf8;
use crate::tui::chart::Marker;
use crate::tui::terminal::image_protocol::Graphics;
use crate::tui::theme::{Capability, ThemeName};

/// The colours that the terminal has, by what it showed when asked or says in `COLORTERM` and `TERM`;
/// none with `NO_COLOR`.
pub fn colors(graphics: &Graphics) -> Capability {
    match supports_color::on(supports_color::Stream::Stdout) {
        Some(_) if console() => Capability::Console,
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

/// Is it the Linux console? Its font has 256 or 512 characters, and braille is not among them.
pub fn console() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "linux" || term.starts_with("linux-"))
}

/// How curves are drawn unless the user says.
pub fn marker() -> Marker {
    if terminal_has_utf8() && !console() { Marker::Braille } else { Marker::Ascii }
}

/// Does the terminal draw octants (Unicode 16) itself, as far as its name says? No others are asked: what they don't
/// know may take no column, or two.
pub fn octants() -> bool {
    octants_in(["TERM", "TERM_PROGRAM"].map(|name| std::env::var(name).unwrap_or_default()))
}

fn octants_in(names: [String; 2]) -> bool {
    names.iter().any(|name| ["kitty", "ghostty", "foot"].iter().any(|known| name.to_ascii_lowercase().contains(known)))
}

/// Light when the terminal says that its background is: by its answer, else in `COLORFGBG`.
pub fn theme(graphics: &Graphics) -> ThemeName {
    theme_of(graphics.background, &std::env::var("COLORFGBG").unwrap_or_default())
}

fn theme_of(background: Option<[u8; 3]>, color_fg_bg: &str) -> ThemeName {
    let light = match background {
        Some([r, g, b]) => u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114 > 127_500,
        // "0;15" or "0;default;15": the last is the background, one of the 16 colours.
        None => color_fg_bg
            .rsplit(';')
            .next()
            .and_then(|index| index.trim().parse::<u8>().ok())
            .is_some_and(|index| index == 7 || (9..=15).contains(&index)),
    };
    if light { ThemeName::Light } else { ThemeName::Dark }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn octants_are_for_terminals_that_draw_them() {
        let names = |term: &str, program: &str| octants_in([term, program].map(str::to_owned));
        assert!(names("xterm-kitty", "") && names("xterm-256color", "ghostty") && names("foot", ""));
        assert!(!names("xterm-256color", "Apple_Terminal") && !names("linux", ""));
    }

    #[test]
    fn a_light_background_gets_the_light_theme() {
        assert_eq!(theme_of(Some([250, 245, 230]), ""), ThemeName::Light);
        assert_eq!(theme_of(Some([16, 16, 20]), "0;15"), ThemeName::Dark, "the answer counts more");
        assert_eq!(theme_of(None, ""), ThemeName::Dark);
    }

    #[test]
    fn without_an_answer_the_variable_says_what_the_background_is() {
        for (variable, expected) in [
            ("0;15", ThemeName::Light),
            ("0;default;7", ThemeName::Light),
            ("15;0", ThemeName::Dark),
            ("7;8", ThemeName::Dark),
            ("default;default", ThemeName::Dark),
            ("0;99999", ThemeName::Dark),
        ] {
            assert_eq!(theme_of(None, variable), expected, "{variable}");
        }
    }
}
