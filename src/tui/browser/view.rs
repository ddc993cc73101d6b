//! Drawing the list.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::columns::{COLUMNS, GAP, NAME, RunsColumn, STATE, fitted};
use super::layout::RunsLayout;
use super::line::LineInput;
use super::looks::Looks;
use super::state::{Browser, RunsMode};
use super::update::{MARGIN, before_cursor};
use super::{fork_line, ways};
use crate::data::shown_text;
use crate::run::catalogue::{ListedRun, RunState};
use crate::tui::format::{right, thousands};
use crate::tui::outline::outline;
use crate::tui::run_state;
use crate::tui::theme::Role;
use crate::tui::words::{Words, columns, shorten, shorten_middle};

/// What stands before the keys of a fork.
const FORK: &str = "fork with:";

/// Draws the list into its area; status and footer are left to whoever shows it.
pub fn view(browser: &Browser, looks: &Looks, area: Rect, buf: &mut Buffer) {
    let Some(layout) = RunsLayout::of(area) else {
        let words = format!("the list of runs needs 40 × 10 cells; this is {} × {}", area.width, area.height);
        buf.set_stringn(area.x, area.y, words, usize::from(area.width), looks.style(Role::Text));
        return;
    };
    header(browser, looks, layout.header, buf);
    filter(browser, looks, layout.filter, buf);
    frame(browser, looks, layout.frame, buf);
    let fitted = fitted(&browser.widths, usize::from(layout.heading.width).saturating_sub(MARGIN));
    heading(browser, looks, &fitted, layout.heading, buf);
    for (i, run) in browser.listed().skip(browser.top).take(usize::from(layout.rows.height)).enumerate() {
        let place = Rect { y: layout.rows.y + i as u16, height: 1, ..layout.rows };
        row(browser, looks, run, &fitted, place, buf);
    }
    if browser.shown.is_empty() {
        nothing(browser, looks, layout.rows, buf);
    }
    detail(browser, looks, layout.detail, buf);
    match &browser.mode {
        RunsMode::Filter { way } => {
            ways::draw(&browser.ways_on(), (browser.filter.text(), *way), (2, looks), layout.frame, buf);
        }
        RunsMode::Note(_) | RunsMode::Tags(_) | RunsMode::Fork(_) if browser.refusal.is_some() => {
            ways::refusal(browser.refusal.as_deref().unwrap_or_default(), looks, layout.frame, buf);
        }
        RunsMode::Fork(line) => {
            let typed = (line.text(), browser.way);
            ways::draw(&fork_line::ways_on(line), typed, (columns(FORK) as u16 + 1, looks), layout.frame, buf);
        }
        RunsMode::Table | RunsMode::Note(_) | RunsMode::Tags(_) | RunsMode::Trash => {}
    }
}

/// "difflab  runs/ · 12 runs · 3 training".
fn header(browser: &Browser, looks: &Looks, place: Rect, buf: &mut Buffer) {
    let all = browser.all();
    let training = all.iter().filter(|run| run.summary.state == RunState::Training).count();
    let plural = if all.len() == 1 { "run" } else { "runs" };
    let name = Words::new(looks.theme).add(Role::Strong, "difflab");
    let place_name = format!("{}/", browser.place.display().to_string().trim_end_matches('/'));
    let mut words = Words::new(looks.theme).add_shortened(Role::Text, place_name, 8);
    if browser.runs.is_some() {
        words = words.add(Role::Dim, format!("{} {plural}", thousands(all.len() as u64)));
    }
    if training > 0 {
        let (symbol, role) = run_state::looks(RunState::Training, looks.ascii());
        words = words.add(role, format!("{symbol} {training} training"));
    }
    let marked = looks.marked.runs().len();
    if marked > 0 {
        words = words.add(Role::Dim, format!("{marked} marked"));
    }
    let room = place.width.saturating_sub(2);
    let name = name.fit(room);
    let x = place.x + 1 + name.width() as u16 + 2;
    buf.set_line(place.x + 1, place.y, &name, room);
    let room = place.right().saturating_sub(x + 1);
    buf.set_line(x, place.y, &words.fit(room), room);
}

/// The line of the filter, with what is wrong with it, or how many it admits.
fn filter(browser: &Browser, looks: &Looks, place: Rect, buf: &mut Buffer) {
    let room = usize::from(place.width.saturating_sub(2));
    let typing = matches!(browser.mode, RunsMode::Filter { .. });
    if browser.filter.text().is_empty() && !typing {
        let hint = "/ filters: words, or keys and results as in schedule=cosine lr>1e-3 val_loss<0.12 -tag:old";
        buf.set_stringn(place.x + 1, place.y, shorten(hint, room), room, looks.style(Role::Dim));
        return;
    }
    let verdict = match &browser.filter_error {
        // What is being typed is seldom whole.
        Some(error) => Span::styled(shorten(&error.message, room / 2), looks.style(Role::Warning)),
        None => {
            let (shown, all) = (browser.shown.len() as u64, browser.all().len() as u64);
            Span::styled(format!("{} of {}", thousands(shown), thousands(all)), looks.style(Role::Dim))
        }
    };
    let width = verdict.width().min(room);
    buf.set_span(place.right() - 1 - width as u16, place.y, &verdict, width as u16);
    let line = Rect { x: place.x + 1, width: (room - width) as u16, ..place };
    typed("/", &browser.filter, typing, looks, line, buf);
    // Where it is wrong is underlined.
    if let Some(error) = &browser.filter_error {
        let text = browser.filter.text();
        let before = text.get(..error.at.start).map_or(0, columns) as u16 + 2;
        let wrong = text.get(error.at.clone()).map_or(1, |part| columns(part).max(1)) as u16;
        let wrong = Rect { x: line.x + before, width: wrong, ..line }.intersection(line);
        buf.set_style(wrong, looks.style(Role::Warning).add_modifier(Modifier::UNDERLINED));
    }
}

