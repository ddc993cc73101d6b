//! The theme: which style each role has on this terminal.

use ratatui::style::{Color, Modifier, Style};

use super::{Capability, Role, named};
use crate::picture::palette::{self, DARK, LIGHT, PROJECTOR, Palette, Rgb, contrast, legible};

/// For which kind of background, and for whom, the colours are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThemeName {
    Dark,
    Light,
    /// For a lecture: black on white, thick curves, few things.
    Projector,
}

impl ThemeName {
    /// "dark".
    pub fn name(self) -> &'static str {
        match self {
            ThemeName::Dark => "dark",
            ThemeName::Light => "light",
            ThemeName::Projector => "projector",
        }
    }
}

/// A theme on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub name: ThemeName,
    pub capability: Capability,
    /// Paint the background too: needed when the theme is not the terminal's own kind, or nobody knows what the
    /// terminal's background is.
    pub paints_background: bool,
    /// The terminal's own background, where it is known.
    pub terminal_background: Option<Rgb>,
    /// The kind of the terminal's own background.
    own: ThemeName,
    /// Whatever the theme, the terminal's own background is not used.
    always_paints: bool,
    colors: [Option<Color>; Role::COUNT],
    /// The heatmap's colours as marks on the background, from faint to strong.
    marks: [Option<Color>; MARKS],
}

/// So many shades do for bars and arrows.
const MARKS: usize = 8;

/// The part of viridis that reads on every dark paper that a theme is used on, and on every light one.
const ON_DARK: [f64; 2] = [0.66, 1.0];
const ON_LIGHT: [f64; 2] = [0.22, 0.0];

impl Theme {
    /// The theme for a terminal whose own background is of that kind.
    pub fn new(name: ThemeName, capability: Capability) -> Self {
        Self::on(name, capability, None, false)
    }

    /// The theme for a terminal with that background. `paints`: put the theme's own over it in any case.
    pub fn on(name: ThemeName, capability: Capability, background: Option<Rgb>, paints: bool) -> Self {
        let mut theme = Self {
            name,
            capability,
            paints_background: paints,
            terminal_background: background,
            own: if name == ThemeName::Projector { ThemeName::Light } else { name },
            always_paints: paints,
            colors: [None; Role::COUNT],
            marks: [None; MARKS],
        };
        theme.mix();
        theme
    }

    /// The next kind, round and round; painting the background makes it readable on any terminal.
    pub fn cycle(&mut self) {
        self.name = match self.name {
            // The Linux console has no white to write on.
            ThemeName::Dark if self.capability == Capability::Console => ThemeName::Projector,
            ThemeName::Dark => ThemeName::Light,
            ThemeName::Light => ThemeName::Projector,
            ThemeName::Projector => ThemeName::Dark,
        };
        self.mix();
    }

    /// Decides on the background, and mixes each role's colour so that it reads on it.
    fn mix(&mut self) {
        let own = self.terminal_background.filter(|_| self.name == self.own);
        self.paints_background =
            self.always_paints || self.name != self.own || own.is_some_and(|own| !self.reads_on(own));
        let paper = match own {
            Some(own) if !self.paints_background => own,
            _ => self.capability.shown(self.palette().background),
        };
        for role in Role::all() {
            self.colors[role.index()] = self.color(role, paper);
        }
        for i in 0..MARKS {
            self.marks[i] = self.mark(i as f64 / (MARKS - 1) as f64, paper);
        }
    }

    /// Is there room for every colour of this theme on that background?
    fn reads_on(&self, paper: Rgb) -> bool {
        let p = self.palette();
        match self.capability.is_named() {
            // Chosen for black and for white, where there is less to spare.
            true if self.is_dark() => contrast(paper, [0; 3]) < 1.2,
            true => contrast(paper, [255; 3]) < 1.03,
            false => contrast(p.text, paper) >= 9.0,
        }
    }

    /// What is behind everything, where it is known.
    pub fn background(&self) -> Option<Rgb> {
        if self.paints_background { Some(self.palette().background) } else { self.terminal_background }
    }

    /// Light on dark?
    pub fn is_dark(&self) -> bool {
        self.palette().background == DARK.background
    }

