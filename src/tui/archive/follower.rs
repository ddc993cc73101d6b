//! The thread that follows runs.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::protocol::ArchiveNews;
use crate::nn;
use crate::run::checkpoint;
use crate::run::follow::{FollowedRun, RunNews};
use crate::run::io_words::unread;
use crate::run::notes::Notes;
use crate::run::{config_of, newest_metrics};

/// Time between two looks at all files.
const CALM: Duration = Duration::from_millis(300);

/// A run, and how far it was told.
struct Told {
    dir: PathBuf,
    /// `None` until its config could be read.
    run: Option<FollowedRun>,
    /// Nothing that was told holds: it is read anew.
    anew: bool,
    trouble: Option<String>,
}

/// Follows the runs that were named last until nobody names any or listens any more.
pub fn follow(wanted: &Receiver<Vec<PathBuf>>, news: &Sender<ArchiveNews>) {
    let mut runs: Vec<Told> = Vec::new();
    loop {
        let mut more = false;
        for run in &mut runs {
            match look(run, news) {
                Ok(again) => more |= again,
                // Nobody listens.
                Err(()) => return,
            }
        }
        let waited = match (more, runs.is_empty()) {
            (true, _) => wanted.try_recv().map_err(|error| match error {
                crossbeam_channel::TryRecvError::Empty => RecvTimeoutError::Timeout,
                crossbeam_channel::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            (false, true) => wanted.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (false, false) => wanted.recv_timeout(CALM),
        };
        match waited {
            Ok(dirs) => {
                let mut before = std::mem::take(&mut runs);
                runs = dirs
                    .into_iter()
                    .map(|dir| match before.iter().position(|told| told.dir == dir) {
                        Some(known) => before.swap_remove(known),
                        None => Told { dir, run: None, anew: true, trouble: None },
                    })
                    .collect();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Tells what has come; is there more to read at once?
fn look(told: &mut Told, news: &Sender<ArchiveNews>) -> Result<bool, ()> {
    let found = match told.run.is_some() {
        true => Ok(None),
        false => open(told).map(Some),
    };
    let looked = found.and_then(|opened| {
        let run = told.run.get_or_insert_with(|| FollowedRun::new(&told.dir));
        run.look().map(|came| (opened, came)).map_err(|error| unread(&error))
    });
    match looked {
        Ok((opened, came)) => {
            for told in opened.into_iter().flatten() {
                news.send(told).map_err(drop)?;
            }
            told.trouble = None;
            if is_cut_back(&came) {
                // What is drawn can't be taken back in part, so it is read anew.
                (told.run, told.anew) = (Some(FollowedRun::new(&told.dir)), true);
                return Ok(true);
            }
            let more = came.more();
            let any =
                !(came.steps.records.is_empty() && came.rows.records.is_empty() && came.events.records.is_empty());
            if any || came.is_news || told.anew {
                let anew = std::mem::take(&mut told.anew);
                news.send(ArchiveNews::Came { dir: told.dir.clone(), anew, news: Box::new(came) }).map_err(drop)?;
            }
            Ok(more)
        }
        Err(why) => {
            // Once for each cause.
            if told.trouble.as_ref() != Some(&why) {
                told.trouble = Some(why.clone());
                news.send(ArchiveNews::Trouble { dir: told.dir.clone(), why }).map_err(drop)?;
            }
            Ok(false)
        }
    }
}

fn is_cut_back(came: &RunNews) -> bool {
    came.steps.restart.is_some() || came.rows.restart.is_some() || came.events.restart.is_some()
}

/// What is told of a run before its curves.
fn open(told: &Told) -> Result<Vec<ArchiveNews>, String> {
    let dir = &told.dir;
    let config = config_of(dir).map_err(|error| format!("{error:#}"))?;
    let flops = checkpoint::all(dir).last().and_then(|(_, path)| {
        let network = nn::network_config(path).ok()?;
        let (height, width, _) = network.sample_shape()?;
        nn::flops(&network, height, width).ok()
    });
    let mut all = vec![ArchiveNews::Opened {
        dir: dir.clone(),
        config: Box::new(config),
        flops: flops.map_or(0.0, |flops| flops.training as f64),
    }];
    // Else its curve would be empty without a word.
    if let Err(error) = newest_metrics(dir, 0) {
        all.push(ArchiveNews::Refused(format!("{error:#}")));
    }
    match Notes::of(dir) {
        Ok(notes) => all.push(ArchiveNews::Bookmarks { dir: dir.clone(), bookmarks: notes.bookmarks }),
        Err(error) => all.push(ArchiveNews::Refused(error.to_string())),
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{bounded, unbounded};

    use super::*;
    use crate::config::Config;
    use crate::run::RunDir;

    #[test]
    fn a_run_is_told_from_its_beginning_and_anew_when_it_was_cut_back() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        drop(RunDir::create(Some(&dir), &Config::default()).unwrap());
        let line = |step: u64| {
            format!(
                "{{\"step\":{step},\"epoch\":0.1,\"loss\":0.5,\"loss_smoothed\":0.5,\"lr\":1e-3,\"grad_norm\":1.0,\
                 \"images_per_s\":9.0,\"elapsed_s\":1.0}}\n"
            )
        };
        let write = |steps: &[u64]| {
            let text: String = steps.iter().map(|step| line(*step)).collect();
            std::fs::write(dir.join("metrics.jsonl"), text).unwrap();
        };
        write(&[1, 2, 3, 4, 5, 6]);
        let (send, told) = unbounded();
        let mut run = Told { dir: dir.clone(), run: None, anew: true, trouble: None };
        assert_eq!(look(&mut run, &send), Ok(false));
        let all: Vec<ArchiveNews> = told.try_iter().collect();
        assert!(matches!(all[0], ArchiveNews::Opened { .. }) && matches!(all[1], ArchiveNews::Bookmarks { .. }));
        let steps = |news: &ArchiveNews| match news {
            ArchiveNews::Came { anew, news, .. } => {
                (*anew, news.steps.records.iter().map(|record| record.step).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(steps(&all[2]), (true, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(look(&mut run, &send), Ok(false));
        assert_eq!(told.try_iter().count(), 0, "nothing new, nothing told");
        write(&[1, 2, 3]);
        assert_eq!(look(&mut run, &send), Ok(true));
        assert_eq!(look(&mut run, &send), Ok(false));
        assert_eq!(steps(&told.try_recv().unwrap()), (true, vec![1, 2, 3]));
    }

    #[test]
    fn what_is_no_run_is_said_once() {
        let place = tempfile::tempdir().unwrap();
        let (send, told) = unbounded();
        let mut run = Told { dir: place.path().to_path_buf(), run: None, anew: true, trouble: None };
        for _ in 0..3 {
            assert_eq!(look(&mut run, &send), Ok(false));
        }
        assert_eq!(told.try_iter().filter(|news| matches!(news, ArchiveNews::Trouble { .. })).count(), 1);
    }

    #[test]
    fn the_thread_ends_with_those_who_ask() {
        let (ask, asked) = bounded::<Vec<PathBuf>>(1);
        let (send, _told) = unbounded();
        let thread = std::thread::spawn(move || follow(&asked, &send));
        drop(ask);
        thread.join().unwrap();
    }
}
