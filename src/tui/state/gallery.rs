//! The pictures on the screen, prepared by updates so that drawing only copies.

use std::sync::Arc;

use ratatui::layout::Rect;

use crate::tui::pictures::{Arrangement, Picture};
use crate::tui::theme::ThemeName;

/// A picture in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub picture: Picture,
    /// The cells it covers.
    pub area: Rect,
    /// The first so many images of the grid are there…
    pub shown: usize,
    /// …in rows of so many.
    pub per_row: usize,
}

/// What a picture is made from; it is made anew when this changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Made {
    /// The cells, and where the images are in them.
    pub place: Option<(Rect, Arrangement)>,
    pub cell: (u16, u16),
    pub theme: (ThemeName, bool),
    pub ground: [u8; 3],
    /// Forward process: example and t. Grids: trajectory and frame. Album: which picture, and the frame of its film.
    pub content: [u64; 4],
}

#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub made: Option<Made>,
    pub placed: Option<Placed>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    pub(super) forward: Frame,
    pub(super) noisy: Frame,
    pub(super) clean: Frame,
    pub(super) compared: Vec<Frame>,
    pub(super) album: Vec<Frame>,
    pub(super) versions: u64,
    /// Noise of the forward process, as large as an image.
    pub(super) noise: Arc<Vec<f32>>,
}

impl Gallery {
    /// A training image at the cursor's t.
    pub fn forward(&self) -> Option<&Placed> {
        self.forward.placed.as_ref()
    }

    /// The grid of x_t.
    pub fn noisy(&self) -> Option<&Placed> {
        self.noisy.placed.as_ref()
    }

    /// Samples of the `i`-th of the runs that are compared.
    pub fn compared(&self, i: usize) -> Option<&Placed> {
        self.compared.get(i)?.placed.as_ref()
    }

    /// The `i`-th picture on the page of the album.
    pub fn album(&self, i: usize) -> Option<&Placed> {
        self.album.get(i)?.placed.as_ref()
    }

    /// The grid of x̂_0.
    pub fn clean(&self) -> Option<&Placed> {
        self.clean.placed.as_ref()
    }
}
