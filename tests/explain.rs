//! `difflab explain` with the real program: every topic of a real run, what it refuses, and the pages made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TOPICS: [&str; 9] =
    ["forward", "time", "loss", "training-step", "bound", "sampling-step", "guidance", "plane", "data"];

const TINY: &str = r#"
name = "tiny"
[data]
dataset = "mnist-10k"
held_out = 64
[diffusion]
timesteps = 60
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
class_conditional = true
[train]
steps = 8
batch_size = 8
warmup_steps = 2
timestep_loss_every = 2
history = "off"
[preview]
enabled = false
save_every = 0
[sample]
steps = 6
guidance_scale = 1.5
"#;

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
steps = 20
batch_size = 16
history = "off"
[preview]
enabled = false
save_every = 0
[sample]
steps = 5
"#;

fn difflab(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(folder).args(words).output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(folder: &Path, words: &[&str], code: i32, sentence: &str) {
    let output = difflab(folder, words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(sentence), "{said}");
}

/// Every file of a folder with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

#[test]
fn every_topic_of_real_runs_is_explained_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::write(place.join("tiny.toml"), TINY).unwrap();
    fs::write(place.join("moons.toml"), MOONS).unwrap();
    for name in ["tiny", "moons"] {
        out(&difflab(place, &[&format!("{name}.toml"), "--no-tui", "--run", name, "--threads", "2"]));
        let before = files(&place.join(name));
        for topic in TOPICS {
            let text = out(&difflab(place, &["explain", topic, "--run", name, "--at", "20", "--threads", "2"]));
            // Pictures have no plane.
            let told_to_name_a_run = text.contains("--run") && (name, topic) != ("tiny", "plane");
            assert!(!text.contains("NaN") && !told_to_name_a_run, "{name}, {topic}: {text}");
            // Nothing of LaTeX is left over.
            assert!(!text.contains('\\') && !text.contains('$'), "{name}, {topic}: {text}");
            let notes = out(&difflab(place, &["explain", topic, "--run", name, "--at", "20", "--format", "md"]));
            assert!(notes.starts_with("# ") && notes.matches("$$").count().is_multiple_of(2), "{notes}");
            assert!(notes.lines().all(|line| line.matches('$').count().is_multiple_of(2)), "{topic}: {notes}");
        }
        assert!(files(&place.join(name)) == before, "{name}: a file has changed");
    }
    // The numbers of each line are there: three of them, at one place.
    let text = out(&difflab(place, &["explain", "guidance", "--run", "tiny", "--at", "20"]));
    assert!(text.contains("w ") && text.contains("1.5") && text.contains("2.5"), "{text}");
    let text = out(&difflab(place, &["explain", "training", "--run", "tiny", "--weight", "conv_out.bias"]));
    assert!(text.contains("Step 9 of") && text.contains("conv_out.bias"), "{text}");
    let text = out(&difflab(place, &["explain", "plane", "--run", "moons"]));
    assert!(text.contains("v by the score") && text.contains("ddpm x"), "{text}");
    refused(place, &["explain", "loss", "--run", "tiny", "--at", "60"], 2, "go from 0 to 59");
    refused(place, &["explain", "loss", "--run", "tiny", "--image", "9936"], 2, "images 0 to 9935");
    refused(place, &["explain", "loss", "--run", "tiny", "--pixel", "28,0"], 2, "28 rows and 28 columns");
    refused(place, &["explain", "training", "--run", "tiny", "--weight", "nothing"], 2, "no weight called nothing");
    refused(place, &["explain", "loss", "--run", "tiny", "--weight", "conv_out.bias"], 2, "training-step alone");
}

