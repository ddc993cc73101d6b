//! Which measure fits the data, and what is to be reached.

use anyhow::Result;

use super::args::Args;
use crate::cli::UsageError;
use crate::cli::eval::judge_for;
use crate::config::{Config, SamplerName};
use crate::data::Dataset;
use crate::eval::{Judge, JudgeOf, reads};
use crate::picture::is_points;

/// What draws the samples, and in how many steps where the run has as many timesteps.
pub const SAMPLER: SamplerName = SamplerName::Ddim;
pub const STEPS: usize = 50;

/// Shares of samples that read as the class asked for.
const DIGITS: [f64; 2] = [0.9, 0.98];
/// Multiples of the energy distance between two sets of real points, of which 1 in 200 is as far.
const POINTS: [f64; 1] = [3.0];

/// The same of clothes, of which the judge reads fewer: it takes some real shirts for T-shirts, coats or pullovers.
const CLOTHES: [f64; 1] = [0.8];

/// What the samples of a checkpoint are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The share that this judge reads as the class asked for; to be reached from below.
    Reading(JudgeOf),
    /// The energy distance to real points, in that of two sets of real ones; to be reached from above.
    Distance,
}

/// What a config is measured by.
#[derive(Clone, Debug, PartialEq)]
pub struct Board {
    pub measure: Measure,
    pub targets: Vec<f64>,
    /// Are they the board's own, with five seeds of as many samples, and everything on that a user gets?
    pub by_the_rules: bool,
    /// Seconds of a training.
    pub limit: f64,
    /// Seconds between two checkpoints.
    pub every: f64,
    /// Samples of a checkpoint.
    pub num: usize,
    /// w of the samples.
    pub guidance_scale: f64,
}

impl Board {
    /// For a config and its data.
    ///
    /// # Errors
    /// A usage error for what no judge can read, and for numbers that can't be.
    pub fn of(config: &Config, data: &Dataset, args: &Args) -> Result<Self> {
        let refuse = |why: String| Err(UsageError::new(why).into());
        let shape = (data.height, data.width, data.channels);
        let measure = if is_points(shape) { Measure::Distance } else { Measure::Reading(judge(config, data)?) };
        let points = measure == Measure::Distance;
        let (own, usual_limit, usual_every, usual_num) = usual(measure);
        let targets = if args.target.is_empty() { own.to_vec() } else { args.target.clone() };
        let least = if points { 1.0..f64::INFINITY } else { f64::MIN_POSITIVE..1.0 + f64::EPSILON };
        if let Some(wrong) = targets.iter().find(|target| !least.contains(target)) {
            return refuse(match points {
                true => format!(
                    "--target {wrong}: give a multiple of the distance between real points, 1 or more, such as 3"
                ),
                false => {
                    format!("--target {wrong}: give a share of the samples, more than 0 and at most 1, such as 0.9")
                }
            });
        }
        let (limit, every) = (args.limit.unwrap_or(usual_limit), args.every.unwrap_or(usual_every));
        if !(0.5..=86_400.0).contains(&limit) {
            return refuse(format!("--limit {limit}: give seconds, 0.5 to 86400"));
        }
        if !(0.05..=limit).contains(&every) {
            return refuse(format!("--every {every}: give seconds, 0.05 to the limit of {limit}"));
        }
        let num = args.num.map_or(usual_num, |num| num as usize);
        let classes = if config.model.class_conditional { data.classes.len().max(1) } else { 1 };
        if !num.is_multiple_of(classes) {
            let (fewer, more) = (num / classes * classes, num.div_ceil(classes) * classes);
            let instead = if fewer == 0 { format!("{more}") } else { format!("{fewer} or {more}") };
            return refuse(format!(
                "--num {num}: equally many of each of the {classes} classes are drawn; use {instead}"
            ));
        }
        Ok(Self {
            measure,
            by_the_rules: targets == own
                && (num, args.seeds, every) == (usual_num, 5, usual_every)
                && has_everything(config, data),
            targets,
            limit,
            every,
            num,
            // Guidance would move the points away from those that are learned.
            guidance_scale: if points { 0.0 } else { 1.0 },
        })
    }

    /// "90 %", "3 × real".
    pub fn target_words(&self, target: f64) -> String {
        match self.measure {
            Measure::Reading(_) => format!("{} %", (target * 1e6).round() / 1e4),
            Measure::Distance => format!("{target} × real"),
        }
    }
}

