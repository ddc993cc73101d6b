//! The list of runs on the screen: what it asks for is done here.

use std::path::{Path, PathBuf};

use ratatui::layout::Rect;

use super::{comparing, experiment};
use crate::config::Config;
use crate::lab::Phase;
use crate::tui::action::{Action, RunsAction};
use crate::tui::bars;
use crate::tui::browser::{self, Ask, Browser, ReadyFork, RunsLayout, RunsMode, RunsNews};
use crate::tui::effect::Effect;
use crate::tui::marked::is_same;
use crate::tui::message::Message;
use crate::tui::state::{Bench, Gravity, NewRun, Overlay, State};

/// Where runs lie whose place nobody names.
const RUNS: &str = "runs";

/// Puts the list on the screen.
pub fn open(state: &mut State) -> Vec<Effect> {
    let own = state.live.info.as_ref().map(|info| info.run_dir.clone());
    let place = place_of(own.as_deref());
    // As the list calls it.
    let own = own.map(|own| own.file_name().map_or(own.clone(), |name| place.join(name)));
    let browser = state.browser.get_or_insert_with(|| Box::new(Browser::new(&place)));
    let is_own = state.bench == Bench::Training;
    if browser.chosen.is_none() {
        browser.chosen.clone_from(&own);
    }
    browser.own = own.filter(|_| is_own);
    let place = browser.place.clone();
    state.marked.write_as_in(&place);
    state.is_browsing = true;
    fit(state);
    vec![Effect::ListRuns(place)]
}

/// The folder that a run lies in with others; `runs/` where there is no run, or it lies alone.
fn place_of(own: Option<&Path>) -> PathBuf {
    let beside = own.and_then(Path::parent).filter(|place| !place.as_os_str().is_empty());
    match beside {
        Some(place) => place.to_path_buf(),
        None if own.is_some() => PathBuf::from("."),
        None => PathBuf::from(RUNS),
    }
}

/// The list knows how many rows it has.
fn fit(state: &mut State) {
    let rows = RunsLayout::of(area(state)).map_or(1, |layout| usize::from(layout.rows.height));
    if let Some(browser) = state.browser.as_mut().filter(|browser| browser.rows != rows) {
        browser.set_rows(rows);
    }
}

fn area(state: &State) -> Rect {
    Rect::new(0, 0, state.size.0, state.size.1)
}

/// A key, the mouse or a text, while the list is on the screen.
pub fn input(state: &mut State, message: &Message) -> Vec<Effect> {
    fit(state);
    let area = area(state);
    let Some(browser) = state.browser.as_mut() else { return Vec::new() };
    let asks = match message {
        Message::Key(event) if event.kind == crossterm::event::KeyEventKind::Release => Vec::new(),
        Message::Key(event) => {
            // What was said is read.
            state.news.dismiss();
            browser::key(browser, &mut state.marked, event)
        }
        Message::Mouse(event) => match on_a_bar(state, area, event) {
            Some(action) => vec![Ask::Act(action)],
            None => match state.browser.as_mut() {
                Some(browser) => browser::mouse(browser, &mut state.marked, event, area),
                None => Vec::new(),
            },
        },
        Message::Paste(text) => {
            browser::paste(browser, text);
            Vec::new()
        }
        _ => Vec::new(),
    };
    done(state, asks)
}

/// What a click on the status or on a hint does.
fn on_a_bar(state: &State, area: Rect, event: &crossterm::event::MouseEvent) -> Option<Action> {
    use crossterm::event::{MouseButton, MouseEventKind};
    if event.kind != MouseEventKind::Down(MouseButton::Left) {
        return None;
    }
    let layout = RunsLayout::of(area)?;
    let at = ratatui::layout::Position::new(event.column, event.row);
    let pieces = if layout.footer.contains(at) {
        bars::footer(state, layout.footer)
    } else if layout.status.contains(at) {
        bars::status(state, layout.status)
    } else {
        return None;
    };
    bars::clicked(&pieces, at.x)
}

/// An action of the list, from its footer.
pub fn act(state: &mut State, action: RunsAction) -> Vec<Effect> {
    let Some(browser) = state.browser.as_mut() else { return Vec::new() };
    let asks = browser::act(browser, &mut state.marked, action);
    done(state, asks)
}

/// What the thread that reads the list tells.
pub fn news(state: &mut State, news: RunsNews) -> Vec<Effect> {
    fit(state);
    let Some(browser) = state.browser.as_mut() else { return Vec::new() };
    let asks = browser::news(browser, &mut state.marked, news);
    done(state, asks)
}

