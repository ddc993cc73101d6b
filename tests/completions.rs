//! What a shell offers after TAB, by the real program, and by the real bash where there is one; and the manual pages.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A folder with two runs, the second newer, and a config.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for (at, run) in ["old-run", "race-x/a", "new-run"].iter().enumerate() {
        let folder = place.path().join("runs").join(run);
        fs::create_dir_all(&folder).unwrap();
        for name in ["config.toml", "metrics.jsonl", "events.jsonl"] {
            fs::write(folder.join(name), "").unwrap();
            let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + at as u64);
            fs::File::options().write(true).open(folder.join(name)).unwrap().set_modified(written).unwrap();
        }
    }
    fs::write(place.path().join("mine.toml"), "seed = 1").unwrap();
    place
}

/// What `difflab` answers to a shell about the last of `words`: words, and what is said of them.
fn offered(place: &Path, shell: &str, words: &[&str]) -> Vec<(String, String)> {
    let asked = Command::new(env!("CARGO_BIN_EXE_difflab"))
        .args(["--", "difflab"])
        .args(words)
        .env("DIFFLAB_COMPLETE", shell)
        .current_dir(place)
        .output()
        .unwrap();
    assert!(asked.status.success() && asked.stderr.is_empty(), "{asked:?}");
    let text = String::from_utf8(asked.stdout).unwrap();
    let parted = |line: &str| {
        let (word, about) = line.split_once('\t').unwrap_or((line, ""));
        (word.to_string(), about.to_string())
    };
    text.lines().map(parted).collect()
}

fn words(place: &Path, line: &[&str]) -> Vec<String> {
    offered(place, "fish", line).into_iter().map(|(word, _)| word).collect()
}

#[test]
fn keys_and_their_values_are_offered_after_set() {
    let place = place();
    let keys = offered(place.path(), "zsh", &["--set", "tra"]);
    assert!(keys.iter().all(|(key, about)| key.starts_with("train.") && key.ends_with('=') && !about.is_empty()));
    assert!(keys.iter().any(|(key, _)| key == "train.batch_size="), "{keys:?}");
    assert_eq!(words(place.path(), &["--set", "diffusion.path=f"]), ["diffusion.path=flow"]);
    assert_eq!(words(place.path(), &["--set=diffusion.path=f"]), ["--set=diffusion.path=flow"]);
    assert_eq!(
        words(place.path(), &["race", "mnist", "--set", "a=1", "--vs", "--set", "schedule=cos"]),
        ["schedule=cosine"]
    );
    assert_eq!(words(place.path(), &["sweep", "mnist", "--grid", "model.dropout"]), ["model.dropout="]);
}

#[test]
fn runs_are_offered_the_newest_first_and_configs_with_what_they_are() {
    let place = place();
    let runs = words(place.path(), &["sample", ""]);
    assert_eq!(runs[..4], ["latest", "new-run", "race-x/a", "old-run"].map(String::from));
    assert_eq!(words(place.path(), &["sample", "la"]), ["latest"]);
    assert_eq!(words(place.path(), &["compare", "old-run", "n"]), ["new-run"]);
    assert_eq!(words(place.path(), &["--resume", "o"]), ["old-run"]);
    let configs = offered(place.path(), "fish", &["m"]);
    assert!(
        configs.iter().any(|(name, about)| name == "mnist-quick" && about.contains("under a minute")),
        "{configs:?}"
    );
    assert!(configs.iter().any(|(name, _)| name == "mine.toml"));
    assert!(words(place.path(), &["sa"]).contains(&"sample".to_string()));
    // Nothing to load, nothing to say.
    let nowhere = tempfile::tempdir().unwrap();
    assert!(!words(nowhere.path(), &["sample", ""]).iter().any(|word| word == "latest"));
}

#[test]
fn names_are_offered_where_names_are_taken() {
    let place = place();
    let has = |line: &[&str], word: &str| {
        let offered = words(place.path(), line);
        assert!(offered.iter().any(|known| known == word), "{line:?}: {offered:?}");
    };
    has(&["sample", "latest", "--sampler", "dpm"], "dpmpp_2m");
    has(&["sample", "latest", "--spacing", ""], "karras");
    has(&["sample", "latest", "--grid", "sampler=ddim,un"], "sampler=ddim,unipc");
    has(&["sample", "latest", "--images", "s"], "sixel");
    has(&["schedule", "co"], "cosine");
    has(&["study", "steps", "latest", "--samplers", "ddim,eu"], "ddim,euler");
    has(&["explain", "tr"], "training-step");
    has(&["explain", "--run", "n"], "new-run");
    has(&["data", "show", "em"], "emoji-32");
    has(&["mnist", "--device", ""], "cpu");
    has(&["mnist", "--no"], "--no-tui");
    has(&["completions", "z"], "zsh");
    has(&["mi"], "mine.toml");
}

