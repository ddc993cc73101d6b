//! What a run that goes on says of its past, and what it leaves alone.

use std::time::Duration;

use crate::place::{Place, said, signal, steps, wait_for, wait_for_line};

#[test]
fn a_resume_that_is_stopped_while_it_loads_leaves_the_run_as_it_was() {
    let place = Place::new();
    let data = ["--set", "data.dataset=images", "--set", "data.path=pictures", "--set", "data.image_size=8"];
    let plain = ["--set", "model.class_conditional=false", "--set", "data.held_out=1", "--run", "run"];
    std::fs::create_dir(place.path("pictures")).unwrap();
    for i in 0..20 {
        let file = place.path("pictures").join(format!("a{i}.png"));
        image::RgbImage::from_pixel(8, 8, image::Rgb([i * 10, 0, 0])).save(file).unwrap();
    }
    let output = place.train(&[&["tiny.toml"], &data[..], &plain].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    place.slow_pictures("pictures");
    let before = place.contents("run");
    let mut child = place.train(&["--resume", "run", "--steps", "20"]).spawn().unwrap();
    wait_for_line(&mut child, "starting");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("as it was"), "{}", said(&output));
    assert!(place.contents("run") == before, "something has changed");
}

#[test]
fn fewer_steps_than_are_done_are_refused_and_nothing_changes() {
    let place = Place::new();
    assert!(place.train(&["tiny.toml", "--run", "run"]).output().unwrap().status.success());
    let before = place.contents("run");
    let output = place.train(&["--resume", "run", "--steps", "7", "--set", "train.log_every=3"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let words = said(&output);
    assert!(words.contains("12 steps") && words.contains("7") && words.contains("nothing was changed"), "{words}");
    assert!(place.contents("run") == before, "something has changed");
}

#[test]
fn a_run_keeps_its_bits_on_another_number_of_threads() {
    let place = Place::new();
    let run = |args: &[&str]| {
        let output = place.difflab(args).args(["--no-tui", "--log", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let bits = |run: &str| {
        let checkpoint = place.path(run).join("checkpoints/step-00000016");
        let files = ["difflab/weights.safetensors", "difflab/optimizer.safetensors"];
        files.map(|file| std::fs::read(checkpoint.join(file)).unwrap())
    };
    run(&["tiny.toml", "--run", "straight", "--steps", "16", "--threads", "2"]);
    let config = std::fs::read_to_string(place.path("straight/config.toml")).unwrap();
    assert!(config.contains("\nshards = 2\n"), "{config}");
    run(&["tiny.toml", "--run", "stopped", "--steps", "16", "--set", "train.checkpoint_every=9", "--threads", "2"]);
    std::fs::remove_dir_all(place.path("stopped/checkpoints/step-00000016")).unwrap();
    let ready = run(&["--resume", "stopped", "--threads", "1"]);
    assert!(!ready.contains("last bits"), "{ready}");
    assert!(bits("stopped") == bits("straight"), "the bits differ");
    run(&["tiny.toml", "--run", "one", "--steps", "16", "--threads", "1", "--set", "train.shards=2"]);
    assert!(bits("one") == bits("straight"), "one thread with two shards has other bits");
}

#[test]
fn a_run_of_a_difflab_that_counted_no_shards_goes_on_with_its_threads() {
    let place = Place::new();
    let begun = place.difflab(&["tiny.toml", "--run", "run", "--threads", "2", "--no-tui"]).output().unwrap();
    assert!(begun.status.success(), "{}", said(&begun));
    // As it was written before: without the key, and without a checksum of what has it.
    let checkpoint = place.path("run/checkpoints/step-00000012");
    for file in [place.path("run/config.toml"), checkpoint.join("difflab/config.toml")] {
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\nshards = 2\n", "\n")).unwrap();
    }
    let manifest = checkpoint.join("difflab/checksums.sha256");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.ends_with("config.toml")).collect();
    std::fs::write(&manifest, kept.join("\n") + "\n").unwrap();
    let resume = |steps| {
        let args = ["--resume", "run", "--steps", steps, "--threads", "3", "--no-tui", "--log", "json"];
        let output = place.difflab(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = resume("14");
    assert!(told.contains("goes on with 2 (train.shards)"), "{told}");
    assert!(std::fs::read_to_string(place.path("run/config.toml")).unwrap().contains("\nshards = 2\n"));
    assert!(!resume("16").contains("goes on with 2 (train.shards)"), "it is said once");
}

#[test]
fn elapsed_time_never_goes_back_over_a_kill_and_a_resume() {
    let place = Place::new();
    let args = ["tiny.toml", "--run", "run", "--steps", "100000", "--set", "train.checkpoint_every=7"];
    for round in 0..3 {
        let args = if round == 0 { args.to_vec() } else { vec!["--resume", "run"] };
        let so_far = place.lines("run/metrics.jsonl").len();
        let mut child = place.train(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
        wait_for("some steps", || place.lines("run/metrics.jsonl").len() > so_far + 20);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = place.train(&["--resume", "run", "--steps", "200"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let lines = place.lines("run/metrics.jsonl");
    assert_eq!(steps(&lines), (1..=200).collect::<Vec<_>>());
    let elapsed: Vec<f64> = lines.iter().map(|line| line["elapsed_s"].as_f64().unwrap()).collect();
    assert!(elapsed.is_sorted(), "{elapsed:?}");
}
