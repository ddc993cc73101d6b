//! A list of recipes, measured one after the other by `difflab speedrun`, unattended; a ledger keeps what is done.
//!
//! ```toml
//! [[recipe]]
//! name = "as shipped"
//! config = "mnist"
//!
//! [[recipe]]
//! name = "twice the batch"
//! config = "mnist"
//! set = ["train.batch_size=64"]
//! seeds = 3     # five where nothing is said
//! limit = 40    # seconds of each training
//! ```

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One way to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub name: String,
    /// The name of a shipped config, or a file as seen from where the bench runs: the checkout.
    pub config: String,
    #[serde(default)]
    pub set: Vec<String>,
    pub seeds: Option<u64>,
    pub limit: Option<f64>,
    pub every: Option<f64>,
    pub target: Option<Vec<f64>>,
    pub threads: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    recipe: Vec<Recipe>,
}

/// A line of the ledger.
#[derive(Serialize, Deserialize)]
struct Line {
    key: Value,
    name: String,
    /// What `difflab speedrun --format json` says.
    row: Value,
}

/// The row of a recipe, or why there is none.
pub type Measured = Result<Value, String>;

/// The recipes of a file.
pub fn read(file: &Path) -> Result<Vec<Recipe>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let recipes = toml::from_str::<File>(&text).map_err(|error| format!("{}: {error}", file.display()))?.recipe;
    let twice = recipes.iter().enumerate().find(|(i, one)| recipes[..*i].iter().any(|other| other.name == one.name));
    match twice {
        Some((_, recipe)) => Err(format!("{}: two recipes are called {}", file.display(), recipe.name)),
        None => Ok(recipes),
    }
}

/// Measures what the ledger lacks, and keeps it there. A recipe that fails stops no other.
pub fn measure(difflab: &Path, recipes: &[Recipe], ledger: &Path) -> Result<Vec<Measured>, String> {
    let binary = sha256(&fs::read(difflab).map_err(|error| format!("{}: {error}", difflab.display()))?);
    let known: Vec<Line> = match fs::read_to_string(ledger) {
        // The last line of a bench that was killed may be torn.
        Ok(text) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{}: {error}", ledger.display())),
    };
    let mut measured = Vec::new();
    for (place, recipe) in recipes.iter().enumerate() {
        let key = key(recipe, &binary);
        let what = format!("{} of {}: {}", place + 1, recipes.len(), recipe.name);
        if let Some(line) = known.iter().rev().find(|line| line.key == key) {
            eprintln!("{what}: in the ledger already");
            measured.push(Ok(line.row.clone()));
            continue;
        }
        eprintln!("{what}");
        let row = speedrun(difflab, recipe);
        match &row {
            Ok(row) => {
                let line = Line { key, name: recipe.name.clone(), row: row.clone() };
                keep(ledger, &line).map_err(|error| format!("{}: {error}", ledger.display()))?;
            }
            Err(why) => eprintln!("{what}: {why}"),
        }
        measured.push(row);
    }
    Ok(measured)
}

/// All that a row follows from, but for chance: the name is none of it.
fn key(recipe: &Recipe, binary: &str) -> Value {
    let mut key = json!(recipe);
    if let Some(key) = key.as_object_mut() {
        key.remove("name");
        key.insert("binary".into(), binary.into());
        // A file may have changed since.
        key.insert("file".into(), json!(fs::read(&recipe.config).ok().map(|bytes| sha256(&bytes))));
    }
    key
}

