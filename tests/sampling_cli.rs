//! `sample`, `eval` and `study` on a real run: what is asked wrongly, what comes out wrongly, and pictures made into
//! noise and back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

/// A run of digits, trained once for all tests: small, but it knows digits from noise.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let train = ["mnist-quick", "--no-tui", "--threads", "2", "--steps", "120", "--run", "run"];
        let set = ["preview.enabled=false", "data.held_out=40", "train.warmup_steps=10"];
        place.succeeds(&[&train[..], &set.map(|set| ["--set", set]).concat()].concat());
        // A digit as a person brings it along.
        let data = difflab::data::load(&difflab::data::locate("mnist-10k").unwrap()).unwrap();
        let nine = data.labels.iter().position(|&label| label == 9).unwrap();
        let bytes = data.gather(&[nine], None).iter().map(|v| ((v + 1.0) * 127.5).round() as u8).collect();
        image::GrayImage::from_raw(28, 28, bytes).unwrap().save(place.path("nine.png")).unwrap();
        place
    })
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn difflab(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        // Whoever debugs Rust programs has this set.
        command.env("RUST_BACKTRACE", "1").env_remove("RUST_LIB_BACKTRACE");
        command.current_dir(self.folder.path()).args(args).output().unwrap()
    }

    fn succeeds(&self, args: &[&str]) -> (String, String) {
        let output = self.difflab(args);
        let (out, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        (out, said)
    }

    /// Expects this exit code and plain words; returns them.
    fn fails(&self, args: &[&str], code: i32) -> String {
        let output = self.difflab(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert_plain(&said);
        said
    }

    fn words(&self, line: &str) -> (String, String) {
        self.succeeds(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn refusal(&self, line: &str, code: i32) -> String {
        self.fails(&line.split_whitespace().collect::<Vec<_>>(), code)
    }

    fn tensor(&self, file: &str, name: &str) -> Tensor {
        candle_core::safetensors::load(self.path(file), &Device::Cpu).unwrap()[name].clone()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sentences, and no backtrace, type of Rust, or number of the system.
fn assert_plain(said: &str) {
    for jargon in
        ["panicked", "backtrace", "stack", "ChunkType", "shape mismatch", "os error", "invalid digit", "src/", "::"]
    {
        assert!(!said.contains(jargon), "{jargon} in: {said}");
    }
    assert!(!said.trim().is_empty() && said.lines().count() <= 12, "{said}");
}

fn rms(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt()
}

fn nine(place: &Place) -> Tensor {
    let pixels = image::open(place.path("nine.png")).unwrap().into_luma8().into_raw();
    let pixels: Vec<f32> = pixels.into_iter().map(|byte| f32::from(byte) / 127.5 - 1.0).collect();
    Tensor::from_vec(pixels, (1, 1, 28, 28), &Device::Cpu).unwrap()
}

#[test]
fn a_picture_becomes_noise_and_the_noise_the_picture_again() {
    let place = place();
    // As the README has it; the run's own settings have guidance, clamping and each class in turn.
    let invert = "sample run -q --threads 2 --invert nine.png --out";
    for (invert_with, sample_with) in [
        ("--class 9", ""),
        ("--class 9", "--class 9"),
        ("", ""),
        ("--class none", "--class none"),
        ("--class 9 --steps 40", ""),
        ("--class 9 --guidance-scale 1", ""),
        ("--class 9 --guidance-scale 1 --set sample.guidance_interval=[0.0,0.6]", ""),
    ] {
        place.words(&format!("{invert} noise.safetensors {invert_with}"));
        let sample = "sample run -q --threads 2 --noise noise.safetensors --out again.safetensors";
        let (_, said) = place.words(&format!("{sample} {sample_with}"));
        assert!(said.contains("found by --invert; using its settings (ddim"), "{said}");
        let off = rms(&place.tensor("again.safetensors", "samples"), &nine(place));
        assert!(off < 0.05, "{invert_with}: off by {off}");
    }
    // A flag overrules what the noise was found with.
    let (_, said) = place.words("sample run --images ascii --noise noise.safetensors --class 4 --out four.safetensors");
    assert!(said.contains("unless a flag says otherwise"), "{said}");
    let off = rms(&place.tensor("four.safetensors", "samples"), &place.tensor("again.safetensors", "samples"));
    assert!(off > 0.02, "another class is another picture, even for this little trained network: {off}");
}

#[test]
fn the_null_class_can_be_asked_for() {
    let place = place();
    let sample = "sample run -q --threads 1 --num 2 --steps 3 --seed 5 --out";
    place.words(&format!("{sample} none.safetensors --class none"));
    place.words(&format!("{sample} one.safetensors --class 1 --guidance-scale 0"));
    let off = rms(&place.tensor("none.safetensors", "samples"), &place.tensor("one.safetensors", "samples"));
    assert!(off > 0.01, "no class is another question than class 1: {off}");
    // w = −1 in (1 + w)·ε_cond − w·ε_uncond is the unconditional model, whatever the class.
    place.words(&format!("{sample} minus.safetensors --class 1 --guidance-scale -1"));
    let off = rms(&place.tensor("none.safetensors", "samples"), &place.tensor("minus.safetensors", "samples"));
    assert!(off < 1e-4, "{off}");
    let (shown, _) = place.words("sample run --images ascii --num 1 --steps 2 --class none --threads 1");
    assert!(shown.contains("of no class"), "{shown}");
    let said = place.refusal("sample run -q --class none --guidance-scale 2", 2);
    assert!(said.contains("no class to guide towards"), "{said}");
    place.words("sample run -q --num 1 --steps 2 --class 3 --negative-class none --guidance-scale 1 --threads 1");
    place.words("sample run -q --num 1 --steps 2 --set sample.negative_class=none --threads 1");
}

#[test]
fn samples_that_hold_nan_are_no_success_and_are_not_written() {
    let place = place();
    std::fs::write(place.path("old.png"), "as it was").unwrap();
    let broken = "--guidance-scale 1e30 --set sample.clip_sample=false --steps 6 --threads 1";
    for out in ["", "--out old.png", "--trajectory old.gif"] {
        let said = place.refusal(&format!("sample run --num 3 --images ascii {broken} {out}"), 1);
        assert!(said.contains("all 3 samples hold NaN or infinite values, since t = "), "{said}");
        assert!(said.contains("nothing was shown or written") && said.contains("--guidance-scale"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(place.path("old.png")).unwrap(), "as it was");
    assert!(!place.path("old.gif").exists());

    let eval =
        "eval run --metrics vlb,fid,accuracy --vlb-images 8 --num 20 --steps 6 --guidance-scale 1e38 --threads 1";
    let output = place.difflab(&format!("{eval} --format json").split_whitespace().collect::<Vec<_>>());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(report["vlb"]["total"]["mean"].is_f64() && report["judge_fid"].is_null());
    assert!(report["skipped"]["fid"].as_str().unwrap().contains("NaN"), "{report}");
    assert!(text(&output.stderr).contains("20 samples hold NaN"), "{}", text(&output.stderr));

    let study = "study guidance run --out guided --num 10 --steps 6 --scales 0,1e38 --threads 1";
    let said = place.refusal(study, 1);
    assert!(said.contains("1 of 2 measurements have no samples"), "{said}");
    let table = std::fs::read_to_string(place.path("guided/guidance.md")).unwrap();
    assert!(table.contains("| NaN |") && table.contains("![samples at w = 0]"), "{table}");
    // What was measured is kept with the reason.
    assert!(place.refusal(study, 1).contains("1 of 2 measurements"));
}

#[test]
fn flags_that_mean_nothing_are_refused_or_said_to() {
    let place = place();
    image::GrayImage::from_fn(28, 28, |x, _| image::Luma([if x < 7 { 255 } else { 0 }]))
        .save(place.path("mask.png"))
        .unwrap();
    let inpaint = "sample run -q --inpaint nine.png --mask mask.png --num 1 --steps 4 --jumps 1 --threads 1";
    for (line, words) in [
        (format!("{inpaint} --strength 0.5"), "--strength belongs to --sdedit"),
        ("sample run -q --strength 0.5".into(), "--strength belongs to --sdedit"),
        ("sample run -q --sdedit nine.png --mask mask.png".into(), "--mask belongs to --inpaint"),
        ("sample run -q --sdedit nine.png --jumps 3".into(), "--jumps belongs to --inpaint"),
        ("sample run -q --sdedit nine.png --strength nan".into(), "a finite number is needed"),
        ("sample run -q --sdedit nine.png --strength -0.5".into(), "above 0"),
    ] {
        let said = place.refusal(&line, 2);
        assert!(said.contains(words), "{line}: {said}");
    }
    let (_, said) = place.words(inpaint);
    assert!(said.contains("25.0 % of the pixels are new") && !said.contains("has no effect"), "{said}");
    let (_, said) = place.words(&format!("{inpaint} --jump-length 2"));
    assert!(said.contains("--jump-length has no effect with --jumps 1"), "{said}");
    for (flags, words) in [
        ("--eta 0.5 --sampler euler", "--eta has no effect here: it is for sampler ddim"),
        ("--rho 5", "--rho has no effect here: it is for spacing karras"),
        ("--s-churn 3", "--s-churn has no effect here: it is for sampler edm"),
        ("--guidance-scale 0 --guidance-rescale 0.5", "--guidance-rescale has no effect here: it is for guidance"),
        ("--sampler pf_ode --spacing karras", "--spacing has no effect here: it is for samplers that do not choose"),
        ("--set sample.num=7", "sample.num is left out: --num takes its place"),
        ("--class none --set sample.guidance_scale=2", "sample.guidance_scale is left out: there is no class"),
        ("--sampler euler --set diffusion.variance_type=fixed_large", "variance_type has no effect here: it is for"),
    ] {
        let (_, said) = place.words(&format!("sample run -q --num 1 --steps 2 --threads 1 {flags}"));
        assert!(said.contains(words), "{flags}: {said}");
    }
    // Of what is set and used, or the run's own, not a word.
    for flags in ["", "--eta 0.5", "--eta 0 --sampler euler", "--sampler lms --set sample.solver_order=4"] {
        let (_, said) = place.words(&format!("sample run -q --num 1 --steps 5 --threads 1 {flags}"));
        assert!(!said.contains("no effect") && !said.contains("left out"), "{flags}: {said}");
    }
}

#[test]
fn every_key_that_the_sampler_passes_over_is_named() {
    let place = place();
    let keys = [
        "rtol=0.5",
        "atol=0.5",
        "corrector_snr=0.9",
        "corrector_steps=5",
        "eta=0.5",
        "rho=3",
        "s_churn=4",
        "s_tmin=1",
        "s_tmax=1",
        "s_noise=2",
        "steps_offset=1",
        "clip_sample=true",
        "thresholding=true",
        "set_alpha_to_one=false",
        "equal_strides=true",
        "solver_order=2",
    ];
    let set: Vec<String> = keys.iter().map(|key| format!("--set sample.{key}")).collect();
    let line = "sample run -q --num 1 --steps 2 --threads 1 --sampler euler";
    let output = place.difflab(&format!("{line} {}", set.join(" ")).split_whitespace().collect::<Vec<_>>());
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    for key in keys {
        let key = key.split('=').next().unwrap();
        assert_eq!(said.matches(&format!("sample.{key} has no effect here")).count(), 1, "{key}: {said}");
    }
}

#[test]
fn a_seed_that_nothing_is_drawn_with_is_said_to_be_one() {
    let place = place();
    let noise = Tensor::zeros((1, 1, 28, 28), candle_core::DType::F32, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("noise", noise)]), place.path("zeros.safetensors")).unwrap();
    let given = "sample run -q --steps 3 --threads 1 --noise zeros.safetensors --seed 5";
    assert!(place.words(given).1.contains("--seed has no effect here"));
    let invert = "sample run -q --steps 3 --threads 1 --invert nine.png --seed 5";
    assert!(place.words(invert).1.contains("--seed has no effect here"));
    for flags in ["--sampler ddpm", "--eta 0.5"] {
        assert!(!place.words(&format!("{given} {flags}")).1.contains("--seed"), "{flags}");
    }
    assert!(!place.words("sample run -q --steps 3 --threads 1 --num 1 --seed 5").1.contains("--seed"));
}

#[test]
fn flags_of_other_measurements_are_named_and_what_no_image_drew_is_not_measured() {
    let place = place();
    let line = "eval run --metrics vlb --vlb-images 4 --num 5 --steps 3 --sampler heun --guidance-scale 7 --nll-images 3 \
                --tolerance 0.01 --threads 2";
    let (table, said) = place.words(line);
    for flag in ["--num", "--steps", "--sampler", "--guidance-scale", "--nll-images", "--tolerance"] {
        assert!(said.contains(&format!("{flag} has no effect here: it is for")), "{flag}: {said}");
    }
    assert!(!said.contains("--vlb-images has"), "{said}");
    assert!(table.contains("not measured") && !table.contains(" 0.0000 \n"), "{table}");
    assert!(said.contains("4 images drew no t in ") && said.contains("--vlb-images 512"), "{said}");
    let (json, _) = place.words("eval run --metrics vlb --vlb-images 4 --threads 2 --format json");
    let report: Value = serde_json::from_str(&json).unwrap();
    let terms = report["vlb"]["bounds"][0]["terms"].as_array().unwrap();
    assert!(terms.iter().any(|term| term["sum"].is_null()) && terms.iter().any(|term| term["sum"].is_f64()), "{json}");
    let (table, said) = place.words("eval run --metrics vlb --vlb-images 512 --threads 2");
    assert!(!table.contains("not measured") && !said.contains("drew no t"), "{table}{said}");
}

#[test]
fn timesteps_above_the_strength_are_said_to_be_left_out() {
    let place = place();
    let edit =
        "sample run -q --sdedit nine.png --strength 0.3 --num 1 --threads 1 --out edited.safetensors --timesteps";
    let (_, said) = place.words(&format!("{edit} 900,500,200"));
    assert!(said.contains("--timesteps: --strength 0.3 begins at t = 299; left out, because"), "{said}");
    assert!(said.contains("not below that: 900, 500\n"), "{said}");
    let refused = place.refusal(&format!("{edit} 900,800"), 2);
    assert!(refused.contains("--timesteps 900,800: --strength 0.3 begins at t = 299"), "{refused}");
    assert!(!place.words(&format!("{edit} 200,100")).1.contains("left out"));
}

#[test]
fn one_sample_is_a_picture_that_comes_back_and_several_are_a_sheet() {
    let place = place();
    place.words("sample run -q --class 4 --num 1 --steps 3 --threads 1 --out one.png");
    place.words("sample run -q --class 4 --num 1 --steps 3 --threads 1 --out one.safetensors");
    let written = image::open(place.path("one.png")).unwrap().into_luma8();
    assert_eq!(written.dimensions(), (336, 336), "twelve times 28, without a frame");
    // At next to no strength and in one step nothing but the reading counts.
    let samples = place.tensor("one.safetensors", "samples").flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (i, value) in samples.iter().enumerate() {
        let byte = ((value + 1.0) * 127.5).round() as u8;
        assert_eq!(written.get_pixel(12 * (i as u32 % 28) + 5, 12 * (i as u32 / 28) + 7).0, [byte]);
    }
    image::GrayImage::from_fn(28, 28, |x, y| *written.get_pixel(12 * x, 12 * y)).save(place.path("small.png")).unwrap();
    let edit = "sample run -q --strength 0.5 --num 1 --steps 3 --threads 1 --seed 1 --out edited.safetensors --sdedit";
    let edited = |name: &str| {
        place.words(&format!("{edit} {name}"));
        place.tensor("edited.safetensors", "samples")
    };
    assert_eq!(rms(&edited("one.png"), &edited("small.png")), 0.0);
    // An edited sample is written alone, too, and can be edited again.
    place.words("sample run -q --sdedit one.png --num 1 --steps 3 --threads 1 --out again.png");
    assert_eq!(image::image_dimensions(place.path("again.png")).unwrap(), (336, 336));
    place.words("sample run -q --sdedit again.png --num 1 --steps 3 --threads 1");

    place.words("sample run -q --num 4 --steps 3 --threads 1 --out four.png");
    let mask = "--mask nine.png";
    for edit in ["--sdedit four.png".to_string(), format!("--inpaint four.png {mask}"), "--invert four.png".into()] {
        let said = place.refusal(&format!("sample run -q --steps 3 --threads 1 {edit}"), 2);
        assert!(said.contains("four.png: difflab wrote it as a grid of 4 samples"), "{said}");
    }
}

#[test]
fn where_a_grey_mask_was_cut_and_what_a_film_leaves_out_is_said() {
    let place = place();
    let inpaint = "sample run -q --inpaint nine.png --num 1 --steps 3 --threads 1 --out filled.safetensors --mask";
    image::GrayImage::from_pixel(28, 28, image::Luma([128])).save(place.path("grey.png")).unwrap();
    let (_, said) = place.words(&format!("{inpaint} grey.png"));
    assert!(said.contains("every pixel is new") && said.contains("100.0 % of the mask is neither"), "{said}");
    image::GrayImage::from_fn(28, 28, |x, _| image::Luma([(9 * x) as u8])).save(place.path("ramp.png")).unwrap();
    let (_, said) = place.words(&format!("{inpaint} ramp.png"));
    assert!(said.contains("cut at level 128 of 255") && !said.contains("what is white"), "{said}");
    let film = "sample run -q --num 1 --threads 1 --trajectory";
    assert!(
        place.words(&format!("{film} long.gif --steps 90")).1.contains("long.gif (61 of 91 frames, evenly spread)")
    );
    assert!(place.words(&format!("{film} strip.png --steps 90")).1.contains("strip.png (11 of 91 moments"));
    assert!(place.words(&format!("{film} short.gif --steps 5")).1.contains("wrote short.gif\n"));
}

#[test]
fn what_an_edit_leaves_out_of_what_was_asked_is_said() {
    let place = place();
    let white = |name: &str, (w, h): (u32, u32)| {
        image::GrayImage::from_fn(w, h, |x, _| image::Luma([if x < w / 2 { 255 } else { 0 }]))
            .save(place.path(name))
            .unwrap();
    };
    white("half.png", (28, 28));
    white("wide.png", (56, 28));
    let inpaint = "sample run --inpaint nine.png --num 1 --quiet --out filled.safetensors";
    let refused = place.refusal(&format!("{inpaint} --mask half.png --steps 8 --jumps 5"), 2);
    assert!(refused.contains("a jump goes back 10") && refused.contains("--jump-length"), "{refused}");
    // Nobody has asked for jumps: done without, and said.
    let (_, said) = place.words(&format!("{inpaint} --mask half.png --steps 8"));
    assert!(said.contains("no stretch of 8 steps is walked again"), "{said}");
    let (_, said) = place.words(&format!("{inpaint} --mask half.png --steps 8 --jump-length 3"));
    assert!(!said.contains("walked again"), "{said}");
    let (_, said) = place.words(&format!("{inpaint} --mask wide.png --steps 8 --jumps 1"));
    assert!(said.contains("56×28 and the picture 28×28") && said.contains("of another shape"), "{said}");
    let (_, said) = place.words("sample run --sdedit wide.png --steps 3 --quiet --out edited.safetensors");
    assert!(said.contains("of 56×28 pixels the middle 28×28 are kept"), "{said}");

    let edit = "sample run --sdedit nine.png --steps 3 --quiet --out edited.safetensors --strength";
    let (_, said) = place.words(&format!("{edit} 0.0001"));
    assert!(said.contains("--strength begins at 0.0010"), "{said}");
    assert!(!place.words(&format!("{edit} 0.5")).1.contains("--strength"));

    let invert = "sample run --invert nine.png --steps 3 --quiet --out noise.safetensors --set";
    let (_, said) = place.words(&format!("{invert} sample.clip_sample=true"));
    assert!(said.contains("sample.clip_sample") && said.contains("left out"), "{said}");
    assert!(!place.words(&format!("{invert} sample.rho=5")).1.contains("left out"));

    let same = place.refusal("sample run --num 1 --steps 2 --out one.png --trajectory ./one.png", 2);
    assert!(same.contains("a name of its own"), "{same}");
    // What no number of samples cures is said first, and a sampler that can't walk is a wrong argument everywhere.
    assert!(place.refusal("eval run --metrics fid --num 4 --sampler flow_euler", 2).contains("--sampler"));
    assert!(place.refusal("data show digits-8x8 --out digits.jpg", 2).contains(".png"));
}

#[test]
fn masks_on_transparent_ground_are_read_as_they_were_painted() {
    let place = place();
    let clear = image::Rgba([0, 0, 0, 0]);
    for (name, paint) in [("white", [255; 4]), ("black", [0, 0, 0, 255])] {
        let mask = image::RgbaImage::from_fn(28, 28, |x, _| if x < 14 { image::Rgba(paint) } else { clear });
        mask.save(place.path("mask-rgba.png")).unwrap();
        let out = format!("{name}.safetensors");
        let inpaint = "sample run -q --inpaint nine.png --mask mask-rgba.png --num 1 --steps 4 --jumps 1 --threads 1";
        let (_, said) = place.words(&format!("{inpaint} --class 9 --out {out}"));
        assert!(said.contains("50.0 % of the pixels are new") && said.contains("transparent ground is kept"), "{said}");
        let (made, given) = (place.tensor(&out, "samples"), nine(place));
        let right = |x: &Tensor| x.narrow(3, 14, 14).unwrap();
        assert!(rms(&right(&made), &right(&given)) < 1e-6, "the right half is kept");
        assert!(rms(&made, &given) > 1e-3, "the left half is new");
    }
}

#[test]
fn what_cannot_be_asked_of_a_run_is_told_in_a_sentence_with_code_2() {
    let place = place();
    std::fs::create_dir_all(place.path("folder.png")).unwrap();
    std::fs::write(place.path("torn.png"), &std::fs::read(place.path("nine.png")).unwrap()[..60]).unwrap();
    std::fs::write(place.path("notes.safetensors"), "not tensors").unwrap();
    let wrong = Tensor::zeros((1, 1, 27, 28), candle_core::DType::F32, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("noise", wrong)]), place.path("wrong.safetensors")).unwrap();
    for (line, words) in [
        ("sample nowhere", "no run \"nowhere\""),
        ("sample folder.png", "not a run folder"),
        ("sample run --checkpoint 7", "run has no checkpoint of step 7; there are: "),
        ("sample run --num 0", "nothing to sample"),
        ("sample run --num -1", "a whole number is needed"),
        ("sample run --num 1000000000", "GiB of memory"),
        ("sample run --steps 0", "use 1 to 1000 steps"),
        ("sample run --steps 1001", "use 1 to 1000 steps"),
        ("sample run --seed -1", "a whole number is needed"),
        ("sample run --eta 2", "between 0 and 1"),
        ("sample run --eta -1", "between 0 and 1"),
        ("sample run --guidance-scale nan", "a finite number is needed"),
        ("sample run --guidance-scale inf", "a finite number is needed"),
        ("sample run --guidance-rescale -0.5", "between 0 and 1"),
        ("sample run --guidance-interval 0.5", "two numbers"),
        ("sample run --class horse", "classes 0 to 9"),
        ("sample run --class 10", "classes 0 to 9"),
        ("sample run --class -1", "classes 0 to 9"),
        ("sample run --sampler plms", "there is no"),
        ("sample run --out folder.png", "it is a folder"),
        ("sample run --out nowhere/x.png", "there is no folder nowhere"),
        ("sample run --out x.jpg", "must end in .png"),
        ("sample run --sdedit torn.png", "torn.png"),
        ("sample run --invert nowhere.png", "nowhere.png"),
        ("sample run --noise notes.safetensors", "not a safetensors file"),
        ("sample run --noise /dev/zero", "it is a device, not a file"),
        ("sample run --sdedit /dev/zero", "it is a device, not a file"),
        ("import /dev/zero imported-device", "/dev/zero"),
        ("sample run --noise wrong.safetensors", "this run needs [N, 1, 28, 28]"),
        ("sample run --timesteps 10,20", "fall"),
        ("sample run --set sample.nonsense=1", "unknown key"),
        ("sample run --set train.steps=3", "e.g. --set sample.eta=0.5"),
        ("sample run --set sample.eta", "e.g. --set sample.eta=0.5"),
        ("sample run --set diffusion.shift=0", "diffusion.shift moves the levels of path flow"),
        ("sample run --out /proc/x.png", "/proc"),
        ("schedule --plot /proc/s.png", "/proc"),
        ("eval run --set train.steps=3", "e.g. --set data.path=IMAGES"),
        ("eval run --metrics vlb --set data.dataset=images --set data.path=nowhere", "vlb: its data can't be loaded"),
        ("eval run --steps 1001", "use 1 to 1000 steps"),
        ("eval run --num 0", "0 is not possible"),
        ("eval run --tolerance nan", "a finite number is needed"),
        ("eval run --metrics energy_distance", "compares points"),
        ("eval run --metrics fid --num 1", "at least two samples"),
        ("eval run --metrics pr --num 3", "at least 4 samples"),
        ("eval run --metrics diversity --num 10", "--num 20 or more"),
        ("study steps run --steps 0 --out s", "use 1 to 1000 steps"),
        ("study guidance run --scales nan --out s", "a finite number is needed"),
        ("study steps run --out nine.png", "nine.png"),
        ("compare run nowhere", "no run \"nowhere\""),
        ("compare run run --plot nowhere/x.png", "there is no folder nowhere"),
        ("schedule --plot folder.png", "it is a folder"),
        ("schedule --at 0", "1 to T = 1000"),
        ("schedule --beta-end inf", "a finite number is needed"),
        ("export run nine.png", "nine.png"),
        ("doctor nowhere", "no run \"nowhere\""),
        ("--resume nowhere --no-tui", "no run \"nowhere\""),
        ("mnist-quick --no-tui --run nine.png", "nine.png"),
        ("mnist-quick --no-tui --threads -1", "a whole number is needed"),
    ] {
        let said = place.refusal(line, 2);
        assert!(said.contains(words), "{line}: `{words}` is missing in: {said}");
    }
}

#[test]
fn sampling_in_bf16_is_a_little_off_the_same_by_flag_and_key_and_said_to_be_slow_where_it_is() {
    use difflab::config::{NetworkKind, Precision, PrecisionChoice};
    use difflab::kernels::precision::{obstacle, slowness, taken};
    let place = place();
    let asked = "sample run --num 4 --steps 10 --quiet --out";
    if obstacle(Precision::Bf16, &Device::Cpu).is_some() {
        let said = place.refusal(&format!("{asked} none.safetensors --precision bf16"), 2);
        assert!(said.contains("sample.precision"), "{said}");
        return;
    }
    place.words(&format!("{asked} f32.safetensors"));
    let (_, said) = place.words(&format!("{asked} flag.safetensors --precision bf16"));
    assert_eq!(said.contains("slower than f32"), slowness("sample.precision", Precision::Bf16).is_some(), "{said}");
    place.words(&format!("{asked} key.safetensors --set sample.precision=bf16"));
    let of = |name: &str| place.tensor(name, "samples");
    let (full, flag, key) = (of("f32.safetensors"), of("flag.safetensors"), of("key.safetensors"));
    assert_eq!(rms(&flag, &key), 0.0);
    let off = rms(&full, &flag);
    assert!(off > 0.0 && off < 0.05, "{off}");
    place.words(&format!("{asked} auto.safetensors --precision auto"));
    let faster =
        if taken(PrecisionChoice::Auto, NetworkKind::Unet, &Device::Cpu) == Precision::Bf16 { &flag } else { &full };
    assert_eq!(rms(&of("auto.safetensors"), faster), 0.0);
    let measured = "eval run --metrics accuracy --num 20 --steps 5 --format json";
    for precision in ["bf16", "auto"] {
        assert!(place.words(&format!("{measured} --precision {precision}")).0.contains("class_accuracy"));
    }
    let said = place.refusal(&format!("{asked} none.safetensors --precision f16"), 2);
    assert!(["f32", "bf16", "auto"].iter().all(|name| said.contains(name)), "{said}");
}

#[test]
fn steps_of_a_schedule_count_from_the_end_too() {
    let (printed, _) = place().words("schedule linear --at -1,1 --format json");
    let value: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(value["linear"]["step"], serde_json::json!([1000, 1]));
}

#[test]
fn few_samples_are_measured_as_far_as_they_go() {
    let place = place();
    let (printed, said) =
        place.words("eval run --metrics fid,pr,diversity,accuracy --num 3 --steps 4 --threads 2 --format json");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert!(report["judge_fid"]["mean"].is_f64() && report["accuracy"]["mean"].is_f64());
    for (key, metric, why) in [("precision", "pr", "nearest neighbours"), ("diversity", "diversity", "two samples")] {
        assert!(report[key].is_null(), "{report}");
        assert!(report["skipped"][metric].as_str().unwrap().contains(why), "{report}");
    }
    assert!(said.contains("warning: the judge-FID of 3 samples says little"), "{said}");
    assert!(report["warnings"][0].as_str().unwrap().contains("3 samples"));
    let (table, _) = place.words("eval run --metrics fid,pr --num 3 --steps 4 --threads 2");
    assert!(table.contains("precision        not measurable") && table.contains("pr: not measurable:"), "{table}");
    assert!(!table.contains("0.000"), "{table}");
    // More samples than the run held images out.
    let (_, said) = place.words("eval run --metrics fid --num 60 --steps 2 --threads 2");
    assert!(said.contains("held only 40 images out"), "{said}");
}

#[test]
fn a_run_of_few_timesteps_is_measured_with_as_many() {
    let place = place();
    let train = ["mnist-quick", "--no-tui", "--threads", "2", "--steps", "2", "--run", "short"];
    let set = [
        "diffusion.timesteps=10",
        "train.timestep_bins=5",
        "sample.steps=5",
        "preview.steps=5",
        "preview.enabled=false",
        "data.held_out=0",
    ];
    place.succeeds(&[&train[..], &set.map(|set| ["--set", set]).concat()].concat());
    let (printed, said) =
        place.words("eval short --num 20 --vlb-images 8 --nll-images 1 --tolerance 0.1 --threads 2 --format json");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["steps"], 10, "{said}");
    assert!(report["vlb"]["total"]["mean"].is_f64() && report["judge_fid"]["mean"].is_f64(), "{printed}");
    assert!(report["judge_fid"]["floor"].is_null(), "nothing was held out");
    let (_, said) = place.words("sample short -q --num 1 --threads 1");
    assert!(!said.contains("panicked"), "{said}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).unwrap() }
    }
}

/// A copy of the run whose newest checkpoint has one NaN among its weights, and the checksums of that.
fn broken_run(place: &Place) {
    const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";
    copy(&place.path("run"), &place.path("broken"));
    let checkpoint = place.path("broken/checkpoints/step-00000120");
    let mut tensors = candle_core::safetensors::load(checkpoint.join(WEIGHTS), &Device::Cpu).unwrap();
    let mut bias = tensors["conv_in.bias"].to_vec1::<f32>().unwrap();
    bias[0] = f32::NAN;
    tensors.insert("conv_in.bias".into(), Tensor::from_slice(&bias, bias.len(), &Device::Cpu).unwrap());
    candle_core::safetensors::save(&tensors, checkpoint.join(WEIGHTS)).unwrap();
    let sums = checkpoint.join("difflab/checksums.sha256");
    let sum = Sha256::digest(std::fs::read(checkpoint.join(WEIGHTS)).unwrap());
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = std::fs::read_to_string(&sums).unwrap();
    let lines = text.lines().map(|line| match line.ends_with(WEIGHTS) {
        true => format!("{sum}{}\n", &line[64..]),
        false => format!("{line}\n"),
    });
    std::fs::write(&sums, lines.collect::<String>()).unwrap();
}

#[test]
fn a_network_with_nan_weights_is_said_to_be_one_everywhere() {
    let place = place();
    broken_run(place);
    let weight = "conv_in.bias (1 NaN and 0 infinite of ";
    for line in [
        "doctor broken",
        "sample broken --num 2 --steps 3 --images ascii --threads 1",
        "sample broken --num 1 --steps 3 --invert nine.png --threads 1",
        "eval broken --metrics accuracy --num 4 --steps 3 --threads 1",
        "study guidance broken --out study-broken --num 4 --steps 3 --scales 0 --threads 1",
    ] {
        let said = place.refusal(line, 1);
        assert!(said.contains("outputs are NaN") && said.contains(weight), "{line}: {said}");
        assert!(!said.contains("--steps") && !said.contains("hardly uses t"), "{line}: {said}");
    }
    let output = place.difflab(&["doctor", "broken", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(report["time_use"]["verdict"].as_str().unwrap().contains("NaN"), "{report}");
    let (_, said) = place.words("export broken exported-broken");
    let readme = std::fs::read_to_string(place.path("exported-broken/README.md")).unwrap();
    assert!(said.contains(weight) && readme.contains(weight), "{said}\n{readme}");
    place.words("doctor run");
}

#[test]
fn an_imported_run_is_measured_once_its_data_are_named() {
    let place = place();
    place.words("export run exported-run");
    place.words("import exported-run imported");
    let said = place.refusal("eval imported --metrics vlb,nll,fid", 2);
    for metric in ["vlb", "nll", "fid"] {
        let line = format!("\n  {metric}: the run was imported and has no data: name them with --set data.path=IMAGES");
        assert!(said.contains(&line), "{said}");
    }
    std::fs::create_dir_all(place.path("pictures/9")).unwrap();
    std::fs::copy(place.path("nine.png"), place.path("pictures/9/nine.png")).unwrap();
    for set in ["data.path=pictures", "data.dataset=mnist-10k"] {
        let (table, _) = place.words(&format!("eval imported --metrics vlb --vlb-images 2 --threads 2 --set {set}"));
        assert!(table.contains("bits/dim"), "{table}");
    }
    let said = place.refusal("import exported-run run", 2);
    assert!(said.contains("name another folder") && !said.contains("--run"), "{said}");
}

#[test]
fn checkpoints_that_are_gone_are_not_said_never_to_have_been() {
    let place = place();
    copy(&place.path("run"), &place.path("bare"));
    std::fs::remove_dir_all(place.path("bare/checkpoints")).unwrap();
    // Weights that the history of learning keeps would do.
    std::fs::remove_dir_all(place.path("bare/history")).unwrap();
    for (state, line) in [("is missing", "sample bare"), ("is missing", "sample bare --checkpoint 5")] {
        let said = place.refusal(line, 2);
        assert!(said.contains(&format!("checkpoints/ {state}")) && !said.contains("it stopped"), "{said}");
    }
    std::fs::create_dir(place.path("bare/checkpoints")).unwrap();
    let said = place.refusal("eval bare", 2);
    assert!(said.contains("checkpoints/ is empty"), "{said}");
}

#[test]
fn what_messages_advise_is_accepted_and_sdedit_is_not_warned_of_levels_it_leaves_out() {
    let place = place();
    place.words("sample run -q --num 1 --steps 2 --threads 1 --sampler ddim --set sample.eta=0.5");
    for sampler in ["heun", "edm", "pndm"] {
        let sdedit = format!("sample run -q --sdedit nine.png --strength 0.01 --num 1 --steps 10 --sampler {sampler}");
        let (_, said) = place.words(&format!("{sdedit} --threads 1"));
        assert!(!said.contains("times as wide"), "{said}");
    }
}
