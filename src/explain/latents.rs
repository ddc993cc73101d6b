//! Explanations of diffusion in latents: the numbers are those of the latents, the pictures what they decode to.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::document::{Explanation, Part, ShownPicture};
use crate::nn::autoencoder::LatentSpace;

/// The explanation with its latents decoded, and a sentence that says so; as it is where `latents` is `None`.
///
/// # Errors
/// What the autoencoder reports.
pub fn shown_in_pictures(mut said: Explanation, latents: Option<&LatentSpace>) -> Result<Explanation> {
    let Some(latents) = latents else { return Ok(said) };
    let (h, w, l) = latents.shape();
    let mut decoded = false;
    for part in &mut said.parts {
        let Part::Pictures(pictures) = part else { continue };
        for picture in pictures.iter_mut().filter(|picture| !picture.drawing && picture.shape == (h, w, l)) {
            *picture = of_latents(picture, latents)?;
            decoded = true;
        }
    }
    let (height, width, _) = latents.image_shape();
    let numbers = format!(
        "This run diffuses in latents: $x_0$ is a picture of {width}×{height} pixels encoded to {w}×{h} places with {l} numbers \
         each, and all numbers here are those of latents{}.",
        if decoded { "; its pictures are latents decoded" } else { "" }
    );
    said.parts.insert(0, Part::Text(numbers));
    Ok(said)
}

fn of_latents(picture: &ShownPicture, latents: &LatentSpace) -> Result<ShownPicture> {
    let (h, w, l) = picture.shape;
    let z = Tensor::from_vec(picture.pixels.to_vec(), (1, h, w, l), &Device::Cpu)?;
    let pixels = latents.decode(&z)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(ShownPicture { shape: latents.image_shape(), pixels: Arc::new(pixels), ..picture.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Workers;
    use crate::nn::Weights;
    use crate::nn::autoencoder::{AutoencoderConfig, TinyConfig};

    #[test]
    fn latents_become_pictures_and_drawings_stay() {
        let config = AutoencoderConfig::Tiny(TinyConfig::new(1, 2, 2, 4, 1));
        let weights = Weights::init(&config, 1, &Device::Cpu).unwrap();
        let space = LatentSpace::new(&config, &weights, (8, 8, 1), Arc::new(Workers::new(1).unwrap())).unwrap();
        let mut said = Explanation::new("title");
        let z = Tensor::zeros((1, 4, 4, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        said.pictures(&[("x_0", &z)]).unwrap();
        let drawing = image::RgbImage::new(4, 4);
        said.drawings([("d".to_string(), &drawing)].into_iter());
        let before = said.clone();
        assert_eq!(shown_in_pictures(said.clone(), None).unwrap(), before);
        let shown = shown_in_pictures(said, Some(&space)).unwrap();
        let Part::Text(words) = &shown.parts[0] else { panic!("{shown:?}") };
        assert!(words.contains("8×8 pixels encoded to 4×4 places with 2 numbers"), "{words}");
        let Part::Pictures(pictures) = &shown.parts[1] else { panic!("{shown:?}") };
        assert_eq!((pictures[0].shape, pictures[0].pixels.len()), ((8, 8, 1), 64));
        assert_eq!(shown.parts[2], before.parts[1]);
    }
}