fn done(state: &mut State, asks: Vec<Ask>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let asks_for_fork = |list: &Browser| matches!(list.mode, RunsMode::Fork(_));
    if state.browser.as_deref().is_some_and(asks_for_fork) && refuses_forks(state) {
        // Before anything is typed.
        state.browser.iter_mut().for_each(|list| list.ask_for(RunsMode::Table));
    }
    for ask in asks {
        match ask {
            Ask::Open(dir) => effects.extend(show(state, &dir)),
            Ask::Compare => effects.extend(compare(state)),
            Ask::Leave => effects.extend(leave(state)),
            Ask::Request(request) => effects.push(Effect::InRuns(request)),
            Ask::Begin(fork) => effects.extend(begin(state, fork)),
            Ask::Say(words) => state.news.answer(state.now, Gravity::Info, words),
            Ask::Refuse(words) => state.news.answer(state.now, Gravity::Warning, words),
            Ask::Act(Action::Help) => state.overlay = Some(Overlay::Help { scroll: 0, filter: String::new() }),
            Ask::Act(Action::Messages) => state.overlay = Some(Overlay::Messages { scroll: 0 }),
            Ask::Act(Action::Redraw) => effects.push(Effect::Redraw),
            Ask::Act(Action::InRuns(action)) => effects.extend(act(state, action)),
            // It has no other.
            Ask::Act(_) => {}
        }
    }
    effects
}

/// Opens the list with the question what a fork of the run on the screen is to have otherwise.
pub fn fork(state: &mut State) -> Vec<Effect> {
    if refuses_forks(state) {
        return Vec::new();
    }
    let own = state.live.info.as_ref().map(|info| info.run_dir.clone());
    // Of runs that are compared, the one under the cursor.
    match own.or_else(|| state.chosen_run().map(|run| run.dir.clone())) {
        Some(dir) => fork_of(state, &dir),
        None => open(state),
    }
}

/// The same of the run in `dir`.
pub fn fork_of(state: &mut State, dir: &Path) -> Vec<Effect> {
    let effects = open(state);
    if refuses_forks(state) {
        return effects;
    }
    if let Some(browser) = &mut state.browser {
        browser.ask_for_fork(dir);
    }
    effects
}

/// Does an experiment train here, beside which no fork can begin? Says so.
fn refuses_forks(state: &mut State) -> bool {
    let Some(experiment) = state.experiment.as_ref().filter(|experiment| !experiment.is_over()) else { return false };
    let why = format!("the {} trains here; a fork can begin when it is over", experiment.facts.kind);
    state.news.answer(state.now, Gravity::Warning, why);
    true
}

/// Starts a fork: at once where no run is trained here, else after a question, in this one's place.
fn begin(state: &mut State, fork: Box<ReadyFork>) -> Vec<Effect> {
    if refuses_forks(state) {
        return Vec::new();
    }
    if state.bench != Bench::Training {
        return vec![Effect::Begin(fork)];
    }
    state.is_browsing = false;
    let ReadyFork { from, config, changes, warnings } = *fork;
    let wanted = NewRun {
        config,
        asked: changes,
        taken_along: Vec::new(),
        warnings,
        in_two: !state.ended,
        beside: Some(from.run.clone()),
        line: String::new(),
        fork: Some(Box::new(from)),
    };
    state.overlay = Some(Overlay::NewRun(Box::new(wanted)));
    Vec::new()
}

/// Back to what the list covers; where that is nothing, the program is left.
fn leave(state: &mut State) -> Vec<Effect> {
    if state.bench == Bench::Browsing {
        return experiment::leave(state);
    }
    state.is_browsing = false;
    comparing::follow_marks(state)
}

/// Draws the marked runs over one another: in the lab that the list covers, or on a screen of their own.
fn compare(state: &mut State) -> Vec<Effect> {
    let alone = state.live.info.is_none();
    if state.marked_others().len() < if alone { 2 } else { 1 } {
        let words = if alone { "two runs or more are compared" } else { "no other run is marked" };
        state.news.answer(state.now, Gravity::Info, format!("{words}; space marks one"));
        return Vec::new();
    }
    state.is_browsing = false;
    if !alone {
        return comparing::follow_marks(state);
    }
    let mut beside = beside(state);
    (beside.phase, beside.ended) = (Phase::Finished, true);
    let asked = comparing::follow_marks(&mut beside);
    state.beside = Some(Box::new(beside));
    asked.into_iter().filter_map(Effect::beside).collect()
}

/// The screen of what is looked at.
fn beside(state: &State) -> State {
    let (mut beside, _) = state.again(Config::default());
    beside.bench = Bench::Beside;
    (beside.browser, beside.config, beside.curves) = (None, None, None);
    beside.now = state.now;
    beside
}

/// Shows a run: the one of this lab, or another, which is looked at.
fn show(state: &mut State, dir: &Path) -> Vec<Effect> {
    state.is_browsing = false;
    if state.live.info.as_ref().is_some_and(|info| is_same(&info.run_dir, dir)) {
        return comparing::follow_marks(state);
    }
    let values = state.browser.as_ref().and_then(|browser| {
        let run = browser.all().iter().find(|run| run.path == dir)?;
        Some(run.summary.run.clone())
    });
    let mut beside = beside(state);
    beside.phase = Phase::Starting(format!("reading {}", values.unwrap_or_default()));
    state.beside = Some(Box::new(beside));
    vec![Effect::LookAt(dir.to_path_buf())]
}
