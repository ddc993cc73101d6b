//! Images of one shape that come one after another, made as a config asks.

use super::room::{check_room, reserve};
use super::{DataError, resize};
use crate::config::DataConfig;

/// Largest height and width that we take for images.
pub(super) const LARGEST_SIDE: usize = 4096;

/// Takes images in, and holds nothing but the result.
pub(super) struct Intake {
    /// Height, width and channels (1, 3, or 4 with transparency) of what comes.
    shape: (usize, usize, usize),
    /// 0: as it is.
    side: u32,
    channels: usize,
    pixels: Vec<u8>,
}

impl Intake {
    /// For `images` of `shape`: height, width, channels (1, 3 or 4), as many as the file can hold. Room is made
    /// for all of them at once, and never again: what grows is held twice while it moves.
    ///
    /// # Errors
    /// [`DataError::Unfit`] where there is no memory for them.
    pub fn new(
        images: usize,
        shape @ (height, width, channels): (usize, usize, usize),
        config: &DataConfig,
    ) -> Result<Self, DataError> {
        let side = match config.image_size {
            side if (side, side) == (height, width) => 0,
            side => u32::try_from(side).unwrap_or(u32::MAX),
        };
        let stored = if channels == 4 { 3 } else { channels };
        let channels = if config.channels == 0 { stored } else { config.channels };
        let mut intake = Self { shape, side, channels, pixels: Vec::new() };
        let bytes = check_room(images, intake.shape())?;
        reserve(&mut intake.pixels, bytes)?;
        Ok(intake)
    }

    /// Height, width and channels of the result.
    pub fn shape(&self) -> (usize, usize, usize) {
        match self.side as usize {
            0 => (self.shape.0, self.shape.1, self.channels),
            side => (side, side, self.channels),
        }
    }

    /// Takes the next image, `[H, W, C]`; there are no more than were announced.
    pub fn push(&mut self, image: &[u8]) {
        let (height, width, channels) = self.shape;
        if self.side == 0 && channels == self.channels {
            self.pixels.extend_from_slice(image);
            return;
        }
        let shape = (height as u32, width as u32, channels);
        // `None` only for bytes that do not fill the shape.
        if let Some(fitted) = resize::bytes_to_bytes(image, shape, self.side, self.channels) {
            self.pixels.extend(fitted);
        }
    }

    /// Takes the next image, `[C, H, W]`; `scratch` is reused from image to image.
    pub fn push_planes(&mut self, image: &[u8], scratch: &mut Vec<u8>) {
        let (height, width, channels) = self.shape;
        let plane = height * width;
        scratch.clear();
        for pixel in 0..plane {
            scratch.extend((0..channels).filter_map(|channel| image.get(channel * plane + pixel)));
        }
        self.push(scratch);
    }

    /// `[N, H, W, C]` of [`Intake::shape`].
    pub fn pixels(self) -> Vec<u8> {
        self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_kept_resized_and_recoloured_as_asked() {
        let config = |image_size, channels| DataConfig { image_size, channels, ..DataConfig::default() };
        let mut plain = Intake::new(2, (1, 2, 1), &config(0, 0)).unwrap();
        plain.push(&[1, 2]);
        plain.push(&[3, 4]);
        assert_eq!((plain.shape(), plain.pixels()), ((1, 2, 1), vec![1, 2, 3, 4]));
        let mut wide = Intake::new(1, (2, 2, 1), &config(4, 3)).unwrap();
        wide.push(&[9; 4]);
        assert_eq!((wide.shape(), wide.pixels()), ((4, 4, 3), vec![9; 48]));
        let mut clear = Intake::new(1, (1, 1, 4), &config(0, 0)).unwrap();
        clear.push(&[9, 9, 9, 0]);
        assert_eq!(clear.pixels(), [255; 3]);
    }

    #[test]
    fn room_is_made_once_and_for_no_more_than_there_is() {
        let mut intake = Intake::new(1000, (8, 8, 1), &DataConfig::default()).unwrap();
        let (room, place) = (intake.pixels.capacity(), intake.pixels.as_ptr());
        assert_eq!(room, 64_000);
        for _ in 0..1000 {
            intake.push(&[7; 64]);
        }
        assert_eq!((intake.pixels.len(), intake.pixels.capacity(), intake.pixels.as_ptr()), (64_000, room, place));
    }

    #[test]
    fn planes_become_pixels() {
        let mut intake = Intake::new(1, (1, 2, 3), &DataConfig::default()).unwrap();
        intake.push_planes(&[1, 2, 3, 4, 5, 6], &mut Vec::new());
        assert_eq!(intake.pixels(), [1, 3, 5, 2, 4, 6]);
    }
}
