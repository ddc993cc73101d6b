//! The screen of an experiment: its runs, from their files, while it trains them on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Sender, bounded, never, unbounded};

use super::behind::Behind;
use super::event_loop::End;
use super::looking_on::show_before;
use super::run::{TuiOptions, say};
use crate::lab::{AskAll, Outcome};
use crate::speak;
use crate::tui::browser::ReadyFork;
use crate::tui::experiment::{Carried, ExperimentEnd, ExperimentFacts, ExperimentLink, ExperimentNews, ExperimentView};
use crate::tui::state::State;
use crate::tui::update::begin_before;

/// Remarks that are repeated once the screen is closed.
const KEPT: usize = 100;
const WARNING: &str = "warning: ";

/// Does `work` on a thread of its own behind a screen that shows its runs, until it is over and the person leaves, or has
/// been stopped. Returns what came of it, how the screen was left, and the fork that was asked for when it was over.
///
/// What is remarked meanwhile is said on the screen, and warnings are said again after it.
///
/// # Errors
/// When the terminal can't be used, and those of the work. The terminal has been given back either way.
pub fn experiment<T: Send>(
    facts: ExperimentFacts,
    view: ExperimentView,
    options: &TuiOptions,
    work: impl FnOnce(&ExperimentLink) -> Result<Carried<T>> + Send,
) -> Result<(Carried<T>, Outcome, Option<Box<ReadyFork>>)> {
    let (asks_out, asks) = unbounded();
    let (news_out, news) = unbounded();
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let kind = facts.kind;
    thread::scope(|scope| {
        let (mut worker, mut diverted) = (None, None);
        let (commands, _nobody) = bounded(1);
        let config = match &view {
            ExperimentView::Compared(runs) => runs.first().map(|(_, config)| config.clone()),
            ExperimentView::Listed => None,
        };
        let asks_of_screen = asks_out.clone();
        let prepare = |state: &mut State| {
            let effects = begin_before(state, facts, view);
            diverted = Some(speak::divert(hearing(news_out.clone(), warnings.clone())));
            let link = ExperimentLink { news: news_out, asks };
            let spawned = thread::Builder::new().name("difflab-experiment".into());
            let spawned = spawned.spawn_scoped(scope, move || worked(&link, work));
            worker = Some(spawned.context("starting the thread of the experiment")?);
            Ok((effects, Behind { news, asks: Some(asks_of_screen) }))
        };
        let shown = show_before(options, config, prepare, (commands, never(), never()));
        // The screen is closed: standard error is there again.
        drop(diverted);
        let said = std::mem::take(&mut *warnings.lock().unwrap_or_else(PoisonError::into_inner));
        said.iter().for_each(|line| say(&mut io::stderr(), &speak::on_stderr(&format!("{line}\n"))));
        let came = worker.map(|worker| {
            if !worker.is_finished() {
                let _ = asks_out.send(AskAll::Stop);
                say(&mut io::stderr(), &speak::on_stderr(&format!("difflab: saving the {kind} …\n")));
            }
            worker.join().unwrap_or_else(|_| Err(anyhow!("the thread of the experiment panicked")))
        });
        let (outcome, fork) = match shown? {
            End::Fork(fork) => (Outcome::Done, Some(fork)),
            End::Quit | End::Switch | End::NextStage => (Outcome::Done, None),
            End::Terminated | End::TerminalLost => (Outcome::Interrupted, None),
        };
        let came = came.ok_or_else(|| anyhow!("the experiment has not begun"))?;
        Ok((came?, outcome, fork))
    })
}

/// Does the work, and tells how it ended.
fn worked<T>(link: &ExperimentLink, work: impl FnOnce(&ExperimentLink) -> Result<Carried<T>>) -> Result<Carried<T>> {
    let came = catch_unwind(AssertUnwindSafe(|| work(link)));
    let came = came.unwrap_or_else(|_| Err(anyhow!("the thread of the experiment panicked")));
    let end = match &came {
        Ok(Ok(_)) => ExperimentEnd::Done,
        Ok(Err(_)) => ExperimentEnd::Stopped,
        Err(error) => ExperimentEnd::Failed(format!("{error:#}")),
    };
    // Who has left wants to know nothing any more.
    let _ = link.news.send(ExperimentNews::Ended(end));
    came
}

/// What is remarked, as news; warnings are kept.
fn hearing(news: Sender<ExperimentNews>, warnings: Arc<Mutex<Vec<String>>>) -> impl Fn(String) + Send + 'static {
    move |line| {
        let told = match line.strip_prefix(WARNING) {
            Some(rest) => {
                let mut kept = warnings.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < KEPT {
                    kept.push(line.clone());
                }
                ExperimentNews::Warned(rest.to_string())
            }
            None => ExperimentNews::Said(line),
        };
        let _ = news.send(told);
    }
}
