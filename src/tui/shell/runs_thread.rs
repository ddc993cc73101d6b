//! The thread that reads the list of runs, again and again, and changes notes, tags and places when asked: the screen
//! never waits for a disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::run::catalogue::{Catalogue, ListedRun};
use crate::run::notes::Notes;
use crate::run::trash::{restore, trash};
use crate::run::{Fork, ForkPoint};
use crate::sampling::check_config_stability;
use crate::tui::browser::{ReadyFork, RunsNews, RunsRequest};

/// How often the folder is looked at: so seldom that it takes a twentieth of a processor at most, and no more often
/// than this.
const SHARE: u32 = 20;
const OFTENEST: Duration = Duration::from_millis(400);
const SELDOMEST: Duration = Duration::from_secs(10);
/// How soon a list that is seen again is read again.
const RESTING: Duration = Duration::from_millis(50);
/// How soon a part of a long list is shown, and the next.
const PART: Duration = Duration::from_millis(100);
/// News that may wait for the screen.
const NEWS: usize = 4;

/// The thread. Dropped, it ends by itself.
pub struct RunsThread {
    requests: Sender<RunsRequest>,
    is_seen: Arc<AtomicBool>,
}

impl RunsThread {
    /// Begins to read the runs in `place`.
    ///
    /// # Errors
    /// When the system refuses to start it.
    pub fn begin(place: &Path) -> Result<(Self, Receiver<RunsNews>)> {
        let (requests, requests_in) = unbounded();
        let (news_out, news) = bounded(NEWS);
        let is_seen = Arc::new(AtomicBool::new(true));
        let (seen, catalogue) = (is_seen.clone(), Catalogue::new(place));
        thread::Builder::new()
            .name("difflab-runs".into())
            .spawn(move || read(catalogue, &requests_in, &news_out, &seen))
            .context("starting the thread that reads the list of runs")?;
        Ok((Self { requests, is_seen }, news))
    }

    /// Nothing is read while nobody sees the list.
    pub fn set_seen(&self, is_seen: bool) {
        self.is_seen.store(is_seen, Ordering::Relaxed);
    }

    pub fn ask(&self, request: RunsRequest) {
        // The thread ends after this does.
        let _ = self.requests.send(request);
    }
}

