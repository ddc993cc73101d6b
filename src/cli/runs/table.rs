//! The list of runs for people: as many columns as the terminal is wide.

use unicode_width::UnicodeWidthStr;

use super::asked::AskedColumn;
use crate::data::{shown, shown_text};
use crate::run::catalogue::{RunState, Summary};

/// Letters of a note that a list has room for.
const NOTE: usize = 40;
/// Of columns that somebody asked for.
const ASKED_RANK: u8 = 2;

/// A column.
struct TableColumn {
    title: &'static str,
    cell: fn(&Summary) -> String,
    /// Those with the smallest number stay the longest where it is narrow.
    rank: u8,
}

/// In their order. What a run is comes first, then what came of it.
const COLUMNS: [TableColumn; 13] = [
    TableColumn { title: "run", cell: |summary| summary.run.clone(), rank: 0 },
    TableColumn { title: "state", cell: |summary| summary.state.word().to_string(), rank: 3 },
    TableColumn { title: "data", cell: |summary| summary.dataset.clone(), rank: 5 },
    TableColumn { title: "network", cell: |summary| summary.network.clone(), rank: 11 },
    TableColumn { title: "path · target · schedule", cell: method, rank: 7 },
    TableColumn { title: "step", cell: step, rank: 1 },
    TableColumn { title: "loss", cell: |summary| loss(summary.loss), rank: 2 },
    TableColumn { title: "held-out", cell: |summary| loss(summary.val_loss), rank: 4 },
    TableColumn { title: "time", cell: time, rank: 8 },
    TableColumn { title: "tags", cell: |summary| summary.tags.join(" "), rank: 6 },
    TableColumn { title: "checkpoints", cell: checkpoints, rank: 9 },
    TableColumn { title: "last written", cell: written, rank: 10 },
    TableColumn { title: "note", cell: note, rank: 12 },
];

/// The table, in at most `width` cells (all columns where there is no such limit), and under it what is wrong. What was
/// asked for stands behind the runs' names.
pub fn table(summaries: &[&Summary], asked: Vec<AskedColumn>, width: Option<usize>) -> String {
    struct Shown {
        title: &'static str,
        cells: Vec<String>,
        rank: u8,
    }
    let own = COLUMNS.iter().map(|column| Shown {
        title: column.title,
        cells: summaries.iter().map(|summary| shown(&(column.cell)(summary))).collect(),
        rank: column.rank,
    });
    // Tags and notes where somebody has written any.
    let mut columns: Vec<Shown> = own.filter(|column| column.cells.iter().any(|cell| !cell.is_empty())).collect();
    let asked = asked.into_iter().map(|AskedColumn { title, cells }| Shown {
        title,
        cells: cells.iter().map(|cell| if cell.is_empty() { "–".into() } else { shown(cell) }).collect(),
        rank: ASKED_RANK,
    });
    let behind_the_name = columns.len().min(1);
    columns.splice(behind_the_name..behind_the_name, asked);
    let wide =
        |column: &Shown| column.cells.iter().map(|cell| cell.width()).chain([column.title.width()]).max().unwrap_or(0);
    let whole = |columns: &[Shown]| columns.iter().map(|column| wide(column) + 2).sum::<usize>();
    while let Some(width) = width
        && columns.len() > 1
        && whole(&columns) > width + 2
    {
        let last = columns.iter().enumerate().max_by_key(|(_, column)| column.rank).map_or(0, |(at, _)| at);
        columns.remove(last);
    }
    let widths: Vec<usize> = columns.iter().map(wide).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    let mut text = line(&mut columns.iter().map(|column| column.title));
    for row in 0..summaries.len() {
        text += &line(&mut columns.iter().map(|column| column.cells[row].as_str()));
    }
    for summary in summaries {
        let why = summary.why.iter().map(|why| format!("{}: {why}", summary.state.word()));
        let problems = summary.problem.iter().chain(&summary.checkpoints_problem).cloned();
        // Those that can't be read have more to say than how they ended.
        let why = why.filter(|_| summary.state == RunState::Failed && summary.problem.is_none());
        for words in problems.chain(why) {
            text += &format!("{}: {}\n", shown(&summary.run), shown_text(&words));
        }
    }
    text
}

