//! The kill campaign: runs are ended again and again, in every way and at any moment, and come out as if
//! nothing had happened.
//!
//! `cargo test --release --test stopping -- --ignored --nocapture kills` (200 kills, about ten minutes;
//! `DIFFLAB_KILLS=1000` for more, `DIFFLAB_KILL_SEED=2` for others).

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::place::{PATIENCE, Place, is_running, said, signal, steps};

/// Steps of each run: at each kill some are done.
const STEPS: u64 = 400;
const WAYS: [&str; 6] = ["KILL", "TERM", "INT", "HUP", "TERM TERM", "STOP CONT KILL"];

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value}: a number")))
}

#[test]
#[ignore = "takes about ten minutes"]
fn kills_at_any_moment_lose_nothing_and_change_nothing() {
    let kills = from_environment("DIFFLAB_KILLS", 200);
    let mut random = ChaCha8Rng::seed_from_u64(from_environment("DIFFLAB_KILL_SEED", 1));
    let place = Place::new();
    let steps_arg = STEPS.to_string();
    let settings = ["--steps", &steps_arg, "--set", "train.checkpoint_every=20", "--set", "train.keep_checkpoints=2"];
    let output = place.train(&[&["tiny.toml", "--run", "straight"], &settings[..]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    let (mut done, mut runs) = (0, 0);
    let mut ways: BTreeMap<&str, u64> = BTreeMap::new();
    let mut nothing_kept = 0;
    while done < kills {
        runs += 1;
        let run = format!("run-{runs}");
        loop {
            let goes_on = !place.checkpoints(&run).is_empty();
            // Killed before the first checkpoint, there is nothing to go on from.
            if !goes_on && place.path(&run).exists() {
                fs::remove_dir_all(place.path(&run)).unwrap();
            }
            let begin = [&["tiny.toml", "--run", &run], &settings[..]].concat();
            let args = if goes_on { vec!["--resume", &run] } else { begin };
            let errors = fs::File::create(place.path("errors")).unwrap();
            let mut child = place.train(&args).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
            let way = WAYS[random.random_range(0..WAYS.len())];
            let moment = Duration::from_millis(random.random_range(0..1500));
            let killed = kill(&mut child, way, moment, &mut random);
            let status = ended(&mut child);
            let told = fs::read_to_string(place.path("errors")).unwrap();
            assert!(!told.contains("panicked"), "{way}: {told}");
            if killed {
                done += 1;
                *ways.entry(way).or_default() += 1;
                nothing_kept += u64::from(!place.path(&run).exists());
            }
            check(&place, &run, way, killed, status, &told);
            if status.code() == Some(0) {
                break;
            }
        }
        compare(&place, &run);
        fs::remove_dir_all(place.path(&run)).unwrap();
    }
    println!("{done} kills in {runs} runs of {STEPS} steps: {ways:?}; {nothing_kept} came before there was a run");
    println!("all runs ended with the weights, losses and moments of one that was never stopped, bit for bit");
}

/// Ends the program in a way, at a moment; `false` when it had ended by itself.
fn kill(child: &mut Child, way: &str, moment: Duration, random: &mut ChaCha8Rng) -> bool {
    let end = Instant::now() + moment;
    while Instant::now() < end {
        if !is_running(child) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for (i, name) in way.split(' ').enumerate() {
        if i > 0 {
            std::thread::sleep(Duration::from_millis(random.random_range(0..300)));
        }
        // The first of two may have ended it, which is what it is for.
        if !is_running(child) {
            return i > 0;
        }
        signal(child, name);
    }
    true
}

fn ended(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < end, "it doesn't end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What must hold whenever a run has ended.
fn check(place: &Place, run: &str, way: &str, killed: bool, status: ExitStatus, told: &str) {
    // Without a code it was SIGKILL.
    let codes = if killed { [Some(130), None, Some(0)] } else { [Some(0); 3] };
    // Before the program listens, a signal does what signals do.
    assert!(codes.contains(&status.code()), "{way}: {status}: {told}");
    let lines = place.lines(&format!("{run}/metrics.jsonl"));
    let recorded = steps(&lines);
    assert_eq!(recorded, (1..=recorded.len() as u64).collect::<Vec<_>>(), "{way}: a step is missing or double");
    let elapsed: Vec<f64> = lines.iter().map(|line| line["elapsed_s"].as_f64().unwrap()).collect();
    assert!(elapsed.is_sorted(), "{way}: elapsed_s goes back: {elapsed:?}");
    // Stopped while it loads, the run is as the kill before it has left it, with lines that the next resume cuts back.
    if status.code() == Some(130) && place.path(run).exists() && !told.contains("as it was") {
        let newest = place.checkpoints(run).last().copied();
        assert_eq!(newest, Some(recorded.len() as u64), "{way}: not everything was saved: {told}");
    }
}

/// Is the run, which all this was done to, as one that was left in peace?
fn compare(place: &Place, run: &str) {
    let timeless = |run: &str| {
        let mut lines = place.lines(&format!("{run}/metrics.jsonl"));
        for line in &mut lines {
            let line = line.as_object_mut().unwrap();
            line.remove("elapsed_s");
            line.remove("images_per_s");
        }
        lines
    };
    assert_eq!(timeless(run), timeless("straight"));
    for file in
        ["unet/diffusion_pytorch_model.safetensors", "difflab/weights.safetensors", "difflab/optimizer.safetensors"]
    {
        let read =
            |run: &str| fs::read(place.path(run).join(format!("checkpoints/step-{STEPS:08}")).join(file)).unwrap();
        assert!(read(run) == read("straight"), "{run}: {file} differs");
    }
}
