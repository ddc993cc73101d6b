//! Fork, sweep and race with the real program: what they leave behind, what they refuse, and how they go on.

#[cfg(unix)]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

/// Real digits, a network small enough for tests, and every kind of randomness switched on.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 64
horizontal_flip = true
[diffusion]
timesteps = 20
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
dropout = 0.1
class_conditional = true
[train]
steps = 12
batch_size = 8
warmup_steps = 2
eval_every = 4
checkpoint_every = 5
timestep_loss_every = 3
timestep_bins = 5
timestep_sampling = "importance"
[preview]
enabled = false
save_every = 0
steps = 3
[sample]
steps = 3
num = 4
"#;

/// Points, learned by a network of a few weights.
const MOONS: &str = r#"
name = "moons"
[data]
dataset = "two_moons"
held_out = 200
[diffusion]
timesteps = 50
[model]
kind = "mlp"
hidden_width = 8
hidden_layers = 1
[train]
steps = 40
batch_size = 16
warmup_steps = 0
eval_every = 10
checkpoint_every = 10
[preview]
enabled = false
save_every = 0
[sample]
steps = 5
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        fs::write(folder.path().join("moons.toml"), MOONS).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).args(words.split_whitespace()).args(["--threads", "2"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        program::hear_signals(&mut command);
        command
    }

    /// Standard output and standard error of what ends with `code`.
    fn ends(&self, words: &str, code: i32) -> (String, String) {
        said(words, &self.command(words).output().unwrap(), code)
    }

    fn succeeds(&self, words: &str) -> (String, String) {
        self.ends(words, 0)
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// metrics.jsonl from `after` on, without what is of the clock.
    fn timeless(&self, run: &str, after: u64) -> Vec<Value> {
        let mut lines = self.lines(&format!("{run}/metrics.jsonl"));
        lines.retain(|line| line["step"].as_u64().unwrap() > after);
        for line in &mut lines {
            line.as_object_mut()
                .unwrap()
                .retain(|key, _| !["elapsed_s", "images_per_s", "memory_mib", "cpu_share"].contains(&key.as_str()));
        }
        lines
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// What went on in the run, without warnings of the config.
    fn events(&self, run: &str, kind: &str) -> Vec<String> {
        let events = self.lines(&format!("{run}/events.jsonl"));
        let of_kind = events.iter().filter(|event| event["kind"] == kind);
        of_kind.map(|event| event["what"].as_str().unwrap().to_string()).collect()
    }
}

fn said(words: &str, output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words}: {out}{err}");
    (out, err)
}

/// Every file with its time and content.
fn state(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(state(&path)),
            false => {
                let modified = path.metadata().unwrap().modified().unwrap();
                files.insert(path.clone(), (modified, fs::read(&path).unwrap()));
            }
        }
    }
    files
}

fn assert_same_checkpoint(place: &Place, one: &str, other: &str) {
    for file in [
        "unet/diffusion_pytorch_model.safetensors",
        "difflab/weights.safetensors",
        "difflab/optimizer.safetensors",
        "difflab/timestep_sampler.safetensors",
    ] {
        assert!(place.bytes(&format!("{one}/{file}")) == place.bytes(&format!("{other}/{file}")), "{file} differs");
    }
}

