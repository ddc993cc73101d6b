//! The page: everything of all runs, in one text that needs nothing else.

use std::fmt::Write;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::chart::Chart;
use super::escape::{escaped, prose};
use super::pictures::packed;
use super::reported_run::ReportedRun;
use super::shown::Shown;
use super::{card, configs, evaluation_table, heatmap, losses, overview, samples, schedules};
use crate::config::comparable;
use crate::picture::palette::{DARK, LIGHT, Palette, Rgb};

/// Bytes of a report at most.
pub const MOST_BYTES: usize = 5_000_000;

/// How a report is known by its beginning.
pub const MARK: &str = "<!DOCTYPE html>\n<!-- a report of difflab's -->\n";

/// Runs that are named in the heading.
const FEW: usize = 4;

/// In the place of what an autoencoder has not.
const NO_TIME: &str = "<p class=\"note\">An autoencoder knows no noise and no t.</p>";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A page, and what was made smaller or left out of it, a sentence each.
pub struct Page {
    pub html: String,
    pub notes: Vec<String>,
}

/// The report of these runs, each with the pictures to show, or why there are none. `made`: when and by what, in words.
///
/// # Errors
/// When a picture can't be read.
pub fn page(runs: &[ReportedRun], shown: &[Result<Shown, String>], made: &str) -> Result<Page> {
    let title = match runs {
        [run] => run.name.clone(),
        several if several.len() <= FEW => several.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(" · "),
        many => format!("{} runs", many.len()),
    };
    let (above, below) = (above(runs)?, below(runs));
    let frame = STYLE.len() + SCRIPT.len() + 20_000 + 2000 * runs.len();
    let room = MOST_BYTES.saturating_sub(above.len() + below.len() + frame);
    let named: Vec<(String, Option<Shown>)> =
        runs.iter().zip(shown).map(|(run, shown)| (run.name.clone(), shown.as_ref().ok().cloned())).collect();
    let (pictures, notes) = packed(&named, room);

    let mut html = head(&title, runs.len());
    let _ = write!(html, "<h1>{}</h1>\n<p class=\"made\">{}</p>\n<nav>", escaped(&title), escaped(made));
    for (id, name) in SECTIONS {
        let _ = write!(html, "<a href=\"#{id}\">{name}</a> ");
    }
    html += "</nav>\n";
    for doubt in runs.iter().flat_map(|run| &run.doubts).chain(&notes) {
        let _ = writeln!(html, "<p class=\"warning\">{}</p>", prose(doubt));
    }
    html += &above;
    html += &begin("samples");
    html += &samples::html(runs, shown, &pictures);
    html += "</section>\n";
    html += &below;
    let _ = write!(html, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    Ok(Page { html, notes })
}

const SECTIONS: [(&str, &str); 8] = [
    ("runs", "Runs"),
    ("loss", "Loss"),
    ("by-t", "Loss by timestep"),
    ("schedule", "Schedule"),
    ("samples", "Samples"),
    ("evaluation", "Evaluation"),
    ("config", "Config"),
    ("card", "Model card"),
];

fn begin(id: &str) -> String {
    let name = SECTIONS.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name);
    format!("<section id=\"{id}\"><h2>{name}</h2>\n")
}

/// What stands before the samples.
fn above(runs: &[ReportedRun]) -> Result<String> {
    let all_encode = runs.iter().all(|run| run.config.trains_autoencoder());
    let mut html = begin("runs") + &overview::html(runs) + "</section>\n" + &begin("loss");
    let values: Vec<_> = runs.iter().map(|run| run.config.values()).collect();
    if let Some(words) = comparable(&values.iter().collect::<Vec<_>>()).words() {
        let _ = writeln!(html, "<p class=\"warning\">{}</p>", prose(&words));
    }
    let charts = losses::charts(runs);
    let none = "<p class=\"note\">Nothing is logged yet.</p>";
    html += &grid(charts.iter().chain(&losses::others(runs)), none);
    html += "</section>\n";
    html += &begin("by-t");
    let mut maps = Vec::new();
    for run in runs {
        if run.config.trains_autoencoder() {
            continue;
        }
        let title =
            if runs.len() == 1 { "Loss by t and step".into() } else { format!("Loss by t and step: {}", run.name) };
        maps.extend(heatmap::heatmap(&title, &run.rows, run.config.diffusion.timesteps)?);
    }
    html += &match maps.is_empty() {
        true if all_encode => NO_TIME.to_string(),
        true => "<p class=\"note\">No losses by t are logged (train.timestep_loss_every).</p>".to_string(),
        false => format!("<div class=\"grid2\">\n{}</div>", maps.concat()),
    };
    html += "</section>\n";
    html += &begin("schedule");
    html += &match all_encode {
        true => NO_TIME.to_string(),
        false => grid(schedules::charts(runs).iter(), "<p class=\"note\">The schedule can't be drawn.</p>"),
    };
    Ok(html + "</section>\n")
}

/// What stands behind them.
fn below(runs: &[ReportedRun]) -> String {
    let mut html = begin("evaluation") + &evaluation_table::html(runs) + "</section>\n";
    html += &begin("config");
    html += &configs::html(runs);
    html += "</section>\n";
    html += &begin("card");
    for run in runs {
        html += &card::html(&run.card);
    }
    html + "</section>\n"
}

fn grid<'a>(charts: impl Iterator<Item = &'a Chart>, none: &str) -> String {
    let charts: String = charts.filter_map(Chart::html).collect();
    if charts.is_empty() { none.into() } else { format!("<div class=\"grid2\">\n{charts}</div>") }
}

/// Up to the body. The policy lets no page of this kind fetch or run anything but what is written here.
fn head(title: &str, runs: usize) -> String {
    let script = BASE64_STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let style = STYLE
        .replace("@light@", &variables(&LIGHT))
        .replace("@dark@", &variables(&DARK))
        .replace("@scale@", &heatmap::scale());
    format!(
        "{MARK}<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{style}{}@media \
         screen and (prefers-color-scheme: dark) {{\n{}}}\n</style>\n</head>\n<body>\n",
        escaped(title),
        classes(&LIGHT, runs),
        classes(&DARK, runs),
    )
}

fn css(color: Rgb) -> String {
    let [r, g, b] = color;
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Two dashes make a name a variable in a style sheet.
fn variables(palette: &Palette) -> String {
    let dashes = "-".repeat(2);
    let all = [
        ("paper", palette.background),
        ("text", palette.text),
        ("dim", palette.dim),
        ("border", palette.border),
        ("accent", palette.accent),
        ("warning", palette.warning),
    ];
    all.map(|(name, color)| format!("{dashes}{name}: {}; ", css(color))).concat()
}

/// The colours with a meaning, and one a run.
fn classes(palette: &Palette, runs: usize) -> String {
    let named = [
        ("train".to_string(), palette.train),
        ("held".to_string(), palette.held_out),
        ("x0".to_string(), palette.x_0),
        ("xt".to_string(), palette.x_t),
        ("accent".to_string(), palette.accent),
    ];
    let runs = (0..runs).map(|i| (format!("run{i}"), palette.line(i)));
    named.into_iter().chain(runs).map(|(name, color)| format!(".c-{name} {{ color: {}; }}\n", css(color))).collect()
}