/// A line that is typed, with its cursor; of one that is too long the part before the cursor.
fn typed(prompt: &str, line: &LineInput, focused: bool, looks: &Looks, place: Rect, buf: &mut Buffer) {
    let room = usize::from(place.width);
    let lead = format!("{prompt} ");
    buf.set_stringn(place.x, place.y, &lead, room, looks.style(if focused { Role::Accent } else { Role::Dim }));
    let lead = columns(&lead);
    let room = room.saturating_sub(lead + 1);
    let mut from = 0;
    while columns(&line.text()[from..line.cursor()]) > room {
        from += line.text()[from..].chars().next().map_or(1, char::len_utf8);
    }
    let x = place.x + lead as u16;
    buf.set_stringn(x, place.y, &line.text()[from..], room + 1, looks.style(Role::Strong));
    if focused {
        let cursor = before_cursor(line) - columns(&line.text()[..from]);
        let at = x + cursor as u16;
        if let Some(cell) = buf.cell_mut((at, place.y)).filter(|_| at < place.right()) {
            cell.set_style(looks.theme.selected());
        }
    }
}

fn frame(browser: &Browser, looks: &Looks, area: Rect, buf: &mut Buffer) {
    outline(area, Role::Accent, looks.theme, looks.marker, buf);
    let title = Line::styled(" Runs ", looks.style(Role::Accent));
    buf.set_line(area.x + 2, area.y, &title, area.width.saturating_sub(4));
    let sorted = match browser.sorted {
        Some((column, descending)) => {
            let way = if descending { "largest first" } else { "smallest first" };
            let way = if COLUMNS[column].is_number {
                way
            } else if descending {
                "z to a"
            } else {
                "a to z"
            };
            format!(" by {}, {way} ", COLUMNS[column].title)
        }
        None => " as sorted by --sort ".into(),
    };
    let width = columns(&sorted) as u16;
    if width + 14 < area.width {
        buf.set_string(area.right() - width - 2, area.y, sorted, looks.style(Role::Dim));
    }
    let below = browser.shown.len().saturating_sub(browser.top + browser.rows);
    if below > 0 || browser.top > 0 {
        let at = browser.chosen_run().map_or(0, |(row, _)| row + 1) as u64;
        let at = format!(" {} / {} ", thousands(at), thousands(browser.shown.len() as u64));
        let width = columns(&at) as u16;
        if width + 6 < area.width {
            buf.set_string(area.right() - width - 2, area.bottom() - 1, at, looks.style(Role::Dim));
        }
    }
}

fn heading(browser: &Browser, looks: &Looks, fitted: &[(usize, usize)], place: Rect, buf: &mut Buffer) {
    let mut x = place.x + MARGIN as u16;
    for &(column, width) in fitted {
        let RunsColumn { title, is_number, .. } = &COLUMNS[column];
        let (down, up) = if looks.ascii() { ("v", "^") } else { ("↓", "↑") };
        let (text, role) = match browser.sorted {
            Some((sorted, descending)) if sorted == column => {
                (format!("{title} {}", if descending { down } else { up }), Role::Accent)
            }
            _ => ((*title).to_string(), Role::Dim),
        };
        let text = shorten(&text, width);
        let text = if *is_number { right(text, width) } else { text };
        buf.set_stringn(x, place.y, text, width, looks.style(role));
        x += (width + GAP) as u16;
    }
}