#[test]
fn a_fork_without_changes_goes_on_bit_for_bit_and_its_parent_is_only_read() {
    let place = Place::new();
    place.succeeds("tiny.toml --no-tui --run parent");
    let before = state(&place.path("parent"));
    let (_, said) = place.succeeds("fork parent --at 5 --run fork --no-tui");
    assert!(said.contains("a fork of parent at step 5, with nothing changed"), "{said}");
    assert_eq!(state(&place.path("parent")), before);
    // Its steps go on from the parent's, smoothed loss and all.
    assert_eq!(place.timeless("fork", 0), place.timeless("parent", 5));
    assert_same_checkpoint(&place, "fork/checkpoints/step-00000012", "parent/checkpoints/step-00000012");
    let config = fs::read_to_string(place.path("fork/config.toml")).unwrap();
    assert!(config.contains("[parent]") && config.contains("step = 5"), "{config}");
    let parent: Value = serde_json::from_slice(&place.bytes("parent/run.json")).unwrap();
    assert!(config.contains(&format!("id = {}", parent["run"])), "{config}");
    assert_eq!(place.events("fork", "fork"), ["of parent at step 5"]);
    assert!(fs::read_to_string(place.path("fork/README.md")).unwrap().contains("| forked from |"));

    // A fork is a run: it goes on from its own first checkpoint, whatever became of the parent, and misses nothing.
    fs::rename(place.path("parent"), place.path("gone")).unwrap();
    for later in ["step-00000010", "step-00000012"] {
        fs::remove_dir_all(place.path(&format!("fork/checkpoints/{later}"))).unwrap();
    }
    place.succeeds("--resume fork --no-tui");
    assert_eq!(place.timeless("fork", 0), place.timeless("gone", 5));
    assert_same_checkpoint(&place, "fork/checkpoints/step-00000012", "gone/checkpoints/step-00000012");
    let warnings = place.events("fork", "warning").join("\n");
    assert!(!warnings.contains("gap") && !warnings.contains("no line"), "{warnings}");

    // Its config alone begins anew, and says so.
    let (out, said) = place.succeeds("fork/config.toml --no-tui --run anew --steps 2");
    assert!((out + &said).contains("is that of a fork of"), "{said}");
    assert!(!fs::read_to_string(place.path("anew/config.toml")).unwrap().contains("[parent]"));
}

#[test]
fn a_fork_takes_what_the_weights_can_follow_says_it_and_refuses_the_rest() {
    let place = Place::new();
    place.succeeds("tiny.toml --no-tui --run parent");
    let refused = |words: &str, parts: &[&str]| {
        let (_, said) = place.ends(&format!("fork parent --no-tui --run no {words}"), 2);
        for part in parts {
            assert!(said.contains(part), "{words}: {part} is missing in: {said}");
        }
        assert!(!place.path("no").exists(), "{words} left a folder");
    };
    refused("", &["step 12", "--steps 1012", "--at"]);
    refused("--at 7", &["no checkpoint of step 7", "5, 10, 12"]);
    refused("--at 5 --set model.block_out_channels=[8,16]", &["`model.block_out_channels`", "[8, 8]", "[8, 16]"]);
    refused("--at 5 --set model.class_conditional=false", &["table of classes"]);
    refused("--at 5 --set model.zero_init=true", &["begins with its parent's"]);
    refused("--at 5 --set data.image_size=14", &["28×28", "14×14"]);
    refused("--at 5 --set data.dataset=emoji-32", &["28×28", "32×32"]);
    refused("--at 5 --set train.learning_rte=1", &["train.learning_rate"]);
    refused("--at 5 --set parent.step=3", &["nobody sets it"]);
    assert!(place.ends("fork nowhere --no-tui", 2).1.contains("nowhere"));

    let changed = "--set train.learning_rate=0.0005 --set diffusion.prediction_type=epsilon --set train.batch_size=4";
    let (out, said) = place.succeeds(&format!("fork parent --at 10 --run fork --no-tui {changed}"));
    assert!(said.contains("train.learning_rate: 0.001 → 0.0005"), "{said}");
    assert!((out + &said).contains("learned another target"), "{said}");
    let fork = &place.events("fork", "fork")[0];
    assert!(fork.contains("of parent at step 10, with diffusion.prediction_type=\"epsilon\""), "{fork}");
    assert_eq!(place.timeless("fork", 0).len(), 2);
    // A fork of a fork names its own parent.
    place.succeeds("fork fork --steps 14 --run second --no-tui");
    let config = fs::read_to_string(place.path("second/config.toml")).unwrap();
    assert!(config.contains("step = 12") && config.contains("/fork\""), "{config}");
    // Another optimizer has nothing to go on from.
    let (out, said) = place.succeeds("fork parent --at 10 --run orthogonal --no-tui --set train.optimizer=muon");
    assert!((out + &said).contains("moments begin anew"), "{said}");
    assert_eq!(place.timeless("orthogonal", 0).len(), 2);
    // Other data of the same kind are taken, and said to be others.
    let (out, said) = place.succeeds("fork parent --at 10 --run clothes --no-tui --set data.dataset=mnist");
    assert!((out + &said).contains("not those that the parent was trained on"), "{said}");
}

