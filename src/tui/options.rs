//! What the screen is told when it opens.

use crate::config::Config;
use crate::tui::chart::Marker;
use crate::tui::theme::{Capability, ThemeName};

/// Facts of the terminal and choices of the user, known before the first frame.
#[derive(Clone, Debug)]
pub struct ScreenOptions {
    /// The kind of the terminal's background.
    pub theme: ThemeName,
    pub capability: Capability,
    /// The terminal has nothing but ASCII.
    pub ascii: bool,
    /// How curves are drawn.
    pub marker: Marker,
    /// Pixels of one cell as pictures are drawn: (1, 2) for half-blocks and ASCII.
    pub cell_size: (u16, u16),
    /// The terminal has the characters of [`Marker::Octant`].
    pub has_octants: bool,
    /// How pictures are drawn, in words: "sixel", "half-blocks".
    pub images: String,
    /// The terminal's own background, where it is known.
    pub background: Option<[u8; 3]>,
    /// Paint the theme's own background over it: nobody knows what it is.
    pub paints_background: bool,
    /// The config of a new run, so that the schedule can be drawn before the worker is ready.
    pub config: Option<Config>,
}

impl Default for ScreenOptions {
    fn default() -> Self {
        Self {
            theme: ThemeName::Dark,
            capability: Capability::TrueColor,
            ascii: false,
            marker: Marker::Braille,
            cell_size: (1, 2),
            has_octants: false,
            images: "half-blocks".into(),
            background: None,
            paints_background: false,
            config: None,
        }
    }
}