#[test]
fn a_shell_that_does_not_ask_gets_the_program() {
    let run = |arguments: &[&str]| {
        let program =
            Command::new(env!("CARGO_BIN_EXE_difflab")).args(arguments).env("DIFFLAB_COMPLETE", "bash").output();
        String::from_utf8(program.unwrap().stdout).unwrap()
    };
    assert!(run(&["--version"]).starts_with("difflab "));
    assert!(run(&["data", "licences"]).contains("Apache"));
}

/// What bash would put into the line, where COMP_LINE is `line` and bash parts it into `parts`.
#[cfg(unix)]
fn in_bash(place: &Path, line: &str, parts: &[&str], breaks: &str) -> Option<Vec<String>> {
    let bin = place.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_difflab"), bin.join("difflab"));
    let script = "eval \"$(difflab completions bash)\"; COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2; shift 2\n\
                  COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _difflab; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let bash = Command::new("bash")
        .args(["--norc", "-c", script, "bash", line, breaks])
        .args(parts)
        .current_dir(place)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(bash.stderr.is_empty() && bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    Some(String::from_utf8(bash.stdout).unwrap().lines().map(String::from).collect())
}

#[cfg(unix)]
#[test]
fn bash_which_parts_words_at_equals_signs_gets_the_last_part() {
    let place = place();
    let usual = " \t\n\"'><=;|&(:";
    let bash = |line: &str, parts: &[&str], breaks: &str| in_bash(place.path(), line, parts, breaks);
    let line = "difflab --set diffusion.path=fl";
    let parts = ["difflab", "--set", "diffusion.path", "=", "fl"];
    let Some(flow) = bash(line, &parts, usual) else { return };
    assert_eq!(flow, ["flow"]);
    assert_eq!(bash(line, &["difflab", "--set", "diffusion.path=fl"], " \t\n").unwrap(), ["diffusion.path=flow"]);
    // At the sign itself.
    let parts = ["difflab", "--set", "sample.clip_sample", "="];
    assert_eq!(bash("difflab --set sample.clip_sample=", &parts, usual).unwrap(), ["true", "false"]);
    let parts = ["difflab", "--set", "=", "schedule", "=", "cos"];
    assert_eq!(bash("difflab --set=schedule=cos", &parts, usual).unwrap(), ["cosine"]);
    assert_eq!(bash("difflab sample ", &["difflab", "sample", ""], usual).unwrap()[..2], ["latest", "new-run"]);
    let parts = ["difflab", "mnist", "--set", "seed", "=", "1", "--set", "train.batch"];
    assert_eq!(bash("difflab mnist --set seed=1 --set train.batch", &parts, usual).unwrap(), ["train.batch_size="]);
}

#[cfg(unix)]
#[test]
fn what_is_quoted_in_bash_is_completed_in_its_quotes() {
    let place = place();
    fs::create_dir_all(place.path().join("a folder")).unwrap();
    fs::copy(place.path().join("mine.toml"), place.path().join("a folder/my own.toml")).unwrap();
    let usual = " \t\n\"'><=;|&(:";
    let bash = |last: &str| in_bash(place.path(), &format!("difflab {last}"), &["difflab", last], usual);
    let Some(bare) = bash("a\\ folder/m") else { return };
    assert_eq!(bare, [r"a\ folder/my\ own.toml"]);
    assert_eq!(bash("\"a folder/m").unwrap(), ["a folder/my own.toml"]);
    assert_eq!(bash("'a folder/m").unwrap(), ["a folder/my own.toml"]);
}

#[test]
fn the_manual_has_a_page_a_subcommand() {
    let place = tempfile::tempdir().unwrap();
    let man =
        Command::new(env!("CARGO_BIN_EXE_difflab")).args(["man", "a/man1"]).current_dir(place.path()).output().unwrap();
    assert!(man.status.success(), "{man:?}");
    let mut pages: Vec<String> = fs::read_dir(place.path().join("a/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    for page in ["difflab.1", "difflab-sample.1", "difflab-runs-trash.1", "difflab-study-steps.1", "difflab-man.1"] {
        assert!(pages.iter().any(|known| known == page), "{page}: {pages:?}");
    }
    let said = String::from_utf8(man.stderr).unwrap();
    assert!(said.contains(&format!("wrote {} pages", pages.len())), "{said}");
    let sample = fs::read_to_string(place.path().join("a/man1/difflab-sample.1")).unwrap();
    assert!(sample.contains(".TH difflab-sample") && sample.contains("\\-\\-guidance\\-scale"), "{sample}");
    fs::write(place.path().join("file"), "").unwrap();
    let refused =
        Command::new(env!("CARGO_BIN_EXE_difflab")).args(["man", "file"]).current_dir(place.path()).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("there is a file of this name"), "{said}");
}
