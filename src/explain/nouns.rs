//! What the data's things are called: pictures have pixels, points have coordinates.

use crate::data::Dataset;
use crate::picture::is_points;

/// One word for each, and for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nouns {
    pub picture: &'static str,
    pub pictures: &'static str,
    pub pixel: &'static str,
    pub pixels: &'static str,
}

impl Nouns {
    pub fn of(data: &Dataset) -> Self {
        match is_points((data.height, data.width, data.channels)) {
            true => Self { picture: "point", pictures: "points", pixel: "coordinate", pixels: "coordinates" },
            false => Self { picture: "picture", pictures: "pictures", pixel: "pixel", pixels: "pixels" },
        }
    }
}
