//! README.md of a run folder: what was trained on what, and how to use it.

use super::release::Release;
use super::verbatim::verbatim;
use crate::config::{Config, NetworkKind, OptimizerName, PathName, PredictionType};
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
    line("A denoising diffusion model, trained with difflab.\n".into());
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
            format!("autoencoder {:?}, {} latent channels", stage.block_out_channels, stage.latent_channels)
        }
        NetworkKind::Mlp => format!("MLP of {} blocks, {} wide", config.model.hidden_layers, config.model.hidden_width),
    };
    line(format!("| network | {network}, {} parameters |", facts.parameters));
    if !config.model.noise_conditioning {
        line("| time | the network is not told t |".into());
    }
    line(format!("| process | {path}, T = {}; predicts {prediction} |", config.diffusion.timesteps));
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
            release: &release(),
        };
        let mut config = Config::default();
        config.model.kind = NetworkKind::Mlp;
        let card = model_card(&config, &facts);
        assert!(card.contains("| points | 18000") && card.contains("MLP of 3 blocks"), "{card}");
        assert!(!card.contains("UNet2DModel"), "{card}");
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
