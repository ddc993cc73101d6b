//! Why a run has no checkpoint, and what helps.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::run::io_words;

/// What keeps the folder of a run's checkpoints from being looked through, and what helps. `None`: nothing does, or
/// there is no such folder.
pub fn cannot_look(run: &Path) -> Option<String> {
    let folder = run.join("checkpoints");
    match fs::read_dir(&folder) {
        // Their names may be seen, and nothing else.
        Ok(entries) => entries.flatten().find_map(|entry| {
            let error = fs::metadata(entry.path()).err()?;
            (error.kind() == ErrorKind::PermissionDenied).then(|| words(&folder, &error))?
        }),
        Err(error) => words(&folder, &error),
    }
}

fn words(folder: &Path, error: &io::Error) -> Option<String> {
    let folder = folder.display();
    match error.kind() {
        ErrorKind::NotFound => None,
        ErrorKind::NotADirectory => Some(format!(
            "{folder} is a file, and the folder of the checkpoints belongs there: move the file away, and put the folder \
             back"
        )),
        _ => Some(format!("the folder {folder} cannot be read: {}", io_words::unread(error))),
    }
}

/// The same where checkpoints may be there that we can't see.
pub fn may_hide_some(run: &Path) -> Option<String> {
    cannot_look(run).filter(|_| !run.join("checkpoints").is_file())
}

/// Why a run has no checkpoint whatever: "its folder checkpoints/ is empty: …".
pub fn none_at_all(run: &Path) -> String {
    if let Some(why) = cannot_look(run) {
        return why;
    }
    let state = match fs::read_dir(run.join("checkpoints")).map(Iterator::count) {
        Ok(0) => "is empty",
        Ok(_) => "holds none",
        Err(_) => "is missing",
    };
    format!("its folder checkpoints/ {state}: none was written, or they were removed or moved away")
}

/// The same with how to begin again, where that is what is left to do.
pub(super) fn none_to_go_on_from(run: &Path) -> String {
    let why = none_at_all(run);
    match cannot_look(run) {
        Some(_) => why,
        None => format!("{why}; to start again: difflab {} --run ANOTHER_FOLDER", run.join("config.toml").display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_again_is_advised_only_where_checkpoints_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = dir.path().join("checkpoints");
        let said = || none_to_go_on_from(dir.path());
        assert!(said().contains("is missing") && said().contains("start again"), "{}", said());
        fs::write(&checkpoints, "").unwrap();
        assert!(said().contains("is a file") && said().contains("move the file away"), "{}", said());
        assert!(!said().contains("start again") && !said().contains("missing"), "{}", said());
        assert_eq!(may_hide_some(dir.path()), None, "in a file there are none");
        fs::remove_file(&checkpoints).unwrap();
        fs::create_dir(&checkpoints).unwrap();
        assert!(said().contains("is empty") && said().contains("start again"), "{}", said());
        assert_eq!(cannot_look(dir.path()), None);
    }

    #[test]
    fn a_lack_of_permission_is_called_so() {
        let denied = words(Path::new("run/checkpoints"), &ErrorKind::PermissionDenied.into()).unwrap();
        assert!(denied.contains("run/checkpoints cannot be read: permission denied; "), "{denied}");
        assert_eq!(words(Path::new("run/checkpoints"), &ErrorKind::NotFound.into()), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let dir = tempfile::tempdir().unwrap();
            let checkpoints = dir.path().join("checkpoints");
            fs::create_dir_all(checkpoints.join("step-00000010")).unwrap();
            for mode in [0o000, 0o444] {
                fs::set_permissions(&checkpoints, fs::Permissions::from_mode(mode)).unwrap();
                // To root nothing is closed.
                if fs::metadata(checkpoints.join("step-00000010")).is_err() {
                    let said = none_to_go_on_from(dir.path());
                    assert!(said.contains("permission denied") && !said.contains("start again"), "{mode:o}: {said}");
                }
                fs::set_permissions(&checkpoints, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
}
