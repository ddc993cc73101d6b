//! Stations and sheets to read, as [`Explanation`]s, which a terminal and a Markdown file know how to show.

use std::collections::BTreeSet;

use anyhow::Result;

use super::question::{Expected, Question, letter, question};
use super::station::Station;
use crate::explain::Explanation;

/// A station's page: its run, its text, its tasks with what is `done` of them.
///
/// # Errors
/// When a question can't be asked.
pub fn page(station: &Station, number: Option<usize>, seed: u64, done: &BTreeSet<String>) -> Result<Explanation> {
    let mut out = Explanation::new(titled(station, number));
    if station.runs.is_empty() {
        out.text(format!("Its run, in the lab: `{}`", station.command()));
    }
    for run in &station.runs {
        out.text(match run.secret {
            // What it is made with is the question.
            true => match number {
                Some(number) => format!("{}: `r` opens it in the lab (`difflab course {number}`)", run.title),
                None => format!("{}: `r` opens it in the lab", run.title),
            },
            false => format!("{}, in the lab: `{}`", run.title, station.command_of(Some(run))),
        });
        prose(&mut out, &run.text);
    }
    prose(&mut out, &station.text);
    station.sources.iter().for_each(|source| out.source(source.clone()));
    out.heading("Tasks");
    for (i, task) in station.tasks.iter().enumerate() {
        let ticked = if done.contains(&task.id) { "✓ " } else { "" };
        asked(&mut out, &format!("{ticked}{}. ", i + 1), &question(station, task, seed)?);
    }
    Ok(out)
}

/// A sheet of questions to hand out, or, with `solutions`, to mark by. Stations come with their numbers.
///
/// # Errors
/// When a question can't be asked.
pub fn sheet(stations: &[(Option<usize>, &Station)], seed: u64, solutions: bool) -> Result<Explanation> {
    let what = if solutions { "solutions" } else { "questions" };
    let mut out = Explanation::new(format!("Diffusion models: {what}, sheet {seed}"));
    for (number, station) in stations {
        out.heading(titled(station, *number));
        for (i, task) in station.tasks.iter().enumerate() {
            let asking = question(station, task, seed)?;
            let place = number.map_or(format!("{}. ", i + 1), |number| format!("{number}.{} ", i + 1));
            asked(&mut out, &place, &asking);
            if solutions {
                out.text(format!("Answer: {}", asking.right_answer()));
                prose(&mut out, &asking.solution);
            }
        }
    }
    Ok(out)
}

fn titled(station: &Station, number: Option<usize>) -> String {
    number.map_or(station.title.clone(), |number| format!("{number}. {}", station.title))
}

fn asked(out: &mut Explanation, place: &str, asking: &Question) {
    let in_the_lab = if asking.expected == Expected::Done { "In the lab: " } else { "" };
    prose(out, &format!("{place}{in_the_lab}{}", asking.text.trim()));
    if let Expected::Choice { choices, .. } = &asking.expected {
        choices.iter().enumerate().for_each(|(i, choice)| out.text(format!("{}) {choice}", letter(i))));
    }
}

/// Paragraphs, and formulas between double dollars.
pub fn prose(out: &mut Explanation, text: &str) {
    let text = text.replace('\r', "");
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let pieces: Vec<&str> = paragraph.split("$$").collect();
        // Without its other half it is no formula.
        let pieces = if pieces.len() % 2 == 1 { pieces } else { vec![paragraph] };
        for (i, piece) in pieces.iter().map(|piece| piece.trim()).enumerate().filter(|(_, piece)| !piece.is_empty()) {
            match i % 2 {
                1 => out.formula(piece),
                _ => out.text(piece.split_whitespace().collect::<Vec<_>>().join(" ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::stations;
    use crate::explain::Part;

    #[test]
    fn paragraphs_and_formulas_are_told_apart() {
        let mut out = Explanation::new("");
        prose(&mut out, "One\nline.\n\n$$\nx = 1\n$$\n\n\nTwo $y$.\n");
        let parts = [Part::Text("One line.".into()), Part::Formula("x = 1".into()), Part::Text("Two $y$.".into())];
        assert_eq!(out.parts, parts);
        let mut out = Explanation::new("");
        prose(&mut out, "Each adds: $$z$$ And then.\n\nHalf $$ a formula.");
        let texts = ["Each adds:", "And then.", "Half $$ a formula."].map(|text| Part::Text(text.into()));
        let [first, second, third] = texts;
        assert_eq!(out.parts, [first, Part::Formula("z".into()), second, third]);
    }

    #[test]
    fn a_seed_s_sheet_is_the_same_and_another_s_is_not() {
        let stations = stations().unwrap();
        let numbered: Vec<_> = stations.iter().enumerate().map(|(i, station)| (Some(i + 1), station)).collect();
        let of = |seed| sheet(&numbered, seed, false).unwrap();
        assert_eq!(of(7), of(7));
        let (a, b) = (of(7), of(8));
        let differ = a.parts.iter().zip(&b.parts).filter(|(a, b)| a != b).count();
        assert!(differ > 25, "{differ}");
        let marked = sheet(&numbered, 7, true).unwrap();
        assert!(marked.parts.len() > a.parts.len() + 40);
    }
}
