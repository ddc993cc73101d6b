//! How the list looks: colours, characters and marks.

use std::path::Path;

use ratatui::style::Style;

use crate::tui::chart::Marker;
use crate::tui::marked::Marked;
use crate::tui::theme::{Role, Theme};

/// How everything looks here.
pub struct Looks<'a> {
    pub theme: &'a Theme,
    pub marker: Marker,
    pub marked: &'a Marked,
    /// The run that trains here, and the one that was looked at last.
    pub looked_at: Option<&'a Path>,
}

impl Looks<'_> {
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    pub fn ascii(&self) -> bool {
        self.marker == Marker::Ascii
    }
}
