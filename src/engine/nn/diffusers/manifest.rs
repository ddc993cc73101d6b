//! What a pipeline folder says beside the network: `model_index.json` and the scheduler's settings.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::scheduling::{USUAL_CLASS, known};
use crate::nn::json::{read_json, shown};
use crate::process::plain_file;

const INDEX: &str = "model_index.json";
const SCHEDULER: &str = "scheduler_config.json";
const UNET: &str = "config.json";
/// The parts of a pipeline, as its index names them.
const UNET_KEY: &str = "unet";
const SCHEDULER_KEY: &str = "scheduler";
/// The network that is imported.
const UNET_CLASS: &str = "UNet2DModel";

/// The scheduler of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerFile {
    /// Where its settings lie; None: there are none.
    pub path: Option<PathBuf>,
    /// The class that diffusers would make of them.
    pub class: String,
    /// An object.
    pub settings: Value,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// The scheduler of a pipeline folder: `scheduler/scheduler_config.json`, or the file at the top as older folders
/// have it, or, where `dir` is the network's folder alone, that of the pipeline around it. Its class is the one that
/// `model_index.json` names, as in diffusers, whatever the file itself says.
///
/// # Errors
/// When a file can't be read or is no JSON object, or the pipeline is not one of a network for pixels alone.
pub fn read_scheduler(dir: &Path) -> Result<SchedulerFile> {
    let mut notes = Vec::new();
    let around = !dir.join("unet").join(UNET).is_file() && dir.join(UNET).is_file();
    // Resolved, so that `import .` inside of unet/ finds its parent by name too.
    let parent = dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_path_buf)).filter(|_| around);
    let mut places = vec![dir.join("scheduler").join(SCHEDULER), dir.join(SCHEDULER)];
    places.extend(parent.iter().map(|parent| parent.join("scheduler").join(SCHEDULER)));
    let path = places.iter().find(|path| path.is_file()).cloned();
    let outside = path.as_ref().is_some_and(|path| Some(path) == places.get(2));
    if let Some(path) = path.as_ref().filter(|_| outside) {
        notes.push(format!("the scheduler's settings are those of the pipeline around it, {}", path.display()));
    }
    let home = if outside { parent.as_deref().unwrap_or(dir) } else { dir };
    let index = object(&home.join(INDEX))?;
    if let Some(index) = &index {
        check_parts(index, &mut notes).with_context(|| format!("in {}", home.join(INDEX).display()))?;
    }
    let settings = match &path {
        Some(path) => object(path)?.with_context(|| format!("{} is gone", path.display()))?,
        None => {
            notes.push(
                "there is no scheduler_config.json: DDPMScheduler's own settings are taken (linear β, T = 1000, \
                 prediction of ε)"
                    .into(),
            );
            Value::Object(Default::default())
        }
    };
    let own = match &path {
        Some(path) => class_name(&settings).with_context(|| format!("in {}", path.display()))?,
        None => None,
    };
    let class = match (&index, &path) {
        (Some(index), Some(_)) => {
            let mut of_index = || -> Result<String> {
                let class = of_pipeline(index, own, &mut notes)?;
                // One that its own file names too is refused where that is read.
                if own != Some(&class) {
                    known(&class)?;
                }
                Ok(class)
            };
            of_index().with_context(|| format!("in {}", home.join(INDEX).display()))?
        }
        (None, Some(path)) if own.is_none() => {
            notes.push(unnamed(&path.display().to_string()));
            USUAL_CLASS.into()
        }
        _ => own.unwrap_or(USUAL_CLASS).to_string(),
    };
    Ok(SchedulerFile { path, class, settings, notes })
}

/// What `_class_name` says; None: there is none.
///
/// # Errors
/// When it is no text.
fn class_name(settings: &Value) -> Result<Option<&str>> {
    match settings.get("_class_name") {
        None | Some(Value::Null) => Ok(None),
        Some(name) => name.as_str().map(Some).with_context(|| {
            format!("_class_name = {} names no class: it takes a word, such as \"{USUAL_CLASS}\"", shown(name))
        }),
    }
}

fn unnamed(place: &str) -> String {
    format!(
        "{place} names no class of scheduler (_class_name): it is taken for {USUAL_CLASS}, with that class's own settings \
         where there are none"
    )
}

/// Is a part the autoencoder whose latents the network draws? It is read with that.
fn decodes(name: &str, part: &Value) -> bool {
    matches!(name, "vae" | "vqvae") && matches!(part[1].as_str(), Some("AutoencoderKL" | "AutoencoderTiny"))
}

