//! Weights that are there twice, in pieces beside a whole, or broken.

use super::*;

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";
const TO_Q: &str = "mid_block.attentions.0.to_q.weight";
const QUERY: &str = "mid_block.attentions.0.query.weight";

/// The run made of a folder, and what `difflab import` said.
fn imported(folder: &Path, name: &str) -> (HashMap<String, Tensor>, String) {
    let dir = folder.parent().unwrap();
    let done = difflab(&["import", folder.to_str().unwrap(), name], dir);
    assert!(done.status.success(), "{}", stderr(&done));
    let run = dir.join(name).join("checkpoints/step-00000000").join(WEIGHTS);
    (tensors(&run), stderr(&done))
}

fn plus_one(tensor: &Tensor) -> Tensor {
    (tensor + 1.0).unwrap()
}

#[test]
fn of_an_attention_under_both_names_diffusers_choice_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let folder = copy("uncond_default", dir.path());
    let whole = tensors(&folder.join(WEIGHTS));
    let mut both = whole.clone();
    both.insert(QUERY.into(), plus_one(&whole[TO_Q]));
    candle_core::safetensors::save(&both, folder.join(WEIGHTS)).unwrap();
    let (read, said) = imported(&folder, "one-file");
    // diffusers 0.42.1: in one file the old names take the place of the new ones.
    assert_eq!(largest_difference(&read[TO_Q], &both[QUERY]), 0.0);
    assert!(said.contains("1 tensor came under the name from before 0.17") && said.contains(TO_Q), "{said}");

    // In split files the old ones are left over.
    fs::remove_file(folder.join(WEIGHTS)).unwrap();
    split(&folder, &both);
    let (read, said) = imported(&folder, "split");
    assert_eq!(largest_difference(&read[TO_Q], &both[TO_Q]), 0.0);
    assert!(said.contains(TO_Q) && said.contains("today's"), "{said}");
}

/// Two files and their index, the names in turn.
fn split(folder: &Path, whole: &HashMap<String, Tensor>) {
    let mut names: Vec<&String> = whole.keys().collect();
    names.sort();
    let mut map = serde_json::Map::new();
    for (shard, skipped) in [("a", 0), ("b", 1)] {
        let file = format!("diffusion_pytorch_model-{shard}.safetensors");
        let part: HashMap<String, Tensor> =
            names.iter().skip(skipped).step_by(2).map(|name| (name.to_string(), whole[*name].clone())).collect();
        candle_core::safetensors::save(&part, folder.join("unet").join(&file)).unwrap();
        map.extend(part.keys().map(|name| (name.clone(), Value::from(file.clone()))));
    }
    let index = folder.join("unet/diffusion_pytorch_model.safetensors.index.json");
    fs::write(index, json!({"metadata": {}, "weight_map": map}).to_string()).unwrap();
}

#[test]
fn split_weights_beside_a_whole_file_are_the_ones_read_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = copy("uncond_default", dir.path());
    let whole = tensors(&folder.join(WEIGHTS));
    let other: HashMap<String, Tensor> = whole.iter().map(|(name, tensor)| (name.clone(), plus_one(tensor))).collect();
    split(&folder, &other);
    let (read, said) = imported(&folder, "run");
    assert_eq!(largest_difference(&read[TO_Q], &other[TO_Q]), 0.0);
    assert!(said.contains("side by side") && said.contains("split"), "{said}");
}

#[test]
fn weights_that_are_no_numbers_are_named_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = copy("uncond_default", dir.path());
    let mut whole = tensors(&folder.join(WEIGHTS));
    let mut values = whole["conv_out.bias"].to_vec1::<f32>().unwrap();
    values[0] = f32::NAN;
    whole.insert("conv_out.bias".into(), Tensor::new(values, &Device::Cpu).unwrap());
    let infinite = (whole["conv_in.bias"].ones_like().unwrap() * f64::INFINITY).unwrap();
    whole.insert("conv_in.bias".into(), infinite);
    candle_core::safetensors::save(&whole, folder.join(WEIGHTS)).unwrap();
    let (_, said) = imported(&folder, "run");
    assert!(said.contains("conv_out.bias (1 NaN and 0 infinite of 1)"), "{said}");
    assert!(said.contains("conv_in.bias (0 NaN and 8 infinite of 8)"), "{said}");
}

#[test]
fn missing_tensors_are_counted_and_left_over_ones_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = copy("uncond_default", dir.path());
    let mut whole = tensors(&folder.join(WEIGHTS));
    whole.insert("left.over".into(), whole["conv_out.bias"].clone());
    candle_core::safetensors::save(&whole, folder.join(WEIGHTS)).unwrap();
    assert!(imported(&folder, "run").1.contains("left.over"));
    whole.retain(|name, _| !name.starts_with("mid_block.attentions"));
    candle_core::safetensors::save(&whole, folder.join(WEIGHTS)).unwrap();
    let error = run::import(&folder, &dir.path().join("other"), ImportOptions::default()).unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains("mid_block.attentions.0") && message.contains("9 more of"), "{message}");
}
