//! Messages must be true: every flag and every key that a message names is one that the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn difflab(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_difflab")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Long flags of the program and all its subcommands, from their own help.
fn flags() -> BTreeSet<String> {
    let commands: [&[&str]; 32] = [
        &["--help"],
        &["sample", "--help"],
        &["schedule", "--help"],
        &["eval", "--help"],
        &["bench", "--help"],
        &["data", "--help"],
        &["data", "list", "--help"],
        &["data", "show", "--help"],
        &["runs", "--help"],
        &["runs", "tag", "--help"],
        &["runs", "note", "--help"],
        &["runs", "trash", "--help"],
        &["runs", "restore", "--help"],
        &["compare", "--help"],
        &["fork", "--help"],
        &["race", "--help"],
        &["sweep", "--help"],
        &["card", "--help"],
        &["export", "--help"],
        &["export-logs", "--help"],
        &["import", "--help"],
        &["doctor", "--help"],
        &["explain", "--help"],
        &["course", "--help"],
        &["report", "--help"],
        &["study", "steps", "--help"],
        &["study", "guidance", "--help"],
        &["study", "epochs", "--help"],
        &["study", "combinations", "--help"],
        &["speedrun", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ];
    let mut flags = BTreeSet::new();
    for command in commands {
        // Lines that begin with a flag declare it; others may only speak of one.
        let declared = |line: &str| {
            let line = line.trim_start();
            let line = line.split_once(", --").map_or(line.to_string(), |(_, rest)| format!("--{rest}"));
            line.starts_with("--").then(|| flag(&line).to_string())
        };
        flags.extend(difflab(command).lines().filter_map(declared));
    }
    flags
}

/// "--guidance-scale" of "--guidance-scale <W>".
fn flag(text: &str) -> &str {
    let end = text[2..].find(|c: char| !(c.is_ascii_lowercase() || c == '-')).map_or(text.len(), |end| end + 2);
    text[..end].trim_end_matches('-')
}

/// Keys of the config, dotted.
fn keys() -> BTreeSet<String> {
    difflab::config::Config::default().values().into_keys().collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// What lies between quotes in the code of a file, its tests and comments left out.
fn literals(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let (mut found, mut rest) = (Vec::new(), code.as_str());
    while let Some(start) = rest.find('"') {
        // A quote as a character.
        if rest[..start].ends_with('\'') || rest[..start].ends_with("b'") {
            rest = &rest[start + 1..];
            continue;
        }
        rest = &rest[start + 1..];
        let mut escaped = false;
        let end = rest.char_indices().find(|&(_, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else { break };
        found.push(rest[..end].to_string());
        rest = &rest[end + 1..];
    }
    found
}

/// (file, text) of every message of the program; what a build says is none.
fn messages() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let is_test = |path: &Path| path.to_string_lossy().contains("tests") || path.ends_with("build.rs");
    let mut found = Vec::new();
    for file in files.into_iter().filter(|path| !is_test(path.strip_prefix(&src).unwrap())) {
        let text = fs::read_to_string(&file).unwrap();
        found.extend(literals(&text).into_iter().map(|literal| (file.clone(), literal)));
    }
    found
}

#[test]
fn every_flag_that_a_message_names_exists() {
    let known = flags();
    assert!(known.contains("--guidance-scale") && known.contains("--help") && known.len() > 50, "{known:?}");
    // Of cargo, rustup, TensorBoard, Slurm and diffusers' own tools, where a message says how to build difflab or to go on.
    let others =
        ["--release", "--features", "--no-default-features", "--logdir", "--ntasks", "--cpus-per-task", "--list"];
    let mut named = 0;
    for (file, text) in messages() {
        for (at, _) in text.match_indices("--") {
            let before = text[..at].chars().next_back();
            let begins = text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase());
            if !begins || before.is_some_and(|c| c == '-' || c.is_alphanumeric()) {
                continue;
            }
            let name = flag(&text[at..]);
            named += 1;
            let exists = known.contains(name) || others.contains(&name);
            assert!(exists, "{}: there is no {name}, but a message names it: {text}", file.display());
        }
    }
    assert!(named > 60, "only {named} flags found: does the test still read the messages?");
}

#[test]
fn every_key_that_a_message_names_exists() {
    let known = keys();
    assert!(known.contains("train.batch_size"), "{known:?}");
    let sections = ["train.", "data.", "diffusion.", "model.", "sample.", "preview."];
    let mut named = 0;
    for (file, text) in messages() {
        for section in sections {
            for (at, _) in text.match_indices(section) {
                let inside = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "_./".contains(c));
                let rest = &text[at + section.len()..];
                let end = rest
                    .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
                    .unwrap_or(rest.len());
                // "data.", the end of a sentence; "sample.png", a file.
                let file_name = ["png", "gif", "safetensors", "json", "toml", "rs", "bin"].contains(&&rest[..end]);
                if inside || end == 0 || file_name || rest[end..].starts_with('.') {
                    continue;
                }
                let key = format!("{section}{}", &rest[..end]);
                named += 1;
                assert!(
                    known.contains(&key),
                    "{}: there is no key {key}, but a message names it: {text}",
                    file.display()
                );
            }
        }
    }
    assert!(named > 100, "only {named} keys found: does the test still read the messages?");
}

#[test]
fn the_reader_of_messages_reads_them() {
    let code = "let x = \"use --steps \\\" or\"; // \"not --this\"\nlet c = '\"'; f(\"--set a=1\");\n#[cfg(test)]\nmod tests { \"--no\" }";
    assert_eq!(literals(code), ["use --steps \\\" or", "not --this", "--set a=1"]);
    assert_eq!(
        (flag("--guidance-scale <W>"), flag("--set KEY"), flag("--steps, ")),
        ("--guidance-scale", "--set", "--steps")
    );
}