fn speedrun(difflab: &Path, recipe: &Recipe) -> Measured {
    let mut command = Command::new(difflab);
    command.args(["speedrun", &recipe.config, "--format", "json"]);
    for set in &recipe.set {
        command.args(["--set", set]);
    }
    let targets: Option<Vec<String>> =
        recipe.target.as_ref().map(|targets| targets.iter().map(f64::to_string).collect());
    let options = [
        ("--seeds", recipe.seeds.map(|value| value.to_string())),
        ("--limit", recipe.limit.map(|value| value.to_string())),
        ("--every", recipe.every.map(|value| value.to_string())),
        ("--threads", recipe.threads.map(|value| value.to_string())),
        ("--target", targets.map(|targets| targets.join(","))),
    ];
    for (option, value) in options {
        command.args(value.map(|value| [option.to_string(), value]).into_iter().flatten());
    }
    // Its remarks are for whoever looks on.
    let output =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().and_then(|mut child| {
            let mut said = child.stderr.take();
            let heard = std::thread::spawn(move || {
                let mut last = Vec::new();
                for line in
                    said.iter_mut().flat_map(|said| std::io::BufRead::lines(std::io::BufReader::new(said))).flatten()
                {
                    eprintln!("  {line}");
                    last.push(line);
                }
                last
            });
            let output = child.wait_with_output()?;
            Ok((output, heard.join().unwrap_or_default()))
        });
    let (output, said) = output.map_err(|error| format!("starting {}: {error}", difflab.display()))?;
    if !output.status.success() {
        let why = said.iter().rev().take_while(|line| !line.starts_with("difflab: ")).count() + 1;
        return Err(said[said.len().saturating_sub(why)..].join(" "));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("its answer is no JSON: {error}"))
}

fn keep(ledger: &Path, line: &Line) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(ledger)?;
    let torn = fs::read(ledger)?.last().is_some_and(|byte| *byte != b'\n');
    let text = format!("{}{}\n", if torn { "\n" } else { "" }, serde_json::to_string(line)?);
    file.write_all(text.as_bytes())
}

/// What was measured, in the order of the file.
pub fn table(recipes: &[Recipe], measured: &[Measured]) -> String {
    let targets_of = |row: &Value| row["targets"].as_array().cloned().unwrap_or_default();
    let mut targets: Vec<String> = Vec::new();
    for target in measured.iter().flatten().flat_map(targets_of) {
        let words = target["words"].as_str().unwrap_or_default().to_string();
        if !targets.contains(&words) {
            targets.push(words);
        }
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut header = vec!["recipe".to_string(), "settings".into(), "seeds".into()];
    header.extend(targets.iter().map(|target| format!("seconds to {target}: median (least–most)")));
    header.push("images/s".into());
    let mut out = line(&header) + &format!("|{}\n", "---|".repeat(header.len()));
    for (recipe, row) in recipes.iter().zip(measured) {
        let settings: Vec<String> =
            std::iter::once(&recipe.config).chain(&recipe.set).map(|s| format!("`{s}`")).collect();
        let mut cells = vec![recipe.name.clone(), settings.join(" ")];
        match row {
            Ok(row) => {
                cells.push(row["seeds"].as_array().map_or(0, Vec::len).to_string());
                let cell = |words: &String| {
                    let target = targets_of(row).into_iter().find(|target| target["words"] == words.as_str());
                    target.map_or(String::new(), |target| seconds(&target["seconds"], &row["limit"]))
                };
                cells.extend(targets.iter().map(cell));
                cells.push(row["images_per_second"]["median"].as_f64().map_or("–".into(), |rate| format!("{rate:.0}")));
            }
            Err(why) => {
                cells.push(format!("failed: {why}"));
                cells.extend(vec![String::new(); header.len() - 3]);
            }
        }
        out += &line(&cells);
    }
    out
}

/// "24.1 (22.0–27.3)"; what was not reached is longer than the limit.
fn seconds(spread: &Value, limit: &Value) -> String {
    let shown = |key: &str| spread[key].as_f64().map_or(format!("> {limit}"), |seconds| format!("{seconds:.1}"));
    match (spread["reached"].as_u64(), spread["seeds"].as_u64()) {
        (Some(0), _) | (_, Some(1)) => shown("median"),
        _ => format!("{} ({}–{})", shown("median"), shown("least"), shown("most")),
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
