//! README.md of an exported pipeline: how to sample it in Python.

use serde_json::Value;

use super::release::Release;
use super::verbatim::verbatim;
use crate::config::SampleConfig;
use crate::nn::diffusers::{Class, ExportedScheduler, class_of, default_value, scales_its_input};

/// What the text is about.
pub struct ReadmeFacts<'a> {
    pub name: &'a str,
    /// Training steps behind the weights.
    pub step: u64,
    /// Height, width, channels of what the network draws.
    pub image_shape: (usize, usize, usize),
    /// Names of the classes; None: unconditional.
    pub classes: Option<&'a [String]>,
    pub scheduler: &'a ExportedScheduler,
    pub sample: &'a SampleConfig,
    pub timesteps: usize,
    /// Does the network say the variance of the step back, in a second half of its output?
    pub learned_variance: bool,
    pub notes: &'a [String],
    pub release: &'a Release,
    /// What decodes it, where it draws latents.
    pub latents: Option<ReadmeLatents>,
}

/// The autoencoder beside an exported network.
pub struct ReadmeLatents {
    /// "AutoencoderKL".
    pub class: &'static str,
    /// "vae" or "vqvae".
    pub folder: &'static str,
    /// Height, width, channels of the pictures.
    pub image_shape: (usize, usize, usize),
}

/// The text, in Markdown. Its one Python snippet runs as it stands, inside the folder.
pub fn readme(facts: &ReadmeFacts) -> String {
    let (height, width, channels) = facts.latents.as_ref().map_or(facts.image_shape, |latents| latents.image_shape);
    let mut text = format!(
        "# {}\n\nA {}diffusion model for {width}×{height} images with {channels} channel{}, trained with difflab (averaged \
         weights of step {}) and exported for diffusers: `UNet2DModel`{} with `{}`.\n\n",
        verbatim(facts.name),
        if facts.latents.is_some() { "latent " } else { "" },
        if channels == 1 { "" } else { "s" },
        facts.step,
        in_latents(facts),
        class_of(&facts.scheduler.settings)
    );
    for note in facts.notes {
        text += &format!("Note: {}.\n\n", verbatim(note));
    }
    text += "## Sample it in Python\n\nInside this folder:\n\n```python\n";
    text += &match facts.classes {
        None if facts.scheduler.exact.is_none() && facts.sample.eta == 0.0 => one_call(facts),
        None => unconditional(facts),
        Some(classes) => conditional(facts, classes.len()),
    };
    text += "```\n";
    if let Some(latents) = facts.latents.as_ref().filter(|_| facts.classes.is_none()) {
        text += &format!(
            "\nWhile loading it, diffusers prints \"Expected types for vqvae: …VQModel…, got …{}…\": its `LDMPipeline` was written \
             for a VQ autoencoder, and works with this one as well.\n",
            latents.class
        );
    }
    if let Some(classes) = facts.classes {
        let names: Vec<String> =
            classes.iter().enumerate().map(|(i, name)| format!("{i} {}", verbatim(name))).collect();
        text += &format!(
            "\n{} The network's table has one row more than there are classes; \
             the last, {}, is the null class of classifier-free guidance (Ho & Salimans 2022). diffusers counts the \
             scale as `s` in `uncond + s·(cond − uncond)`; difflab's w is s − 1.\n\nClasses: {}.\n",
            why_a_loop(facts),
            classes.len(),
            names.join(", ")
        );
    }
    text + "\n" + &facts.release.markdown()
}

fn in_latents(facts: &ReadmeFacts) -> String {
    facts.latents.as_ref().map_or(String::new(), |latents| {
        let (height, width, channels) = facts.image_shape;
        format!(" in the {width}×{height} latents with {channels} channels of an `{}`", latents.class)
    })
}

/// Why no pipeline is called where there are classes.
fn why_a_loop(facts: &ReadmeFacts) -> &'static str {
    match facts.latents {
        None => {
            "`DDPMPipeline` itself passes no class labels, so its call fails on this network (\"class_labels should be \
             provided\"): the loop above takes its place."
        }
        Some(_) => {
            "diffusers has no pipeline for a `UNet2DModel` with classes in latents: the loop above takes its place."
        }
    }
}

fn one_call(facts: &ReadmeFacts) -> String {
    let class = if facts.latents.is_some() { "LDMPipeline" } else { "DDPMPipeline" };
    format!(
        "from diffusers import {class}\n\npipeline = {class}.from_pretrained(\".\")\n\
         images = pipeline(batch_size=4, num_inference_steps={}).images\n\
         for i, image in enumerate(images):\n    image.save(f\"sample-{{i}}.png\")\n",
        steps(facts)
    )
}

fn steps(facts: &ReadmeFacts) -> usize {
    facts.sample.steps.min(facts.timesteps)
}

