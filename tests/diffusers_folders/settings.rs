//! Schedulers' settings as folders have them, read and written by the binary.

use super::*;

/// A copy of uncond_default with this text as its scheduler_config.json, and no model_index.json to gainsay it.
fn with_scheduler(text: &str, dir: &Path) -> PathBuf {
    let folder = copy("uncond_default", dir);
    fs::remove_file(folder.join("model_index.json")).unwrap();
    fs::write(folder.join("scheduler/scheduler_config.json"), text).unwrap();
    folder
}

fn sample_section(run: &Path) -> toml::Table {
    let text = fs::read_to_string(run.join("config.toml")).unwrap();
    text.parse::<toml::Table>().unwrap()["sample"].as_table().unwrap().clone()
}

/// As diffusers 0.42.1 saves a DPMSolverMultistepScheduler.
const DPM: &str = r#"{
  "_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.42.1", "algorithm_type": "dpmsolver++",
  "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "dynamic_thresholding_ratio": 0.995,
  "euler_at_final": false, "final_sigmas_type": "zero", "flow_shift": 1.0, "lambda_min_clipped": -Infinity,
  "lower_order_final": true, "num_train_timesteps": 1000, "prediction_type": "epsilon",
  "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "solver_order": 3, "solver_type": "midpoint",
  "steps_offset": 0, "thresholding": false, "time_shift_type": "exponential", "timestep_spacing": "linspace",
  "trained_betas": null, "use_beta_sigmas": false, "use_dynamic_shifting": false, "use_exponential_sigmas": false,
  "use_flow_sigmas": false, "use_karras_sigmas": true, "use_lu_lambdas": false, "variance_type": null
}"#;

#[test]
fn a_folder_with_a_bare_minus_infinity_is_read_and_sampled() {
    let dir = tempfile::tempdir().unwrap();
    let folder = with_scheduler(DPM, dir.path());
    let done = difflab(&["import", folder.to_str().unwrap(), "run"], dir.path());
    assert!(done.status.success(), "{}", stderr(&done));
    let sample = sample_section(&dir.path().join("run"));
    assert_eq!(sample["sampler"].as_str(), Some("dpmpp_3m"));
    assert_eq!(sample["spacing"].as_str(), Some("karras"));
    assert_eq!(sample["clip_sample"].as_bool(), Some(false));
    let done = difflab(&["sample", "run", "--num", "1", "--steps", "2", "--out", "one.png", "--quiet"], dir.path());
    assert!(done.status.success(), "{}", stderr(&done));
}

#[test]
fn refusals_name_the_key_and_leave_no_run() {
    let dir = tempfile::tempdir().unwrap();
    for (settings, named) in [
        (DPM.replace("\"use_flow_sigmas\": false", "\"use_flow_sigmas\": true"), "use_flow_sigmas = true"),
        (DPM.replace("\"solver_order\": 3", "\"solver_order\": 7"), "solver_order = 7"),
        (DPM.replace("-Infinity", "-Infinite"), "not valid JSON"),
        (DPM.replace("DPMSolverMultistepScheduler", "SASolverScheduler"), "SASolverScheduler"),
    ] {
        let folder = with_scheduler(&settings, dir.path());
        let done = difflab(&["import", folder.to_str().unwrap(), "run"], dir.path());
        assert!(!done.status.success() && stderr(&done).contains(named), "{named}: {}", stderr(&done));
        assert_eq!(done.status.code(), Some(2), "{named}");
        assert!(!dir.path().join("run").exists());
    }
}

