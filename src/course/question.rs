//! A task with its numbers.

use anyhow::Result;

use super::drawn::TaskDraws;
use super::given::Computed;
use super::ground::Ground;
use super::station::{Asks, CourseTask, Station, TaskWords};
use crate::config::Config;
use crate::explain::document::digits;
use crate::explain::latex::unicode;

/// A task as one learner is asked it. Texts are paragraphs as in [`Station`].
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub text: String,
    pub expected: Expected,
    pub hint: String,
    pub solution: String,
}

/// What is right.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Within `tolerance` of `value`.
    Number { value: f64, tolerance: f64 },
    /// The letter, from a, of the right one.
    Choice { choices: Vec<String>, right: usize },
    /// Done in the lab, as the learner says.
    Done,
}

/// The task with the numbers of `seed`.
///
/// # Errors
/// When the station's config can't be read, or the question is impossible on its path.
pub fn question(station: &Station, task: &CourseTask, seed: u64) -> Result<Question> {
    let mut drawn = TaskDraws::of(seed, &station.id, &task.id);
    let (written, expected) = match &task.asks {
        Asks::Computed { kind, set, range, tolerance, hint } => {
            let run = station.run_of(task);
            let mut sets = station.set_of(run);
            sets.extend(set.iter().cloned());
            let config = Config::load(station.config_of(run), &sets)?;
            let asked: Computed = (kind.ask)(&mut Ground::new(config, drawn, *range)?)?;
            let tolerance = tolerance.unwrap_or(asked.tolerance);
            return Ok(Question {
                text: asked.text,
                expected: Expected::Number { value: asked.answer, tolerance },
                hint: hint.clone().unwrap_or(asked.hint),
                solution: asked.solution,
            });
        }
        Asks::Number { written, answer, tolerance } => {
            (written, Expected::Number { value: *answer, tolerance: *tolerance })
        }
        Asks::Choice { written, right, wrong } => {
            let choices = drawn.shuffled(wrong.iter().chain([right]).cloned().collect());
            let right = choices.iter().position(|choice| choice == right).unwrap_or(0);
            (written, Expected::Choice { choices, right })
        }
        Asks::Action { written, .. } => (written, Expected::Done),
    };
    let TaskWords { text, hint, solution } = written.clone();
    Ok(Question { text, expected, hint, solution })
}

impl Question {
    /// Is this the answer?
    ///
    /// # Errors
    /// What an answer to this question looks like, where it is none.
    pub fn judge(&self, answer: &str) -> Result<bool, String> {
        let answer = answer.trim();
        match &self.expected {
            Expected::Number { value, tolerance } => match decimal(answer).parse::<f64>() {
                Ok(number) if number.is_finite() => Ok((number - value).abs() <= *tolerance),
                _ => Err("a number is asked for, such as 0.25 or 1.5e-3".into()),
            },
            Expected::Choice { choices, right } => {
                let letter = |i: usize| letter(i).to_string();
                match (0..choices.len()).find(|i| letter(*i) == answer.to_lowercase()) {
                    Some(chosen) => Ok(chosen == *right),
                    None => Err(format!("a letter is asked for, a to {}", letter(choices.len().saturating_sub(1)))),
                }
            }
            Expected::Done => match answer {
                "done" => Ok(true),
                _ => Err("it is done in the lab; say \"done\" when you have".into()),
            },
        }
    }

    /// "0.5234, and what is at most 0.01 off"; it is right as it stands there.
    pub fn right_answer(&self) -> String {
        match &self.expected {
            Expected::Number { value, tolerance } if *tolerance == 0.0 => shown(*value, *tolerance),
            Expected::Number { value, tolerance } => {
                format!("{}, and what is at most {} off", shown(*value, *tolerance), unicode(&digits(*tolerance)))
            }
            Expected::Choice { choices, right } => {
                format!("{}) {}", letter(*right), choices.get(*right).map_or("", String::as_str))
            }
            Expected::Done => "done in the lab".into(),
        }
    }
}

/// Four digits of an answer, or as many as its tolerance needs.
fn shown(value: f64, tolerance: f64) -> String {
    let four = format!("{value:.3e}").parse().unwrap_or(f64::NAN);
    let off: f64 = value - four;
    match off.abs() <= 0.5 * tolerance {
        true => unicode(&digits(value)),
        false => value.to_string().replace('-', "−"),
    }
}

/// Also as those write it who have a comma, and as sheets write it: "5.8·10⁻⁵".
fn decimal(answer: &str) -> String {
    let plain = |c: char| match "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|raised| raised == c) {
        Some(digit) => char::from(b'0' + digit as u8),
        None if "−⁻".contains(c) => '-',
        None if "×*".contains(c) => '·',
        None => c,
    };
    let answer: String = answer.chars().map(plain).collect();
    let answer = answer.replace(" ·", "·").replace("· ", "·").replacen("·10^", "e", 1).replacen("·10", "e", 1);
    if answer.contains('.') { answer } else { answer.replacen(',', ".", 1) }
}

/// a, b, c …
pub fn letter(i: usize) -> char {
    char::from(b'a' + (i % 26) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(expected: Expected) -> Question {
        Question { text: String::new(), expected, hint: String::new(), solution: String::new() }
    }

    #[test]
    fn numbers_are_right_within_their_tolerance() {
        let question = asking(Expected::Number { value: -0.5, tolerance: 0.01 });
        for (answer, right) in
            [("-0.5", true), (" -0.509 ", true), ("−0.5", true), ("-5e-1", true), ("-0,5", true), ("-0.52", false)]
        {
            assert_eq!(question.judge(answer), Ok(right), "{answer}");
        }
        for answer in ["-5·10⁻¹", "-50 * 10^-2", "-0.05×10¹"] {
            assert_eq!(question.judge(answer), Ok(true), "{answer}");
        }
        for answer in ["", "half", "nan", "inf", "0,5,1", "1,0.5", "2·10", "1 2"] {
            assert!(question.judge(answer).unwrap_err().contains("a number"), "{answer}");
        }
        assert_eq!(question.right_answer(), "−0.5, and what is at most 0.01 off");
        // What the sheet says is right is right.
        for (value, tolerance, said) in [
            (3.0, 0.0, "3"),
            (12_345.678, 0.0, "12345.678"),
            (-3.251_592, 1e-5, "−3.251592, and what is at most 1·10⁻⁵ off"),
            (0.506_25, 0.003, "0.5062, and what is at most 0.003 off"),
        ] {
            let question = asking(Expected::Number { value, tolerance });
            assert_eq!(question.right_answer(), said);
            assert_eq!(question.judge(said.split(',').next().unwrap()), Ok(true));
        }
    }

    #[test]
    fn choices_are_letters_and_deeds_are_told() {
        let question = asking(Expected::Choice { choices: vec!["x".into(), "y".into()], right: 1 });
        assert_eq!((question.judge("B"), question.judge("a")), (Ok(true), Ok(false)));
        assert!(question.judge("c").unwrap_err().ends_with("a to b"));
        assert!(question.judge("").is_err());
        assert_eq!(question.right_answer(), "b) y");
        let deed = asking(Expected::Done);
        assert_eq!(deed.judge("done"), Ok(true));
        assert!(deed.judge("7").is_err());
    }
}