/// The lines up to the loop: `unet`, `scheduler` with its timesteps set.
fn head(facts: &ReadmeFacts) -> String {
    if let Some(latents) = &facts.latents {
        return head_in_latents(facts, latents);
    }
    let (import, scheduler) = match &facts.scheduler.exact {
        None => ("DDPMPipeline".to_string(), "pipeline.scheduler".to_string()),
        Some(exact) => {
            let class = class_of(exact);
            let mut names = ["DDPMPipeline", class];
            names.sort();
            let changes: String = changes(&facts.scheduler.settings, exact)
                .iter()
                .map(|(key, value)| format!(", {key}={}", python(value)))
                .collect();
            (names.join(", "), format!("{class}.from_config(pipeline.scheduler.config{changes})"))
        }
    };
    format!(
        "import torch\nfrom diffusers import {import}\n\n\
         pipeline = DDPMPipeline.from_pretrained(\".\")\n\
         unet = pipeline.unet\n\
         scheduler = {scheduler}\n\
         scheduler.set_timesteps({})\n\n",
        steps(facts)
    )
}

/// The same with the autoencoder that decodes what is drawn.
fn head_in_latents(facts: &ReadmeFacts, latents: &ReadmeLatents) -> String {
    let class = class_of(facts.scheduler.nearest());
    let changes: String = facts
        .scheduler
        .exact
        .iter()
        .flat_map(|exact| changes(&facts.scheduler.settings, exact))
        .map(|(key, value)| format!(", {key}={}", python(&value)))
        .collect();
    let mut names = [latents.class, class, "UNet2DModel"];
    names.sort();
    format!(
        "import torch\nfrom diffusers import {}\nfrom diffusers.utils import numpy_to_pil\n\n\
         unet = UNet2DModel.from_pretrained(\"unet\")\n\
         vae = {}.from_pretrained(\"{}\")\n\
         scheduler = {class}.from_pretrained(\"scheduler\"{changes})\n\
         scheduler.set_timesteps({})\n\n",
        names.join(", "),
        latents.class,
        latents.folder,
        steps(facts)
    )
}

/// What stands between the loop and the pictures; what makes PIL images of these.
fn pictures(facts: &ReadmeFacts) -> (&'static str, &'static str) {
    match facts.latents {
        Some(_) => ("    x = vae.decode(x / vae.config.scaling_factor).sample\n", "numpy_to_pil"),
        None => ("", "pipeline.numpy_to_pil"),
    }
}

/// Those settings of `exact` that its `from_config` of the folder's would not have.
fn changes(folder: &Value, exact: &Value) -> Vec<(String, Value)> {
    let shared = |key: &str| Class::named(class_of(folder)).is_some_and(|class| class.key(key).is_some());
    let class = Class::named(class_of(exact));
    let keys = class.into_iter().flat_map(Class::keys);
    keys.filter_map(|key| {
        let taken = if shared(key.name) { folder[key.name].clone() } else { default_value(key.default) };
        let value = &exact[key.name];
        let same = taken == *value || taken.as_f64().is_some() && taken.as_f64() == value.as_f64();
        (!same).then(|| (key.name.to_string(), value.clone()))
    })
    .collect()
}

/// A JSON value as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    }
}

/// What the loop calls the network's input, and how the noise begins: as the scheduler wants it.
fn scaling(facts: &ReadmeFacts) -> (&'static str, &'static str) {
    match scales_its_input(class_of(facts.scheduler.nearest())) {
        true => ("scheduler.scale_model_input(x, t)", " * scheduler.init_noise_sigma"),
        false => ("x", ""),
    }
}

/// What the loop passes on to the scheduler's step beside the network's answer.
fn step_arguments(facts: &ReadmeFacts) -> String {
    match class_of(facts.scheduler.nearest()) {
        "DDIMScheduler" if facts.sample.eta != 0.0 => format!(", eta={}", facts.sample.eta),
        _ => String::new(),
    }
}

fn unconditional(facts: &ReadmeFacts) -> String {
    let (height, width, channels) = facts.image_shape;
    let (decoded, to_pil) = pictures(facts);
    let (input, noise) = scaling(facts);
    format!(
        "{}x = torch.randn(4, {channels}, {height}, {width}){noise}\n\
         with torch.no_grad():\n\
         \x20   for t in scheduler.timesteps:\n\
         \x20       output = unet({input}, t).sample\n\
         \x20       x = scheduler.step(output, t, x{}).prev_sample\n{decoded}\n\
         images = (x / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()\n\
         for i, image in enumerate({to_pil}(images)):\n\
         \x20   image.save(f\"sample-{{i}}.png\")\n",
        head(facts),
        step_arguments(facts)
    )
}

