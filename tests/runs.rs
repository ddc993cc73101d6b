//! `difflab runs` with the real program: the list, tags and notes, the trash and its question.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use difflab::config::Config;
use difflab::run::{RunDir, StepRecord};
use serde_json::Value;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    /// Three runs of which nothing trains: cosine with 20 steps, linear with 10, and one that has not begun.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.make("a-cosine", &["train.learning_rate=0.001"], 20);
        place.make("b-linear", &["diffusion.schedule=linear", "train.learning_rate=0.01"], 10);
        place.make("sweep/c", &["name=new"], 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, name: &str, sets: &[&str], steps: u64) {
        let dir = self.path("runs").join(name);
        fs::create_dir_all(&dir).unwrap();
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
        fs::write(dir.join("config.toml"), Config::default().with_overrides(&sets).unwrap().to_toml()).unwrap();
        let line = |step| {
            let record = StepRecord {
                step,
                epoch: 0.0,
                loss: 9.0,
                loss_min: None,
                loss_max: None,
                loss_smoothed: 1.0 / step as f64,
                val_loss: None,
                lr: 1e-3,
                grad_norm: 1.0,
                images_per_s: 1.0,
                elapsed_s: 60.0,
                memory_mib: None,
                cpu_share: None,
                comm_share: None,
            };
            serde_json::to_string(&record).unwrap() + "\n"
        };
        fs::write(dir.join("metrics.jsonl"), (1..=steps).map(line).collect::<String>()).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).arg("runs").args(args).output().unwrap()
    }

    /// What a command prints that succeeds.
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that is refused as bad usage.
    fn refuses(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        said
    }

    /// The names of the runs that are listed.
    fn names(&self, args: &[&str]) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.prints(&[args, &["--format", "json"]].concat())).unwrap();
        list.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_string()).collect()
    }
}

#[test]
fn the_list_is_sorted_and_filtered_and_mistakes_are_pointed_at() {
    let place = Place::new();
    assert_eq!(place.names(&[]), ["a-cosine", "b-linear", "sweep/c"]);
    assert_eq!(place.names(&["--sort", "-loss"]), ["b-linear", "a-cosine", "sweep/c"]);
    assert_eq!(place.names(&["--filter", "lr>=1e-3 -new step>0", "--sort", "-lr"]), ["b-linear", "a-cosine"]);
    assert_eq!(place.names(&["--in", "runs/sweep"]), ["c"]);
    let table = place.prints(&["--filter", "schedule=linear"]);
    assert!(table.contains("b-linear") && table.contains("vp · ") && table.contains("0.1000"), "{table}");
    assert!(place.prints(&["--filter", "nothing"]).contains("no run fits --filter; there are 3 in runs/"));
    let csv = place.prints(&["--format", "csv"]);
    let mut rows = csv.lines();
    assert!(rows.next().unwrap().starts_with("run,name,dataset,"));
    assert_eq!(rows.count(), 3);
    // Keys that are asked for become columns.
    let asked = ["--filter", "lr>=1e-3 state=stopped", "--sort", "val_loss,batch_size"];
    let table = place.prints(&asked);
    assert!(table.starts_with("run       learning_rate  batch_size  state"), "{table}");
    assert!(table.contains("b-linear  0.01 "), "{table}");
    let csv = place.prints(&[&asked[..], &["--format", "csv"]].concat());
    assert!(csv.lines().next().unwrap().ends_with(",problem,learning_rate,batch_size"), "{csv}");
    assert!(csv.lines().any(|line| line.starts_with("b-linear,") && line.contains(",0.01,")), "{csv}");
    let said = place.refuses(&["--filter", "mnist shedule=linear"]);
    assert!(said.contains("did you mean `schedule`") && said.contains("\n        ^^^^^^^"), "{said}");
    assert!(place.refuses(&["--sort", "num"]).contains("`preview.num` or `sample.num`"));
}

#[test]
fn lines_that_begin_with_a_hyphen_are_taken() {
    let place = Place::new();
    place.prints(&["tag", "a-", "old"]);
    assert_eq!(place.names(&["--filter", "-tag:old"]), ["b-linear", "sweep/c"]);
    assert_eq!(place.names(&["--filter", "-new", "--sort", "-loss"]), ["b-linear", "a-cosine"]);
    assert_eq!(place.prints(&["note", "a-", "-5 % without flips"]), "runs/a-cosine: -5 % without flips\n");
    assert!(place.prints(&["note", "--help"]).contains("Write a note"));
}

