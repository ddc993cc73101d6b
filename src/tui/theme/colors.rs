//! The theme: which style each role has on this terminal.

use ratatui::style::{Color, Modifier, Style};

use super::Capability;
use crate::config::ScheduleName;
use crate::picture::palette::{self, DARK, LIGHT, Palette};

/// For which kind of background the colours are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThemeName {
    Dark,
    Light,
}

/// What a piece of the screen is; its style follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What should be read.
    Text,
    /// Numbers that matter most: bold.
    Strong,
    /// Units, ticks, hints.
    Dim,
    /// Lines around panels, grid lines.
    Border,
    /// Focus and the cursor t; nothing else.
    Accent,
    Train,
    /// The raw loss behind its smoothed line.
    TrainFaint,
    HeldOut,
    Noisy,
    Clean,
    Schedule(ScheduleName),
    /// A schedule that is not the run's.
    ScheduleFaint(ScheduleName),
    Good,
    Warning,
    Error,
}

/// Viridis as far as sixteen colours go, from dark to bright.
const HEAT_16: [Color; 6] =
    [Color::Blue, Color::LightBlue, Color::Cyan, Color::Green, Color::LightGreen, Color::LightYellow];

/// A theme on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub name: ThemeName,
    pub capability: Capability,
    /// Paint the background too: needed when the theme is not the terminal's own kind.
    pub paints_background: bool,
    /// The theme's background is painted whatever the terminal's kind.
    pub always_paints: bool,
    /// The terminal's own background, where it is known.
    pub terminal_background: Option<[u8; 3]>,
}

impl Theme {
    /// The theme for a terminal whose own background is of that kind.
    pub fn new(name: ThemeName, capability: Capability) -> Self {
        Self { name, capability, paints_background: false, always_paints: false, terminal_background: None }
    }

    /// The other kind; painting the background makes it readable on any terminal.
    pub fn toggle(&mut self) {
        self.name = match self.name {
            ThemeName::Dark => ThemeName::Light,
            ThemeName::Light => ThemeName::Dark,
        };
        self.paints_background = self.always_paints || !self.paints_background;
    }

    /// From now on paints the background: pictures in pixels must end in its colour, and the terminal's is not known.
    pub fn paint_always(&mut self) {
        (self.paints_background, self.always_paints) = (true, true);
    }

    /// What is behind everything, where it is known.
    pub fn background(&self) -> Option<[u8; 3]> {
        if self.paints_background { Some(self.palette().background) } else { self.terminal_background }
    }