fn conditional(facts: &ReadmeFacts, classes: usize) -> String {
    let (height, width, channels) = facts.image_shape;
    let (decoded, to_pil) = pictures(facts);
    let (input, noise) = scaling(facts);
    format!(
        "{head}labels = torch.arange({classes})  # one image of each class\n\
         null = torch.full_like(labels, {classes})  # the null class\n\
         s = {s}  # guidance scale; 1 is the plain conditional model\n\n\
         x = torch.randn(len(labels), {channels}, {height}, {width}){noise}\n\
         with torch.no_grad():\n\
         \x20   for t in scheduler.timesteps:\n\
         {rename}\
         \x20       cond = unet({shown}, t, class_labels=labels).sample\n\
         \x20       uncond = unet({shown}, t, class_labels=null).sample\n\
         \x20       guided = uncond + s * (cond - uncond)\n\
         {variance}\
         \x20       x = scheduler.step(guided, t, x{arguments}).prev_sample\n{decoded}\n\
         images = (x / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()\n\
         for label, image in zip(labels.tolist(), {to_pil}(images)):\n\
         \x20   image.save(f\"class-{{label}}.png\")\n",
        head = head(facts),
        rename = if input == "x" { String::new() } else { format!("        scaled = {input}\n") },
        shown = if input == "x" { "x" } else { "scaled" },
        arguments = step_arguments(facts),
        variance = match facts.learned_variance {
            true => format!("        guided[:, {channels}:] = cond[:, {channels}:]  # the variance is not guided\n"),
            false => String::new(),
        },
        s = 1.0 + facts.sample.guidance_scale,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Config, DiffusionConfig, SamplerName};
    use crate::data::DataCard;
    use crate::nn::diffusers::scheduler_config;

    fn scheduler(sample: &SampleConfig) -> ExportedScheduler {
        scheduler_config(&DiffusionConfig::default(), sample).unwrap()
    }

    fn facts<'a>(
        classes: Option<&'a [String]>,
        sample: &'a SampleConfig,
        scheduler: &'a ExportedScheduler,
    ) -> ReadmeFacts<'a> {
        ReadmeFacts {
            name: "pets",
            step: 7,
            image_shape: (16, 8, 3),
            classes,
            scheduler,
            sample,
            timesteps: 30,
            learned_variance: false,
            notes: &[],
            release: release(),
            latents: None,
        }
    }

    fn release() -> &'static Release {
        static RELEASE: std::sync::OnceLock<Release> = std::sync::OnceLock::new();
        RELEASE.get_or_init(|| Release::of(&Config::default(), &[], &DataCard::default()))
    }

    #[test]
    fn the_text_says_how_to_sample_with_and_without_classes() {
        let sample = SampleConfig { guidance_scale: 1.5, sampler: SamplerName::Ddim, ..SampleConfig::default() };
        let names: Vec<String> = ["cat", "dog"].map(String::from).to_vec();
        let made = scheduler(&sample);
        let mut facts = facts(Some(&names), &sample, &made);
        let text = readme(&facts);
        assert!(text.contains("`DDIMScheduler`"), "{text}");
        for part in [
            "torch.arange(2)",
            "full_like(labels, 2)",
            "s = 2.5",
            "3, 16, 8",
            "set_timesteps(30)",
            "1 dog",
            "## Responsible release",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        facts.learned_variance = true;
        let text = readme(&facts);
        assert!(text.contains("guided[:, 3:] = cond[:, 3:]"), "{text}");
        facts.classes = None;
        let text = readme(&facts);
        assert!(text.contains("pipeline(batch_size=4") && !text.contains("labels"), "{text}");
    }

    #[test]
    fn samplers_that_the_pipeline_calls_wrongly_have_a_loop_of_their_own() {
        let sample = SampleConfig {
            sampler: SamplerName::Euler,
            spacing: crate::config::TimestepSpacing::Karras,
            guidance_scale: 0.0,
            ..SampleConfig::default()
        };
        let made = scheduler(&sample);
        let text = readme(&facts(None, &sample, &made));
        assert!(text.contains("use_karras_sigmas=True") && text.contains("scale_model_input(x, t)"), "{text}");
        assert!(text.contains("init_noise_sigma") && text.contains("EulerDiscreteScheduler.from_config"), "{text}");
        assert!(!text.contains("beta_end"), "the folder's own are taken over\n{text}");
        let names = ["cat".to_string()];
        let text = readme(&facts(Some(&names), &sample, &made));
        assert!(text.contains("scaled = scheduler.scale_model_input"), "{text}");
    }

    #[test]
    fn eta_is_passed_on_by_a_loop() {
        let sample = SampleConfig { sampler: SamplerName::Ddim, eta: 0.5, ..SampleConfig::default() };
        let made = scheduler(&sample);
        let text = readme(&facts(None, &sample, &made));
        assert!(text.contains("scheduler.step(output, t, x, eta=0.5)"), "{text}");
    }

    #[test]
    fn values_are_written_as_python_has_them() {
        let shown = [json!(true), json!(null), json!("a"), json!([1, 2]), json!(0.5)].map(|value| python(&value));
        assert_eq!(shown, ["True", "None", "\"a\"", "[1,2]", "0.5"]);
    }
}
