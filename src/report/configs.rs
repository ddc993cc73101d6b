//! The config: of one run every key, of several where they differ.

use super::escape::{breakable, escaped};
use super::reported_run::ReportedRun;
use super::run_table::RunTable;
use crate::config::differing;

/// Letters of a value; a list of a thousand β is cut.
const LONGEST: usize = 60;

pub fn html(runs: &[ReportedRun]) -> String {
    let values: Vec<_> = runs.iter().map(|run| run.config.values()).collect();
    let [all] = &values[..] else {
        let differing = differing(&values.iter().collect::<Vec<_>>());
        if differing.is_empty() {
            return "<p>The configs are the same.</p>".into();
        }
        let mut table = RunTable::of(runs.iter().map(|run| run.name.as_str()));
        for key in differing {
            let cell = |value: &toml::Value| format!("<code>{}</code>", short(&value.to_string()));
            let cells = values.iter().map(|values| values.get(key).map(cell)).collect();
            table.row(format!("<code>{}</code>", breakable(key)), cells);
        }
        return table.html() + "<p class=\"note\">Keys that are not named are the same in all.</p>";
    };
    let mut sections: Vec<(&str, String)> = Vec::new();
    for (key, value) in all {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let row = format!("<tr><th>{}</th><td>{}</td></tr>", escaped(name), short(&value.to_string()));
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, rows)) => *rows += &row,
            None => sections.push((section, row)),
        }
    }
    sections.sort_by_key(|(section, _)| *section);
    let section = |(section, rows): (&str, String)| {
        let heading = if section.is_empty() { "run".to_string() } else { format!("[{}]", escaped(section)) };
        format!("<table class=\"keys\"><caption>{heading}</caption><tbody>{rows}</tbody></table>")
    };
    format!("<div class=\"columns\">{}</div>", sections.into_iter().map(section).collect::<String>())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&format!("{}…", &text[..end])),
        None => escaped(text),
    }
}