    pub fn palette(&self) -> &'static Palette {
        match self.name {
            ThemeName::Dark => &DARK,
            ThemeName::Light => &LIGHT,
        }
    }

    /// The style of everything that says nothing else.
    pub fn base(&self) -> Style {
        let style = self.style(Role::Text);
        if self.paints_background && self.capability.has_colors() {
            style.bg(self.capability.color(self.palette().background))
        } else {
            style
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
        let style = match self.color(role) {
            Some(color) => Style::new().fg(color),
            None => Style::new(),
        };
        match (role, self.capability) {
            (Role::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Role::Accent | Role::Error | Role::Warning | Role::Train | Role::Schedule(_), Capability::None) => {
                style.add_modifier(Modifier::BOLD)
            }
            (Role::Dim | Role::Border | Role::TrainFaint | Role::ScheduleFaint(_), Capability::None) => {
                style.add_modifier(Modifier::DIM)
            }
            _ => style,
        }
    }

    /// The heatmap's colour at `v`, 0 to 1; `None` without colours.
    pub fn heat(&self, v: f64) -> Option<Color> {
        match self.capability {
            Capability::None => None,
            Capability::Ansi16 => {
                let index = (v.clamp(0.0, 1.0) * HEAT_16.len() as f64) as usize;
                Some(HEAT_16[index.min(HEAT_16.len() - 1)])
            }
            _ => Some(self.capability.color(palette::heat(v))),
        }
    }

    /// Foreground colour of a role; `None`: the terminal's own.
    fn color(&self, role: Role) -> Option<Color> {
        if !self.capability.has_colors() {
            return None;
        }
        if self.capability == Capability::Ansi16 {
            return self.named(role);
        }
        let p = self.palette();
        let rgb = match role {
            Role::Text | Role::Strong => p.text,
            Role::Dim => p.dim,
            Role::Border => p.border,
            Role::Accent => p.accent,
            Role::Train => p.train,
            Role::TrainFaint => p.faint(p.train, 0.42),
            Role::HeldOut => p.held_out,
            Role::Noisy => p.x_t,
            Role::Clean => p.x_0,
            Role::Schedule(name) => p.schedule(name),
            Role::ScheduleFaint(name) => p.faint(p.schedule(name), 0.5),
            Role::Good => p.good,
            Role::Warning => p.warning,
            Role::Error => p.error,
        };
        Some(self.capability.color(rgb))
    }

    /// Sixteen colours are too few for the nearest match to keep the roles apart: chosen by hand.
    fn named(&self, role: Role) -> Option<Color> {
        let light = self.name == ThemeName::Light;
        let pick = |dark, bright| Some(if light { dark } else { bright });
        match role {
            Role::Text | Role::Strong if self.paints_background => pick(Color::Black, Color::White),
            Role::Text | Role::Strong => None,
            Role::Dim | Role::Border => pick(Color::DarkGray, Color::DarkGray),
            Role::Accent => pick(Color::Magenta, Color::LightYellow),
            Role::Train => pick(Color::Blue, Color::LightBlue),
            Role::TrainFaint => pick(Color::Gray, Color::Blue),
            Role::HeldOut => pick(Color::Red, Color::Yellow),
            Role::Noisy => pick(Color::Magenta, Color::LightMagenta),
            Role::Clean => pick(Color::Green, Color::LightGreen),
            Role::Schedule(ScheduleName::Linear) => pick(Color::Red, Color::LightRed),
            Role::Schedule(ScheduleName::ScaledLinear) => pick(Color::Yellow, Color::White),
            Role::Schedule(ScheduleName::Cosine) => pick(Color::Cyan, Color::LightCyan),
            Role::Schedule(ScheduleName::Sigmoid) => pick(Color::Blue, Color::LightBlue),
            Role::Schedule(ScheduleName::SigmoidJabri) => pick(Color::Green, Color::LightGreen),
            Role::Schedule(ScheduleName::Given) => pick(Color::Black, Color::White),
            Role::ScheduleFaint(ScheduleName::Linear) => Some(Color::Red),
            Role::ScheduleFaint(ScheduleName::ScaledLinear) => Some(Color::Yellow),
            Role::ScheduleFaint(ScheduleName::Cosine) => Some(Color::Cyan),
            Role::ScheduleFaint(ScheduleName::Sigmoid) => Some(Color::Blue),
            Role::ScheduleFaint(ScheduleName::SigmoidJabri) => Some(Color::Green),
            Role::ScheduleFaint(ScheduleName::Given) => Some(Color::Gray),
            Role::Good => pick(Color::Green, Color::LightGreen),
            Role::Warning => pick(Color::Yellow, Color::LightYellow),
            Role::Error => pick(Color::Red, Color::LightRed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_means_no_colour_in_any_role() {
        for name in [ThemeName::Dark, ThemeName::Light] {
            let mut theme = Theme::new(name, Capability::None);
            theme.toggle();
            for role in [Role::Text, Role::Accent, Role::Train, Role::Error, Role::Schedule(ScheduleName::Linear)] {
                assert_eq!(theme.style(role).fg, None);
            }
            assert_eq!(theme.base().bg, None);
            assert_eq!(theme.heat(0.5), None);
        }
    }

    #[test]
    fn the_terminals_own_kind_leaves_its_background_alone() {
        let mut theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        assert_eq!(theme.base().bg, None);
        theme.toggle();
        assert!(theme.base().bg.is_some());
        theme.toggle();
        assert_eq!(theme, Theme::new(ThemeName::Dark, Capability::TrueColor));
        theme.paint_always();
        for palette in [&DARK, &LIGHT, &DARK] {
            assert_eq!(theme.background(), Some(palette.background));
            theme.toggle();
        }
    }
}
