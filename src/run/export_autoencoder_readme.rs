//! README.md of an exported autoencoder: how to use it in Python.

use super::release::Release;
use super::verbatim::verbatim;
use crate::nn::autoencoder::AutoencoderConfig;

/// What the text is about.
pub(super) struct AutoencoderReadme<'a> {
    pub name: &'a str,
    /// Training steps behind the weights.
    pub step: u64,
    pub config: &'a AutoencoderConfig,
    /// Height, width, channels of the pictures.
    pub image_shape: (usize, usize, usize),
    pub notes: &'a [String],
    pub release: &'a Release,
}

/// The text, in Markdown. Its one Python snippet runs as it stands, inside the folder.
pub(super) fn readme(facts: &AutoencoderReadme) -> String {
    let (height, width, channels) = facts.image_shape;
    let class = class_of(facts.config);
    let mut text = format!(
        "# {}\n\nAn autoencoder of {width}×{height} images with {channels} channel{}, trained with difflab (averaged weights \
         of step {}) and exported as diffusers' `{class}`. Latents have {} channel{} and are {} times smaller in height and \
         width.\n\n",
        verbatim(facts.name),
        if channels == 1 { "" } else { "s" },
        facts.step,
        facts.config.latent_channels(),
        if facts.config.latent_channels() == 1 { "" } else { "s" },
        facts.config.factor(),
    );
    for note in facts.notes {
        text += &format!("Note: {}.\n\n", verbatim(note));
    }
    text += "## Encode and decode in Python\n\nInside this folder:\n\n```python\n";
    text += &snippet(facts.config, facts.image_shape);
    text += "```\n\nA diffusion model in these latents is trained on `z`, and its samples are decoded as here.\n\n";
    text + &facts.release.markdown()
}

/// The Python lines: pictures to latents and back, written as PNG files. They open the folder that they run in.
pub(super) fn snippet(config: &AutoencoderConfig, (height, width, channels): (usize, usize, usize)) -> String {
    let class = class_of(config);
    let encoded = match config {
        AutoencoderConfig::Kl(_) => "latent_dist.mode()",
        AutoencoderConfig::Tiny(_) => "latents",
    };
    // Of numbers near 0 and 1 both are left out where they say nothing.
    let (scale, shift) = config.scaling();
    let (scaled, back) = match (scale, shift) {
        (scale, shift) if scale == 1.0 && shift == 0.0 => (String::new(), "z".to_string()),
        (_, 0.0) => (" * vae.config.scaling_factor".to_string(), "z / vae.config.scaling_factor".to_string()),
        _ => (String::new(), "z / vae.config.scaling_factor + vae.config.shift_factor".to_string()),
    };
    let encode = match shift == 0.0 {
        true => format!("z = vae.encode(x).{encoded}{scaled}"),
        false => format!("z = (vae.encode(x).{encoded} - vae.config.shift_factor) * vae.config.scaling_factor"),
    };
    format!(
        "import torch\nfrom diffusers import {class}\nfrom diffusers.image_processor import VaeImageProcessor\n\n\
         vae = {class}.from_pretrained(\".\").eval()\n\
         x = torch.rand(4, {channels}, {height}, {width}) * 2 - 1  # in their place: your pictures, in [-1, 1]\n\
         with torch.no_grad():\n\
         \x20   {encode}\n\
         \x20   x_hat = vae.decode({back}).sample\n\n\
         images = (x_hat / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()\n\
         for i, image in enumerate(VaeImageProcessor.numpy_to_pil(images)):\n\
         \x20   image.save(f\"reconstruction-{{i}}.png\")\n"
    )
}

/// diffusers' name of the kind.
pub(super) fn class_of(config: &AutoencoderConfig) -> &'static str {
    match config {
        AutoencoderConfig::Kl(_) => "AutoencoderKL",
        AutoencoderConfig::Tiny(_) => "AutoencoderTiny",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::data::DataCard;
    use crate::nn::autoencoder::{KlConfig, TinyConfig};

    fn text(config: &AutoencoderConfig) -> String {
        let release = Release::of(&Config::default(), &[], &DataCard::default());
        let facts = AutoencoderReadme {
            name: "faces",
            step: 9,
            config,
            image_shape: (8, 16, 3),
            notes: &[],
            release: &release,
        };
        readme(&facts)
    }

    #[test]
    fn the_lines_scale_as_the_config_says() {
        let plain = KlConfig { scaling_factor: 1.0, ..KlConfig::new(3, 4, vec![4, 4]) };
        let kl = text(&AutoencoderConfig::Kl(plain.clone()));
        assert!(kl.contains("vae.encode(x).latent_dist.mode()\n") && kl.contains("vae.decode(z).sample"), "{kl}");
        assert!(kl.contains("torch.rand(4, 3, 8, 16)") && kl.contains("4 channels and are 2 times smaller"), "{kl}");
        let scaled = text(&AutoencoderConfig::Kl(KlConfig { scaling_factor: 0.5, ..plain.clone() }));
        assert!(scaled.contains("mode() * vae.config.scaling_factor\n"), "{scaled}");
        let shifted = text(&AutoencoderConfig::Kl(KlConfig { scaling_factor: 0.5, shift_factor: Some(0.1), ..plain }));
        assert!(shifted.contains("decode(z / vae.config.scaling_factor + vae.config.shift_factor)"), "{shifted}");
        let tiny = text(&AutoencoderConfig::Tiny(TinyConfig::new(1, 1, 2, 4, 1)));
        assert!(tiny.contains("AutoencoderTiny.from_pretrained") && tiny.contains("encode(x).latents"), "{tiny}");
    }
}
