//! What there is to read.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;

use super::args::{Args, CourseFormat};
use super::{answers, forgetting, lab};
use crate::cli::UsageError;
use crate::course::{CourseProgress, Station, page, progress_file, sheet, stations};
use crate::explain::{Explanation, markdown, text};
use crate::lab::Outcome;
use crate::speak;
use crate::tui::{Lesson, NumberedStation};

/// Columns of text where there is no terminal to ask, and at most.
const WIDTH: usize = 100;

/// Does it open the lab? Only where one sits at a terminal, and asks for nothing to read or to judge.
pub fn is_for_the_lab(args: &Args) -> bool {
    let prints = args.print || args.sheet || args.reset || args.format.is_some() || !args.check.is_empty();
    !prints && lab::no_lab().is_none()
}

/// Opens the chosen station in the lab, else the first one that is not done.
///
/// # Errors
/// As [`run`], and the lab's own.
pub fn show(args: &Args) -> Result<Outcome> {
    let Desk { progress, shipped, seed, chosen, .. } = Desk::of(args)?;
    let undone = |station: &Station| {
        let done = progress.of(&station.id);
        station.tasks.iter().any(|task| !done.contains(&task.id))
    };
    let at = match &chosen {
        Some((Some(number), _)) => number - 1,
        Some((None, _)) => 0,
        None => shipped.iter().position(undone).unwrap_or(0),
    };
    let numbered = |(i, station)| NumberedStation { number: Some(i + 1), station };
    let stations = match chosen {
        Some((None, station)) => vec![NumberedStation { number: None, station }],
        _ => shipped.into_iter().enumerate().map(numbered).collect(),
    };
    lab::open(Lesson::new(stations, at, seed, progress), args)
}

/// What there is to work with.
struct Desk {
    /// Where progress is kept; `None`: the system names no folder.
    file: Option<PathBuf>,
    progress: CourseProgress,
    shipped: Vec<Station>,
    seed: u64,
    /// The station that is asked for, with its number if it is a shipped one.
    chosen: Option<(Option<usize>, Station)>,
}

impl Desk {
    fn of(args: &Args) -> Result<Self> {
        let file = progress_file();
        let (progress, damage) = match &file {
            Some(file) => CourseProgress::read(file)?,
            None => (CourseProgress::default(), None),
        };
        damage.iter().for_each(speak::warn);
        let shipped = stations().map_err(|error| UsageError::new(error.to_string()))?;
        let chosen = chosen(args, &shipped)?;
        Ok(Self { file, seed: args.seed.unwrap_or(progress.seed), progress, shipped, chosen })
    }
}

/// Lists the stations, prints one or a sheet, judges answers, or forgets.
///
/// # Errors
/// A usage error for what is not there or can't be used; what keeping the progress reports.
pub fn run(args: &Args) -> Result<()> {
    let desk = Desk::of(args)?;
    if args.reset {
        return reset(desk);
    }
    let Desk { file, mut progress, shipped, seed, chosen } = desk;
    let format = args.format.unwrap_or(CourseFormat::Text);
    if args.sheet {
        let numbered = shipped.iter().enumerate().map(|(i, station)| (Some(i + 1), station));
        let of_sheet = match &chosen {
            Some((number, station)) => vec![(*number, station)],
            None => numbered.collect(),
        };
        return print(&sheet(&of_sheet, seed, args.solutions)?, format);
    }
    if let Some(run) = &args.resume {
        let problem = "it opens the lab, and there is no terminal to draw it on";
        return Err(UsageError::new(format!("--resume {run}: {problem}")).into());
    }
    let on_purpose = args.print || args.format.is_some() || !args.check.is_empty();
    if let Some(Some(why)) = lab::no_lab().filter(|_| !on_purpose) {
        speak::remark(format_args!("difflab: {why}: the course is printed instead"));
    }
    let Some((number, station)) = chosen else {
        return match (args.check.is_empty(), args.seed) {
            (false, _) => {
                Err(UsageError::new("--check: answers are to one station: difflab course 1 --check 1=…").into())
            }
            (_, Some(_)) => Err(UsageError::new("--seed: give a station's number too, or --sheet").into()),
            _ => Ok(speak::print(&listed(&shipped, &progress))?),
        };
    };
    if args.check.is_empty() {
        return print(&page(&station, number, seed, &progress.of(&station.id))?, format);
    }
    let judged = answers::judge(&station, seed, &args.check, &mut progress)?;
    speak::print(&judged.said)?;
    if judged.learned {
        progress.seed = seed;
        match &file {
            Some(file) => progress.write(file)?,
            None => speak::warn("this system names no folder for a user's data: what is done is not kept"),
        }
    }
    Ok(())
}

/// The station that is asked for, with its number if it is a shipped one.
fn chosen(args: &Args, shipped: &[Station]) -> Result<Option<(Option<usize>, Station)>> {
    if let Some(path) = &args.file {
        let station = Station::open(path).map_err(|error| UsageError::new(error.to_string()))?;
        if let Some(same) = shipped.iter().position(|other| other.id == station.id) {
            let problem = format!("its id \"{}\" is that of station {}; give it another", station.id, same + 1);
            return Err(UsageError::new(format!("{}: {problem}", path.display())).into());
        }
        return Ok(Some((None, station)));
    }
    let Some(number) = args.station else { return Ok(None) };
    match number.checked_sub(1).and_then(|i| shipped.get(i)) {
        Some(station) => Ok(Some((Some(number), station.clone()))),
        None => Err(UsageError::new(format!("there is no station {number}, only 1 to {}", shipped.len())).into()),
    }
}

/// Forgets what is done of the station that was chosen, else all of it.
fn reset(desk: Desk) -> Result<()> {
    let Desk { file, mut progress, shipped, chosen, .. } = desk;
    let before = progress.clone();
    let words = match &chosen {
        Some((number, station)) => forgetting::forget_station(&mut progress, station, *number),
        None => forgetting::forget_all(&mut progress, &shipped),
    };
    if let Some(file) = file.filter(|_| progress != before) {
        progress.write(&file)?;
    }
    Ok(speak::print(&format!("{words}\n"))?)
}

fn listed(shipped: &[Station], progress: &CourseProgress) -> String {
    let width = shipped.iter().map(|station| station.title.chars().count()).max().unwrap_or(0);
    let mut lines = String::from("difflab course N\n\n");
    for (i, station) in shipped.iter().enumerate() {
        let done = progress.of(&station.id);
        let done = station.tasks.iter().filter(|task| done.contains(&task.id)).count();
        let tick = if done == station.tasks.len() { " ✓" } else { "" };
        let (number, title, all) = (i + 1, &station.title, station.tasks.len());
        lines.push_str(&format!("  {number:2}  {title:width$}  {done} of {all}{tick}\n"));
    }
    lines
}

fn print(explanation: &Explanation, format: CourseFormat) -> Result<()> {
    if format == CourseFormat::Md {
        return Ok(speak::print(&markdown::markdown(explanation, 1, |_| String::new()))?);
    }
    let width = match crossterm::terminal::size() {
        Ok((columns, _)) if io::stdout().is_terminal() && columns > 20 => usize::from(columns).min(WIDTH),
        _ => WIDTH,
    };
    let mut out = text::title(explanation);
    for part in &explanation.parts {
        out.push('\n');
        for line in text::lines(part, width) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    Ok(speak::print(&out)?)
}