/// Holds the pipeline's parts against those that are known here: a network of diffusers, and a scheduler of its own.
///
/// # Errors
/// The key that names something else.
fn check_parts(index: &Value, notes: &mut Vec<String>) -> Result<()> {
    let pipeline = class_name(index)?.unwrap_or("DDPMPipeline");
    let others = || {
        let parts = index.as_object().into_iter().flatten();
        let parts = parts.filter(|(name, part)| !decodes(name, part));
        parts.filter(|(name, _)| !name.starts_with('_') && !matches!(name.as_str(), UNET_KEY | SCHEDULER_KEY))
    };
    let foreign: Vec<&str> = others().filter(|(_, part)| part[1].is_string()).map(|(name, _)| name.as_str()).collect();
    ensure!(
        foreign.is_empty(),
        "the pipeline {pipeline} has more than a network and a scheduler: {}. Its network is not one that makes pixels \
         of noise by itself, and is not supported",
        foreign.join(", ")
    );
    // [null, null] is how diffusers says that there is no such part.
    let strange = others().filter(|(_, part)| **part != Value::Array(vec![Value::Null; 2]));
    notes.extend(strange.map(|(name, part)| {
        format!("{INDEX}: {name} = {} is no part of a pipeline, and is ignored, as in diffusers", shown(part))
    }));
    if let Some(unet) = index.get(UNET_KEY) {
        ensure!(
            class_of_diffusers(unet) == Some(UNET_CLASS),
            "unet = {} is not supported: it takes [\"diffusers\", \"{UNET_CLASS}\"], the network that makes pixels of \
             noise by itself",
            shown(unet)
        );
    }
    if let Some(scheduler) = index.get(SCHEDULER_KEY) {
        ensure!(
            class_of_diffusers(scheduler).is_some(),
            "scheduler = {} names no class of diffusers: it takes [\"diffusers\", CLASS], such as [\"diffusers\", \
             \"{USUAL_CLASS}\"]",
            shown(scheduler)
        );
    }
    Ok(())
}

/// The class in `["diffusers", CLASS]`; None for any other value.
fn class_of_diffusers(part: &Value) -> Option<&str> {
    match part.as_array()?.as_slice() {
        [library, class] if library == "diffusers" => class.as_str(),
        _ => None,
    }
}

/// The class that the pipeline samples with; `own`: the one that the settings name.
fn of_pipeline(index: &Value, own: Option<&str>, notes: &mut Vec<String>) -> Result<String> {
    let pipeline = class_name(index)?.unwrap_or("DDPMPipeline");
    let named = index.get(SCHEDULER_KEY).and_then(class_of_diffusers).or(own).unwrap_or_else(|| {
        notes.push(unnamed("the folder"));
        USUAL_CLASS
    });
    if let Some(own) = own.filter(|own| *own != named) {
        notes.push(format!(
            "model_index.json names {named}, scheduler_config.json {own}: it is taken for {named}, as in diffusers"
        ));
    }
    // Two pipelines make a scheduler of their own from any settings.
    let made = match pipeline {
        "DDIMPipeline" => "DDIMScheduler",
        "PNDMPipeline" => "PNDMScheduler",
        "DDPMPipeline" => {
            if scales_its_input(named) {
                notes.push(format!(
                    "{named} needs its noise and the network's input scaled, which DDPMPipeline does not do: its own \
                     call makes other images. Here they are sampled as the scheduler means it"
                ));
            }
            return Ok(named.into());
        }
        other => {
            notes.push(format!(
                "the pipeline {other} may sample in a way of its own; here it is sampled as {named} says"
            ));
            return Ok(named.into());
        }
    };
    if named != made {
        notes.push(format!("{pipeline} makes a {made} of the settings of any scheduler: that one is taken"));
    }
    Ok(made.into())
}

/// Does the class count on a pipeline that calls its `scale_model_input` and multiplies by its `init_noise_sigma`?
pub fn scales_its_input(class: &str) -> bool {
    matches!(
        class,
        "EulerDiscreteScheduler"
            | "EulerAncestralDiscreteScheduler"
            | "HeunDiscreteScheduler"
            | "LMSDiscreteScheduler"
            | "KDPM2DiscreteScheduler"
            | "KDPM2AncestralDiscreteScheduler"
    )
}

