//! `difflab data`: which datasets there are, and what is in one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use image::RgbImage;
use serde_json::{Value, json};

use super::sample::at_the_shell;
use crate::config::DataConfig;
use crate::data::{self, CatalogueEntry, Dataset, Embedded};
use crate::picture;
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
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// What is in a dataset: counts, classes, and some of its pictures.
    Show {
        /// A bundled dataset, an idx file or the folder it lies in, or a folder of pictures.
        name: String,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
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
pub enum Format {
    /// For reading.
    Table,
    /// For programs.
    Json,
}

/// Pictures in the grid: a row of examples for each class, or rows of the first images.
const EXAMPLES: usize = 12;
const MOST_ROWS: usize = 12;
const UNLABELLED_ROWS: usize = 4;
const GAP: usize = 1;

/// Runs the subcommand.
///
/// # Errors
/// A dataset that isn't there or can't be read, or a picture that can't be written.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        DataCommand::List { format: Format::Table } => print(&table(&data::catalogue())),
        DataCommand::List { format: Format::Json } => {
            let entries: Vec<Value> = data::catalogue().iter().map(entry_json).collect();
            print(&format!("{:#}\n", Value::from(entries)));
        }
        DataCommand::Show { name, format, image_size, out, images } => {
            let config = DataConfig { image_size, ..data::locate(&name)? };
            let started = Instant::now();
            let dataset = data::load(&config)?;
            let took = started.elapsed().as_secs_f64();
            for warning in &dataset.warnings {
                eprintln!("warning: {warning}");
            }
            let licence = data::catalogue().into_iter().find(|entry| entry.name == config.dataset).map(|e| e.licence);
            match format {
                Format::Table => print(&facts(&dataset, licence, took)),
                Format::Json => print(&format!("{:#}\n", dataset_json(&dataset, licence))),
            }
            match out {
                Some(path) => save(&examples(&dataset), &path)?,
                None if format == Format::Table => {
                    picture::print_in_terminal(&examples(&dataset), at_the_shell(images))?;
                }
                None => {}
            }
        }
    }
    Ok(())
}

fn print(text: &str) {
    // Whoever closed the pipe has read enough.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn save(picture: &RgbImage, path: &Path) -> Result<()> {
    picture
        .save_with_format(path, image::ImageFormat::Png)
        .with_context(|| format!("cannot write the picture to {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

fn table(entries: &[CatalogueEntry]) -> String {
    let mut rows = vec![["name", "images", "size", "classes", "licence", "found", "what"].map(String::from)];
    for entry in entries {
        rows.push([
            entry.name.into(),
            thousands(entry.images),
            size(entry.height, entry.width, entry.channels),
            entry.classes.len().to_string(),
            entry.licence.into(),
            whereabouts(entry),
            entry.description.into(),
        ]);
    }
    let right_aligned = [false, true, false, true, false, false, false];
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
    match (&entry.found, entry.embedded) {
        (Some(folder), _) => folder.display().to_string(),
        (None, Embedded::Whole) => "inside the program".into(),
        (None, Embedded::Subset) => "inside the program (10,000 of them)".into(),
        (None, Embedded::No) => "not found".into(),
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
        "embedded": match entry.embedded {
            Embedded::No => "no",
            Embedded::Subset => "subset",
            Embedded::Whole => "whole",
        },
        "found": entry.found.as_ref().map(|folder| folder.display().to_string()),
    })
}

fn facts(dataset: &Dataset, licence: Option<&str>, took: f64) -> String {
    let counts: Vec<String> =
        dataset.classes.iter().zip(dataset.class_counts()).map(|(c, n)| format!("{c} ({})", thousands(n))).collect();
    let classes = if counts.is_empty() { "none: the images have no labels".into() } else { counts.join(", ") };
    let mut text = format!(
        "{}\n  images   {} of {}\n  classes  {classes}\n",
        dataset.name,
        thousands(dataset.len()),
        size(dataset.height, dataset.width, dataset.channels)
    );
    if let Some(licence) = licence {
        text.push_str(&format!("  licence  {licence}\n"));
    }
    text.push_str(&format!("  from     {} (read in {took:.2} s)\n", dataset.source));
    text
}

fn dataset_json(dataset: &Dataset, licence: Option<&str>) -> Value {
    let classes: Vec<Value> = dataset
        .classes
        .iter()
        .zip(dataset.class_counts())
        .map(|(name, images)| json!({ "name": name, "images": images }))
        .collect();
    json!({
        "name": dataset.name,
        "source": dataset.source,
        "licence": licence,
        "images": dataset.len(),
        "height": dataset.height,
        "width": dataset.width,
        "channels": dataset.channels,
        "classes": classes,
        "warnings": dataset.warnings,
    })
}

/// A row of examples for each class, or the first images where there are no classes.
fn examples(dataset: &Dataset) -> RgbImage {
    let mut rows: Vec<Vec<usize>> = if dataset.labels.is_empty() {
        let all: Vec<usize> = (0..dataset.len().min(EXAMPLES * UNLABELLED_ROWS)).collect();
        all.chunks(EXAMPLES).map(<[usize]>::to_vec).collect()
    } else {
        let classes = dataset.classes.len().min(MOST_ROWS) as u32;
        let of_class = |class| {
            let indices = (0..dataset.len()).filter(move |&i| dataset.labels[i] == class);
            indices.take(EXAMPLES).collect::<Vec<_>>()
        };
        (0..classes).map(of_class).collect()
    };
    rows.retain(|row| !row.is_empty());
    // Rows of equal length, so that the grid keeps each class in its own: short ones are filled with black.
    let (h, w, c) = (dataset.height, dataset.width, dataset.channels);
    let mut pixels = Vec::new();
    for row in &rows {
        pixels.extend(dataset.gather(row, None));
        pixels.resize(pixels.len() + (EXAMPLES - row.len()) * dataset.image_len(), -1.0);
    }
    picture::grid(&pixels, rows.len() * EXAMPLES, h, w, c, EXAMPLES, 1, GAP)
}

/// "28×28 grey".
fn size(height: usize, width: usize, channels: usize) -> String {
    match channels {
        1 => format!("{width}×{height} grey"),
        3 => format!("{width}×{height} RGB"),
        other => format!("{width}×{height}, {other} channels"),
    }
}

/// "60,000".
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
        let text = facts(&dataset, Some("CC BY-SA 3.0"), 0.1);
        assert!(text.contains("10,000 of 28×28 grey") && text.contains("7 (1,000)"), "{text}");
        assert_eq!(dataset_json(&dataset, None)["classes"][3], json!({ "name": "3", "images": 1000 }));
        let picture = examples(&dataset);
        assert_eq!(picture.dimensions(), (12 * 29 + 1, 10 * 29 + 1));
        assert!(picture.pixels().any(|pixel| pixel.0 == [255; 3]));
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
