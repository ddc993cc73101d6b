//! This program as one of several processes that mpirun or srun has started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::panic;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use candle_core::Device;

use super::roll_call::{Present, compare};
use super::usage::UsageError;
use crate::config::Config;
use crate::lab::{Outcome, RanksDiffer, follow, let_go};
use crate::process::signals::{Interest, Notice, listen};
use crate::process::{end_at_once, interrupt};
use crate::ranks::{Collective, NotJoined, join, launched_as, world};
use crate::speak;

/// Exit code of a rank that panicked, as Rust's.
const PANICKED: u8 = 101;
/// Exit code of a command line that is refused.
const REFUSED: u8 = 2;
/// How long a rank waits with its error: what all have found, rank 0 says.
const GRACE: Duration = Duration::from_millis(700);

/// The job of this process.
struct Job {
    ranks: Arc<dyn Collective>,
    /// Threads for this rank, where none are asked for.
    threads: usize,
    machines: usize,
}

static JOB: OnceLock<Job> = OnceLock::new();

/// Rank 0 has said why the job failed; this one ends quietly with its code.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("rank 0 has ended the job")]
struct Elsewhere(u8);

/// Joins the other processes of the job, where there are such. From then on a panic of any ends all of them.
///
/// # Errors
/// [`NotJoined`](crate::ranks::NotJoined); [`RanksDiffer`] where another difflab runs on a rank, or it was asked for something else.
pub fn join_others(words: &[OsString]) -> Result<()> {
    let ranks = join()?;
    if ranks.is_alone() {
        return Ok(());
    }
    end_all_on_panic();
    let all = Present::all(&*ranks, words, false)?;
    let me = &all[ranks.rank()];
    let beside = all.iter().filter(|other| (&other.host, &other.processors) == (&me.host, &me.processors)).count();
    let threads = (me.cores / beside.max(1)).max(1);
    if ranks.leads() {
        compare(&all)?;
    }
    let machines = all.iter().map(|rank| &rank.host).collect::<BTreeSet<_>>().len();
    let _ = JOB.set(Job { ranks, threads, machines });
    Ok(())
}

/// A rank that follows does not save: it remembers that it was asked to stop, and says so with its next losses.
fn heed(notice: Notice) {
    match notice {
        Notice::Stop => interrupt::ask(),
        Notice::Force => end_at_once(130, "a rank was ended at once by a second signal"),
        Notice::Suspend | Notice::Continue => {}
    }
}

/// Do other ranks wait for what this thread does? What decodes pictures, or writes beside the training, may panic: that
/// is caught, and costs a picture.
fn is_waited_for(thread: &str) -> bool {
    let own = thread.strip_prefix("difflab-");
    thread == "main"
        || own.is_some_and(|own| matches!(own, "worker" | "opening" | "mpi") || own.parse::<usize>().is_ok())
}

fn end_all_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let ranks = world();
        before(panic);
        if !thread::current().name().is_some_and(is_waited_for) {
            return;
        }
        speak::of_rank(ranks.rank(), format_args!("a panic on {}: the job ends", ranks.host()));
        ranks.abort(PANICKED);
    }));
}

/// Threads for this process: as asked, or its part of the machine's.
pub fn threads(asked: usize) -> usize {
    match JOB.get() {
        Some(job) if asked == 0 => job.threads,
        _ => asked,
    }
}

/// Are there other processes in the job?
pub fn are_several() -> bool {
    JOB.get().is_some()
}

/// Refuses other devices than the processor for several processes.
///
/// # Errors
/// [`UsageError`].
pub fn check_device(device: &Device) -> Result<()> {
    if are_several() && !device.is_cpu() {
        let message = "several processes train on their processors: leave --device out, or start one process";
        return Err(UsageError::new(message).into());
    }
    Ok(())
}

/// Compares what the ranks are to train, and on all but rank 0 does what rank 0 does, to the end. `own` makes the config that this
/// process was asked for, `None` where rank 0 alone knows it. `None` is returned on rank 0, and to one process.
///
/// # Errors
/// [`RanksDiffer`] on rank 0 where a rank was asked for another config.
pub fn follow_rank_0(threads_asked: usize, own: impl FnOnce() -> Result<Option<Config>>) -> Result<Option<Outcome>> {
    let Some(job) = JOB.get() else { return Ok(None) };
    let own = own()?;
    let text = own.as_ref().map(Config::to_toml).unwrap_or_default();
    let all = job.ranks.all_gather(format!("{}\n{text}", job.ranks.host()).into_bytes())?;
    if job.ranks.leads() {
        for (rank, said) in all.iter().enumerate() {
            let said = String::from_utf8_lossy(said);
            let (host, theirs) = said.split_once('\n').unwrap_or((&said, ""));
            if theirs != text {
                return Err(RanksDiffer(other_config(rank, host, own.as_ref(), theirs)).into());
            }
        }
        let plural = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        speak::remark(format_args!(
            "difflab: {} processes on {}, {} each{}",
            all.len(),
            plural(job.machines, "machine"),
            plural(threads(threads_asked), "thread"),
            if threads_asked == 0 { ": the processors between them (--threads)" } else { "" }
        ));
        return Ok(None);
    }
    let _signals = listen(Interest::Stopping, heed).context("listening for signals")?;
    match follow(threads(threads_asked))? {
        0 => Ok(Some(Outcome::Done)),
        130 => Ok(Some(Outcome::Interrupted)),
        code => Err(Elsewhere(code).into()),
    }
}

