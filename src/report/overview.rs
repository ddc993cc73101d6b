//! What each run is, and how far it came, in one table.

use super::escape::escaped;
use super::figures::{duration, figure};
use super::reported_run::ReportedRun;
use crate::thousands::thousands;

pub fn html(runs: &[ReportedRun]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr><th></th>");
    for (i, run) in runs.iter().enumerate() {
        let swatch = if runs.len() > 1 { format!("<span class=\"swatch c-run{i}\"></span>") } else { String::new() };
        html += &format!("<th>{swatch}{}</th>", escaped(&run.name));
    }
    html += "</tr></thead><tbody>";
    for (name, value) in ROWS {
        let cells: Vec<Option<String>> = runs.iter().map(value).collect();
        if cells.iter().any(Option::is_some) {
            let cells: String =
                cells.into_iter().map(|cell| format!("<td>{}</td>", escaped(&cell.unwrap_or("–".into())))).collect();
            html += &format!("<tr><th>{name}</th>{cells}</tr>");
        }
    }
    html + "</tbody></table></div>"
}

type Row = (&'static str, fn(&ReportedRun) -> Option<String>);

const ROWS: [Row; 13] = [
    ("data", |run| Some(run.config.data.dataset.clone())),
    ("network", |run| Some(run.summary.network.clone())),
    ("process", |run| Some(format!("{} {}", run.summary.path, run.summary.schedule).trim().into())),
    ("predicts", |run| Some(run.summary.target.clone())),
    ("forked from", |run| run.config.parent.as_ref().map(|parent| format!("{} at step {}", parent.run, parent.step))),
    ("steps", |run| Some(format!("{} of {}", count(run.steps.last()?.step), count(run.config.train.steps)))),
    ("epochs", |run| Some(figure(run.steps.last()?.epoch))),
    ("training loss, smoothed", |run| Some(figure(run.steps.last()?.loss_smoothed))),
    ("held-out loss", |run| {
        let mut held_out = run.steps.iter().filter_map(|record| Some((record.step, record.val_loss?)));
        let best = held_out.clone().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let last = held_out.next_back()?;
        let best = if best.0 == last.0 {
            String::new()
        } else {
            format!("; best {} at step {}", figure(best.1), count(best.0))
        };
        Some(figure(last.1) + &best)
    }),
    ("images/s, median", |run| {
        let mut all: Vec<f64> = run.steps.iter().map(|record| record.images_per_s).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).map(|value| figure(value.round()))
    }),
    ("time spent training", |run| Some(duration(run.steps.last()?.elapsed_s))),
    ("tags", |run| Some(run.notes.tags.iter().cloned().collect::<Vec<_>>().join(", ")).filter(|tags| !tags.is_empty())),
    ("note", |run| Some(run.notes.note.clone()).filter(|note| !note.is_empty())),
];

fn count(steps: u64) -> String {
    usize::try_from(steps).map_or_else(|_| steps.to_string(), thousands)
}