#[test]
fn a_sweep_keeps_what_is_there_adds_what_is_missing_and_says_what_diverged() {
    let place = Place::new();
    let grid = "sweep moons.toml --grid train.learning_rate=1e-3,1e30 --seeds 2 --out sweep";
    let (table, said) = place.succeeds(grid);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("learning_rate") && lines[0].contains("held-out loss"), "{table}");
    assert!(lines[1].starts_with("0.001") && lines[1].matches('±').count() == 2, "{table}");
    assert!(lines[2].contains("0 of 2") && lines[2].contains("diverged at step"), "{table}");
    assert!(lines[2].contains("(seeds 0, 1)"), "{table}");
    assert!(said.contains("run 4 of 4"), "{said}");
    for run in ["learning_rate=0.001,seed=0", "learning_rate=0.001,seed=1"] {
        assert!(place.path(&format!("sweep/{run}/checkpoints/step-00000040")).is_dir(), "{run}");
    }
    let markdown = fs::read_to_string(place.path("sweep/sweep.md")).unwrap();
    assert!(markdown.contains("| learning_rate | seeds |") && markdown.contains("over 2 seeds"), "{markdown}");
    assert_eq!(&place.bytes("sweep/sweep.png")[1..4], b"PNG");

    // The same command trains nothing again, and one that was cut off goes on.
    let run = place.path("sweep/learning_rate=0.001,seed=1");
    let whole = place.timeless("sweep/learning_rate=0.001,seed=1", 0);
    fs::remove_dir_all(run.join("checkpoints/step-00000040")).unwrap();
    let kept = state(&place.path("sweep/learning_rate=0.001,seed=0"));
    let (again, said) = place.succeeds(grid);
    assert_eq!(again, table);
    assert!(said.contains("run 1 of 4: learning_rate=0.001,seed=0: is there already"), "{said}");
    assert!(said.contains("going on from step 30"), "{said}");
    assert_eq!(state(&place.path("sweep/learning_rate=0.001,seed=0")), kept);
    assert_eq!(place.timeless("sweep/learning_rate=0.001,seed=1", 0), whole);

    // A longer grid adds what is missing; metrics are measured once.
    let longer = "sweep moons.toml --grid train.learning_rate=1e-3,0.01 --grid diffusion.schedule=cosine,linear --out two \
                  --eval energy_distance --num 50 --steps 20 --format json";
    let (out, _) = place.succeeds(longer);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["cells"].as_array().unwrap().len(), 4);
    assert!(json["cells"][3]["seeds"][0]["metrics"]["energy distance"]["mean"].is_number(), "{json}");
    assert!(json["notes"][1].as_str().unwrap().contains("Neither training nor held-out losses"), "{json}");
    let measured = place.lines("two/measured.jsonl");
    assert_eq!(measured.len(), 4);
    place.succeeds(&longer.replace("0.01", "0.01,0.02"));
    assert_eq!(place.lines("two/measured.jsonl").len(), 6);
    assert_eq!(place.lines("two/measured.jsonl")[..4], measured);

    // Another base is refused with the key, and so is a folder of something else.
    let (_, said) = place.ends(&grid.replace("--seeds", "--set train.batch_size=8 --seeds"), 2);
    assert!(said.contains("train.batch_size was 16, now 8") && said.contains("--out"), "{said}");
    let (_, said) = place.ends("sweep moons.toml --grid seed=1,2 --out .", 2);
    assert!(said.contains("is no sweep"), "{said}");
    let (_, said) = place.ends("sweep moons.toml --grid train.learning_rte=1 --out new", 2);
    assert!(said.contains("train.learning_rate") && !place.path("new").exists(), "{said}");
}

