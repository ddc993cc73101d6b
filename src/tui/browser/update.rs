//! What keys, the mouse and news change, and what the list asks for.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::columns::{COLUMNS, GAP, fitted};
use super::fork_line;
use super::keys::find;
use super::layout::RunsLayout;
use super::line::LineInput;
use super::news::{ReadyFork, RunsNews, RunsRequest};
use super::state::{Browser, RunsMode};
use crate::data::shown_text;
use crate::run::catalogue::ListedRun;
use crate::run::notes;
use crate::tui::action::{Action, RunsAction};
use crate::tui::marked::Marked;
use crate::tui::words::columns;

/// What the list asks of whoever shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Show this run: look at it, or go back to it where it trains here.
    Open(PathBuf),
    /// Close the list.
    Leave,
    /// Draw the marked runs over one another.
    Compare,
    Request(RunsRequest),
    /// Start this fork.
    Begin(Box<ReadyFork>),
    /// Say something; or say why not.
    Say(String),
    Refuse(String),
    /// Something that means the same as in the lab.
    Act(Action),
}

/// Takes a key in.
pub fn key(browser: &mut Browser, marked: &mut Marked, event: &KeyEvent) -> Vec<Ask> {
    match &mut browser.mode {
        RunsMode::Table => match find(event) {
            Some(Action::InRuns(action)) => act(browser, marked, action),
            Some(action) => vec![Ask::Act(action)],
            None => Vec::new(),
        },
        RunsMode::Filter { .. } => filter_key(browser, event),
        RunsMode::Note(line) | RunsMode::Tags(line) | RunsMode::Fork(line) => match event.code {
            KeyCode::Enter => entered(browser),
            KeyCode::Esc => {
                browser.mode = RunsMode::Table;
                Vec::new()
            }
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Down | KeyCode::Up => {
                go_on(browser, event.code);
                Vec::new()
            }
            _ => {
                line.key(event);
                (browser.refusal, browser.way) = (None, None);
                Vec::new()
            }
        },
        RunsMode::Trash => {
            let yes = matches!(event.code, KeyCode::Char('y' | 'Y'));
            let no = matches!(event.code, KeyCode::Char('n' | 'N') | KeyCode::Esc);
            if yes || no {
                browser.mode = RunsMode::Table;
            }
            match browser.chosen_run() {
                Some((_, run)) if yes => {
                    vec![Ask::Request(RunsRequest::Trash { dir: run.path.clone(), name: run.summary.run.clone() })]
                }
                _ => Vec::new(),
            }
        }
    }
}

/// Text that was pasted goes where one types.
pub fn paste(browser: &mut Browser, text: &str) {
    let letters = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    match &mut browser.mode {
        RunsMode::Filter { .. } => {
            letters.for_each(|c| browser.filter.push(c));
            browser.read_filter();
        }
        RunsMode::Note(line) | RunsMode::Tags(line) | RunsMode::Fork(line) => {
            letters.for_each(|c| line.push(c));
            browser.refusal = None;
        }
        RunsMode::Table | RunsMode::Trash => {}
    }
}

/// Does it.
pub fn act(browser: &mut Browser, marked: &mut Marked, action: RunsAction) -> Vec<Ask> {
    let page = browser.rows.saturating_sub(1).max(1) as isize;
    match action {
        RunsAction::Up => browser.move_by(-1),
        RunsAction::Down => browser.move_by(1),
        RunsAction::PageUp => browser.move_by(-page),
        RunsAction::PageDown => browser.move_by(page),
        RunsAction::First => browser.choose_row(0),
        RunsAction::Last => browser.choose_row(usize::MAX),
        RunsAction::Filter => {
            browser.filter = LineInput::with(browser.filter.text());
            browser.mode = RunsMode::Filter { way: None };
        }
        RunsAction::SortNext => return sort(browser, 1),
        RunsAction::SortPrevious => return sort(browser, COLUMNS.len() - 1),
        RunsAction::SortOtherWay => {
            let (column, descending) = browser.sorted.unwrap_or((0, false));
            browser.sort_by(column, !descending);
        }
        RunsAction::Unmark => marked.clear(),
        RunsAction::Compare => return vec![Ask::Compare],
        RunsAction::Restore => {
            return match browser.trashed.pop() {
                Some((name, trashed)) => vec![Ask::Request(RunsRequest::Restore { trashed, name })],
                None => vec![Ask::Say(
                    "nothing was moved to the trash here; `difflab runs restore` knows what is in it".into(),
                )],
            };
        }
        RunsAction::Back if !browser.filter.text().is_empty() => {
            browser.filter = LineInput::default();
            browser.read_filter();
        }
        RunsAction::Back | RunsAction::Leave => return vec![Ask::Leave],
        RunsAction::Open
        | RunsAction::Mark
        | RunsAction::Pin
        | RunsAction::Note
        | RunsAction::Tags
        | RunsAction::Fork
        | RunsAction::Trash => {
            return match browser.chosen_run().map(|(_, run)| run.clone()) {
                Some(run) => of_run(browser, marked, action, &run),
                None => vec![Ask::Say("there is no run to choose".into())],
            };
        }
    }
    Vec::new()
}