    /// Is it for those in the back row: few things, and large?
    pub fn is_for_the_back_row(&self) -> bool {
        self.name == ThemeName::Projector
    }

    /// How many ticks an axis has of `most` that fit.
    pub fn ticks(&self, most: usize) -> usize {
        if self.is_for_the_back_row() { most.div_ceil(2).max(2) } else { most }
    }

    pub fn palette(&self) -> &'static Palette {
        match self.name {
            ThemeName::Dark => &DARK,
            ThemeName::Light => &LIGHT,
            ThemeName::Projector if self.capability == Capability::Console => &DARK,
            ThemeName::Projector => &PROJECTOR,
        }
    }

    /// The least contrast of what tells something.
    fn ratio(&self) -> f64 {
        if self.is_for_the_back_row() { 7.0 } else { 4.5 }
    }

    /// The style of everything that says nothing else.
    pub fn base(&self) -> Style {
        let style = self.style(Role::Text);
        match self.paints_background && self.capability.has_colors() {
            true => style.bg(self.capability.color(match self.capability.is_named() {
                true if self.is_dark() => [0; 3],
                true => [255; 3],
                false => self.palette().background,
            })),
            false => style,
        }
    }

    /// The background of dialogs, so that they stand out from what they cover.
    pub fn dialog(&self) -> Style {
        self.base()
    }

    /// The chosen line of a list.
    pub fn selected(&self) -> Style {
        self.style(Role::Accent).add_modifier(Modifier::REVERSED)
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = match self.colors[role.index()] {
            Some(color) => Style::new().fg(color),
            None => Style::new(),
        };
        match (role, self.capability) {
            (Role::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Role::Accent | Role::Error | Role::Warning | Role::Train | Role::Schedule(_), Capability::None) => {
                style.add_modifier(Modifier::BOLD)
            }
            // A dim text may be too dim to read, and nobody can measure it: only what tells nothing is dim.
            (Role::Border | Role::TrainFaint, Capability::None) => style.add_modifier(Modifier::DIM),
            _ => style,
        }
    }

    /// The heatmap's colour at `v`, 0 to 1; `None` without colours.
    pub fn heat(&self, v: f64) -> Option<Color> {
        match self.capability {
            Capability::None => None,
            Capability::Ansi16 | Capability::Console => Some(pick(&named::HEAT, v)),
            _ => Some(self.capability.color(palette::heat(v))),
        }
    }

    /// The style of a run that is compared, by the number of its colour.
    pub fn run(&self, color: usize) -> Style {
        let p = self.palette();
        let paper = self.background().unwrap_or(p.background);
        match self.capability {
            Capability::None => Style::new(),
            Capability::Ansi16 | Capability::Console if self.is_dark() => {
                Style::new().fg(named::RUNS_ON_BLACK[color % 6])
            }
            Capability::Ansi16 | Capability::Console => Style::new().fg(named::RUNS_ON_WHITE[color % 5]),
            Capability::TrueColor | Capability::Ansi256 => {
                let rgb = legible(p.line(color), p.text, paper, self.ratio());
                Style::new().fg(self.capability.legible(rgb, paper, self.ratio()))
            }
        }
    }

    /// The colour of a difference at `v`, −1 to 1; `None` without colours.
    pub fn difference(&self, v: f64) -> Option<Color> {
        match self.capability {
            Capability::None => None,
            Capability::Ansi16 | Capability::Console => Some(pick(&named::DIFFERENCE, (v + 1.0) / 2.0)),
            _ => Some(self.capability.color(palette::difference(v, self.is_dark()))),
        }
    }

    /// As [`Theme::heat`], for bars and characters on the background: of the map's colours those that read there, the
    /// one that stands out most for 1. `None` without colours.
    pub fn heat_mark(&self, v: f64) -> Option<Color> {
        let v = if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
        self.marks[(v * (MARKS - 1) as f64).round() as usize]
    }

    fn mark(&self, v: f64, paper: Rgb) -> Option<Color> {
        match (self.capability, self.is_dark()) {
            (Capability::None, _) => None,
            (Capability::Ansi16 | Capability::Console, true) => Some(pick(&named::MARKS_ON_BLACK, v)),
            (Capability::Ansi16 | Capability::Console, false) => Some(pick(&named::MARKS_ON_WHITE, v)),
            (_, dark) => {
                let [from, to] = if dark { ON_DARK } else { ON_LIGHT };
                let color = palette::heat(from + (to - from) * v);
                Some(self.capability.legible(
                    legible(color, self.palette().text, paper, self.ratio()),
                    paper,
                    self.ratio(),
                ))
            }
        }
    }

    /// Foreground colour of a role on `paper`; `None`: the terminal's own.
    fn color(&self, role: Role, paper: Rgb) -> Option<Color> {
        match self.capability {
            Capability::None => return None,
            // Its own reads on its own background, whatever that is.
            Capability::Ansi16 | Capability::Console
                if matches!(role, Role::Text | Role::Strong) && !self.paints_background =>
            {
                return None;
            }
            Capability::Ansi16 | Capability::Console if self.is_dark() => {
                let back_row = self.is_for_the_back_row() && role == Role::Dim;
                return Some(named::on_black(if back_row { Role::Text } else { role }));
            }
            Capability::Ansi16 | Capability::Console => return Some(named::on_white(role)),
            Capability::TrueColor | Capability::Ansi256 => {}
        }
        let p = self.palette();
        let faint = |color, strength| legible(p.faint(color, strength), color, paper, self.ratio());
        let rgb = match role {
            Role::Border => return Some(self.capability.color(p.border)),
            Role::Text | Role::Strong => p.text,
            Role::Dim => p.dim,
            Role::Accent => p.accent,
            Role::Train => p.train,
            Role::TrainFaint => faint(p.train, 0.42),
            Role::HeldOut => p.held_out,
            Role::Noisy => p.x_t,
            Role::Clean => p.x_0,
            Role::Schedule(name) => p.schedule(name),
            Role::ScheduleFaint(name) => faint(p.schedule(name), 0.5),
            Role::Good => p.good,
            Role::Warning => p.warning,
            Role::Error => p.error,
        };
        Some(self.capability.legible(legible(rgb, p.text, paper, self.ratio()), paper, self.ratio()))
    }
}

