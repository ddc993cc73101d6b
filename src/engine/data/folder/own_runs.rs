//! Run folders of difflab's that lie among the data, as `difflab .` leaves them: what they hold is never data.

use std::path::Path;

/// What messages call them; put behind a count.
pub const RUNS: &str = "run folders of difflab's";

/// Is this the folder of a run? It has its config, and either says which run it is, or (as older ones don't) holds
/// checkpoints.
pub fn is_run(folder: &Path) -> bool {
    folder.join("config.toml").is_file() && (folder.join("run.json").is_file() || folder.join("checkpoints").is_dir())
}

/// Is this such a folder, or one that holds nothing but such, as `runs` does?
pub fn holds_only_runs(folder: &Path) -> bool {
    if is_run(folder) {
        return true;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let mut runs = false;
    for entry in entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        if !is_run(&entry.path()) {
            return false;
        }
        runs = true;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_known_by_its_config_and_what_lies_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let (run, only) =
            (|name: &str| is_run(&place.path().join(name)), |name: &str| holds_only_runs(&place.path().join(name)));
        write("runs/one/config.toml");
        assert!(!run("runs/one") && !only("runs"), "anyone may have a config.toml");
        write("runs/one/run.json");
        write("runs/older/config.toml");
        write("runs/older/checkpoints/step-1/x");
        write("runs/.two.7.partial/config.toml");
        assert!(run("runs/one") && run("runs/older") && !run("runs") && only("runs") && only("runs/one"));
        write("runs/notes.txt");
        assert!(!only("runs") && !only("nowhere"));
    }
}
