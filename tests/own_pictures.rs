//! Data without a config, with the real program: `difflab FOLDER` and `difflab FILE`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use difflab::config::Config;
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// Short and small, whatever was chosen.
const SHORT: [&str; 9] = [
    "--steps=2",
    "--set=model.block_out_channels=8",
    "--set=model.norm_num_groups=4",
    "--set=model.attention_levels=[]",
    "--set=model.mid_attention=false",
    "--set=preview.enabled=false",
    "--set=preview.save_every=0",
    "--threads=1",
    "--no-tui",
];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn picture(root: &Path, name: &str, (width, height): (u32, u32), value: u8) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([value, x as u8, y as u8])).save(path).unwrap();
}

fn difflab(root: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(root).env("HOME", root).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Trains for two steps on `word` and returns what was said, the run's config and the "ready" line.
fn trains(root: &Path, word: &str, more: &[&str]) -> (String, Config, Value) {
    let run = root.join("run");
    let _ = fs::remove_dir_all(&run);
    let output = difflab(root, &[&[word, "--run=~/run"], &SHORT[..], more].concat());
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{word}: {said}");
    let config = Config::from_toml(&fs::read_to_string(run.join("config.toml")).unwrap(), "config.toml").unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let ready = out.lines().find(|line| line.contains("\"ready\"")).unwrap().parse().unwrap();
    (said, config, ready)
}

#[test]
fn a_folder_of_pictures_is_enough_to_train_and_what_was_chosen_is_said() {
    let root = folder();
    for i in 0..30 {
        picture(root.path(), &format!("pets/cat/{i}.png"), (60 + i, 40), 7 * i as u8);
        picture(root.path(), &format!("pets/dog/{i}.jpg"), (40, 50 + i), 8 * i as u8);
    }
    fs::write(root.path().join("pets/cat/notes.txt"), "no picture").unwrap();
    fs::write(root.path().join("pets/dog/photo.heic"), "no picture").unwrap();
    // What a shell would have replaced, it replaces itself.
    let (said, config, ready) = trains(root.path(), "~/pets", &[]);
    for part in [
        "pets: 60 images in 2 classes (cat 30, dog 30)",
        "data.image_size = 32: they come in",
        "cropped to its central square",
        "model.class_conditional = true: 2 classes",
        "data.held_out = 0.05: 3 of the 60 images",
        "config.toml in the run folder",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(said.contains("left out") && said.contains(".heic"), "{said}");
    assert!(!said.contains("train.steps ="), "what the user set was not chosen: {said}");
    assert_eq!((config.data.image_size, config.data.channels, config.name.as_str()), (32, 3, "pets"));
    assert_eq!(config.data.path, root.path().join("pets").display().to_string());
    assert_eq!((config.train.steps, config.model.block_out_channels.clone()), (2, vec![8]));
    assert_eq!((ready["train_images"].as_u64(), ready["held_out_images"].as_u64()), (Some(57), Some(3)));
    let events = fs::read_to_string(root.path().join("run/events.jsonl")).unwrap();
    assert!(events.contains("they come in"), "{events}");
    // And it goes on.
    let output = difflab(root.path(), &["--resume", "run", "--steps", "3", "--no-tui"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_run_made_inside_the_data_is_no_data() {
    for names in [["cat/", "dog/"], ["", "x"]] {
        let root = folder();
        for i in 0..12 {
            names.iter().for_each(|name| picture(root.path(), &format!("pets/{name}{i}.png"), (16, 16), 9 * i as u8));
        }
        let pets = root.path().join("pets");
        let done = |args: &[&str]| {
            let output = difflab(&pets, args);
            assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
            stderr(&output) + &String::from_utf8_lossy(&output.stdout)
        };
        let short: Vec<&str> = SHORT.into_iter().filter(|arg| !arg.contains("preview")).collect();
        done(&[&["."], &short[..]].concat());
        let left_out = "left out 1 run folder of difflab's";
        let said = done(&["data", "show", ".", "--format=json"]);
        assert!(said.contains("\"images\": 24") && said.contains(left_out), "{said}");
        let said = done(&["--resume=latest", "--steps=4", "--no-tui"]);
        assert!(said.contains(left_out), "{said}");
        done(&["eval", "latest", "--metrics=vlb", "--vlb-images=1"]);
        // Another run is begun on the same data.
        let said = done(&[&[".", "--run=second"], &short[..]].concat());
        assert!(said.contains("24 images") && said.contains("left out: 1 run folder"), "{said}");
    }
}

#[test]
fn few_tiny_and_odd_pictures_are_taken_as_they_are() {
    let root = folder();
    for i in 0..3 {
        picture(root.path(), &format!("three/{i}.png"), (100, 80), 80 * i as u8);
        picture(root.path(), &format!("wide/{i}.png"), (64, 1), 80 * i as u8);
        picture(root.path(), &format!("dots/{i}.png"), (1, 1), 80 * i as u8);
        picture(root.path(), &format!("one/class/{i}.png"), (16, 16), 80 * i as u8);
        picture(root.path(), &format!("odd/{i}.png"), (30, 31), 80 * i as u8);
    }
    let shape = |ready: &Value| ready["image_shape"].to_string();
    let (said, config, ready) = trains(root.path(), "three", &[]);
    assert!(said.contains("too few to hold any out") && said.contains("3 images"), "{said}");
    assert_eq!((shape(&ready), config.train.batch_size), ("[32,32,3]".into(), 8));
    assert_eq!(ready["warnings"].to_string(), "[]");
    assert_eq!(shape(&trains(root.path(), "wide", &[]).2), "[1,64,3]");
    assert_eq!(shape(&trains(root.path(), "dots", &[]).2), "[1,1,3]");
    assert_eq!(shape(&trains(root.path(), "odd", &[]).2), "[28,28,3]");
    let (said, config, _) = trains(root.path(), "one", &["--set", "data.image_size=8"]);
    assert!(said.contains("one class tells the network nothing") && !config.model.class_conditional, "{said}");
    assert_eq!(config.data.image_size, 8);
}

#[test]
fn a_file_of_images_is_data_too_and_what_is_neither_says_so() {
    let root = folder();
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8];
    idx.extend((0..40u8).flat_map(|i| [6 * i; 64]));
    fs::write(root.path().join("digits"), idx).unwrap();
    let (said, config, ready) = trains(root.path(), "digits", &[]);
    assert!(said.contains("40 images, 8×8"), "{said}");
    assert_eq!((config.data.dataset.as_str(), ready["image_shape"].to_string()), ("idx", "[8,8,1]".to_string()));

    let refused = |args: &[&str], words: &[&str]| {
        let output = difflab(root.path(), &[args, &["--no-tui", "--run=never"]].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
        assert!(!root.path().join("never").exists(), "{args:?}");
    };
    fs::create_dir(root.path().join("empty")).unwrap();
    refused(&["empty"], &["empty", "no "]);
    refused(&["nofolder/"], &["nofolder/: there is no such file or folder"]);
    refused(
        &["~nobody2/x"],
        &["~nobody2/x: there is no such file or folder; the home folder of `nobody2` is not known"],
    );
    picture(root.path(), "single.png", (8, 8), 0);
    refused(&["single.png"], &["name the folder"]);
    refused(&["run"], &["is a run folder", "--resume run"]);
    refused(&["nowhere"], &["nowhere"]);
    for name in ["photos.npz", "t10k-images-idx3-ubyte", "none"] {
        fs::write(root.path().join(name), "").unwrap();
        refused(&[name], &[name, "it is empty"]);
    }
    refused(&["/dev/zero"], &["/dev/zero", "it is a device, not a file"]);
    refused(&["digits", "--set=data.path=single.png"], &["digits names the data", "data.path=single.png names others"]);
    refused(&["digits", "--set", "data.imagesize=8"], &["data.image_size"]);
}

#[test]
fn showing_a_folder_tells_classes_sizes_and_what_is_left_out() {
    let root = folder();
    for i in 0..4 {
        picture(root.path(), &format!("pets/cat/{i}.png"), (20 + i, 20), 0);
        picture(root.path(), &format!("pets/dog/{i}.png"), (20, 20), 0);
    }
    fs::write(root.path().join("pets/cat/notes.heic"), "no picture").unwrap();
    let output = difflab(root.path(), &["data", "show", "~/pets", "--images", "ascii"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in ["cat (4)", "dog (4)", "20×20 (5)", "23×20 (1)", ".heic"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    let output = difflab(root.path(), &["data", "show", "pets", "--format", "json"]);
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["classes"][0]["images"], 4);
    assert_eq!(facts["sizes"][0]["images"], 5);
    assert_eq!(facts["left_out"][0]["count"], 1);
}

#[test]
fn what_shows_data_counts_what_was_decoded_and_names_the_rest_by_reason() {
    let root = folder();
    picture(root.path(), "pets/whole.jpg", (96, 72), 9);
    let whole = fs::read(root.path().join("pets/whole.jpg")).unwrap();
    for share in [70, 80, 99] {
        fs::write(root.path().join(format!("pets/cut-{share}.jpg")), &whole[..whole.len() * share / 100]).unwrap();
    }
    let output = difflab(root.path(), &["data", "show", "pets", "--images", "ascii"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["images   1 of", "stored   96×72 (1)", "left out 3 files that can't be read: it is truncated"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    let output = difflab(root.path(), &["data", "show", "pets", "--format", "json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((said["images"].as_u64(), said["sizes"][0]["images"].as_u64()), (Some(1), Some(1)));
    assert_eq!(said["left_out"][0]["count"], 3);
    assert!(said["left_out"][0]["why"].as_str().unwrap().contains("truncated"), "{said}");

    for (name, bytes, part) in [
        ("trunc.bin", vec![7; 3 * 3073 - 100], "records of 3073 bytes (CIFAR-10)"),
        ("cifar-10-batches-py/data_batch_1", b"\x80\x02}q".to_vec(), "pickled"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        let word = name.split('/').next().unwrap();
        let output = difflab(root.path(), &["data", "show", word]);
        assert!(output.status.code() == Some(2) && stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn two_hundred_and_fifteen_hundred_pictures_need_no_more_than_their_path() {
    let root = folder();
    for i in 0..200 {
        picture(root.path(), &format!("photos/{i}.png"), (8, 8), i as u8);
    }
    let config = format!("[data]\ndataset = \"images\"\npath = {:?}\n", root.path().join("photos"));
    fs::write(root.path().join("own.toml"), config).unwrap();
    let (_, _, ready) = trains(root.path(), "own.toml", &["--set=train.warmup_steps=0"]);
    assert_eq!((ready["train_images"].as_u64(), ready["held_out_images"].as_u64()), (Some(190), Some(10)));
    assert_eq!(ready["warnings"].to_string(), "[]", "the defaults pass their own checks");
    for i in 200..1500 {
        fs::copy(root.path().join(format!("photos/{}.png", i % 200)), root.path().join(format!("photos/{i}.png")))
            .unwrap();
    }
    let (_, _, ready) = trains(root.path(), "own.toml", &["--set=train.warmup_steps=0"]);
    assert_eq!((ready["train_images"].as_u64(), ready["held_out_images"].as_u64()), (Some(1425), Some(75)));
}

#[test]
fn grey_pictures_stored_in_colour_are_told_by_their_pixels() {
    let root = folder();
    fs::create_dir(root.path().join("grey")).unwrap();
    for i in 0..9 {
        RgbImage::from_fn(16, 16, |x, _| Rgb([(x * 15) as u8 + i; 3]))
            .save(root.path().join(format!("grey/{i}.png")))
            .unwrap();
    }
    let (said, config, _) = trains(root.path(), "grey", &[]);
    assert!(said.contains("data.channels = 1: all of them show grey, though stored in colour"), "{said}");
    assert!(!said.contains("there is colour in them") && !said.contains("learn faster"), "{said}");
    assert_eq!(config.data.channels, 1);
    picture(root.path(), "grey/red.png", (16, 16), 200);
    let (said, config, _) = trains(root.path(), "grey", &[]);
    assert!(said.contains("data.channels = 3: there is colour in them"), "{said}");
    assert_eq!(config.data.channels, 3);
}

#[test]
fn the_classes_follow_the_labels_that_are_asked_for() {
    let root = folder();
    let array = |name: &str, shape: &str, elements: &[u8]| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let bytes =
            [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), elements].concat();
        fs::create_dir_all(root.path().join("own")).unwrap();
        fs::write(root.path().join("own").join(name), bytes).unwrap();
    };
    let images: Vec<u8> = (0..24u8).flat_map(|i| [10 * i; 64]).collect();
    array("images.npy", "(24, 8, 8)", &images);
    array("labels.npy", "(24,)", &[0; 24]);
    array("kind.npy", "(24,)", &(0..24).map(|i| i % 4).collect::<Vec<u8>>());
    let (said, config, _) = trains(root.path(), "own", &[]);
    assert!(said.contains("24 images in 1 class") && !config.model.class_conditional, "{said}");
    let (said, config, _) = trains(root.path(), "own", &["--set=data.labels=kind"]);
    assert!(said.contains("24 images in 4 classes"), "{said}");
    assert!(config.model.class_conditional && config.data.labels == "kind");
}
