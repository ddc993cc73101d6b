//! The stations inside the program.

use std::path::Path;

use super::station::Station;
use super::station_error::StationError;

const FILES: [(&str, &str); 10] = [
    ("01-destroying-data.toml", include_str!("../../configs/course/01-destroying-data.toml")),
    ("02-what-t-means.toml", include_str!("../../configs/course/02-what-t-means.toml")),
    ("03-a-denoiser.toml", include_str!("../../configs/course/03-a-denoiser.toml")),
    ("04-the-loss.toml", include_str!("../../configs/course/04-the-loss.toml")),
    ("05-ancestral-sampling.toml", include_str!("../../configs/course/05-ancestral-sampling.toml")),
    ("06-ddim.toml", include_str!("../../configs/course/06-ddim.toml")),
    ("07-guidance.toml", include_str!("../../configs/course/07-guidance.toml")),
    ("08-score-and-sde.toml", include_str!("../../configs/course/08-score-and-sde.toml")),
    ("09-flow-matching.toml", include_str!("../../configs/course/09-flow-matching.toml")),
    ("10-what-breaks.toml", include_str!("../../configs/course/10-what-breaks.toml")),
];

/// The course, in its order.
///
/// # Errors
/// None that a test hasn't met.
pub fn stations() -> Result<Vec<Station>, StationError> {
    FILES.iter().map(|(name, text)| Station::read(text, name, Path::new(""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::question::question;
    use crate::course::station::{Asks, CourseTask};

    #[test]
    fn ten_stations_of_three_to_six_tasks_each_with_its_sources() {
        let stations = stations().unwrap();
        let ids: std::collections::BTreeSet<&str> = stations.iter().map(|station| station.id.as_str()).collect();
        assert_eq!(ids.len(), 10);
        for station in &stations {
            assert!((3..=6).contains(&station.tasks.len()), "{}", station.id);
            assert!(!station.sources.is_empty() && station.text.matches('$').count() % 2 == 0, "{}", station.id);
            for (task, seed) in station.tasks.iter().flat_map(|task| (0..20).map(move |seed| (task, seed))) {
                let asked = question(station, task, seed).unwrap();
                for text in [&asked.text, &asked.hint, &asked.solution] {
                    assert!(text.matches('$').count() % 2 == 0 && !text.contains("NaN"), "{text}");
                }
            }
        }
    }

    /// The numbers in a question's text, powers of ten included.
    fn numbers(text: &str) -> Vec<f64> {
        let starts = text.char_indices().filter(|(at, c)| {
            let before = text[..*at].chars().next_back();
            (c.is_ascii_digit() || *c == '-') && !before.is_some_and(|c| c.is_ascii_digit() || "-._{".contains(c))
        });
        let number = |(at, _): (usize, char)| {
            let rest = &text[at..];
            let end = rest.find(|c: char| !(c.is_ascii_digit() || "-.".contains(c))).unwrap_or(rest.len());
            let power = rest[end..].strip_prefix(r"\cdot 10^{").and_then(|rest| rest.split('}').next());
            let power: i32 = power.and_then(|power| power.parse().ok()).unwrap_or(0);
            rest[..end].trim_end_matches('.').parse::<f64>().ok().map(|number| number * 10f64.powi(power))
        };
        starts.filter_map(number).collect()
    }

    #[test]
    fn nobody_is_right_by_writing_off_a_number_of_the_question() {
        for station in stations().unwrap() {
            // That AdamW's first step is the learning rate itself is the lesson; its sign is asked for.
            let counts = |task: &&CourseTask| matches!(task.asks, Asks::Computed { kind, .. } if kind.name != "adamw_first_step");
            for task in station.tasks.iter().filter(counts) {
                let seeds = 200;
                let lucky = (0..seeds).filter(|seed| {
                    let asked = question(&station, task, *seed).unwrap();
                    numbers(&asked.text).iter().any(|number| asked.judge(&number.to_string()) == Ok(true))
                });
                let lucky = lucky.count();
                // Now and then one happens to be near.
                assert!(lucky <= seeds as usize / 8, "{}/{}: {lucky} of {seeds}", station.id, task.id);
            }
        }
    }

    #[test]
    fn the_folder_holds_these_and_the_teacher_s_example() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/course");
        let mut files: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        names.push("your-own.toml");
        assert_eq!(files, names);
        assert!(Station::open(&folder.join("your-own.toml")).is_ok());
    }
}