fn other_config(rank: usize, host: &str, own: Option<&Config>, theirs: &str) -> String {
    let changes = own.zip(Config::from_toml(theirs, "").ok()).map(|(own, theirs)| own.changes(&theirs));
    let keys: Vec<String> =
        changes.into_iter().flatten().take(5).map(|(key, value)| format!("{key} = {value}")).collect();
    let keys = if keys.is_empty() { String::new() } else { format!(": {} there", keys.join(", ")) };
    format!(
        "rank {rank} on {host} was asked for another config than rank 0{keys}\n  start all ranks with the same command line and \
         the same config file"
    )
}

/// Nothing more is trained: those that follow have the same outcome, and go on as this one.
///
/// # Errors
/// When the connection to them has ended.
pub fn let_others_go(outcome: Outcome) -> Result<()> {
    let code = match outcome {
        Outcome::Done => 0,
        Outcome::Interrupted => 130,
    };
    let_go(code).map(drop)
}

/// The end of the program with `code`, for all ranks together.
pub fn end(code: u8) -> u8 {
    let ranks = world();
    if ranks.is_alone() { code } else { leave(&*ranks, code) }
}

/// The same after a failure, which is `said` here: together where all know of it, at once where it is this rank's alone.
pub fn end_in_failure(code: u8, error: &anyhow::Error, said: &str) -> u8 {
    let ranks = world();
    if let Some(Elsewhere(code)) = error.downcast_ref() {
        return leave(&*ranks, *code);
    }
    speak::remark(format_args!("difflab: {said}"));
    if ranks.is_alone() {
        // Where other ranks run a difflab with MPI, they wait for this one.
        if let (Some(NotJoined(_)), Some(rank @ 1..)) = (error.downcast_ref(), launched_as()) {
            speak::of_rank(rank, format_args!("{}", said.lines().next().unwrap_or_default()));
        }
        return code;
    }
    if ranks.leads() {
        return match let_go(code) {
            Ok(true) => leave(&*ranks, code),
            _ => ranks.abort(code),
        };
    }
    thread::sleep(GRACE);
    speak::of_rank(ranks.rank(), format_args!("{said} (on {})", ranks.host()));
    ranks.abort(code)
}

/// The end of a process whose command line was refused, which `say` says with the exit code it returns: once, where all ranks
/// were given the same.
pub fn end_refused(words: &[OsString], say: impl FnOnce() -> u8) -> u8 {
    let ranks = match join() {
        Ok(ranks) if !ranks.is_alone() => ranks,
        _ => return say(),
    };
    let all = Present::all(&*ranks, words, true);
    if all.is_ok_and(|all| all.iter().all(|rank| rank.is_refused && rank.command == all[0].command)) {
        let code = if ranks.leads() { say() } else { REFUSED };
        return leave(&*ranks, code);
    }
    let code = say();
    thread::sleep(GRACE);
    speak::of_rank(ranks.rank(), format_args!("its command line is refused: the job ends"));
    ranks.abort(code)
}

fn leave(ranks: &dyn Collective, code: u8) -> u8 {
    // Whoever can't is ending already.
    let _ = ranks.leave();
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::WORKER_THREAD;

    #[test]
    fn a_panic_that_costs_a_picture_does_not_end_the_job() {
        assert!(
            ["main", WORKER_THREAD, "difflab-opening", "difflab-mpi", "difflab-0", "difflab-17"].map(is_waited_for)
                == [true; 6]
        );
        assert!(["difflab-snapshot", "other", "difflab-"].map(is_waited_for) == [false; 3]);
    }

    #[test]
    fn another_config_is_told_by_its_keys() {
        let own = Config::default();
        let theirs = Config { seed: 7, ..own.clone() };
        let said = other_config(3, "node7", Some(&own), &theirs.to_toml());
        assert!(said.starts_with("rank 3 on node7 was asked for another config than rank 0: seed = 7 there"), "{said}");
        assert!(other_config(3, "node7", Some(&own), "").starts_with("rank 3 on node7 was asked"));
    }
}
