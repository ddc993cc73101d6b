//! Everything that tells something reads on what it is drawn on: 4.5:1, WCAG 2, in each theme and palette.

use ratatui::style::Color;

use super::{Capability, Role, Theme, ThemeName};
use crate::picture::palette::{Rgb, contrast};

const NAMES: [ThemeName; 3] = [ThemeName::Dark, ThemeName::Light, ThemeName::Projector];

/// The 16 colours as xterm shows them, and as the Linux console does.
const XTERM: [Rgb; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 92, 92],
    [92, 255, 92],
    [255, 255, 92],
    [92, 92, 255],
    [255, 92, 255],
    [92, 255, 255],
    [255, 255, 255],
];
const CONSOLE: [Rgb; 16] = [
    [0, 0, 0],
    [170, 0, 0],
    [0, 170, 0],
    [170, 85, 0],
    [0, 0, 170],
    [170, 0, 170],
    [0, 170, 170],
    [170, 170, 170],
    [85, 85, 85],
    [255, 85, 85],
    [85, 255, 85],
    [255, 255, 85],
    [85, 85, 255],
    [255, 85, 255],
    [85, 255, 255],
    [255, 255, 255],
];

/// A colour as a terminal with these 16 shows it; `Reset` is `own`.
fn shown(color: Color, sixteen: &[Rgb; 16], own: Rgb) -> Rgb {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match color {
        Color::Reset => own,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index @ 16..=231) => {
            let cube = usize::from(index - 16);
            [cube / 36, cube / 6 % 6, cube % 6].map(|level| LEVELS[level])
        }
        Color::Indexed(index @ 232..) => [8 + 10 * (index - 232); 3],
        Color::Indexed(index) => sixteen[usize::from(index)],
        Color::Black => sixteen[0],
        Color::Red => sixteen[1],
        Color::Green => sixteen[2],
        Color::Yellow => sixteen[3],
        Color::Blue => sixteen[4],
        Color::Magenta => sixteen[5],
        Color::Cyan => sixteen[6],
        Color::Gray => sixteen[7],
        Color::DarkGray => sixteen[8],
        Color::LightRed => sixteen[9],
        Color::LightGreen => sixteen[10],
        Color::LightYellow => sixteen[11],
        Color::LightBlue => sixteen[12],
        Color::LightMagenta => sixteen[13],
        Color::LightCyan => sixteen[14],
        Color::White => sixteen[15],
    }
}

/// Every role, and every mark in the heatmap's colours, on the background that it is drawn on: the theme's, or the
/// terminal's `own`, in which the terminal writes with `ink`.
fn check(theme: &Theme, sixteen: &[Rgb; 16], own: Rgb, ink: Rgb) {
    let paper = shown(theme.base().bg.unwrap_or(Color::Reset), sixteen, own);
    let least = if theme.name == ThemeName::Projector && !theme.capability.is_named() { 7.0 } else { 4.5 };
    let roles =
        Role::all().filter(|role| *role != Role::Border).map(|role| (format!("{role:?}"), theme.style(role).fg));
    let marks = (0..=20).map(|i| (format!("mark {i}"), theme.heat_mark(f64::from(i) / 20.0)));
    for (what, color) in roles.chain(marks) {
        let color = shown(color.unwrap_or(Color::Reset), sixteen, ink);
        let ratio = contrast(color, paper);
        let where_ = format!("{:?} {:?} on {paper:?}", theme.name, theme.capability);
        assert!(ratio >= least, "{what} {color:?}, {where_}: {ratio:.2}");
    }
}

/// The theme as it is after so many presses of the key from one that is the terminal's own kind.
fn each_theme(own: ThemeName, capability: Capability, background: Option<Rgb>, paints: bool) -> Vec<Theme> {
    let mut theme = Theme::on(own, capability, background, paints);
    let mut all = vec![theme];
    for _ in 1..NAMES.len() {
        theme.cycle();
        all.push(theme);
    }
    all
}

#[test]
fn every_role_reads_on_the_themes_own_background() {
    for capability in [Capability::TrueColor, Capability::Ansi256] {
        for own in [ThemeName::Dark, ThemeName::Light] {
            for theme in each_theme(own, capability, None, true) {
                check(&theme, &XTERM, [127; 3], [127; 3]);
            }
        }
    }
}

#[test]
fn every_role_reads_on_whatever_background_the_terminal_says_it_has() {
    // Greys, and what people use: Solarized, One Dark, Gruvbox, Nord, Monokai, pink.
    let known = [
        [0, 43, 54],
        [253, 246, 227],
        [40, 44, 52],
        [40, 40, 40],
        [251, 241, 199],
        [46, 52, 64],
        [39, 40, 34],
        [255, 192, 203],
        [0, 0, 95],
    ];
    for background in (0..=255).step_by(15).map(|grey| [grey; 3]).chain(known) {
        for own in [ThemeName::Dark, ThemeName::Light] {
            for theme in each_theme(own, Capability::TrueColor, Some(background), false) {
                check(&theme, &XTERM, background, [127; 3]);
            }
            for capability in [Capability::Ansi256, Capability::Ansi16] {
                let ink = if own == ThemeName::Dark { [229; 3] } else { [0; 3] };
                for theme in each_theme(own, capability, Some(background), false) {
                    check(&theme, &XTERM, background, ink);
                }
            }
        }
    }
}

#[test]
fn sixteen_colours_read_as_xterm_and_as_a_console_have_them() {
    for (own, paper, ink) in [(ThemeName::Dark, [0; 3], [170; 3]), (ThemeName::Light, [255; 3], [0; 3])] {
        for sixteen in [XTERM, CONSOLE] {
            for paints in [false, true] {
                for theme in each_theme(own, Capability::Ansi16, Some(paper), paints) {
                    check(&theme, &sixteen, paper, ink);
                }
            }
        }
    }
    for theme in each_theme(ThemeName::Dark, Capability::Console, None, true) {
        check(&theme, &CONSOLE, [0; 3], [170; 3]);
    }
}

#[test]
fn faint_is_fainter_than_the_colour_it_belongs_to() {
    for name in [ThemeName::Dark, ThemeName::Light] {
        let theme = Theme::new(name, Capability::TrueColor);
        let paper = theme.palette().background;
        let ratio = |role| contrast(shown(theme.style(role).fg.unwrap(), &XTERM, paper), paper);
        assert!(ratio(Role::TrainFaint) * 1.4 < ratio(Role::Train), "{name:?}");
    }
}
