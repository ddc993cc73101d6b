//! A picture of images, composed for its place.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::gallery::{Made, Placed};
use super::screen::State;
use crate::tui::pictures::{Arrangement, Images, Picture, compose};
use crate::tui::theme::Theme;

/// The cells of a picture, and where its images are in it.
pub(super) type Place = Option<(Rect, Arrangement)>;

pub(super) fn made(state: &State, place: Place, content: [u64; 4]) -> Made {
    let theme = (state.theme.name, state.theme.capability.has_colors());
    Made { place, cell: state.cell_size, theme, ground: ground(&state.theme), content }
}

/// The colour between and around the images: the background's, so that nothing is seen there, or what is likely to be
/// near it.
pub(super) fn ground(theme: &Theme) -> [u8; 3] {
    match theme.is_dark() {
        _ if !theme.capability.has_colors() => [0; 3],
        true => theme.background().unwrap_or([0; 3]),
        false => theme.background().unwrap_or([255; 3]),
    }
}

/// `n` images of a shape, as bytes, in their place.
pub(super) fn place_images(
    state: &State,
    (pixels, n, (height, width, channels)): (&[u8], usize, (usize, usize, usize)),
    at: Place,
    versions: &mut u64,
) -> Option<Placed> {
    let (area, images) = at?;
    let sheet =
        compose(&Images { pixels, n, height, width, channels }, &images, state.cell_size, ground(&state.theme))?;
    *versions += 1;
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    let picture = Picture { version: *versions, width, height, rgb: Arc::new(sheet.rgb), images: Some(images) };
    Some(Placed { picture, area, shown: images.shown, per_row: images.per_row })
}