/// What is done with the chosen run.
fn of_run(browser: &mut Browser, marked: &mut Marked, action: RunsAction, run: &ListedRun) -> Vec<Ask> {
    let (dir, name) = (&run.path, &run.summary.run);
    match action {
        RunsAction::Open => match &run.summary.problem {
            Some(problem) if run.values.is_none() => return vec![Ask::Refuse(format!("{name}: {problem}"))],
            _ => return vec![Ask::Open(dir.clone())],
        },
        RunsAction::Mark if marked.of(dir).is_some() => {
            marked.unmark(dir);
            browser.move_by(1);
        }
        RunsAction::Mark if marked.mark(dir, name) => browser.move_by(1),
        RunsAction::Pin if marked.pin(dir, name) => {
            let pinned = marked.is_baseline(dir);
            let words = if pinned { "others are held against it" } else { "is no baseline any more" };
            return vec![Ask::Say(format!("{name}: {words}"))];
        }
        RunsAction::Mark | RunsAction::Pin => {
            let most = Marked::MOST;
            return vec![Ask::Refuse(format!("{most} runs are marked, and there are no more colours that stay apart"))];
        }
        RunsAction::Note => browser.ask_for(RunsMode::Note(LineInput::with(run.summary.note.clone()))),
        RunsAction::Tags => {
            let tags = run.summary.tags.join(" ");
            let tags = if tags.is_empty() { tags } else { tags + " " };
            browser.ask_for(RunsMode::Tags(LineInput::with(tags)));
        }
        RunsAction::Fork => browser.ask_for(RunsMode::Fork(LineInput::default())),
        RunsAction::Trash if run.is_trained => {
            let who = if browser.own.as_ref() == Some(dir) { "it trains here" } else { "another process trains it" };
            return vec![Ask::Refuse(format!("{name} stays: {who}"))];
        }
        RunsAction::Trash => browser.mode = RunsMode::Trash,
        _ => {}
    }
    Vec::new()
}

/// Chooses among the ways to go on with the keys of a fork, or goes on so.
fn go_on(browser: &mut Browser, code: KeyCode) {
    let RunsMode::Fork(line) = &mut browser.mode else { return };
    let ways = fork_line::ways_on(line);
    let last = ways.candidates.len().saturating_sub(1);
    browser.way = match code {
        KeyCode::Tab => {
            if let Some(found) = ways.candidates.get(browser.way.unwrap_or(0)) {
                line.replace(ways.range.clone(), &found.text);
                browser.refusal = None;
            }
            None
        }
        KeyCode::Down => Some(browser.way.map_or(0, |at| (at + 1).min(last))),
        _ => browser.way.and_then(|at| at.checked_sub(1)),
    };
}

/// The line is as it should be.
fn entered(browser: &mut Browser) -> Vec<Ask> {
    browser.refusal = None;
    let Some(dir) = browser.chosen.clone() else {
        browser.mode = RunsMode::Table;
        return Vec::new();
    };
    let request = match &browser.mode {
        RunsMode::Note(line) => notes::note(line.text()).map(|note| RunsRequest::Note { dir, note }),
        RunsMode::Tags(line) => {
            let tags = line.text().split([' ', ',']).filter(|word| !word.is_empty()).map(notes::tag);
            tags.collect::<Result<Vec<_>, _>>().map(|tags| RunsRequest::Tags { dir, tags })
        }
        // It is mended where it is refused.
        RunsMode::Fork(line) => {
            return vec![Ask::Request(RunsRequest::Fork { dir, line: line.text().trim().to_string() })];
        }
        _ => return Vec::new(),
    };
    match request {
        Ok(request) => {
            browser.mode = RunsMode::Table;
            vec![Ask::Request(request)]
        }
        Err(why) => {
            browser.refusal = Some(why);
            Vec::new()
        }
    }
}

/// The next column that has something in it, `by` further round.
fn sort(browser: &mut Browser, by: usize) -> Vec<Ask> {
    let mut column = browser.sorted.map_or(COLUMNS.len() - 1, |(column, _)| column);
    for _ in 0..COLUMNS.len() {
        column = (column + by) % COLUMNS.len();
        if browser.widths[column] > 0 || browser.all().is_empty() {
            break;
        }
    }
    browser.sort_by(column, COLUMNS[column].largest_first);
    Vec::new()
}

fn filter_key(browser: &mut Browser, event: &KeyEvent) -> Vec<Ask> {
    let RunsMode::Filter { way } = &mut browser.mode else { return Vec::new() };
    match event.code {
        KeyCode::Enter => browser.mode = RunsMode::Table,
        KeyCode::Esc => {
            browser.filter = LineInput::default();
            browser.mode = RunsMode::Table;
            browser.read_filter();
        }
        KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::BackTab => {
            let chosen = *way;
            let ways = browser.ways_on();
            let last = ways.candidates.len().saturating_sub(1);
            let chosen = match (event.code, chosen) {
                (KeyCode::Tab, at) => {
                    if let Some(found) = ways.candidates.get(at.unwrap_or(0)) {
                        browser.filter.replace(ways.range.clone(), &found.text);
                        browser.read_filter();
                    }
                    None
                }
                (KeyCode::Down, None) => Some(0),
                (KeyCode::Down, Some(at)) => Some((at + 1).min(last)),
                (_, at) => at.and_then(|at| at.checked_sub(1)),
            };
            browser.mode = RunsMode::Filter { way: chosen };
        }
        _ => {
            if browser.filter.key(event) {
                browser.mode = RunsMode::Filter { way: None };
                browser.read_filter();
            }
        }
    }
    Vec::new()
}