/// The JSON object in a file; None: there is no file.
fn object(path: &Path) -> Result<Option<Value>> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = plain_file::read_text(path).with_context(|| format!("reading {}", path.display()))?;
    let value = read_json(&text).with_context(|| format!("in {}", path.display()))?;
    ensure!(value.is_object(), "{} is no JSON object of settings", path.display());
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn folder(files: &[(&str, Value)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, value) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value.to_string()).unwrap();
        }
        dir
    }

    fn pipeline(class: &str, scheduler: &str, own: &str) -> Result<SchedulerFile> {
        let index =
            json!({"_class_name": class, "scheduler": ["diffusers", scheduler], "unet": ["diffusers", "UNet2DModel"]});
        let own = json!({"_class_name": own});
        read_scheduler(folder(&[(INDEX, index), ("scheduler/scheduler_config.json", own)]).path())
    }

    #[test]
    fn the_class_is_that_of_the_pipeline_and_another_in_the_settings_is_said() {
        let read = pipeline("DDPMPipeline", "DDIMScheduler", "DDPMScheduler").unwrap();
        assert_eq!(read.class, "DDIMScheduler");
        assert!(
            read.notes.iter().any(|note| note.contains("model_index.json names DDIMScheduler")),
            "{:?}",
            read.notes
        );
        let read = pipeline("DDIMPipeline", "DDPMScheduler", "DDPMScheduler").unwrap();
        assert_eq!(read.class, "DDIMScheduler");
        assert!(read.notes[0].contains("DDIMPipeline makes a DDIMScheduler"), "{:?}", read.notes);
        assert_eq!(pipeline("PNDMPipeline", "PNDMScheduler", "PNDMScheduler").unwrap().class, "PNDMScheduler");
        assert!(pipeline("DDPMPipeline", "DDPMScheduler", "DDPMScheduler").unwrap().notes.is_empty());
        let read = pipeline("DDPMPipeline", "EulerDiscreteScheduler", "EulerDiscreteScheduler").unwrap();
        assert!(read.notes[0].contains("scaled"), "{:?}", read.notes);
        assert!(pipeline("KarrasVePipeline", "DDPMScheduler", "DDPMScheduler").unwrap().notes[0].contains("KarrasVe"));
    }

    #[test]
    fn a_network_of_latents_is_refused() {
        let index = json!({"_class_name": "LDMPipeline", "unet": ["diffusers", "UNet2DModel"],
            "vqvae": ["diffusers", "VQModel"], "scheduler": ["diffusers", "DDIMScheduler"], "_x": 1});
        let dir = folder(&[(INDEX, index), (SCHEDULER, json!({}))]);
        let message = format!("{:#}", read_scheduler(dir.path()).unwrap_err());
        assert!(message.contains("vqvae") && message.contains("model_index.json"), "{message}");
    }

    #[test]
    fn parts_that_are_not_diffusers_own_are_refused_by_their_key() {
        let good = json!({"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
            "unet": ["diffusers", "UNet2DModel"]});
        let read = |index: &Value, scheduler: bool| {
            let files = [(INDEX, index.clone()), ("scheduler/scheduler_config.json", json!({}))];
            read_scheduler(folder(&files[..1 + usize::from(scheduler)]).path()).map_err(|error| format!("{error:#}"))
        };
        assert!(read(&good, true).is_ok_and(|read| read.notes.len() < 2));
        let strange = [
            json!(["diffusers", "UNet2DConditionModel"]),
            json!(["transformers", "UNet2DModel"]),
            json!(["mypkg", "DDIMScheduler"]),
            json!(["diffusers", "UNet2DModel", "DDIMScheduler"]),
            json!([null, null]),
            json!(["diffusers"]),
            json!(["diffusers", 5]),
            json!([]),
            json!("x"),
            json!(null),
        ];
        for key in [UNET_KEY, SCHEDULER_KEY] {
            for part in &strange {
                // Whether a scheduler's class is known is seen later.
                if key == SCHEDULER_KEY && class_of_diffusers(part).is_some() {
                    continue;
                }
                let mut index = good.clone();
                index[key] = part.clone();
                for scheduler in [true, false] {
                    let said = read(&index, scheduler).unwrap_err();
                    assert!(said.contains(INDEX) && said.contains(&format!("{key} = ")), "{part}: {said}");
                    assert!(said.contains("it takes [\"diffusers\", "), "{said}");
                }
            }
            let mut missing = good.clone();
            missing.as_object_mut().unwrap().remove(key);
            assert!(read(&missing, true).is_ok(), "{key}");
        }
        let mut more = good.clone();
        (more["vae"], more["foo"]) = (json!([null, null]), json!(3));
        let notes = read(&more, true).unwrap().notes;
        assert!(notes.iter().any(|note| note.contains("foo = 3")), "{notes:?}");
        assert!(!notes.iter().any(|note| note.contains("vae")), "{notes:?}");
    }

    #[test]
    fn the_network_s_folder_alone_has_the_scheduler_of_the_pipeline_around_it() {
        let dir = folder(&[
            ("unet/config.json", json!({})),
            ("scheduler/scheduler_config.json", json!({"_class_name": "DDIMScheduler", "steps_offset": 1})),
        ]);
        let read = read_scheduler(&dir.path().join("unet")).unwrap();
        assert_eq!((read.class.as_str(), &read.settings["steps_offset"]), ("DDIMScheduler", &json!(1)));
        assert!(read.notes[0].contains("around it"), "{:?}", read.notes);
        // Its own come first, and those of a folder's neighbour are none of a whole pipeline's.
        fs::write(dir.path().join("unet").join(SCHEDULER), "{}").unwrap();
        assert_eq!(read_scheduler(&dir.path().join("unet")).unwrap().class, "DDPMScheduler");
        assert!(read_scheduler(&dir.path().join("scheduler")).unwrap().path.is_some());
    }

    #[test]
    fn without_settings_they_are_the_usual_and_broken_ones_are_refused_by_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let read = read_scheduler(dir.path()).unwrap();
        assert_eq!((read.path, read.class.as_str()), (None, "DDPMScheduler"));
        for text in ["[]", "{", "3"] {
            fs::write(dir.path().join(SCHEDULER), text).unwrap();
            let message = format!("{:#}", read_scheduler(dir.path()).unwrap_err());
            assert!(message.contains(SCHEDULER), "{message}");
        }
    }
}
