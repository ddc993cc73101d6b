//! README.md of a run folder: what was trained on what, and how to use it.

use super::release::Release;
use super::verbatim::verbatim;
use crate::config::{AutoencoderKind, AutoencoderStage, Config, NetworkKind, OptimizerName, PathName, PredictionType};
use crate::nn::autoencoder::LatentSpace;
use crate::picture::is_points;

/// How the part on its use ends.
const END: &str = "`config.toml` alone repeats the run. The licence of the data holds for what is made from it.\n";

/// Facts that a config alone does not know.
#[derive(Clone, Debug)]
pub struct CardFacts<'a> {
    pub parameters: usize,
    pub train_images: usize,
    pub held_out_images: usize,
    /// Height, width, channels.
    pub image_shape: (usize, usize, usize),
    pub classes: &'a [String],
    /// Where the data came from, in words.
    pub source: &'a str,
    /// Steps done, and the loss then; `None` before the first.
    pub progress: Option<(u64, f64)>,
    /// The most memory that the training process has had in RAM at once so far, in MiB.
    pub peak_memory_mib: Option<f64>,
    /// In which it diffuses, if not in pixels.
    pub latents: Option<&'a LatentSpace>,
    /// What is to be settled before the model is given away.
    pub release: &'a Release,
}

/// The model card in Markdown.
pub fn model_card(config: &Config, facts: &CardFacts) -> String {
    let (height, width, channels) = facts.image_shape;
    let mut card = String::new();
    let path = match config.diffusion.path {
        PathName::Vp => format!("{} schedule", config.diffusion.schedule.name().replace('_', " ")),
        path => format!("path {}", path.name()),
    };
    let prediction = match config.diffusion.prediction_type {
        PredictionType::Epsilon => "the noise ε",
        PredictionType::Sample => "the clean image x_0",
        PredictionType::VPrediction => "v = αε − σx_0",
        PredictionType::Score => "the score times σ, −ε",
        PredictionType::Flow => "the velocity of the path",
        PredictionType::Edm => "EDM's preconditioned F",
    };
    let sampler = config.sample.sampler.name();
    let mut line = |text: String| {
        card += &text;
        card.push('\n');
    };
    line(format!("# {}\n", verbatim(&config.name)));
    let encodes = config.trains_autoencoder();
    line(match encodes {
        true => "An autoencoder, the first stage of latent diffusion, trained with difflab: it encodes images as latents a few \
                 times smaller, and decodes them.\n"
            .into(),
        false if facts.latents.is_some() => {
            "A latent diffusion model, trained with difflab: it draws the latents of an autoencoder, which decodes them.\n".into()
        }
        false => "A denoising diffusion model, trained with difflab.\n".into(),
    });
    line("| | |\n|---|---|".into());
    if let Some(parent) = &config.parent {
        line(format!("| forked from | {} at step {} |", verbatim(&parent.run), parent.step));
    }
    line(format!("| data | {} ({}) |", config.data.dataset, verbatim(facts.source)));
    let (noun, size) = match is_points(facts.image_shape) {
        true => ("points", "in the plane".to_string()),
        false => ("images", format!("{width}×{height}×{channels}")),
    };
    line(format!("| {noun} | {} for training, {} held out, {size} |", facts.train_images, facts.held_out_images));
    if config.model.class_conditional {
        line(format!(
            "| classes | {} |",
            facts.classes.iter().map(|class| verbatim(class)).collect::<Vec<_>>().join(", ")
        ));
    }
    let network = match config.model.kind {
        NetworkKind::Unet => format!("U-Net {:?}", config.model.block_out_channels),
        NetworkKind::Autoencoder => {
            let stage = &config.autoencoder;
            let factor = 1_usize << stage.block_out_channels.len().saturating_sub(1).min(20);
            format!(
                "autoencoder of kind {} {:?}, {} latent channels, {factor} times smaller in height and width",
                stage.kind.name(),
                stage.block_out_channels,
                stage.latent_channels
            )
        }
        NetworkKind::Mlp => format!("MLP of {} blocks, {} wide", config.model.hidden_layers, config.model.hidden_width),
    };
    if let Some(latents) = facts.latents {
        let (h, w, l) = latents.shape();
        line(format!(
            "| latents | {w}×{h} with {l} channels, of an {} ({} times smaller in height and width) in `autoencoder/` and in each \
             checkpoint; sha256 {}… |",
            latents.config().class_name(),
            latents.config().factor(),
            &latents.sha256()[..12]
        ));
    }
    line(format!("| network | {network}, {} parameters |", facts.parameters));
    if !config.model.noise_conditioning && !encodes {
        line("| time | the network is not told t |".into());
    }
    line(match encodes {
        true => format!("| loss | {} |", reconstruction_loss(&config.autoencoder)),
        false => format!("| process | {path}, T = {}; predicts {prediction} |", config.diffusion.timesteps),
    });
    let optimizer = match config.train.optimizer {
        OptimizerName::Adamw => "AdamW",
        OptimizerName::Muon => "Muon for matrices and AdamW for the rest",
    };
    line(format!(
        "| training | batch {}, {optimizer}, learning rate {:e}, seed {} |",
        config.train.batch_size, config.train.learning_rate, config.seed
    ));
    match facts.progress {
        Some((step, loss)) => {
            line(format!("| progress | {step} of {} steps, smoothed loss {loss:.4} |", config.train.steps))
        }
        None => line(format!("| progress | 0 of {} steps |", config.train.steps)),
    }
    if let Some(mib) = facts.peak_memory_mib {
        line(format!("| memory | at most {mib:.0} MiB while training |"));
    }
    if encodes {
        return card + &use_of_autoencoder(config, facts);
    }
    line(format!(
        "| sampling | {sampler}, {} steps, guidance w = {} (samples come from the averaged weights) |",
        config.sample.steps, config.sample.guidance_scale
    ));
    line("\n## Use\n".into());
    if facts.progress.is_none() {
        line("Once its first checkpoint is written:\n".into());
    }
    line("```sh\ndifflab sample RUN --num 16 --out grid.png   # RUN: this folder\ndifflab --resume RUN                         # train further\n```\n".into());
    if config.model.kind == NetworkKind::Mlp {
        line(END.into());
        return card + &facts.release.markdown();
    }
    line("Each folder in `checkpoints/` is a diffusers pipeline:\n".into());
    line("```python\nfrom diffusers import UNet2DModel\nunet = UNet2DModel.from_pretrained(\"checkpoints/step-…/unet\")\n```\n".into());
    line(END.into());
    card + &facts.release.markdown()
}