#[test]
fn what_is_wrong_with_a_folder_is_the_user_s_to_mend_and_what_cannot_be_written_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let import = |from: &str, to: &str| difflab(&["import", from, to], dir.path());
    let missing = import("nope", "run");
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("there is no folder nope"), "{}", stderr(&missing));
    for (file, text, said) in [
        ("unet/config.json", "{\"layers_per_block\": \"two\"}", "layers_per_block = \"two\""),
        ("unet/config.json", "{", "not valid JSON"),
        ("unet/diffusion_pytorch_model.safetensors", "nothing", "safetensors"),
        ("scheduler/scheduler_config.json", "{\"_class_name\": 7}", "_class_name = 7"),
    ] {
        let folder = copy("uncond_default", dir.path());
        fs::write(folder.join(file), text).unwrap();
        let done = import(folder.to_str().unwrap(), "run");
        assert_eq!(done.status.code(), Some(2), "{said}: {}", stderr(&done));
        assert!(stderr(&done).contains(said), "{said}: {}", stderr(&done));
        assert!(!dir.path().join("run").exists());
    }
    let folder = copy("uncond_default", dir.path());
    fs::write(dir.path().join("file"), "").unwrap();
    let done = import(folder.to_str().unwrap(), "file/run");
    assert!(!done.status.success() && done.status.code() != Some(101), "{}", stderr(&done));
}

#[test]
fn a_scheduler_without_a_class_is_said_to_be_taken_for_ddpm() {
    let dir = tempfile::tempdir().unwrap();
    let folder = with_scheduler("{}", dir.path());
    let done = difflab(&["import", folder.to_str().unwrap(), "run"], dir.path());
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(stderr(&done).contains("it is taken for DDPMScheduler"), "{}", stderr(&done));
}

#[test]
fn unknown_keys_and_another_class_in_the_index_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = with_scheduler(r#"{"_class_name": "DDPMScheduler", "clip_sampel": false}"#, dir.path());
    let index = json!({"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "PNDMScheduler"]});
    fs::write(folder.join("model_index.json"), index.to_string()).unwrap();
    let done = difflab(&["import", folder.to_str().unwrap(), "run"], dir.path());
    let said = stderr(&done);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("clip_sampel") && said.contains("model_index.json names PNDMScheduler"), "{said}");
    assert_eq!(sample_section(&dir.path().join("run"))["sampler"].as_str(), Some("pndm"));

    let config = folder.join("unet/config.json");
    let text = fs::read_to_string(&config).unwrap().replacen('{', "{\"layer_per_block\": 3,", 1);
    fs::write(&config, text).unwrap();
    let done = difflab(&["import", folder.to_str().unwrap(), "other"], dir.path());
    assert!(stderr(&done).contains("Did you mean layers_per_block?"), "{}", stderr(&done));
}

#[test]
fn the_network_s_folder_alone_takes_the_scheduler_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = with_scheduler(r#"{"_class_name": "LMSDiscreteScheduler"}"#, dir.path());
    let done = difflab(&["import", folder.join("unet").to_str().unwrap(), "run"], dir.path());
    assert!(done.status.success() && stderr(&done).contains("around it"), "{}", stderr(&done));
    assert_eq!(sample_section(&dir.path().join("run"))["sampler"].as_str(), Some("lms"));
}

#[test]
fn what_an_export_cannot_say_to_diffusers_is_on_screen_in_its_readme_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        r#"{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "num_train_timesteps": 100}"#;
    let folder = with_scheduler(settings, dir.path());
    assert!(difflab(&["import", folder.to_str().unwrap(), "run"], dir.path()).status.success());
    let exported = difflab(&["export", "run", "out"], dir.path());
    assert!(exported.status.success(), "{}", stderr(&exported));
    let readme = fs::read_to_string(dir.path().join("out/README.md")).unwrap();
    for place in [&stderr(&exported), &readme] {
        assert!(place.contains("DDPMPipeline's own call can't sample by EulerDiscreteScheduler"), "{place}");
    }
    assert!(readme.contains("use_karras_sigmas=True") && readme.contains("init_noise_sigma"), "{readme}");
    let index = fs::read_to_string(dir.path().join("out/model_index.json")).unwrap();
    assert!(index.contains("DDIMScheduler"), "{index}");
    let again = difflab(&["import", "out", "again"], dir.path());
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(sample_section(&dir.path().join("again")), sample_section(&dir.path().join("run")));
}