#[test]
fn a_race_trains_each_side_as_it_would_alone_and_compares_them_pair_by_pair() {
    let place = Place::new();
    let race = "race tiny.toml --vs --set train.learning_rate=0.01 --out race";
    let (table, said) = place.succeeds(race);
    // Importance sampling draws by the losses, which are others.
    assert!(said.contains("but other timesteps, since importance follows the losses"), "{said}");
    assert!(table.contains("a: as it is") && table.contains("b: learning_rate=0.01"), "{table}");
    assert!(table.contains("b − a: held-out loss, image by image") && table.contains("64 held-out images"), "{table}");
    assert!(!table.contains("loss, step for step") && place.path("race/race.png").is_file(), "{table}");
    place.succeeds("tiny.toml --no-tui --run alone --set train.learning_rate=0.01");
    assert_eq!(place.timeless("race/b-learning_rate=0.01", 0), place.timeless("alone", 0));
    let last = "checkpoints/step-00000012";
    assert_same_checkpoint(&place, &format!("race/b-learning_rate=0.01/{last}"), &format!("alone/{last}"));

    // The same command trains nothing again; what was cut off goes on, and another race is refused.
    assert_eq!(place.succeeds(race).0, table);
    fs::remove_dir_all(place.path(&format!("race/a-as-it-is/{last}"))).unwrap();
    let (again, said) = place.succeeds(race);
    assert_eq!(again, table);
    assert!(
        said.contains("going on from step 10") && said.contains("b: learning_rate=0.01: is there already"),
        "{said}"
    );
    let (_, said) = place.ends(&format!("{race} --steps 14"), 2);
    assert!(said.contains("train.steps was 12, now 14"), "{said}");
    let (_, said) = place.ends("race tiny.toml --vs --out same", 2);
    assert!(said.contains("all sides are the same") && !place.path("same").exists(), "{said}");

    // Forks of a run race as well; all begin with its weights.
    let (out, said) =
        place.succeeds("race race/a-as-it-is --at 5 --steps 9 --set seed=3 --vs --set train.ema_decay=0.5 --out f");
    assert!(said.contains("forks of race/a-as-it-is at step 5"), "{said}");
    assert!(out.contains("b: ema_decay=0.5"), "{out}");
    assert_eq!(place.timeless("f/b-ema_decay=0.5", 0)[0]["step"], 6);
}