/// The board's targets, seconds of a training, seconds between two checkpoints, and samples of each.
fn usual(measure: Measure) -> (&'static [f64], f64, f64, usize) {
    match measure {
        Measure::Reading(JudgeOf::Digits) => (&DIGITS, 60.0, 1.0, 200),
        Measure::Reading(JudgeOf::Clothes) => (&CLOTHES, 120.0, 1.0, 200),
        Measure::Distance => (&POINTS, 20.0, 0.25, 2000),
    }
}

/// Has the training everything that a user gets?
fn has_everything(config: &Config, data: &Dataset) -> bool {
    config.preview.enabled && config.train.eval_every > 0 && config.data.held_out.of(data.len()) > 0
}

/// The judge that reads what a network of this config will draw when it is asked for a class.
fn judge(config: &Config, data: &Dataset) -> Result<JudgeOf> {
    let refuse = |why: String| UsageError::new(format!("{} can't be timed: {why}", config.name));
    let of = judge_for((data.height, data.width, data.channels), &data.classes).map_err(refuse)?;
    if data.classes.is_empty() || data.labels.is_empty() {
        return Err(refuse("its images have no classes to ask for".into()).into());
    }
    if !config.model.class_conditional {
        let why = "its network knows no classes, and the judge looks whether samples read as the class asked for\n  --set \
                   model.class_conditional=true teaches it them";
        return Err(refuse(why.into()).into());
    }
    if !reads(&Judge::load(of)?, data)? {
        let why = format!("{} does not read its images as they are labelled: they are of something else", of.words());
        return Err(refuse(why).into());
    }
    Ok(of)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;
    use crate::data;

    fn board(line: &str) -> Result<Board> {
        let command = Args::augment_args(Command::new("speedrun"));
        let matches = command.get_matches_from(std::iter::once("speedrun").chain(line.split_whitespace()));
        let args = Args::from_arg_matches(&matches).unwrap();
        let config = Config::load(&args.config, &args.set)?;
        Board::of(&config, &data::load(&config.data)?, &args)
    }

    fn refused(line: &str) -> String {
        let error = board(line).unwrap_err();
        assert!(error.is::<UsageError>(), "{error:#}");
        error.to_string()
    }

    #[test]
    fn digits_are_read_and_points_compared() {
        let digits = board("mnist-quick").unwrap();
        let of_digits = Measure::Reading(JudgeOf::Digits);
        assert_eq!((digits.measure, &digits.targets[..], digits.num), (of_digits, &[0.9, 0.98][..], 200));
        let clothes = board("fashion").unwrap();
        assert_eq!((clothes.measure, &clothes.targets[..]), (Measure::Reading(JudgeOf::Clothes), &[0.8][..]));
        assert!(digits.by_the_rules && digits.guidance_scale == 1.0);
        let points = board("two-moons --seeds 3").unwrap();
        assert_eq!((points.measure, points.guidance_scale, points.by_the_rules), (Measure::Distance, 0.0, false));
        assert!(points.limit < digits.limit);
        let words = |board: &Board| board.targets.iter().map(|target| board.target_words(*target)).collect::<Vec<_>>();
        assert_eq!((words(&digits), words(&points)), (vec!["90 %".into(), "98 %".into()], vec!["3 × real".into()]));
        assert_eq!(board("mnist-quick --target 0.955").unwrap().target_words(0.955), "95.5 %");
        for other in
            ["--target 0.955", "--num 100", "--every 2", "--set preview.enabled=false", "--set data.held_out=0"]
        {
            assert!(!board(&format!("mnist-quick {other}")).unwrap().by_the_rules, "{other}");
        }
        assert!(board("swiss-roll").is_ok(), "points need no classes");
    }

    #[test]
    fn what_cannot_be_timed_is_said_before_anything_is_trained() {
        assert!(refused("emoji").contains("32×32 with 3 channels"));
        // Classes that are called by numbers, and are none of digits.
        let by_number = "mnist --set data.dataset=idx --set data.path=datasets/fashion-mnist-10k";
        assert!(refused(by_number).contains("as they are labelled"));
        assert!(refused("mnist-quick --set model.class_conditional=false").contains("knows no classes"));
        assert!(refused("mnist-quick --target 90").contains("such as 0.9"));
        assert!(refused("two-moons --target 0.5").contains("such as 3"));
        assert!(refused("mnist-quick --limit 0").contains("seconds"));
        assert!(refused("mnist-quick --every 61").contains("limit of 60"));
        assert!(refused("mnist-quick --num 205").contains("use 200 or 210"));
        assert!(refused("mnist-quick --num 5").contains("use 10"));
    }
}
