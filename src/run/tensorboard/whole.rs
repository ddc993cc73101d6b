//! All events of a run, written at once from its other files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::clock::RunClock;
use super::cut::{NAMED, event_files};
use super::event::{self, LoggedPicture};
use super::{record, tags};
use crate::process::partial::Partial;
use crate::run::album::left_pictures;
use crate::run::journal::read_events;
use crate::run::records::{StepRecord, TimestepLossRow};

/// Are there event files in this folder, of whatever program?
pub fn has_events(dir: &Path) -> bool {
    !event_files(dir).is_empty()
}

/// Writes what the run in `run` has logged, `steps` and `rows`, into a new event file in `dir`, which is made where it is
/// missing: in the order of the steps, none twice. Returns the file, and how many pictures it has.
///
/// # Errors
/// When the run can't be read or the file can't be written; then there is none.
pub fn export(run: &Path, (steps, rows): (&[StepRecord], &[TimestepLossRow]), dir: &Path) -> Result<(PathBuf, usize)> {
    let clock = RunClock::of(&read_events(run)?, steps);
    let elapsed = |step: u64| {
        let before = steps.partition_point(|record| record.step <= step);
        before.checked_sub(1).map_or(0.0, |last| steps[last].elapsed_s)
    };
    // Of previews and snapshots of a step the newest each.
    let pictures: BTreeMap<(u64, bool), PathBuf> =
        left_pictures(run).into_iter().map(|left| ((left.step, left.is_snapshot()), left.path)).collect();
    let mut order: Vec<(u64, Entry)> = steps.iter().map(|record| (record.step, Entry::Step(record))).collect();
    order.extend(rows.iter().map(|row| (row.step, Entry::Row(row))));
    order.extend(pictures.iter().map(|((step, snapshot), path)| (*step, Entry::Picture(*snapshot, path))));
    order.sort_by_key(|(step, _)| *step);

    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    let began = clock.at(0, 0.0);
    let file = free_name(dir, began);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = dir.join(format!(".{name}.partial"));
    let _half_written = Partial::at(&beside);
    let write = || -> Result<()> {
        let mut out = BufWriter::new(File::create(&beside)?);
        let mut put = |event: Vec<u8>| -> io::Result<()> {
            let mut bytes = Vec::with_capacity(event.len() + 16);
            record::put(&mut bytes, &event);
            out.write_all(&bytes)
        };
        put(event::version(began))?;
        let mut at = began;
        for (step, entry) in &order {
            // events.jsonl tells whole seconds: a step after a checkpoint must not come before the one before it.
            at = clock.at(*step, elapsed(*step)).max(at);
            match entry {
                Entry::Step(record) => put(event::scalars(at, *step, &tags::of_step(record)))?,
                Entry::Row(row) => put(event::scalars(at, *step, &tags::of_row(row)))?,
                Entry::Picture(snapshot, path) => {
                    let png = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
                    let tag = if *snapshot { tags::SNAPSHOT } else { tags::PREVIEW };
                    if let Some(picture) = LoggedPicture::of(&png) {
                        put(event::picture(at, *step, tag, &picture))?;
                    }
                }
            }
        }
        out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        Ok(fs::rename(&beside, &file)?)
    };
    write().with_context(|| format!("writing {}", file.display())).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })?;
    Ok((file, pictures.len()))
}

enum Entry<'a> {
    Step(&'a StepRecord),
    Row(&'a TimestepLossRow),
    /// Is it a snapshot?
    Picture(bool, &'a Path),
}

/// A name for a new event file: readers take files in the order of their names, by when they began.
pub(super) fn free_name(dir: &Path, wall_time: f64) -> PathBuf {
    let name = |i: u32| dir.join(format!("{NAMED}{:010}.difflab.{i}", wall_time.max(0.0) as u64));
    (0..).map(name).find(|path| !path.exists()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::event::reading::{Said, said};
    use super::*;
    use crate::run::{Journal, logged_metrics, logged_timestep_loss};

    #[test]
    fn every_line_row_and_picture_of_a_run_is_an_event_and_none_twice() {
        let (run, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut journal = Journal::open(run.path(), 8).unwrap();
        journal.event(0, "start", "");
        for step in 1..=4 {
            journal.step(&StepRecord {
                loss: step as f64,
                val_loss: (step == 4).then_some(0.25),
                ..StepRecord::at(step)
            });
        }
        journal.timestep_loss(&TimestepLossRow { step: 2, mean: vec![0.5; 4], count: vec![1; 4] });
        journal.flush().unwrap();
        let image = image::RgbImage::new(4, 2);
        for folder in ["previews", "snapshots/step-00000003", "snapshots/step-00000003-2"] {
            fs::create_dir_all(run.path().join(folder)).unwrap();
        }
        for file in
            ["previews/step-00000002.png", "snapshots/step-00000003/grid.png", "snapshots/step-00000003-2/grid.png"]
        {
            image.save(run.path().join(file)).unwrap();
        }
        let (steps, rows) = (logged_metrics(run.path()).unwrap(), logged_timestep_loss(run.path()).unwrap());
        let logged = (&steps.records[..], &rows.records[..]);
        let (file, pictures) = export(run.path(), logged, &dir.path().join("deep/tb")).unwrap();
        assert_eq!((steps.records.len(), rows.records.len(), pictures), (4, 1, 2));
        let mut from = &fs::read(&file).unwrap()[..];
        let events: Vec<Vec<u8>> = std::iter::from_fn(|| record::next(&mut from).unwrap()).collect();
        assert!(from.is_empty() && events.len() == 1 + 4 + 1 + 2, "{}", events.len());
        let all: Vec<_> = events.iter().flat_map(|event| said(event)).collect();
        let of = |tag: &str| {
            all.iter().filter(|(_, t, _)| t == tag).map(|(step, _, said)| (*step, said.clone())).collect::<Vec<_>>()
        };
        assert_eq!(of("loss/train"), [1, 2, 3, 4].map(|step| (step, Said::Number(step as f32))));
        assert_eq!(of("loss/held_out"), [(4, Said::Number(0.25))]);
        assert_eq!(of("loss_by_t/q3"), [(2, Said::Number(0.5))]);
        assert!(matches!(of("samples/preview")[..], [(2, Said::Picture(4, 2, _))]));
        assert!(matches!(of("samples/snapshot")[..], [(3, Said::Picture(4, 2, _))]));
        assert!(has_events(&dir.path().join("deep/tb")) && !has_events(dir.path()));
    }
}
