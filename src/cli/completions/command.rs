//! The subcommand: prints the few lines that a shell has to read.

use std::io;

use anyhow::Result;
use clap::ValueEnum;
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell};

use super::answer::ASKED;
use crate::speak;

/// Print what makes a shell complete difflab's commands, flags and values, runs and config keys among them.
///
/// For bash put `eval "$(difflab completions bash)"` into ~/.bashrc; for zsh the same with zsh into ~/.zshrc, behind
/// compinit; for fish `difflab completions fish | source` into ~/.config/fish/config.fish; for PowerShell `difflab
/// completions powershell | Out-String | Invoke-Expression` into $PROFILE; for elvish `eval (difflab completions elvish |
/// slurp)` into rc.elv. The shell then asks `difflab` on your path for what fits.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose.
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

/// The program, and the command that is completed.
const PROGRAM: &str = "difflab";

/// Runs the subcommand.
///
/// # Errors
/// Standard output that can't be written.
pub fn run(args: &Args) -> Result<()> {
    speak::print(&script(args.shell)?)?;
    Ok(())
}

/// bash parts words at `=` and `:`, and zsh sets a space behind `KEY=`: for these the lines are our own.
fn script(shell: Shell) -> io::Result<String> {
    let of: &dyn EnvCompleter = match shell {
        Shell::Bash => return Ok(include_str!("difflab.bash").replace("ASKED", ASKED)),
        Shell::Zsh => return Ok(include_str!("difflab.zsh").replace("ASKED", ASKED)),
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Elvish => &Elvish,
    };
    let mut lines = Vec::new();
    of.write_registration(ASKED, PROGRAM, PROGRAM, PROGRAM, &mut lines)?;
    Ok(String::from_utf8_lossy(&lines).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_told_whom_to_ask() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            assert!(script.contains(ASKED) && script.contains(PROGRAM), "{shell:?}: {script}");
        }
    }
}