/// Until nobody asks or listens any more.
fn read(mut catalogue: Catalogue, requests: &Receiver<RunsRequest>, news: &Sender<RunsNews>, is_seen: &AtomicBool) {
    let (mut first, mut trouble) = (true, None);
    loop {
        let begin = Instant::now();
        if is_seen.load(Ordering::Relaxed) {
            let part = |runs: &[ListedRun]| {
                // Who listens no more is noticed below.
                let _ = news.send(RunsNews::Listed(Arc::new(runs.to_vec())));
            };
            let told = match catalogue.refresh_telling(PART, part) {
                Ok(refreshed) => {
                    let again = std::mem::take(&mut trouble).is_some();
                    let changed = std::mem::take(&mut first) || again || !refreshed.is_nothing();
                    changed.then(|| RunsNews::Listed(Arc::new(catalogue.runs().to_vec())))
                }
                Err(error) => {
                    let why = error.to_string();
                    (trouble.as_ref() != Some(&why)).then(|| {
                        trouble = Some(why.clone());
                        RunsNews::CannotList(why)
                    })
                }
            };
            if told.is_some_and(|told| news.send(told).is_err()) {
                return;
            }
        }
        let pause = match is_seen.load(Ordering::Relaxed) {
            true => (begin.elapsed() * SHARE).clamp(OFTENEST, SELDOMEST),
            false => RESTING,
        };
        match requests.recv_timeout(pause) {
            Ok(request) => {
                if let Some(told) = done(request)
                    && news.send(told).is_err()
                {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Does what is asked for; what it changes is seen at the next look, which is at once.
fn done(request: RunsRequest) -> Option<RunsNews> {
    let done = match request {
        RunsRequest::Note { dir, note } => Notes::change(&dir, |notes| notes.note = note).map(|_| None),
        RunsRequest::Tags { dir, tags } => {
            Notes::change(&dir, |notes| notes.tags = tags.into_iter().collect::<BTreeSet<_>>()).map(|_| None)
        }
        RunsRequest::Fork { dir, line } => {
            return Some(match forked(&dir, &line) {
                Ok(fork) => RunsNews::Forks(Box::new(fork)),
                Err(error) => RunsNews::Refused(as_typed(&format!("{error:#}"))),
            });
        }
        RunsRequest::Trash { dir, name } => trash(&dir).map(|at| Some(RunsNews::Trashed { dir, name, at })),
        RunsRequest::Restore { trashed, name } => {
            return Some(match restore(&trashed) {
                Ok(_) => RunsNews::Restored { name },
                // Who has emptied the trash meanwhile wants no second try.
                Err(error) if !trashed.exists() => RunsNews::Refused(error.to_string()),
                Err(error) => RunsNews::NotRestored { trashed, name, why: error.to_string() },
            });
        }
    };
    done.unwrap_or_else(|error| Some(RunsNews::Refused(error.to_string())))
}

/// Without the flags that nobody has typed here.
fn as_typed(text: &str) -> String {
    let text = text.strip_prefix("--set ").unwrap_or(text);
    let text = text.replace("--steps ", "steps=").replace("with --at", "with at=STEP").replace("--set ", "");
    text.replace("--at ", "at=").replace("--step ", "at=")
}

/// A fork of the run in `dir` as the line asks for it: keys as the palette takes them, and `at=STEP`.
fn forked(dir: &Path, line: &str) -> Result<ReadyFork> {
    let (at, keys): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|word| word.starts_with("at="));
    let at = at.last().map(|word| word[3..].replace(['_', ','], ""));
    let at = at.map(|step| step.parse().with_context(|| format!("at={step} is no step"))).transpose()?;
    let from = ForkPoint::find(dir, at)?;
    let overrides: Vec<String> = match keys.is_empty() {
        true => Vec::new(),
        false => {
            // A fork is there to be trained: of keys that several sections have, those of [train] are meant.
            let after = from.before.clone().with_assignments_of(&keys.join(" "), "train")?;
            from.before.changes(&after).into_iter().map(|(key, value)| format!("{key}={value}")).collect()
        }
    };
    let Fork { config, mut warnings, .. } = from.fork(&overrides)?;
    warnings.extend(config.validate()?);
    warnings.extend(check_config_stability(&config));
    let changes = overrides.iter().map(|change| change.replacen('=', " = ", 1)).collect();
    Ok(ReadyFork { from, config, changes, warnings })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::config::Config;
    use crate::run::RunDir;

    fn listed(news: &Receiver<RunsNews>, is_right: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match news.recv_deadline(end).expect("it tells") {
                RunsNews::Listed(runs) => {
                    let names: Vec<String> = runs
                        .iter()
                        .map(|run| {
                            format!("{} {} {}", run.summary.run, run.summary.state.word(), run.summary.tags.join("+"))
                        })
                        .collect();
                    if is_right(&names) {
                        return names;
                    }
                }
                RunsNews::Refused(why) | RunsNews::CannotList(why) => return vec![why],
                RunsNews::Trashed { at, .. } => assert!(at.exists()),
                RunsNews::NotRestored { why, .. } => return vec![why],
                RunsNews::Restored { .. } | RunsNews::Forks(_) => {}
            }
        }
    }

    #[test]
    fn a_refusal_names_what_can_be_typed_here() {
        let said = as_typed("no checkpoint yet; its history has averaged weights already: --step 300");
        assert_eq!(said, "no checkpoint yet; its history has averaged weights already: at=300");
        let said = as_typed("ask for more, such as --steps 1300, or fork an earlier one with --at");
        assert_eq!(said, "ask for more, such as steps=1300, or fork an earlier one with at=STEP");
        let place = tempfile::tempdir().unwrap();
        let refused = forked(&make(place.path(), "a"), "stepz=5").unwrap_err();
        // A whole command is one for a shell.
        let said = as_typed(&format!("{refused:#}"));
        assert!(["--set", "--step", "--at"].iter().all(|flag| !said.contains(flag)), "{said}");
    }

    fn make(place: &std::path::Path, name: &str) -> PathBuf {
        let dir = place.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("config.toml"), Config::default().to_toml()).unwrap();
        dir
    }

    #[test]
    fn the_list_follows_its_folder_and_does_what_is_asked() {
        let place = tempfile::tempdir().unwrap();
        let a = make(place.path(), "a");
        let (thread, news) = RunsThread::begin(place.path()).unwrap();
        assert_eq!(listed(&news, |_| true), ["a stopped "]);
        let run = RunDir::create(Some(&place.path().join("b")), &Config::default()).unwrap();
        assert_eq!(listed(&news, |names| names.len() == 2 && names[1].contains("training"))[1], "b training ");
        thread.ask(RunsRequest::Tags { dir: a.clone(), tags: vec!["y".into(), "x".into()] });
        assert_eq!(listed(&news, |names| names[0].contains('+'))[0], "a stopped x+y");
        thread.ask(RunsRequest::Trash { dir: run.path().to_path_buf(), name: "b".into() });
        let refused = listed(&news, |_| false);
        assert!(refused[0].contains("b") && run.path().exists(), "{refused:?}");
        thread.ask(RunsRequest::Trash { dir: a.clone(), name: "a".into() });
        assert_eq!(listed(&news, |names| names.len() == 1), ["b training "]);
        assert!(!a.exists());
        thread.ask(RunsRequest::Restore { trashed: place.path().join(".trash/a"), name: "a".into() });
        assert_eq!(listed(&news, |names| names.len() == 2)[0], "a stopped x+y");
        // What has its place now stays, and so does what is in the trash.
        let taken = place.path().join(".trash/a");
        fs::create_dir_all(&taken).unwrap();
        thread.ask(RunsRequest::Restore { trashed: taken.clone(), name: "a".into() });
        assert!(listed(&news, |_| false)[0].contains("is there already") && taken.exists());
        // Nobody looks: nothing is read.
        thread.set_seen(false);
        thread::sleep(2 * RESTING);
        while news.try_recv().is_ok() {}
        make(place.path(), "c");
        assert!(news.recv_timeout(Duration::from_millis(900)).is_err());
        thread.set_seen(true);
        assert_eq!(listed(&news, |names| names.len() == 3)[2], "c stopped ");
    }
}