fn row(browser: &Browser, looks: &Looks, run: &ListedRun, fitted: &[(usize, usize)], place: Rect, buf: &mut Buffer) {
    let chosen = browser.chosen.as_ref() == Some(&run.path);
    let marked = looks.marked.of(&run.path);
    if let Some(marked) = marked {
        let symbol = match (looks.marked.is_baseline(&run.path), looks.ascii()) {
            (true, false) => "★",
            (true, true) => "P",
            (false, false) => "■",
            (false, true) => "#",
        };
        buf.set_string(place.x, place.y, symbol, looks.theme.run(marked.color));
    }
    let mut x = place.x + MARGIN as u16;
    for &(column, width) in fitted {
        let RunsColumn { cell, is_number, .. } = &COLUMNS[column];
        let text = cell(&run.summary);
        // Runs of one sweep differ at the end.
        let text = if column == NAME { shorten_middle(&text, width) } else { shorten(&text, width) };
        let text = if *is_number { right(text, width) } else { text };
        let role = match (column, marked) {
            (NAME, None) if looks.looked_at == Some(&*run.path) => Role::Strong,
            (NAME, None) if run.summary.problem.is_some() => Role::Error,
            (STATE, _) => run_state::looks(run.summary.state, looks.ascii()).1,
            (NAME, _) => Role::Text,
            _ if *is_number => Role::Text,
            _ => Role::Dim,
        };
        let style = match marked {
            Some(marked) if column == NAME => looks.theme.run(marked.color),
            _ => looks.style(role),
        };
        buf.set_stringn(x, place.y, text, width, style);
        if column == STATE {
            buf.set_string(x, place.y, run_state::looks(run.summary.state, looks.ascii()).0, looks.style(role));
        }
        x += (width + GAP) as u16;
    }
    if chosen {
        let from = Rect { x: place.x + MARGIN as u16 - 1, width: place.width + 1 - MARGIN as u16, ..place };
        buf.set_style(from, looks.theme.selected());
    }
}

/// Why there is nothing to see.
fn nothing(browser: &Browser, looks: &Looks, place: Rect, buf: &mut Buffer) {
    let folder = format!("{}/", browser.place.display().to_string().trim_end_matches('/'));
    let words = match (&browser.runs, &browser.trouble) {
        (_, Some(why)) => why.clone(),
        (None, None) => format!("reading {folder} …"),
        (Some(runs), None) if runs.is_empty() => format!("no runs yet in {folder}: `difflab` starts one"),
        (Some(runs), None) => {
            format!("none of the {} runs in {folder} is so; Esc shows all", thousands(runs.len() as u64))
        }
    };
    let room = usize::from(place.width).saturating_sub(MARGIN);
    for (i, line) in crate::tui::words::wrap(&words, room).iter().take(usize::from(place.height)).enumerate() {
        buf.set_stringn(place.x + MARGIN as u16, place.y + i as u16, line, room, looks.style(Role::Dim));
    }
}

/// What the columns don't say of the chosen run; or what is asked about it.
fn detail(browser: &Browser, looks: &Looks, place: Rect, buf: &mut Buffer) {
    let line = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
    let Some((_, run)) = browser.chosen_run() else { return };
    let s = &run.summary;
    match &browser.mode {
        RunsMode::Note(note) => return typed("note:", note, true, looks, line, buf),
        RunsMode::Tags(tags) => return typed("tags:", tags, true, looks, line, buf),
        RunsMode::Fork(changes) => {
            typed(FORK, changes, true, looks, line, buf);
            let hint = "changed keys, as lr=3e-4 dropout=0.1; at=STEP for an older checkpoint; Enter starts it";
            if changes.text().is_empty() && line.width > 20 {
                let room = usize::from(line.width - 14);
                buf.set_stringn(line.x + 14, line.y, shorten(hint, room), room, looks.style(Role::Dim));
            }
            return;
        }
        RunsMode::Trash => {
            let name = shorten_middle(&shown_text(&s.run), usize::from(line.width).saturating_sub(34));
            let question = Line::from(vec![
                Span::styled(format!("move {name} to the trash?  "), looks.style(Role::Warning)),
                Span::styled("y", looks.style(Role::Accent)),
                Span::styled(" yes  ", looks.style(Role::Text)),
                Span::styled("n", looks.style(Role::Accent)),
                Span::styled(" no", looks.style(Role::Text)),
            ]);
            buf.set_line(line.x, line.y, &question, line.width);
            return;
        }
        RunsMode::Table | RunsMode::Filter { .. } => {}
    }
    let mut words = Words::new(looks.theme);
    if let Some(problem) = s.problem.as_ref().or(s.checkpoints_problem.as_ref()) {
        words = words.add_shortened(Role::Error, shown_text(problem), 12);
    }
    if let Some(why) = s.why.as_ref().filter(|_| s.problem.is_none()) {
        let role = if s.state == RunState::Failed { Role::Error } else { Role::Text };
        words = words.add_shortened(role, format!("{}: {}", s.state.word(), shown_text(why)), 12);
    }
    if !s.note.is_empty() {
        words = words.add_shortened(Role::Text, shown_text(&s.note), 12);
    }
    if let Some(parent) = &s.parent {
        let run = Path::new(&parent.run).file_name().unwrap_or_default().to_string_lossy().into_owned();
        words = words.add(Role::Text, format!("fork of {} at step {}", shown_text(&run), thousands(parent.step)));
    }
    let count = |n: usize, one: &str| format!("{} {one}{}", thousands(n as u64), if n == 1 { "" } else { "s" });
    words = words
        .add(Role::Dim, shown_text(&s.name))
        .add(Role::Dim, count(s.checkpoints.len(), "checkpoint"))
        .add(Role::Dim, count(s.snapshots, "snapshot"))
        .add(Role::Dim, format!("written {}", s.last_written.get(..16).unwrap_or_default().replace('T', " ")));
    buf.set_line(line.x, line.y, &words.fit(line.width), line.width);
}
