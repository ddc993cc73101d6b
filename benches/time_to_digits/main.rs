//! How long until a run draws digits that read as the digits asked for?
//!
//! Trains with the real binary, headless, with everything a user gets (previews, checkpoints, held-out loss), and lets the
//! bundled judge read samples of the checkpoints: the curve of one seed, or a whole list of recipes, each as
//! `difflab speedrun` measures it.
//!
//! ```text
//! cargo bench --bench time_to_digits -- [CONFIG] [--steps N] [--every N] [--threads N] [--set KEY=VALUE]…
//! cargo bench --bench time_to_digits -- --recipes FILE [--ledger FILE] [--threads N]
//! ```

mod curve;
mod recipes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DIFFLAB: &str = env!("CARGO_BIN_EXE_difflab");

enum Asked {
    Curve(curve::Options),
    Recipes { file: PathBuf, ledger: PathBuf, threads: Option<usize> },
}

fn main() -> ExitCode {
    let done = asked(std::env::args().skip(1)).and_then(|asked| match asked {
        Asked::Curve(options) => curve::measure(&options),
        Asked::Recipes { file, ledger, threads } => {
            let mut recipes = recipes::read(&file)?;
            for recipe in &mut recipes {
                recipe.threads = recipe.threads.or(threads);
            }
            let measured = recipes::measure(Path::new(DIFFLAB), &recipes, &ledger)?;
            println!("{}", recipes::table(&recipes, &measured));
            match measured.iter().filter(|result| result.is_err()).count() {
                0 => Ok(()),
                failed => Err(format!("{failed} of {} recipes failed; the table says why", recipes.len())),
            }
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn asked(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut options = curve::Options::default();
    let (mut file, mut ledger, mut threads) = (None, None, None);
    // What the other of the two ways takes.
    let mut of_curve = Vec::new();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
        if ["--steps", "--every", "--set"].contains(&arg.as_str()) || !arg.starts_with('-') {
            of_curve.push(arg.clone());
        }
        match arg.as_str() {
            "--steps" => options.steps = number(value()?)?.max(1),
            "--every" => options.every = number(value()?)?.max(1),
            "--threads" => threads = Some(number(value()?)? as usize),
            "--set" => options.set.push(value()?),
            "--recipes" => file = Some(PathBuf::from(value()?)),
            "--ledger" => ledger = Some(PathBuf::from(value()?)),
            // cargo says so to every bench.
            "--bench" => {}
            name if !name.starts_with('-') => options.config = name.to_string(),
            other => return Err(format!("unknown option {other}")),
        }
    }
    options.threads = threads.unwrap_or(options.threads);
    match (file, of_curve.first()) {
        (Some(_), Some(other)) => Err(format!("{other} stands in the file of --recipes, for each recipe")),
        (Some(file), None) => {
            let ledger = ledger.unwrap_or_else(|| file.with_extension("ledger.jsonl"));
            Ok(Asked::Recipes { file, ledger, threads })
        }
        (None, _) if ledger.is_some() => Err("--ledger is for --recipes".into()),
        (None, _) => Ok(Asked::Curve(options)),
    }
}
