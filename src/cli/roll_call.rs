//! What the ranks of a job tell each other when they meet, and what of it has to agree.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kernels::{Isa, default_threads};
use crate::lab::RanksDiffer;
use crate::ranks::Collective;
use crate::speak;

/// What each rank says of itself.
#[derive(Serialize, Deserialize)]
pub struct Present {
    pub host: String,
    /// The processors that it may use, as the system lists them.
    pub processors: String,
    pub cores: usize,
    /// Of the program's file.
    program: String,
    /// The instruction set of its kernels.
    isa: String,
    /// What it was asked for, its number of threads aside.
    pub command: String,
    /// That was refused.
    pub is_refused: bool,
    /// The folder that relative paths begin in.
    folder: String,
}

impl Present {
    fn new(ranks: &dyn Collective, words: &[OsString], is_refused: bool) -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let program = std::env::current_exe().and_then(fs::read).context("reading this program's own file")?;
        let digest = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self {
            host: ranks.host(),
            processors: list.unwrap_or_default().trim().into(),
            cores: default_threads(),
            program: format!("{} {digest}", env!("CARGO_PKG_VERSION")),
            isa: Isa::current().name().into(),
            command: without_threads(words),
            is_refused,
            folder: std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default(),
        })
    }

    /// Tells the other ranks of this one, and returns what they tell.
    pub fn all(ranks: &dyn Collective, words: &[OsString], is_refused: bool) -> Result<Vec<Self>> {
        let all = ranks.all_gather(serde_json::to_vec(&Self::new(ranks, words, is_refused)?)?)?;
        let all = all.iter().map(|said| serde_json::from_slice(said)).collect::<Result<_, _>>();
        all.context("hearing of the other ranks: do all run the same difflab?")
    }
}

/// A command line in words, without the program's name and `--threads N`, which each rank may have its own of.
fn without_threads(words: &[OsString]) -> String {
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy());
    let mut kept = vec!["difflab".to_string()];
    while let Some(word) = words.next() {
        if word == "--threads" {
            words.next();
        } else if !word.starts_with("--threads=") {
            kept.push(if word.is_empty() || word.contains(char::is_whitespace) {
                format!("'{word}'")
            } else {
                word.into()
            });
        }
    }
    kept.join(" ")
}

/// Every rank must run the same program with the same command line; that its kernels use the same instructions the bits depend on.
pub fn compare(all: &[Present]) -> Result<()> {
    for (rank, other) in all.iter().enumerate() {
        if other.program != all[0].program {
            let message = format!(
                "rank {rank} on {} runs another difflab than rank 0 on {}: {} there, {} here\n  start the same file on all \
                 machines",
                other.host, all[0].host, other.program, all[0].program
            );
            return Err(RanksDiffer(message).into());
        }
        if other.command != all[0].command {
            let message = format!(
                "rank {rank} on {} was started with another command than rank 0 on {}\n  there: {}\n  here:  {}\n  start all ranks \
                 with the same command line; only --threads may differ",
                other.host, all[0].host, other.command, all[0].command
            );
            return Err(RanksDiffer(message).into());
        }
        if other.is_refused {
            let message = format!("rank {rank} on {} refuses this command line, which rank 0 takes", other.host);
            return Err(RanksDiffer(message).into());
        }
        if other.folder != all[0].folder {
            speak::warn(format_args!(
                "rank {rank} on {} works in {}, rank 0 in {}: relative paths mean other files there",
                other.host, other.folder, all[0].folder
            ));
        }
        if other.isa != all[0].isa {
            // They differ in products of bf16 alone.
            let both = [&other.isa, &all[0].isa].iter().all(|isa| ["amx", "avx512"].contains(&isa.as_str()));
            let when = if both { ", in bf16" } else { "" };
            speak::warn(format_args!(
                "rank {rank} on {} computes with {}, rank 0 with {}: the last bits depend on which ranks are where{when}",
                other.host, other.isa, all[0].isa
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::Alone;

    #[test]
    fn ranks_that_were_asked_for_something_else_are_named() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let of = |line: &str| Present::new(&Alone, &words(line), false).unwrap();
        let all = [of("difflab sample a --seed 1 --threads 2"), of("/bin/difflab sample a --seed 1 --threads=7")];
        compare(&all).unwrap();
        assert_eq!(without_threads(&["difflab".into(), "sample".into(), "my run".into()]), "difflab sample 'my run'");
        let said =
            compare(&[of("difflab sample a --seed 1"), of("difflab sample a --seed 2")]).unwrap_err().to_string();
        assert!(said.starts_with("rank 1 on ") && said.contains("there: difflab sample a --seed 2\n"), "{said}");
        let refused = Present { is_refused: true, ..of("difflab sample a") };
        assert!(compare(&[of("difflab sample a"), refused]).unwrap_err().to_string().contains("refuses"));
    }
}
