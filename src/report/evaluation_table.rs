//! What was measured, as a table of all runs.

use serde_json::Value;

use super::escape::{escaped, prose};
use super::evaluation::{EVALUATION, Evaluation, MEASURED};
use super::figures::figure;
use super::reported_run::ReportedRun;
use super::run_table::{RunTable, texts};
use crate::process::shell_word;

/// Runs that are each told a command of their own.
const FEW: usize = 3;

/// The table of all runs, and what is missing with the command that makes it.
pub fn html(runs: &[ReportedRun]) -> String {
    let mut html = String::new();
    if runs.iter().any(|run| matches!(run.evaluation, Evaluation::Measured { .. })) {
        let mut table = RunTable::of(runs.iter().map(|run| run.name.as_str()));
        for (name, place) in MEASURED {
            table.row(name, runs.iter().map(|run| cell(&run.evaluation, place)).collect());
        }
        for (name, words) in [("how", how as fn(&Value) -> Option<String>), ("not measured", not_measured)] {
            table.words(
                name,
                texts(runs.iter().map(|run| match &run.evaluation {
                    Evaluation::Measured { value, .. } => words(value),
                    _ => None,
                })),
            );
        }
        html += &table.html();
        // Only of what is in the table.
        let has = |text: &str| html.contains(text);
        let (error, floor, judge) = (has("±"), has("(floor"), has("judge-FID"));
        let notes = [
            (error, "± is the standard error."),
            (floor, "The floor is the same measurement with real data in place of the samples."),
            (judge, "judge-FID is measured with difflab's own small judge: it is no Inception FID."),
        ];
        let notes: Vec<&str> = notes.into_iter().filter(|(shown, _)| *shown).map(|(_, note)| note).collect();
        if !notes.is_empty() {
            html += &format!("<p class=\"note\">{}</p>", notes.join(" "));
        }
    }
    let missing: Vec<&str> =
        runs.iter().filter(|run| matches!(run.evaluation, Evaluation::Missing)).map(|run| run.name.as_str()).collect();
    // One sentence for many.
    let together = missing.len() > FEW;
    if together {
        html += &format!(
            "<p class=\"note\">{} were not measured. This measures one of them (RUN: its folder), and a report made afterwards \
             has it: <code>difflab eval RUN --format json &gt; RUN/{EVALUATION}</code></p>",
            escaped(&missing.join(", "))
        );
    }
    for run in runs {
        let dir = run.dir.display().to_string();
        let (shown, file) = (shell_word(&dir), shell_word(&format!("{dir}/{EVALUATION}")));
        let command = format!("difflab eval {shown} --format json > {file}");
        let words = match &run.evaluation {
            Evaluation::Measured { doubt: None, .. } => continue,
            Evaluation::Measured { doubt: Some(doubt), .. } => {
                html += &format!("<p class=\"warning\">{}</p>", prose(doubt));
                continue;
            }
            Evaluation::Missing if together => continue,
            Evaluation::Missing => "was not measured".to_string(),
            Evaluation::Broken(why) => format!("has no evaluation that can be shown: {why}"),
        };
        html += &format!(
            "<p class=\"note\">{} {}. This measures it, and a report made afterwards has it: <code>{}</code></p>",
            escaped(&run.name),
            prose(&words),
            escaped(&command)
        );
    }
    html
}

/// "0.8125 ± 0.02 (floor 0.99)", with its unit.
fn cell(evaluation: &Evaluation, place: &str) -> Option<String> {
    let Evaluation::Measured { value, .. } = evaluation else { return None };
    let number = |key: &str| value.pointer(&format!("{place}/{key}")).and_then(Value::as_f64);
    let mut text = figure(number("mean")?);
    if let Some(error) = number("standard_error") {
        text += &format!(" ± {}", figure(error));
    }
    let section = place.split('/').nth(1).unwrap_or_default();
    if let Some(unit) = value.pointer(&format!("/{section}/unit")).and_then(Value::as_str) {
        text += &format!(" {unit}");
    }
    if let Some(floor) = number("floor") {
        text += &format!(" (floor {})", figure(floor));
    }
    Some(escaped(&text))
}

fn how(value: &Value) -> Option<String> {
    let word = |key: &str| match &value[key] {
        Value::Null => "(not told)".to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(images) = value["reconstruction"]["images"].as_u64() {
        return Some(format!("step {}: reconstructions of {images} images", word("step")));
    }
    // Bounds and likelihoods are measured without samples.
    let sampled = ["judge_fid", "precision", "recall", "accuracy", "diversity", "energy_distance"];
    if sampled.iter().all(|key| value[*key].is_null()) {
        return Some(format!("step {}: no samples were drawn, seed {}", word("step"), word("seed")));
    }
    Some(format!(
        "step {}: {} samples by {}, {} steps, guidance w = {}, seed {}",
        word("step"),
        word("num"),
        word("sampler"),
        word("steps"),
        word("guidance_scale"),
        word("seed")
    ))
}

fn not_measured(value: &Value) -> Option<String> {
    let skipped = value["skipped"].as_object().into_iter().flatten();
    let words: Vec<String> =
        skipped.map(|(name, why)| format!("{name}: {}", why.as_str().unwrap_or_default())).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_has_mean_error_unit_and_floor_as_far_as_they_are_known() {
        let value = json!({
            "vlb": { "unit": "bits/dim", "total": { "mean": 3.0, "standard_error": 0.1 } },
            "judge_fid": { "mean": 12.345, "standard_error": null, "floor": 1.5 },
            "recall": null,
            "skipped": { "nll": "<none>" },
        });
        let measured = Evaluation::Measured { value: value.clone(), doubt: None };
        assert_eq!(cell(&measured, "/vlb/total").as_deref(), Some("3 ± 0.1000 bits/dim"));
        assert_eq!(cell(&measured, "/judge_fid").as_deref(), Some("12.35 (floor 1.500)"));
        assert_eq!((cell(&measured, "/recall"), cell(&Evaluation::Missing, "/recall")), (None, None));
        assert_eq!(not_measured(&value).as_deref(), Some("nll: <none>"));
        let told = how(&json!({ "step": 3, "seed": 0, "num": 1000 }));
        assert_eq!(told.as_deref(), Some("step 3: no samples were drawn, seed 0"));
        let told = how(&json!({ "step": 3, "judge_fid": { "mean": 1.0 }, "num": 9 })).unwrap();
        assert!(told.starts_with("step 3: 9 samples"), "{told}");
        assert_eq!((shell_word("runs/a"), shell_word("my runs/a")), ("runs/a".into(), "'my runs/a'".into()));
    }
}