/// "l1 + 0.000001 · KL a number": what training makes small.
fn reconstruction_loss(stage: &AutoencoderStage) -> String {
    let mut words = stage.loss.name().to_string();
    if stage.kind == AutoencoderKind::Kl && stage.kl_weight > 0.0 {
        words += &format!(" + {} · KL/D, D numbers in an image", stage.kl_weight);
    }
    for (weight, what) in
        [(stage.gradient_weight, "of neighbours' differences"), (stage.multi_scale_weight, "at smaller sizes")]
    {
        if weight > 0.0 {
            words += &format!(" + {weight} · the same {what}");
        }
    }
    words
}

/// The part on the use of an autoencoder, and what comes after it.
fn use_of_autoencoder(config: &Config, facts: &CardFacts) -> String {
    let (height, width, channels) = facts.image_shape;
    let class = match config.autoencoder.kind {
        AutoencoderKind::Kl => "AutoencoderKL",
        AutoencoderKind::Tiny => "AutoencoderTiny",
    };
    let encoded = match config.autoencoder.kind {
        AutoencoderKind::Kl => "latent_dist.mode()",
        AutoencoderKind::Tiny => "latents",
    };
    let waits = if facts.progress.is_none() { "Once its first checkpoint is written:\n\n" } else { "" };
    format!(
        "\n## Use\n\n{waits}```sh\ndifflab eval RUN            # RUN: this folder; how well it gives images back\n\
         difflab export RUN DIR      # for diffusers, with latents of unit variance\n\
         difflab --resume RUN        # train further\n```\n\n\
         Each folder in `checkpoints/` has the averaged weights in `vae/`, which diffusers opens:\n\n```python\nimport torch\n\
         from diffusers import {class}\n\nvae = {class}.from_pretrained(\"checkpoints/step-…/vae\")\n\
         x = torch.zeros(1, {channels}, {height}, {width})  # in its place: images in [-1, 1]\n\
         z = vae.encode(x).{encoded}\nx_hat = vae.decode(z).sample\n```\n\n{END}\n"
    ) + &facts.release.markdown()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataCard;

    fn release() -> Release {
        Release::of(&Config::default(), &[], &DataCard::default())
    }

    #[test]
    fn a_card_of_points_speaks_of_points_and_of_no_diffusers() {
        let facts = CardFacts {
            parameters: 9,
            train_images: 18_000,
            held_out_images: 2000,
            image_shape: (1, 1, 2),
            classes: &[],
            source: "a formula",
            progress: None,
            peak_memory_mib: None,
            latents: None,
            release: &release(),
        };
        let mut config = Config::default();
        config.model.kind = NetworkKind::Mlp;
        let card = model_card(&config, &facts);
        assert!(card.contains("| points | 18000") && card.contains("MLP of 3 blocks"), "{card}");
        assert!(!card.contains("UNet2DModel"), "{card}");
    }

    #[test]
    fn the_card_of_an_autoencoder_speaks_of_latents_and_of_no_samples() {
        let facts = CardFacts {
            parameters: 9,
            train_images: 90,
            held_out_images: 10,
            image_shape: (16, 8, 3),
            classes: &[],
            source: "here",
            progress: Some((3, 0.5)),
            peak_memory_mib: None,
            latents: None,
            release: &release(),
        };
        let with = |set: &[&str]| {
            let set: Vec<String> = set.iter().map(|set| set.to_string()).collect();
            model_card(&Config::default().with_overrides(&set).unwrap().autoencoder_run(), &facts)
        };
        let kl = with(&["autoencoder.gradient_weight=0.5"]);
        for part in [
            "An autoencoder",
            "AutoencoderKL",
            "KL/D",
            "0.5 · the same of neighbours",
            "zeros(1, 3, 16, 8)",
            "## Responsible",
        ] {
            assert!(kl.contains(part), "{part} is missing in\n{kl}");
        }
        let own = kl.split("## Responsible").next().unwrap();
        for part in ["denoising", "T = ", "guidance", "sampling", "UNet2DModel", "difflab sample"] {
            assert!(!own.contains(part), "{part} is in\n{kl}");
        }
        let tiny = with(&["autoencoder.kind=tiny", "autoencoder.block_out_channels=8,8"]);
        assert!(tiny.contains("encode(x).latents") && !tiny.contains("AutoencoderKL"), "{tiny}");
    }

    #[test]
    fn the_card_names_data_network_and_progress() {
        let facts = CardFacts {
            parameters: 12345,
            train_images: 59000,
            held_out_images: 1000,
            image_shape: (28, 28, 1),
            classes: &[],
            source: "datasets/mnist",
            progress: Some((20, 0.25)),
            peak_memory_mib: Some(211.7),
            latents: None,
            release: &release(),
        };
        let card = model_card(&Config::default(), &facts);
        for part in
            ["12345", "59000", "28×28×1", "20 of", "0.2500", "datasets/mnist", "212 MiB", "## Responsible release"]
        {
            assert!(card.contains(part), "{part} is missing in\n{card}");
        }
    }
}