/// The colour at `v`, 0 to 1, of some in order.
fn pick(colors: &[Color], v: f64) -> Color {
    let index = (v.clamp(0.0, 1.0) * colors.len() as f64) as usize;
    colors[index.min(colors.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScheduleName;

    #[test]
    fn no_color_means_no_colour_in_any_role() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::Projector] {
            let mut theme = Theme::new(name, Capability::None);
            theme.cycle();
            for role in [Role::Text, Role::Accent, Role::Train, Role::Error, Role::Schedule(ScheduleName::Linear)] {
                assert_eq!(theme.style(role).fg, None);
            }
            assert_eq!(theme.base().bg, None);
            assert_eq!((theme.heat(0.5), theme.heat_mark(0.5)), (None, None));
        }
    }

    #[test]
    fn the_terminals_own_kind_leaves_its_background_alone() {
        let mut theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        assert_eq!(theme.base().bg, None);
        theme.cycle();
        assert!(theme.base().bg.is_some() && theme.name == ThemeName::Light);
        theme.cycle();
        assert!(theme.base().bg.is_some() && theme.name == ThemeName::Projector);
        theme.cycle();
        assert_eq!(theme, Theme::new(ThemeName::Dark, Capability::TrueColor));
        let mut theme = Theme::on(ThemeName::Dark, Capability::TrueColor, None, true);
        for _ in 0..3 {
            assert!(theme.paints_background && theme.background().is_some());
            theme.cycle();
        }
    }

    #[test]
    fn the_linux_console_has_no_white_to_write_on() {
        let mut theme = Theme::new(ThemeName::Dark, Capability::Console);
        theme.cycle();
        assert_eq!((theme.name, theme.base().bg), (ThemeName::Projector, Some(Color::Black)));
        theme.cycle();
        assert_eq!(theme.name, ThemeName::Dark);
    }
}
