//! `difflab data`: which datasets there are, and what is in one.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use image::RgbImage;
use serde_json::{Value, json};

use super::output::OutputFile;
use super::sample::at_the_shell;
use crate::config::DataConfig;
use crate::data::{self, CatalogueEntry, Dataset, Survey};
use crate::lab::side_for;
use crate::picture;
use crate::picture::palette::DARK;
use crate::speak;
use crate::thousands::thousands;
use crate::tui::ImageProtocol;

/// List the bundled datasets, or show what is in one.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: DataCommand,
}

#[derive(Debug, clap::Subcommand)]
pub enum DataCommand {
    /// The bundled datasets: name, images, size, classes, licence, where found.
    List {
        #[arg(long, value_enum, default_value_t = FactsFormat::Table)]
        format: FactsFormat,
    },
    /// The licences of the data and of the digit judge that the program carries inside.
    Licences,
    /// What is in a dataset: counts, classes, and some of its pictures.
    Show {
        /// A bundled dataset, or a path: a folder of pictures, idx files, NumPy arrays, CIFAR's batches.
        name: String,
        #[arg(long, value_enum, default_value_t = FactsFormat::Table)]
        format: FactsFormat,
        /// Crop and resize to this many pixels a side; 0: as stored.
        #[arg(long, value_name = "PIXELS", default_value_t = 0)]
        image_size: usize,
        /// Write the pictures to a PNG file instead of the terminal.
        #[arg(long, value_name = "FILE.png")]
        out: Option<PathBuf>,
        /// How to show the pictures.
        #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
        images: ImageProtocol,
    },
}

/// How facts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FactsFormat {
    /// For reading.
    Table,
    /// For programs.
    Json,
}

/// Rows of a picture file; its columns are the classes.
const FILE_ROWS: usize = 10;
const FILE_COLUMNS: std::ops::RangeInclusive<usize> = 2..=40;
const OTHER_COLUMNS: usize = 10;
/// On the terminal an image needs this many half-blocks a side to be recognized.
const LEAST_SIDE: usize = 14;
/// The terminal assumed where there is none: columns, rows.
const USUAL_TERMINAL: (u16, u16) = (80, 24);
const GAP: usize = 1;

/// Runs the subcommand.
///
/// # Errors
/// A dataset that isn't there or can't be read, or a picture that can't be written.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        DataCommand::List { format: FactsFormat::Table } => speak::print(&table(&data::catalogue()))?,
        DataCommand::List { format: FactsFormat::Json } => {
            let entries: Vec<Value> = data::catalogue().iter().map(entry_json).collect();
            speak::print(&format!("{:#}\n", Value::from(entries)))?;
        }
        DataCommand::Licences => speak::print(&data::licences())?,
        DataCommand::Show { name, format, image_size, out, images } => {
            let out = out.map(|path| OutputFile::new(&path, "--out", &["png"])).transpose()?;
            let located = data::locate(&name)?;
            let survey = match located.dataset.as_str() {
                "images" => Some(data::survey(&located, &mut |_| {})?),
                _ => None,
            };
            // Pictures of many sizes have to have one to be shown.
            let image_size = match &survey {
                Some(survey) if image_size == 0 => side_for(survey),
                _ => image_size,
            };
            let config = DataConfig { image_size, ..located };
            let started = Instant::now();
            let (dataset, survey) = data::load_and_survey(&config)?;
            let took = started.elapsed().as_secs_f64();
            for warning in &dataset.warnings {
                speak::warn(warning);
            }
            let catalogue = data::catalogue();
            let entry = catalogue.iter().find(|entry| entry.name == config.dataset);
            match format {
                FactsFormat::Table => speak::print(&facts(&dataset, entry, survey.as_ref(), took))?,
                FactsFormat::Json => speak::print(&format!("{:#}\n", dataset_json(&dataset, entry, survey.as_ref())))?,
            }
            let points = picture::is_points((dataset.height, dataset.width, dataset.channels));
            match out {
                Some(out) if points => save(&scatter(&dataset), &out)?,
                None if points && format == FactsFormat::Table => {
                    picture::print_in_terminal(&scatter(&dataset), at_the_shell(images))?;
                }
                Some(out) => {
                    let classes = dataset.classes.len();
                    let columns = if FILE_COLUMNS.contains(&classes) { classes } else { OTHER_COLUMNS };
                    save(&examples(&dataset, columns, FILE_ROWS), &out)?;
                }
                None if format == FactsFormat::Table => {
                    let (columns, rows) = layout(terminal_size(), dataset.classes.len());
                    picture::print_in_terminal(&examples(&dataset, columns, rows), at_the_shell(images))?;
                }
                None => {}
            }
        }
    }
    Ok(())
}

