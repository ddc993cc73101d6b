//! The roles in 16 colours: too few for the nearest match to keep them apart, so they are chosen by hand, of those
//! that read on black, or on white, whatever a terminal makes of the names.

use ratatui::style::Color;

use super::Role;
use crate::config::ScheduleName;

/// On black.
pub fn on_black(role: Role) -> Color {
    match role {
        Role::Text | Role::Strong => Color::White,
        Role::Dim => Color::Gray,
        Role::Border => Color::DarkGray,
        Role::Accent | Role::Warning => Color::LightYellow,
        Role::Train | Role::Schedule(ScheduleName::Cosine) => Color::LightCyan,
        Role::TrainFaint | Role::ScheduleFaint(ScheduleName::Cosine) => Color::Cyan,
        Role::HeldOut | Role::Error => Color::LightRed,
        Role::Noisy => Color::LightMagenta,
        Role::Clean | Role::Good => Color::LightGreen,
        Role::Schedule(ScheduleName::Linear) | Role::ScheduleFaint(ScheduleName::Linear) => Color::LightRed,
        Role::Schedule(ScheduleName::Sigmoid) | Role::ScheduleFaint(ScheduleName::Sigmoid) => Color::LightMagenta,
        Role::Schedule(ScheduleName::SigmoidJabri) => Color::LightGreen,
        Role::ScheduleFaint(ScheduleName::SigmoidJabri) => Color::Green,
        Role::Schedule(ScheduleName::ScaledLinear | ScheduleName::Given) => Color::White,
        Role::ScheduleFaint(ScheduleName::ScaledLinear | ScheduleName::Given) => Color::Gray,
    }
}

/// On white, where only these five read.
pub fn on_white(role: Role) -> Color {
    match role {
        Role::Text | Role::Strong | Role::Dim => Color::Black,
        Role::Border => Color::Gray,
        Role::Accent | Role::Noisy | Role::Warning => Color::Magenta,
        Role::Train | Role::Good => Color::Blue,
        Role::TrainFaint => Color::LightBlue,
        Role::HeldOut | Role::Error => Color::Red,
        Role::Clean => Color::Blue,
        Role::Schedule(name) | Role::ScheduleFaint(name) => match name {
            ScheduleName::Linear => Color::Red,
            ScheduleName::ScaledLinear => Color::Magenta,
            ScheduleName::Cosine => Color::Blue,
            ScheduleName::Sigmoid => Color::LightBlue,
            ScheduleName::SigmoidJabri | ScheduleName::Given => Color::Black,
        },
    }
}

/// Viridis as far as sixteen colours go, from dark to bright.
pub const HEAT: [Color; 6] =
    [Color::Blue, Color::LightBlue, Color::Cyan, Color::Green, Color::LightGreen, Color::LightYellow];

/// Those of them that read on black, and those that read on white, from faint to strong.
pub const MARKS_ON_BLACK: [Color; 4] = [Color::Cyan, Color::Green, Color::LightGreen, Color::LightYellow];
pub const MARKS_ON_WHITE: [Color; 3] = [Color::LightBlue, Color::Blue, Color::Black];

/// Runs that are compared: six on black, five on white.
pub const RUNS_ON_BLACK: [Color; 6] =
    [Color::LightCyan, Color::LightYellow, Color::LightMagenta, Color::LightGreen, Color::LightRed, Color::White];
pub const RUNS_ON_WHITE: [Color; 5] = [Color::Blue, Color::Red, Color::Magenta, Color::Black, Color::LightBlue];

/// A difference, from less through nothing to more.
pub const DIFFERENCE: [Color; 5] = [Color::LightBlue, Color::Blue, Color::DarkGray, Color::Red, Color::LightYellow];