#[test]
fn a_run_whose_data_are_gone_is_explained_as_far_as_it_needs_none_and_with_them_where_they_are_now() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let class = place.join("own").join("a_b$|[x](y) `<i>`");
    fs::create_dir_all(&class).unwrap();
    for i in 0..80u8 {
        let pixel = |x: u32, y: u32| image::Luma([(x * 20 + y * 3) as u8 ^ i]);
        image::GrayImage::from_fn(12, 12, pixel).save(class.join(format!("{i}.png"))).unwrap();
    }
    let config = TINY.replace("dataset = \"mnist-10k\"", "dataset = \"images\"\npath = \"own\"").replace("64", "16");
    fs::write(place.join("own.toml"), config).unwrap();
    out(&difflab(place, &["own.toml", "--no-tui", "--run", "run", "--threads", "2"]));
    fs::rename(place.join("own"), place.join("moved")).unwrap();
    for topic in ["time", "t", "bound"] {
        let text = out(&difflab(place, &["explain", topic, "--run", "run", "--at", "20"]));
        assert!(!text.contains("--run"), "{text}");
    }
    refused(place, &["explain", "loss", "--run", "run"], 2, "name them with --set data.path=IMAGES");
    refused(place, &["explain", "time", "--run", "run", "--at", "60"], 2, "go from 0 to 59");
    let moved = ["--run", "run", "--set", "data.path=moved"];
    let text = out(&difflab(place, &[&["explain", "data"], &moved[..]].concat()));
    assert!(text.contains("a_b$|[x](y) `<i>`  "), "{text}");

    // Notes are a file, their pictures files beside it.
    let written = difflab(place, &[&["explain", "data", "-o", "my notes.md"], &moved[..]].concat());
    assert!(written.status.success() && written.stdout.is_empty(), "{}", String::from_utf8_lossy(&written.stderr));
    let notes = fs::read_to_string(place.join("my notes.md")).unwrap();
    assert!(notes.contains(r"| a\_b\$\|\[x\](y) \`&lt;i\>\` | $64$ |"), "{notes}");
    assert!(notes.contains("](my%20notes-pictures/data-1.png)") && !notes.contains("data:"), "{notes}");
    let links = notes.matches("![pictures](").count();
    assert_eq!(fs::read_dir(place.join("my notes-pictures")).unwrap().count(), links);
    assert!(image::open(place.join("my notes-pictures/data-1.png")).unwrap().width() > 100);
    let printed = difflab(place, &[&["explain", "data", "--format", "md"], &moved[..]].concat());
    assert!(String::from_utf8_lossy(&printed.stderr).contains("-o FILE.md writes them as files"));
    assert!(out(&printed).contains("](data:image/png;base64,"));
    refused(place, &["explain", "time", "-o", "notes.txt"], 2, "must end in .md");
    refused(place, &["explain", "time", "-o", "notes.md", "--format", "text"], 2, "leave one out");

    // What can't be read of the losses, and flags that mean nothing here, are said.
    let rows = place.join("run/timestep_loss.jsonl");
    fs::write(&rows, format!("garbage\n{}", fs::read_to_string(&rows).unwrap())).unwrap();
    let told = difflab(place, &["explain", "bound", "--run", "run", "--image", "3"]);
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(said.contains("timestep_loss.jsonl: line 1 can't be read, and is left out"), "{said}");
    assert!(said.contains("--image has no effect on bound: it is for forward, loss, "), "{said}");
    assert!(out(&told).contains("The cell under the cursor"));
}

#[test]
fn what_is_not_there_is_refused_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &["explain", "guidence"], 2, "did you mean `guidance`?");
    refused(folder.path(), &["explain", "loss", "--pixel", "3"], 2, "a row and a column");
    refused(folder.path(), &["explain", "loss", "--run", "nowhere"], 2, "nowhere");
    let listed = out(&difflab(folder.path(), &["explain"]));
    assert!(TOPICS.iter().all(|topic| listed.contains(topic)), "{listed}");
}

/// `page` without what differs between processors: digits of numbers, and pictures.
fn words_of(page: &str) -> String {
    let lines = page.lines().filter(|line| !line.starts_with("![pictures]"));
    let masked = lines.map(|line| line.chars().filter(|c| !"0123456789.-".contains(*c)).collect::<String>());
    masked.map(|line| line.replace(r"\cdot ^{}", "").replace("$$", "")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pages_in_docs_are_what_the_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = root.join("docs/explain");
    for topic in TOPICS {
        let said = out(&difflab(root, &["explain", topic, "--format", "md", "--threads", "1"]));
        let said = said.replace(&format!("{}/", root.display()), "");
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("![pictures]")).collect();
        let page = lines.join("\n") + "\n";
        let file = pages.join(format!("{topic}.md"));
        if std::env::var_os("DIFFLAB_BLESS").is_some() {
            fs::create_dir_all(&pages).unwrap();
            fs::write(&file, &page).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(words_of(&kept), words_of(&page), "{topic}: DIFFLAB_BLESS=1 cargo test --release --test explain");
    }
}