/// Takes the mouse in: a click chooses, one on the chosen run opens it, one on a heading sorts, the wheel scrolls.
pub fn mouse(browser: &mut Browser, marked: &mut Marked, event: &MouseEvent, area: Rect) -> Vec<Ask> {
    let Some(layout) = RunsLayout::of(area) else { return Vec::new() };
    let at = Position::new(event.column, event.row);
    let quiet = matches!(browser.mode, RunsMode::Table | RunsMode::Filter { .. });
    match event.kind {
        MouseEventKind::ScrollDown if quiet => browser.move_by(3),
        MouseEventKind::ScrollUp if quiet => browser.move_by(-3),
        MouseEventKind::Down(MouseButton::Left) if layout.rows.contains(at) && quiet => {
            browser.mode = RunsMode::Table;
            let row = browser.top + usize::from(at.y - layout.rows.y);
            if row >= browser.shown.len() {
                return Vec::new();
            }
            if browser.chosen_run().is_some_and(|(chosen, _)| chosen == row) {
                return act(browser, marked, RunsAction::Open);
            }
            browser.choose_row(row);
        }
        MouseEventKind::Down(MouseButton::Left) if layout.heading.contains(at) && quiet => {
            let mut x = usize::from(layout.heading.x) + MARGIN;
            for (column, width) in fitted(&browser.widths, usize::from(layout.heading.width) - MARGIN) {
                if (x..x + width + GAP).contains(&usize::from(at.x)) {
                    let (sorted, descending) = browser.sorted.unwrap_or((usize::MAX, false));
                    let other = if sorted == column { !descending } else { COLUMNS[column].largest_first };
                    browser.sort_by(column, other);
                    break;
                }
                x += width + GAP;
            }
        }
        MouseEventKind::Down(MouseButton::Left) if layout.filter.contains(at) && quiet => {
            return act(browser, marked, RunsAction::Filter);
        }
        _ => {}
    }
    Vec::new()
}

/// Cells before the name: the colour of a mark.
pub const MARGIN: usize = 2;

/// Takes in what the thread tells.
pub fn news(browser: &mut Browser, marked: &mut Marked, news: RunsNews) -> Vec<Ask> {
    match news {
        RunsNews::Listed(runs) => {
            let before = browser.chosen.clone();
            browser.take(runs);
            // What is asked about a run is not asked about its neighbour.
            let is_gone = browser.chosen != before;
            match &browser.mode {
                RunsMode::Trash if is_gone || browser.chosen_run().is_none_or(|(_, run)| run.is_trained) => {
                    browser.mode = RunsMode::Table;
                }
                RunsMode::Note(_) | RunsMode::Tags(_) if is_gone => {
                    browser.mode = RunsMode::Table;
                    return vec![Ask::Refuse("the run is not on the list any more; nothing was written".into())];
                }
                RunsMode::Fork(_) if is_gone && before.as_ref().is_some_and(|dir| !dir.is_dir()) => {
                    browser.mode = RunsMode::Table;
                    return vec![Ask::Refuse("the run is not there any more".into())];
                }
                _ => {}
            }
            Vec::new()
        }
        RunsNews::CannotList(why) => {
            browser.trouble = Some(why);
            Vec::new()
        }
        RunsNews::Trashed { dir, name, at } => {
            marked.unmark(&dir);
            let words = format!("{} is in the trash, {}; u brings it back", shown_text(&name), at.display());
            browser.trashed.push((name, at));
            vec![Ask::Say(words)]
        }
        RunsNews::NotRestored { trashed, name, why } => {
            browser.trashed.push((name, trashed));
            vec![Ask::Refuse(why)]
        }
        RunsNews::Restored { name } => vec![Ask::Say(format!("{} is back", shown_text(&name)))],
        // Who has gone on meanwhile wants none.
        RunsNews::Forks(fork) => match std::mem::take(&mut browser.mode) {
            RunsMode::Fork(_) => vec![Ask::Begin(fork)],
            mode => {
                browser.mode = mode;
                Vec::new()
            }
        },
        // It stays with the line that it is about.
        RunsNews::Refused(why) if matches!(browser.mode, RunsMode::Fork(_)) => {
            browser.refusal = Some(why);
            Vec::new()
        }
        RunsNews::Refused(why) => vec![Ask::Refuse(why)],
    }
}

/// Columns of the filter's line that its text has before the cursor.
pub fn before_cursor(line: &LineInput) -> usize {
    columns(&line.text()[..line.cursor()])
}