fn method(summary: &Summary) -> String {
    let words = [&summary.path, &summary.target, &summary.schedule].map(String::as_str);
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn step(summary: &Summary) -> String {
    let known = |steps: Option<u64>| steps.map_or("–".to_string(), |steps| steps.to_string());
    match (summary.step, summary.steps) {
        (None, None) => "–".into(),
        (step, steps) => format!("{}/{}", known(step), known(steps)),
    }
}

fn time(summary: &Summary) -> String {
    summary.step.map_or("–".into(), |_| format!("{:.1} min", summary.elapsed_s / 60.0))
}

fn loss(loss: Option<f64>) -> String {
    loss.map_or("–".to_string(), |loss| format!("{loss:.4}"))
}

fn checkpoints(summary: &Summary) -> String {
    match summary.checkpoints.last() {
        Some(last) => format!("{} (newest {last})", summary.checkpoints.len()),
        None if summary.checkpoints_problem.is_some() || summary.state == RunState::Unreadable => "?".into(),
        None => "none".into(),
    }
}

/// Without seconds and zone: the table is for people.
fn written(summary: &Summary) -> String {
    summary.last_written.get(..16).unwrap_or("–").replace('T', " ")
}

fn note(summary: &Summary) -> String {
    let line = summary.note.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        ..=NOTE => line,
        _ => line.chars().take(NOTE - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(run: &str, problem: Option<&str>) -> Summary {
        Summary {
            run: run.into(),
            name: "mnist".into(),
            dataset: "mnist".into(),
            network: "unet 8-16".into(),
            path: "vp".into(),
            target: "epsilon".into(),
            schedule: "cosine".into(),
            step: Some(20),
            steps: Some(2000),
            loss: Some(0.25),
            val_loss: None,
            elapsed_s: 90.0,
            state: RunState::Stopped,
            why: None,
            tags: Vec::new(),
            note: String::new(),
            parent: None,
            checkpoints: vec![10, 20],
            checkpoints_problem: None,
            snapshots: 0,
            last_written: "2026-11-22T05:00:00+00:00".into(),
            problem: problem.map(str::to_string),
        }
    }

    #[test]
    fn the_table_lines_up_and_names_problems() {
        let text =
            table(&[&summary("short", None), &summary("a-much-longer-name", Some("config.toml: no"))], vec![], None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].find("mnist"), lines[2].find("mnist"));
        assert!(lines[1].contains("20/2000") && lines[1].contains("0.2500") && lines[1].contains("2026-11-22 05:00"));
        assert!(lines[1].contains("stopped") && lines[1].contains("vp · epsilon · cosine"), "{text}");
        assert!(!lines[0].contains("tags") && !lines[0].contains("note"), "nobody has written any");
        assert_eq!(lines[3], "a-much-longer-name: config.toml: no");
        let closed = Summary {
            checkpoints: vec![],
            checkpoints_problem: Some("the folder cannot be read".into()),
            ..summary("closed", None)
        };
        let text = table(&[&closed], vec![], None);
        assert!(text.contains(" ?  ") && !text.contains("none"), "{text}");
        assert!(text.contains("closed: the folder cannot be read"), "{text}");
    }

    #[test]
    fn why_a_run_failed_stands_under_the_table_and_no_name_acts_on_the_terminal() {
        let failed = Summary {
            state: RunState::Failed,
            why: Some("the loss is NaN".into()),
            tags: vec!["good".into(), "old".into()],
            note: "x".repeat(60),
            ..summary("bad\u{1b}[31m", None)
        };
        let text = table(&[&failed], vec![], None);
        assert!(text.contains("failed: the loss is NaN") && text.contains("good old"), "{text}");
        assert!(text.contains(&("x".repeat(39) + "…")) && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_cannot_be_read_has_no_numbers_and_a_name_is_one_line() {
        let closed = Summary {
            state: RunState::Unreadable,
            step: None,
            steps: None,
            last_written: String::new(),
            checkpoints: vec![],
            ..summary("two\nlines\tof a name", Some("cannot read it"))
        };
        let text = table(&[&closed], vec![], None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("two\\u{a}lines\\u{9}of a name  unreadable"), "{text}");
        assert!(!text.contains("1970") && !text.contains("0/0") && !text.contains("min"), "{text}");
        assert_eq!(lines[2], "two\\u{a}lines\\u{9}of a name: cannot read it");
        let half = Summary { step: None, ..summary("a", None) };
        assert!(table(&[&half], vec![], None).contains("–/2000"));
    }

    #[test]
    fn it_is_no_wider_than_the_terminal_and_keeps_what_matters_most() {
        let tagged = Summary { tags: vec!["good".into()], ..summary("2026-11-22-mnist-3f2a", None) };
        let all = table(&[&tagged], vec![], None);
        for width in [20, 40, 60, 80, 120, 200] {
            let text = table(&[&tagged], vec![], Some(width));
            let widest = text.lines().map(|line| line.width()).max().unwrap();
            assert!(widest <= width.max(21), "{width}: {text}");
            assert!(text.contains("2026-11-22-mnist-3f2a"));
            assert_eq!(width >= 60, text.contains("held-out") && text.contains("stopped"), "{width}: {text}");
            assert_eq!(width == 200, text == all, "{width}: {text}");
        }
    }

    #[test]
    fn what_was_asked_for_stands_behind_the_name() {
        let asked = || vec![AskedColumn { title: "learning_rate", cells: vec!["0.001".into(), String::new()] }];
        let text = table(&[&summary("a", None), &summary("b", None)], asked(), None);
        assert!(text.starts_with("run  learning_rate  state"), "{text}");
        assert!(text.contains("a    0.001 ") && text.contains("b    –  "), "{text}");
        assert!(table(&[&summary("a", None), &summary("b", None)], asked(), Some(40)).contains("learning_rate"));
    }
}