fn save(picture: &RgbImage, out: &OutputFile) -> Result<()> {
    out.write(|path, _| picture::save_png(picture, path, Some("a grid of images")))?;
    speak::remark(format_args!("wrote {}", out.path.display()));
    Ok(())
}

fn table(entries: &[CatalogueEntry]) -> String {
    let mut rows = vec![["name", "images", "size", "classes", "licence", "found"].map(String::from)];
    for entry in entries {
        rows.push([
            entry.name.into(),
            thousands(entry.images),
            size(entry.height, entry.width, entry.channels),
            entry.classes.len().to_string(),
            entry.licence.into(),
            whereabouts(entry),
        ]);
    }
    let right_aligned = [false, true, false, true, false, false];
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
                if right_aligned[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn whereabouts(entry: &CatalogueEntry) -> String {
    match (&entry.found, entry.by_formula) {
        (Some(folder), _) => folder.display().to_string(),
        (None, true) => "made by formula".into(),
        (None, false) => "inside the program".into(),
    }
}

fn entry_json(entry: &CatalogueEntry) -> Value {
    json!({
        "name": entry.name,
        "description": entry.description,
        "licence": entry.licence,
        "images": entry.images,
        "height": entry.height,
        "width": entry.width,
        "channels": entry.channels,
        "classes": entry.classes,
        "embedded": if entry.by_formula { "formula" } else { "whole" },
        "found": entry.found.as_ref().map(|folder| folder.display().to_string()),
    })
}

fn facts(dataset: &Dataset, entry: Option<&CatalogueEntry>, survey: Option<&Survey>, took: f64) -> String {
    let counts: Vec<String> =
        dataset.classes.iter().zip(dataset.class_counts()).map(|(c, n)| format!("{c} ({})", thousands(n))).collect();
    let classes = if counts.is_empty() { "none: there are no labels".into() } else { counts.join(", ") };
    let about = entry.map(|entry| format!(" · {}", entry.description)).unwrap_or_default();
    let what = match picture::is_points((dataset.height, dataset.width, dataset.channels)) {
        true => format!("points   {}", thousands(dataset.len())),
        false => {
            let size = size(dataset.height, dataset.width, dataset.channels);
            format!("images   {} of {size}", thousands(dataset.len()))
        }
    };
    let mut text = format!("{}{about}\n  {what}\n  classes  {classes}\n", dataset.name);
    if let Some(entry) = entry {
        text.push_str(&format!("  licence  {}\n", entry.licence));
    }
    if let Some(survey) =
        survey.filter(|survey| survey.one_size() != Some((dataset.width as u32, dataset.height as u32)))
    {
        text.push_str(&format!("  stored   {}; shown and trained on as above\n", stored(survey)));
    }
    for left_out in survey.iter().flat_map(|survey| &survey.left_out) {
        text.push_str(&format!("  left out {left_out}\n"));
    }
    text.push_str(&format!("  from     {} (read in {took:.2} s)\n", dataset.source));
    text
}

/// Sizes that are named.
const SIZES: usize = 5;

/// "640×480 (12), 480×640 (3) and 4 other sizes".
fn stored(survey: &Survey) -> String {
    let named: Vec<String> = survey
        .sizes
        .iter()
        .take(SIZES)
        .map(|((width, height), images)| format!("{width}×{height} ({})", thousands(*images)))
        .collect();
    match survey.sizes.len().saturating_sub(SIZES) {
        0 => named.join(", "),
        more => format!("{} and {} other sizes", named.join(", "), thousands(more)),
    }
}

fn survey_json(survey: &Survey) -> (Value, Value) {
    let sizes = survey.sizes.iter();
    let sizes = sizes.map(|((width, height), images)| json!({ "width": width, "height": height, "images": images }));
    let left_out = survey
        .left_out
        .iter()
        .map(|kind| json!({ "what": kind.what, "why": kind.why, "count": kind.count, "examples": kind.examples }));
    (sizes.collect(), left_out.collect())
}

fn dataset_json(dataset: &Dataset, entry: Option<&CatalogueEntry>, survey: Option<&Survey>) -> Value {
    let (sizes, left_out) = survey.map(survey_json).unzip();
    let classes: Vec<Value> = dataset
        .classes
        .iter()
        .zip(dataset.class_counts())
        .map(|(name, images)| json!({ "name": name, "images": images }))
        .collect();
    json!({
        "name": dataset.name,
        "source": dataset.source,
        "licence": entry.map(|entry| entry.licence),
        "images": dataset.len(),
        "height": dataset.height,
        "width": dataset.width,
        "channels": dataset.channels,
        "classes": classes,
        "sizes": sizes,
        "left_out": left_out,
        "warnings": dataset.warnings,
    })
}

/// Points of a scatter plot, in pixels a side, and how many are drawn at most.
const SCATTER_SIDE: usize = 560;
const SCATTER_POINTS: usize = 8000;

/// The first points of a set.
fn scatter(dataset: &Dataset) -> RgbImage {
    let points = dataset.gather(&(0..dataset.len().min(SCATTER_POINTS)).collect::<Vec<_>>(), None);
    picture::scatter(&points, picture::reach(&points), SCATTER_SIDE, DARK.x_0)
}

/// Columns and rows of the terminal.
fn terminal_size() -> (u16, u16) {
    match crossterm::terminal::size() {
        Ok(size) if io::stdout().is_terminal() => size,
        _ => USUAL_TERMINAL,
    }
}

/// Columns and rows of a grid whose images can be recognized in half-blocks on such a terminal. The
/// columns go by the number of classes, so that each class keeps its column.
fn layout((columns, rows): (u16, u16), classes: usize) -> (usize, usize) {
    // Half-blocks are two to a row; two rows are left for the prompt.
    let across = (usize::from(columns) / LEAST_SIDE).max(1);
    let down = (usize::from(rows).saturating_sub(2) * 2 / LEAST_SIDE).max(1);
    let in_step = (across.div_ceil(2)..=across).rev().find(|n| classes > 0 && classes.is_multiple_of(*n));
    (in_step.unwrap_or(across), down)
}

/// The first images of all classes in turn, or simply the first ones, in a grid of so many columns and
/// rows.
fn examples(dataset: &Dataset, columns: usize, rows: usize) -> RgbImage {
    let mut of_class: Vec<Vec<usize>> = vec![Vec::new(); dataset.classes.len()];
    for (index, &class) in dataset.labels.iter().enumerate() {
        if let Some(found) = of_class.get_mut(class as usize)
            && found.len() < columns * rows
        {
            found.push(index);
        }
    }
    let in_turn =
        (0..columns * rows).flat_map(|round| of_class.iter().filter_map(move |found| found.get(round).copied()));
    let indices: Vec<usize> = if dataset.labels.is_empty() {
        (0..dataset.len().min(columns * rows)).collect()
    } else {
        in_turn.take(columns * rows).collect()
    };
    let (h, w, c) = (dataset.height, dataset.width, dataset.channels);
    picture::grid(&dataset.gather(&indices, None), indices.len(), h, w, c, columns, 1, GAP)
}

/// "28×28 grey".
fn size(height: usize, width: usize, channels: usize) -> String {
    if picture::is_points((height, width, channels)) {
        return "points".into();
    }
    match channels {
        1 => format!("{width}×{height} grey"),
        3 => format!("{width}×{height} RGB"),
        other => format!("{width}×{height}, {other} channels"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_dataset_with_its_licence() {
        let entries = data::catalogue();
        let text = table(&entries);
        assert_eq!(text.lines().count(), entries.len() + 1);
        for (line, entry) in text.lines().skip(1).zip(&entries) {
            assert!(line.starts_with(entry.name) && line.contains(entry.licence), "{line}");
        }
        assert!(text.contains("60,000") && text.contains("32×32 RGB"), "{text}");
    }

    #[test]
    fn facts_and_pictures_come_from_the_images_themselves() {
        let dataset = data::load(&data::locate("mnist-10k").unwrap()).unwrap();
        let catalogue = data::catalogue();
        let text = facts(&dataset, catalogue.iter().find(|entry| entry.name == "mnist-10k"), None, 0.1);
        assert!(text.contains("10,000 of 28×28 grey") && text.contains("7 (1,000)"), "{text}");
        assert!(text.contains("licence  CC BY-SA 3.0"), "{text}");
        assert_eq!(dataset_json(&dataset, None, None)["classes"][3], json!({ "name": "3", "images": 1000 }));
        let picture = examples(&dataset, 10, 3);
        assert_eq!(picture.dimensions(), (10 * 29 + 1, 3 * 29 + 1));
        let fives = dataset.labels.iter().enumerate().filter(|(_, label)| **label == 5).map(|(index, _)| index);
        let third = dataset.gather(&[fives.clone().nth(2).unwrap()], None);
        let at = |x: u32, y: u32| f32::from(picture.get_pixel(1 + 5 * 29 + x, 1 + 2 * 29 + y).0[0]) / 127.5 - 1.0;
        assert!((0..784).all(|i| (at(i % 28, i / 28) - third[i as usize]).abs() < 0.01), "column 5 shows fives");
    }

    #[test]
    fn the_grid_goes_by_the_terminal_and_keeps_classes_in_columns() {
        assert_eq!(layout((80, 24), 10), (5, 3));
        assert_eq!(layout((200, 60), 10), (10, 8));
        assert_eq!(layout((80, 24), 0), (5, 3));
        assert_eq!(layout((1, 1), 10), (1, 1));
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
