//! `difflab man`: the manual, for `man`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Command;
use clap_mangen::Man;

use super::UsageError;
use crate::process::shell_word;
use crate::run::io_words;
use crate::speak;

/// Write the manual pages into a folder: difflab.1, and a page for each subcommand.
///
/// They say what --help says. `man ./difflab-sample.1` shows one; in share/man/man1 below a folder that man searches, such as
/// ~/.local/share/man/man1, `man difflab-sample` does.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to; made where it is missing.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes the pages of `command` and of all its subcommands.
///
/// # Errors
/// A folder or a page that can't be written, with its path.
pub fn run(args: &Args, command: Command) -> Result<()> {
    fs::create_dir_all(&args.dir).map_err(|error| UsageError::new(io_words::cannot_write(&args.dir, &error)))?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = 0;
    write(&command, &args.dir, &mut pages)?;
    let first = shell_word(&args.dir.join("difflab.1").display().to_string());
    speak::remark(format_args!("wrote {pages} pages into {}; read the first with man {first}", args.dir.display()));
    Ok(())
}

fn write(command: &Command, dir: &Path, pages: &mut usize) -> Result<()> {
    let source = concat!("difflab ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone()).source(source).manual("difflab");
    let path = dir.join(page.get_filename());
    page.generate_to(dir).map_err(|error| anyhow!(io_words::cannot_write(&path, &error)))?;
    *pages += 1;
    command.get_subcommands().filter(|inner| !inner.is_hide_set()).try_for_each(|inner| write(inner, dir, pages))
}
