//! What the terminal can show besides pictures: colours, and characters beyond ASCII.

use crate::tui::chart::Marker;
use crate::tui::image_protocol::Graphics;
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

/// Is it the Linux console? Its font has 256 or 512 characters, and braille is not among them.
pub fn console() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "linux" || term.starts_with("linux-"))
}

/// How curves are drawn unless the user says.
pub fn marker() -> Marker {
    if unicode() && !console() { Marker::Braille } else { Marker::Ascii }
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

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let locale = |a: &str, b: &str, c: &str| unicode_in([a, b, c].map(str::to_owned));
        assert!(locale("", "", "en_US.UTF-8"));
        assert!(locale("", "C.utf8", "C"));
        assert!(!locale("C", "en_US.UTF-8", "en_US.UTF-8"));
        assert!(!locale("POSIX", "", ""));
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
