//! Which difflab was measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes of the digest that are told: enough to tell builds apart.
const TOLD: usize = 6;

/// The program that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Binary {
    pub version: &'static str,
    /// Beginning of its SHA-256.
    pub sha256: String,
    /// The commit that it was built from, with "+" behind where more was changed; `None` where that is not known.
    pub commit: Option<String>,
}

impl Binary {
    /// # Errors
    /// When the file can't be read.
    pub fn of(program: &Path) -> std::io::Result<Self> {
        let sha256 = Sha256::digest(fs::read(program)?).iter().take(TOLD).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { version: env!("CARGO_PKG_VERSION"), sha256, commit: commit(program) })
    }

    /// "0.1.0 (1a2b3c4)".
    pub fn text(&self) -> String {
        let known = self.commit.as_ref().map_or(format!("binary {}", self.sha256), String::clone);
        format!("{} ({known})", self.version)
    }
}

/// The commit of the checkout that the program lies in, where it was built after it.
fn commit(program: &Path) -> Option<String> {
    let checkout = program.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?;
    let git = |words: &[&str]| {
        let output = Command::new("git").arg("-C").arg(checkout).args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let head = git(&["log", "-1", "--format=%h %ct"])?;
    let (commit, seconds) = head.split_once(' ')?;
    let committed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.parse().ok()?);
    if fs::metadata(program).and_then(|file| file.modified()).ok()? < committed {
        return None;
    }
    let changed = !git(&["status", "-s", "-uno"])?.is_empty();
    Some(format!("{commit}{}", if changed { "+" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_outside_of_a_checkout_has_its_digest_alone() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("difflab");
        fs::write(&program, "program").unwrap();
        let binary = Binary::of(&program).unwrap();
        assert_eq!((binary.sha256.len(), &binary.commit), (2 * TOLD, &None));
        assert_eq!(binary.text(), format!("{} (binary {})", env!("CARGO_PKG_VERSION"), binary.sha256));
        let known = Binary { commit: Some("1a2b3c4+".into()), ..binary };
        assert!(known.text().ends_with(" (1a2b3c4+)"));
    }
}