#[test]
fn a_race_on_the_same_draws_is_compared_step_for_step() {
    let place = Place::new();
    let (out, said) = place
        .succeeds("race moons.toml --set train.learning_rate=0.01 --vs --set train.learning_rate=1e-5 --format json");
    assert!(said.contains("step for step the same images, noise, timesteps and first weights"), "{said}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["paired"], true);
    let differences = json["sides"][1]["less_the_first"].as_array().unwrap();
    assert_eq!(differences[0]["what"], "loss, step for step");
    assert_eq!(differences[0]["over"], "steps 21 to 40, in 5 blocks of 4");
    // 0.00001 learns nothing in 40 steps.
    assert!(differences[0]["mean"].as_f64().unwrap() > 0.0, "{json}");
    assert!(differences[1]["standard_errors"].as_f64().unwrap() > 2.0, "{json}");
    assert!(place.path("runs/race-moons/race.md").is_file());
    // A side that diverges stops no other.
    let (out, _) = place.succeeds("race moons.toml --vs --set train.learning_rate=1e30 --out wild");
    assert!(out.contains("b: learning_rate=1e30 failed: training diverged"), "{out}");
    assert!(place.path("wild/a-as-it-is/checkpoints/step-00000040").is_dir());
}

#[test]
fn a_race_keeps_to_its_sides_and_lengths_that_differ_are_said() {
    let place = Place::new();
    let race = "race moons.toml --vs --set train.learning_rate=0.01 --out race";
    place.succeeds(race);
    let written = place.bytes("race/race.md");
    let (_, said) = place.ends("race moons.toml --vs --set train.learning_rate=0.02 --out race", 2);
    assert!(said.contains("race holds a race of other sides: a: as it is · b: train.learning_rate=0.01"), "{said}");
    assert!(place.bytes("race/race.md") == written && !place.path("race/b-learning_rate=0.02").exists());
    let (three, _) = place.succeeds(&format!("{race} --vs --set train.learning_rate=0.02"));
    assert!(three.contains("c: learning_rate=0.02"), "{three}");
    place.ends(race, 2);

    let (_, said) = place.ends("race moons.toml --vs --set train.steps=30 --steps 20 --out no", 2);
    assert!(said.contains("--steps and train.steps both choose it") && !place.path("no").exists(), "{said}");
    let (table, _) = place.succeeds("race moons.toml --vs --set train.steps=30 --out lengths");
    assert!(table.contains("200 held-out points, after 40 and 30 steps"), "{table}");
    assert!(table.contains("different numbers of steps (a 40, b 30)"), "{table}");
    let (out, said) = place.succeeds("race moons.toml --vs --set diffusion.beta_end=0.01 --steps 2 --out idle");
    assert!((out + &said).contains("diffusion.beta_end has no effect here: it is for the schedules"), "{said}");
}

#[test]
fn sides_of_a_race_that_auto_makes_the_same_are_named() {
    let place = Place::new();
    let sides = "race moons.toml --steps 2 --set train.precision=auto --vs --set train.precision=f32";
    let (_, said) = place.ends(&format!("{sides} --out no"), 2);
    assert!(said.contains("train.precision: f32, as an mlp always is"), "{said}");
    assert!(said.contains("all sides are the same") && !place.path("no").exists(), "{said}");
    let (_, said) = place.succeeds(&format!("{sides} --vs --set train.learning_rate=0.02 --out three"));
    assert!(said.contains("side b is the same as side a"), "{said}");
    assert_eq!(said.matches("is the same as").count(), 1, "{said}");
}

#[test]
fn a_sweep_names_keys_without_effect_and_says_why_a_combination_is_none() {
    let place = Place::new();
    let (_, said) = place.ends("sweep moons.toml --steps 12 --grid train.steps=3,4 --out no", 2);
    assert!(said.contains("--steps and train.steps both choose it") && !place.path("no").exists(), "{said}");
    let widths = "sweep moons.toml --steps 2 --grid model.block_out_channels=[8],[16] --out widths";
    let (_, said) = place.succeeds(widths);
    assert!(said.contains("--grid model.block_out_channels has no effect here: it is for kind unet"), "{said}");
    let (table, said) = place.succeeds("sweep moons.toml --steps 2 --grid train.batch_size=0,8,8 --out sizes");
    assert!(said.contains("train.batch_size=8 is there twice, and trained once"), "{said}");
    let why = "batch_size=0 is no experiment: `train.batch_size = 0` is impossible: a step needs at least one image.";
    assert!(table.contains(why), "{table}");
    assert!(fs::read_to_string(place.path("sizes/sweep.md")).unwrap().contains(why));
    let many: Vec<String> = (1..=2000).map(|n| n.to_string()).collect();
    let (_, said) = place.ends(&format!("sweep moons.toml --grid train.batch_size={} --seeds 9", many.join(",")), 2);
    assert!(said.contains("18,000 runs, and 10,000 are the most"), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_says_how_to_go_on_and_the_same_command_does() {
    let place = Place::new();
    let waits = |words: &str, file: &str| {
        let lines = || fs::read_to_string(place.path(file)).map_or(0, |text| text.lines().count());
        let before = lines();
        let child = place.command(words).spawn().unwrap();
        let start = Instant::now();
        while lines() <= before + 20 {
            assert!(start.elapsed() < Duration::from_secs(60), "{words} writes no steps");
            std::thread::sleep(Duration::from_millis(10));
        }
        program::signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        said(words, &output, 130).1
    };
    let long = "--set train.steps=200000 --set train.checkpoint_every=0 --set train.eval_every=0";
    let sweep = format!("sweep moons.toml --grid seed=1,2 --out sweep {long}");
    let text = waits(&sweep, "sweep/seed=1/metrics.jsonl");
    assert!(text.contains("interrupted in run 1 of 2") && text.contains("the same command goes on"), "{text}");
    let steps = |file: &str| place.lines(file).last().unwrap()["step"].as_u64().unwrap();
    let first = steps("sweep/seed=1/metrics.jsonl");
    waits(&sweep, "sweep/seed=1/metrics.jsonl");
    assert!(steps("sweep/seed=1/metrics.jsonl") >= first && !place.path("sweep/seed=2").exists());

    let long = MOONS.replace("steps = 40", "steps = 200000").replace("_every = 10", "_every = 0");
    fs::write(place.path("long.toml"), long).unwrap();
    let race = "race long.toml --vs --set train.weight_decay=0.1 --out race";
    let text = waits(race, "race/b-weight_decay=0.1/metrics.jsonl");
    assert!(text.contains("interrupted, and saved"), "{text}");
    let (a, b) = (steps("race/a-as-it-is/metrics.jsonl"), steps("race/b-weight_decay=0.1/metrics.jsonl"));
    // Neither gets ahead; the end may come between two steps.
    assert!(a.abs_diff(b) <= 2, "{a} and {b}");
}

#[cfg(unix)]
#[test]
fn an_experiment_under_way_is_left_alone_by_a_second_and_what_is_deleted_under_it_goes_on_all_the_same() {
    let place = Place::new();
    let long = MOONS.replace("steps = 40", "steps = 200000").replace("_every = 10", "_every = 0");
    fs::write(place.path("long.toml"), long).unwrap();
    let race = "race long.toml --vs --set train.weight_decay=0.1 --out race";
    let begun = |words: &str| {
        let child = place.command(words).spawn().unwrap();
        let lines = || fs::read_to_string(place.path("race/b-weight_decay=0.1/metrics.jsonl")).unwrap_or_default();
        let (start, before) = (Instant::now(), lines().lines().count());
        while lines().lines().count() <= before + 20 {
            assert!(start.elapsed() < Duration::from_secs(60), "{words} writes no steps");
            std::thread::sleep(Duration::from_millis(10));
        }
        child
    };
    let stopped = |child: std::process::Child| {
        program::signal(&child, "INT");
        said(race, &child.wait_with_output().unwrap(), 130).1
    };
    let child = begun(race);
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(place.path("race")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // Without a checkpoint there is nothing to go on from but what trains.
    let before = names();
    for words in [race.to_string(), format!("{race} --vs --set train.learning_rate=0.5")] {
        let (_, said) = place.ends(&words, 2);
        assert!(said.contains("another difflab is at the race in race") && said.contains("--out"), "{said}");
        assert_eq!(names(), before);
    }
    let text = stopped(child);
    assert!(text.contains("the same command goes on with the race in race"), "{text}");
    assert!(!names().iter().any(|name| name.to_string_lossy().contains("aside")), "{:?}", names());

    let child = begun(race);
    // What trains may put a file into a folder that is being emptied.
    while let Err(error) = fs::remove_dir_all(place.path("race")) {
        assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty, "{error}");
    }
    let text = stopped(child);
    assert!(text.contains("the same command goes on with the race in race"), "{text}");
    stopped(begun(race));
}

#[test]
fn what_can_never_be_measured_is_refused_before_anything_is_trained() {
    let place = Place::new();
    for words in [
        "race moons.toml --vs --set train.learning_rate=0.01 --eval vlb,fid --out no",
        "sweep moons.toml --grid train.learning_rate=0.01 --eval vlb,fid --out no",
    ] {
        let (_, said) = place.ends(words, 2);
        assert!(said.contains("--eval fid: the bundled judges read 28×28 grey digits"), "{said}");
        assert!(!place.path("no").exists());
    }
}
