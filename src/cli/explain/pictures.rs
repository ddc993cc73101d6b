//! The pictures of an explanation.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;

use crate::explain::document::ShownPicture;
use crate::explain::latex::unicode;
use crate::picture;

/// Drawings of this height are large enough as they are, and as large as pictures come to be.
const LARGE: usize = 160;

/// Beside each other, in one picture, each enlarged by `scale` unless it is large already. Numbers beyond [-1, 1] are
/// black or white.
pub fn row(pictures: &[ShownPicture], scale: usize) -> RgbImage {
    let Some(first) = pictures.first() else { return RgbImage::new(0, 0) };
    let (h, w, c) = first.shape;
    let scale = if h >= LARGE { 1 } else { scale };
    let all: Vec<f32> = pictures.iter().flat_map(|picture| picture.pixels.iter().copied()).collect();
    picture::grid(&all, pictures.len(), h, w, c, pictures.len(), scale, scale)
}

/// "from the left: x_0 · ε · x_t".
pub fn caption(pictures: &[ShownPicture]) -> String {
    let symbols: Vec<String> = pictures.iter().map(|picture| unicode(&picture.symbol)).collect();
    format!("from the left: {}", symbols.join(" · "))
}

/// A picture as its own address: a data: URI.
///
/// # Errors
/// When the picture can't be packed.
pub fn as_data(pictures: &[ShownPicture]) -> Result<String> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(picture::png(&row(pictures, 3), None)?)))
}
