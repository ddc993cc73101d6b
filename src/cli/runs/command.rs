//! The flags of `difflab runs`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use super::asked::asked_columns;
use super::{marking, rows, table, trashing};
use crate::cli::UsageError;
use crate::cli::watch::no_screen;
use crate::lab::Outcome;
use crate::run::catalogue::{Catalogue, Filter, ListedRun, RunField, RunOrder, Summary};
use crate::speak;
use crate::tui::{self, TuiOptions};

/// The runs in runs/: on a terminal a screen to browse, compare and open them, else a list; tag them, write notes on
/// them, move them to the trash.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only runs of this name, or with these keys and results, e.g. 'cosine lr>1e-3 val_loss<0.12 -tag:old state=training'.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    filter: String,
    /// Sort by these columns or config keys, a hyphen before those whose largest comes first, e.g. val_loss or schedule,-step
    /// [default: run].
    #[arg(long, value_name = "KEY,…", allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    sort: String,
    /// Print the list, and how [default: a screen on a terminal, else a table].
    #[arg(long, value_name = "FORMAT")]
    format: Option<ListFormat>,
    /// The folder that the runs lie in.
    #[arg(long = "in", value_name = "DIR", default_value = "runs")]
    place: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFormat {
    Table,
    Json,
    Csv,
}

#[derive(Debug, clap::Subcommand)]
enum RunsCommand {
    /// Add tags to a run, and remove those with a hyphen before them: `difflab runs tag latest good -old`.
    Tag(marking::TagArgs),
    /// Write a note on a run; an empty one, "", removes it.
    Note(marking::NoteArgs),
    /// Move runs to the trash, .trash/ beside them. A run that trains stays.
    Trash(trashing::TrashArgs),
    /// Bring runs back from the trash.
    Restore(trashing::RestoreArgs),
}

/// Runs the subcommand.
///
/// # Errors
/// A filter or an order that can't be understood; a run or a folder that can't be read or changed; a list that can't be
/// written.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        None => list(&args.list),
        Some(RunsCommand::Tag(args)) => marking::tag(&args),
        Some(RunsCommand::Note(args)) => marking::note(&args),
        Some(RunsCommand::Trash(args)) => trashing::trash(&args),
        Some(RunsCommand::Restore(args)) => trashing::restore(&args),
    }
}

fn list(args: &ListArgs) -> Result<()> {
    let (filter, order) = asked(args)?;
    let mut catalogue = Catalogue::new(&args.place);
    catalogue.refresh()?;
    let mut runs: Vec<&ListedRun> = catalogue.runs().iter().filter(|run| filter.admits(run)).collect();
    order.sort(&mut runs);
    let summaries: Vec<&Summary> = runs.iter().map(|run| &run.summary).collect();
    let mut asked: Vec<RunField> = filter.fields();
    asked.extend(order.fields().iter().map(|(field, _)| *field).filter(|field| !filter.fields().contains(field)));
    let text = match args.format.unwrap_or(ListFormat::Table) {
        ListFormat::Json => serde_json::to_string_pretty(&summaries)? + "\n",
        ListFormat::Csv => rows::csv(&summaries, &asked_columns(&runs, &asked))?,
        ListFormat::Table if catalogue.runs().is_empty() => {
            format!("no runs yet in {}: `difflab` starts one\n", folder(args))
        }
        ListFormat::Table if summaries.is_empty() => {
            format!("no run fits --filter; there are {} in {}\n", catalogue.runs().len(), folder(args))
        }
        ListFormat::Table => table::table(&summaries, asked_columns(&runs, &asked), width()),
    };
    Ok(speak::print(&text)?)
}

/// Which runs, in which order.
fn asked(args: &ListArgs) -> Result<(Filter, RunOrder)> {
    let filter = Filter::parse(&args.filter).map_err(|error| {
        let pointed = error.pointed(&args.filter).replace('\n', "\n  ");
        UsageError::new(format!("--filter: {error}\n  {pointed}"))
    })?;
    let order = RunOrder::parse(&args.sort).map_err(|why| UsageError::new(format!("--sort {}: {why}", args.sort)))?;
    Ok((filter, order))
}

impl Args {
    /// Is the list asked for on a screen, and is there one?
    pub fn open_browser(&self) -> bool {
        self.command.is_none() && self.list.format.is_none() && no_screen().is_none()
    }
}

/// Shows the runs on the screen until the person leaves.
///
/// # Errors
/// A filter or an order that can't be understood; a terminal that can't be used.
pub fn browse(args: &Args) -> Result<Outcome> {
    let (_, order) = asked(&args.list)?;
    let order = Some(order).filter(|_| !args.list.sort.is_empty());
    tui::browse(&args.list.place, &args.list.filter, order, TuiOptions::default())
}

/// "runs/".
fn folder(args: &ListArgs) -> String {
    format!("{}/", args.place.display().to_string().trim_end_matches('/'))
}

/// Columns of the terminal; `None`: as many as it takes.
fn width() -> Option<usize> {
    let terminal = io::stdout().is_terminal();
    terminal.then(|| crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)))?
}
