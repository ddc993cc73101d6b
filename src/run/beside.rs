//! A folder for another run, beside one that is there.

use std::path::{Path, PathBuf};

use super::error::RunError;
use super::free_name::free_beside;

/// Longest name that is made of a config's name and what is otherwise.
const LONGEST: usize = 60;

/// A free folder beside the run in `old`, named after the experiment `name` and what it has otherwise: `changes` are
/// keys and values as TOML. `two-moons-swiss_roll`, with today's date before it where the old one has a date.
///
/// # Errors
/// [`RunError`] when nothing is free there, or the folder above cannot be read.
pub fn folder_beside(old: &Path, name: &str, changes: &[(&str, String)]) -> Result<PathBuf, RunError> {
    let old_name = old.file_name().unwrap_or_default().to_string_lossy();
    let name = named(name, changes);
    let name = if is_dated(&old_name) { format!("{}-{name}", jiff::Zoned::now().strftime("%Y-%m-%d")) } else { name };
    free_beside(&old.with_file_name(name))
}

/// The folder of the race or the sweep that the run in `run` belongs to, known by the file that says what it is.
pub fn experiment_of(run: &Path) -> Option<&Path> {
    let above = run.parent()?;
    ["race.toml", "sweep.toml"].iter().any(|file| above.join(file).is_file()).then_some(above)
}

/// "two-moons-swiss_roll", "mnist-dropout-0.1-flow".
fn named(name: &str, changes: &[(&str, String)]) -> String {
    let mut all = tidy(name);
    let alike = |value: &str| changes.iter().filter(|(_, other)| other == value).count() > 1;
    for (key, value) in changes {
        let word = key.rsplit('.').next().unwrap_or(key);
        // Words speak for themselves, unless two keys have the same; numbers and yes or no don't.
        let text = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let part = match text {
            Some(text) if alike(value) => tidy(&format!("{word}-{text}")),
            Some(text) => tidy(Path::new(text).file_stem().map_or(text.into(), |stem| stem.to_string_lossy()).as_ref()),
            None => tidy(&format!("{word}-{value}")),
        };
        if all.len() + 1 + part.len() > LONGEST {
            break;
        }
        if !part.is_empty() {
            all = format!("{all}-{part}");
        }
    }
    all
}

/// Letters, digits, `.`, `_` and single `-`.
fn tidy(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_alphanumeric() || "._".contains(c) { c } else { '-' });
    let plain: String = plain.collect();
    plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Does it begin as "2026-11-28-" does?
fn is_dated(name: &str) -> bool {
    let form = "dddd-dd-dd-".chars();
    name.len() > 11 && name.chars().zip(form).all(|(c, f)| if f == 'd' { c.is_ascii_digit() } else { c == f })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_an_experiment_are_known_by_its_file() {
        let place = tempfile::tempdir().unwrap();
        let run = place.path().join("rates/lr=1");
        std::fs::create_dir_all(&run).unwrap();
        assert_eq!(experiment_of(&run), None);
        std::fs::write(place.path().join("rates/sweep.toml"), "").unwrap();
        assert_eq!(experiment_of(&run), Some(place.path().join("rates").as_path()));
    }

    #[test]
    fn a_name_says_what_is_otherwise_and_is_numbered_when_taken() {
        let parent = tempfile::tempdir().unwrap();
        let old = parent.path().join("first");
        let swiss = [("data.dataset", "\"swiss_roll\"".to_string())];
        let folder = folder_beside(&old, "two-moons", &swiss).unwrap();
        assert_eq!(folder, parent.path().join("two-moons-swiss_roll"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), "").unwrap();
        assert_eq!(folder_beside(&old, "two-moons", &swiss).unwrap(), parent.path().join("two-moons-swiss_roll-2"));
        let dated = folder_beside(&parent.path().join("2026-11-22-mnist-4f2a"), "mnist", &swiss).unwrap();
        let name = dated.file_name().unwrap().to_string_lossy().into_owned();
        assert!(is_dated(&name) && name.ends_with("-mnist-swiss_roll"), "{name}");
    }

    #[test]
    fn names_are_short_and_fit_any_file_system() {
        let change = |key, value: &str| (key, value.to_string());
        let name = |changes: &[(&str, String)]| named("mnist", changes);
        assert_eq!(
            name(&[change("model.dropout", "0.1"), change("diffusion.path", "\"flow\"")]),
            "mnist-dropout-0.1-flow"
        );
        assert_eq!(name(&[change("model.block_out_channels", "[4, 8]")]), "mnist-block_out_channels-4-8");
        assert_eq!(name(&[change("data.path", "\"/home/me/my cats/train.npz\"")]), "mnist-train");
        assert_eq!(name(&[]), "mnist");
        let long = name(&vec![change("train.learning_rate", "0.0001"); 20]);
        assert!(long.len() <= LONGEST, "{long}");
    }
}
