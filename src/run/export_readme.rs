//! README.md of an exported pipeline: how to sample it in Python.

use crate::config::{SampleConfig, SamplerName};

/// What the text is about.
pub struct Facts<'a> {
    pub name: &'a str,
    /// Training steps behind the weights.
    pub step: u64,
    /// Height, width, channels.
    pub image_shape: (usize, usize, usize),
    /// Names of the classes; None: unconditional.
    pub classes: Option<&'a [String]>,
    /// Class of the scheduler in the folder.
    pub scheduler: &'a str,
    pub sample: &'a SampleConfig,
    pub timesteps: usize,
    /// Does the network say the variance of the step back, in a second half of its output?
    pub learned_variance: bool,
    pub notes: &'a [String],
}

/// The text, in Markdown. Its one Python snippet runs as it stands, inside the folder.
pub fn readme(facts: &Facts) -> String {
    let (height, width, channels) = facts.image_shape;
    let mut text = format!(
        "# {}\n\nA diffusion model for {height}×{width} images with {channels} channel{}, trained with difflab (averaged \
         weights of step {}) and exported as a diffusers pipeline: `UNet2DModel` with `{}`.\n\n",
        facts.name,
        if channels == 1 { "" } else { "s" },
        facts.step,
        facts.scheduler
    );
    for note in facts.notes {
        text += &format!("Note: {note}.\n\n");
    }
    text += "## Sample it in Python\n\nInside this folder:\n\n```python\n";
    text += &match facts.classes {
        None => unconditional(facts),
        Some(classes) => conditional(facts, classes.len()),
    };
    text += "```\n";
    if let Some(classes) = facts.classes {
        let names: Vec<String> = classes.iter().enumerate().map(|(i, name)| format!("{i} {name}")).collect();
        text += &format!(
            "\n`DDPMPipeline` itself passes no class labels, so its call fails on this network (\"class_labels should be \
             provided\"): the loop above takes its place. The network's table has one row more than there are classes; \
             the last, {}, is the null class of classifier-free guidance (Ho & Salimans 2022). diffusers counts the \
             scale as `s` in `uncond + s·(cond − uncond)`; difflab's w is s − 1.\n\nClasses: {}.\n",
            classes.len(),
            names.join(", ")
        );
    }
    text
}

fn unconditional(facts: &Facts) -> String {
    let steps = facts.sample.steps.min(facts.timesteps);
    let scheduler = match by_ddim(facts) {
        true => {
            "from diffusers import DDIMScheduler, DDPMPipeline\n\n\
             pipeline = DDPMPipeline.from_pretrained(\".\")\n\
             pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)\n"
        }
        false => "from diffusers import DDPMPipeline\n\npipeline = DDPMPipeline.from_pretrained(\".\")\n",
    };
    format!(
        "{scheduler}images = pipeline(batch_size=4, num_inference_steps={steps}).images\n\
         for i, image in enumerate(images):\n    image.save(f\"sample-{{i}}.png\")\n"
    )
}

fn conditional(facts: &Facts, classes: usize) -> String {
    let (height, width, channels) = facts.image_shape;
    let (imports, scheduler) = match by_ddim(facts) {
        true => ("DDIMScheduler, DDPMPipeline", "DDIMScheduler.from_config(pipeline.scheduler.config)"),
        false => ("DDPMPipeline", "pipeline.scheduler"),
    };
    format!(
        "import torch\nfrom diffusers import {imports}\n\n\
         pipeline = DDPMPipeline.from_pretrained(\".\")\n\
         unet, scheduler = pipeline.unet, {scheduler}\n\
         scheduler.set_timesteps({steps})\n\n\
         labels = torch.arange({classes})  # one image of each class\n\
         null = torch.full_like(labels, {classes})  # the null class\n\
         s = {s}  # guidance scale; 1 is the plain conditional model\n\n\
         x = torch.randn(len(labels), {channels}, {height}, {width})\n\
         with torch.no_grad():\n\
         \x20   for t in scheduler.timesteps:\n\
         \x20       cond = unet(x, t, class_labels=labels).sample\n\
         \x20       uncond = unet(x, t, class_labels=null).sample\n\
         \x20       guided = uncond + s * (cond - uncond)\n\
         {variance}\
         \x20       x = scheduler.step(guided, t, x).prev_sample\n\n\
         images = (x / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()\n\
         for label, image in zip(labels.tolist(), pipeline.numpy_to_pil(images)):\n\
         \x20   image.save(f\"class-{{label}}.png\")\n",
        steps = facts.sample.steps.min(facts.timesteps),
        variance = match facts.learned_variance {
            true => format!("        guided[:, {channels}:] = cond[:, {channels}:]  # the variance is not guided\n"),
            false => String::new(),
        },
        s = 1.0 + facts.sample.guidance_scale,
    )
}

/// DDPM's own sampler needs many steps; every other sampler of a run is nearest to DDIM. But diffusers' DDIM
/// doesn't take the variance off a network's output.
fn by_ddim(facts: &Facts) -> bool {
    facts.scheduler == "DDPMScheduler" && facts.sample.sampler != SamplerName::Ddpm && !facts.learned_variance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_how_to_sample_with_and_without_classes() {
        let sample = SampleConfig { guidance_scale: 1.5, ..SampleConfig::default() };
        let names: Vec<String> = ["cat", "dog"].map(String::from).to_vec();
        let mut facts = Facts {
            name: "pets",
            step: 7,
            image_shape: (16, 8, 3),
            classes: Some(&names),
            scheduler: "DDPMScheduler",
            sample: &sample,
            timesteps: 30,
            learned_variance: false,
            notes: &[],
        };
        let text = readme(&facts);
        assert!(text.contains("DDIMScheduler"), "{text}");
        for part in ["torch.arange(2)", "full_like(labels, 2)", "s = 2.5", "3, 16, 8", "set_timesteps(30)", "1 dog"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        facts.learned_variance = true;
        let text = readme(&facts);
        assert!(text.contains("guided[:, 3:] = cond[:, 3:]") && !text.contains("DDIMScheduler"), "{text}");
        facts.classes = None;
        let text = readme(&facts);
        assert!(!text.contains("DDIMScheduler"), "{text}");
        assert!(text.contains("pipeline(batch_size=4") && !text.contains("labels"), "{text}");
    }
}