#[test]
fn broken_runs_are_listed_with_what_is_wrong_and_a_name_is_one_line() {
    let place = Place::new();
    fs::write(place.path("runs/a-cosine/config.toml"), "").unwrap();
    fs::write(place.path("runs/b-linear/metrics.jsonl"), [0x81; 2000]).unwrap();
    fs::remove_file(place.path("runs/sweep/c/config.toml")).unwrap();
    fs::write(place.path("runs/sweep/c/events.jsonl"), "").unwrap();
    let list = place.prints(&[]);
    assert!(list.contains("a-cosine: runs/a-cosine/config.toml is no run's config: it lacks version,"), "{list}");
    assert!(list.contains("b-linear: runs/b-linear/metrics.jsonl can't be read as metrics"), "{list}");
    assert!(list.contains("sweep/c: runs/sweep/c/config.toml is missing"), "{list}");
    assert!(list.contains("20/–") && list.contains("–/20000") && !list.contains("0/0"), "{list}");
    assert_eq!(place.names(&["--filter", "problem:missing"]), ["sweep/c"]);
    let json: Value = serde_json::from_str(&place.prints(&["--format", "json"])).unwrap();
    assert_eq!((&json[0]["steps"], &json[1]["step"]), (&Value::Null, &Value::Null));
    #[cfg(unix)]
    {
        place.make("two\nlines\tof a name", &[], 3);
        let list = place.prints(&["--filter", "lines"]);
        assert!(list.lines().count() == 2 && list.contains("two\\u{a}lines\\u{9}of a name"), "{list}");
    }
}

#[test]
fn runs_of_one_name_are_told_apart_where_they_are_compared() {
    let place = Place::new();
    for race in ["rates", "schedules"] {
        place.make(&format!("{race}/a-as-it-is"), &[], 5);
    }
    fs::write(place.path("runs/schedules/a-as-it-is/metrics.jsonl"), "noise\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(place.folder.path()).args(["compare", "rates/a-as-it-is", "schedules/a-as-it-is", "a-"]);
    let output = command.output().unwrap();
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let heading: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heading, ["rates/a-as-it-is", "schedules/a-as-it-is", "a-cosine"], "{table}{said}");
    assert!(said.contains("schedules/a-as-it-is/metrics.jsonl can't be read as metrics"), "{said}");
}

#[test]
fn tags_and_notes_are_kept_beside_the_run_and_can_be_asked_for() {
    let place = Place::new();
    assert_eq!(place.prints(&["tag", "a-", "good", "+base"]), "runs/a-cosine: base good\n");
    assert_eq!(place.prints(&["tag", "a-", "-base"]), "runs/a-cosine: good\n");
    assert_eq!(place.prints(&["tag", "runs/b-linear"]), "runs/b-linear: no tags\n");
    assert_eq!(place.prints(&["note", "a-", "not", "bad"]), "runs/a-cosine: not bad\n");
    assert_eq!(place.names(&["--filter", "tag:good note:bad"]), ["a-cosine"]);
    assert!(place.prints(&[]).contains("not bad"));
    assert!(fs::read_to_string(place.path("runs/a-cosine/notes.toml")).unwrap().contains("good"));
    assert_eq!(place.prints(&["note", "a-", ""]), "runs/a-cosine: no note\n");
    assert!(place.refuses(&["tag", "a-", "two words"]).contains("can't be a tag"));
    assert!(place.refuses(&["tag", "a-", "--all"]).contains("come tags only"));
    assert!(place.refuses(&["tag", "x", "good"]).contains("no run \"x\""));
}

#[test]
fn the_trash_asks_first_spares_what_trains_and_gives_back() {
    let place = Place::new();
    assert!(place.refuses(&["trash", "a-"]).contains("--yes"), "there is no terminal to ask on");
    assert!(place.path("runs/a-cosine").exists());
    let said = place.prints(&["trash", "a-", "sweep/c", "--yes"]);
    assert!(said.contains("`difflab runs restore a-cosine` brings it back"), "{said}");
    assert_eq!(place.names(&[]), ["b-linear"]);
    assert_eq!(place.prints(&["restore"]), "a-cosine\nsweep/c\n");
    assert_eq!(place.prints(&["restore", "a-"]), "runs/a-cosine is back\n");
    assert_eq!(place.prints(&["restore", "sweep/c"]), "runs/sweep/c is back\n");
    assert_eq!(place.names(&[]), ["a-cosine", "b-linear", "sweep/c"]);
    let trains = RunDir::open(&place.path("runs/b-linear")).unwrap();
    let said = place.refuses(&["trash", "a-", "b-", "--yes"]);
    assert!(said.contains("another difflab is training"), "{said}");
    assert_eq!(place.names(&["--filter", "state=training"]), ["b-linear"]);
    assert_eq!(place.names(&[]).len(), 3, "none of them has moved");
    drop(trains);
    assert_eq!(place.prints(&["restore"]), "nothing is in runs/.trash/\n");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a-cosine", place.path("runs/link")).unwrap();
        let said = place.refuses(&["trash", "runs/link", "--yes"]);
        assert!(said.contains("runs/link is a link to a-cosine"), "{said}");
        assert!(place.path("runs/link").exists() && !place.path("runs/.trash").exists());
    }
}

#[cfg(unix)]
#[test]
fn on_a_terminal_only_yes_moves_a_run() {
    use std::io::{Read, Write};

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    let place = Place::new();
    for (answer, moves) in [("\r", false), ("n\r", false), ("y\r", true)] {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_difflab"));
        command.args(["runs", "trash", "a-"]);
        command.cwd(place.folder.path());
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        pair.master.take_writer().unwrap().write_all(answer.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        drop(pair.master);
        let mut said = Vec::new();
        let _ = reader.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("move runs/a-cosine (mnist") && said.contains("[y/N]"), "{said}");
        assert_eq!(place.path("runs/.trash/a-cosine").exists(), moves, "{answer:?}: {said}");
        assert_eq!(said.contains("stays"), !moves, "{said}");
    }
}
