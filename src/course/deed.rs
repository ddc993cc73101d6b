//! Something to do in the lab that the lab sees for itself.

use crate::config::{Config, POINT_SETS, SampleConfig, SamplerName};
use crate::diffusion::Schedule;
use crate::explain::Topic;
use crate::sampling::check_sampler;

/// A film keeps no more frames than some hundred.
const MOST_FRAMES: usize = 100;

/// What is to be done. Most deeds have parts, which may come in any order.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// The cursor t is put to each of these places, on each of these schedules (none: that of the run), and stays a while.
    Cursor { at: Vec<CursorPlace>, schedules: Vec<String> },
    /// An explanation is opened, and has its numbers.
    Explained(Topic),
    /// So many different frames of one film are gone through by hand.
    Frames(usize),
    /// Films that are drawn like this are seen to their ends, of weights that have been trained for so many steps.
    Films { like: Vec<FilmSetting>, after_step: u64 },
    /// The fewest steps of sampling with which this share of the samples is read as asked, to be typed; the lab draws samples
    /// of the run on the screen, and the judge reads them.
    FewestSteps { share: f64 },
    /// A run whose last timestep keeps no more than this SNR is trained for so many steps; with this T, if one is named.
    TerminalSnr { at_most: f64, timesteps: Option<usize>, after_step: u64 },
}

/// A place of the cursor t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CursorPlace {
    /// About this timestep: no farther than a fiftieth of T.
    T(usize),
    /// Where the signal-to-noise ratio is this, to half a decibel, or the timestep nearest to it.
    Snr(f64),
}

/// How a film is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FilmSetting {
    /// `preview.steps`.
    Steps(usize),
    /// `sample.guidance_scale`.
    GuidanceScale(f64),
    /// `sample.sampler`.
    Sampler(SamplerName),
    /// `sample.eta`.
    Eta(f64),
}

/// What is to be seen in the lab at a moment.
#[derive(Clone, Copy, Debug)]
pub struct LabSight<'a> {
    /// Training steps of the run on the screen.
    pub step: u64,
    pub schedule: &'a Schedule,
    /// Where a person has put the cursor t, and it has stood for a moment.
    pub cursor: Option<usize>,
    /// The explanation that is open, with its numbers.
    pub explained: Option<Topic>,
    /// Different frames of the film on the screen that were gone to by hand.
    pub frames: usize,
    /// The film whose last frame is on the screen.
    pub film: Option<SeenFilm<'a>>,
}

/// A film that was seen to its end.
#[derive(Clone, Copy, Debug)]
pub struct SeenFilm<'a> {
    pub sample: &'a SampleConfig,
    /// `preview.steps`, or those that were set since.
    pub steps: usize,
    /// Training steps of its weights.
    pub step: u64,
}

impl Deed {
    /// What its parts are called, briefly; one at least.
    pub fn parts(&self) -> Vec<String> {
        match self {
            Deed::Cursor { at, schedules } if schedules.is_empty() => at.iter().map(|place| place.words()).collect(),
            Deed::Cursor { at, schedules } => {
                let mut parts = Vec::new();
                for schedule in schedules {
                    parts.extend(at.iter().map(|place| format!("{schedule} {}", place.words())));
                }
                parts
            }
            Deed::Explained(topic) => vec![format!("“{}” explained", topic.title())],
            Deed::Frames(least) => vec![format!("{least} frames of one film, by hand")],
            Deed::Films { like, .. } => like.iter().map(|setting| setting.words()).collect(),
            Deed::FewestSteps { .. } => vec!["type the number of steps".into()],
            Deed::TerminalSnr { .. } => vec!["a run that ends in noise".into()],
        }
    }

    /// Is its `part`-th part to be seen?
    pub fn sees(&self, part: usize, sight: &LabSight) -> bool {
        match self {
            Deed::Cursor { at, schedules } => {
                let Some(place) = at.get(part % at.len().max(1)) else { return false };
                let schedule = schedules.get(part / at.len().max(1));
                schedule.is_none_or(|name| name == sight.schedule.label())
                    && sight.cursor.is_some_and(|t| place.holds(sight.schedule, t))
            }
            Deed::Explained(topic) => sight.explained == Some(*topic),
            Deed::Frames(least) => sight.frames >= *least,
            Deed::Films { like, after_step } => {
                let like = like.get(part);
                sight.film.is_some_and(|film| film.step >= *after_step && like.is_some_and(|like| like.holds(&film)))
            }
            // Measured, not seen.
            Deed::FewestSteps { .. } => false,
            Deed::TerminalSnr { at_most, timesteps, after_step } => {
                let all = sight.schedule.timesteps();
                let meant = timesteps.is_none_or(|timesteps| timesteps == all);
                meant && sight.step >= *after_step && sight.schedule.at(all - 1).snr() <= *at_most
            }
        }
    }

    /// When it begins to count, in words; `None`: at once.
    pub fn counts_from(&self) -> Option<String> {
        match self {
            Deed::Films { after_step: 1.., .. } | Deed::TerminalSnr { after_step: 1.., .. } => {
                Some(format!("counts from training step {} on", self.after_step()))
            }
            _ => None,
        }
    }

    /// The same, where the run on the screen is not there yet.
    pub fn waits_for(&self, sight: &LabSight) -> Option<String> {
        self.counts_from().filter(|_| sight.step < self.after_step())
    }

    fn after_step(&self) -> u64 {
        match self {
            Deed::Films { after_step, .. } | Deed::TerminalSnr { after_step, .. } => *after_step,
            _ => 0,
        }
    }

    /// Can it be done in a run with this config?
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, config: &Config) -> Result<(), String> {
        let timesteps = config.diffusion.timesteps;
        let steps = |n: usize| match (1..=timesteps).contains(&n) {
            true => Ok(()),
            false => Err(format!("{n} steps of sampling: there are 1 to {timesteps}")),
        };
        let trained = config.train.steps;
        if self.after_step() > trained && config.train.epochs == 0.0 {
            return Err(format!("after_step = {}: the run has {trained} steps of training", self.after_step()));
        }
        match self {
            Deed::Cursor { at, schedules } => {
                let own = Schedule::from_config(&config.diffusion).map_err(|error| format!("{error:#}"))?;
                let own = Some(&own).filter(|_| schedules.is_empty());
                at.iter().try_for_each(|place| match place {
                    CursorPlace::T(t) if *t >= timesteps => {
                        Err(format!("cursor_t = {t}: the run's timesteps are 0 to {}", timesteps - 1))
                    }
                    CursorPlace::Snr(snr) => own.map_or(Ok(()), |own| has_snr(own, *snr)),
                    _ => Ok(()),
                })
            }
            Deed::Frames(n) => match (1..=MOST_FRAMES).contains(n) {
                true => Ok(()),
                false => Err(format!("frames = {n}: 1 to {MOST_FRAMES} can be gone through")),
            },
            Deed::Films { like, .. } => like.iter().try_for_each(|setting| match setting {
                FilmSetting::Steps(n) => steps(*n),
                setting => setting.check(config),
            }),
            Deed::FewestSteps { .. } => match config.data.dataset.contains("mnist") && config.model.class_conditional {
                true => Ok(()),
                false => Err("fewest_steps: a judge reads digits and clothes alone, of a network with classes".into()),
            },
            Deed::TerminalSnr { timesteps: Some(0), .. } => Err("timesteps = 0: a run has 1 at least".into()),
            Deed::Explained(Topic::Plane) if !POINT_SETS.contains(&config.data.dataset.as_str()) => {
                Err("explained = \"plane\": the run's data are pictures, and the plane is of points".into())
            }
            Deed::Explained(Topic::Guidance) if !config.model.class_conditional => {
                Err("explained = \"guidance\": the run's network is trained without classes".into())
            }
            Deed::Explained(_) | Deed::TerminalSnr { .. } => Ok(()),
        }
    }
}

/// Does the schedule come to this SNR?
fn has_snr(schedule: &Schedule, snr: f64) -> Result<(), String> {
    let (most, least) = (schedule.at(0).snr(), schedule.at(schedule.timesteps() - 1).snr());
    match (least..=most).contains(&snr) {
        true => Ok(()),
        false => Err(format!("cursor_snr = {snr}: the run's SNR goes from {most:.3e} down to {least:.3e}")),
    }
}

impl CursorPlace {
    fn words(&self) -> String {
        match self {
            CursorPlace::T(t) => format!("t {t}"),
            CursorPlace::Snr(snr) => format!("SNR {snr}"),
        }
    }

    fn holds(&self, schedule: &Schedule, t: usize) -> bool {
        let decibels = |snr: f64| 10.0 * snr.log10();
        match *self {
            CursorPlace::T(wanted) => t.abs_diff(wanted) <= schedule.timesteps() / 50,
            CursorPlace::Snr(snr) => {
                let off = |t: usize| (decibels(schedule.at(t).snr()) - decibels(snr)).abs();
                let nearest = || (0..schedule.timesteps()).min_by(|a, b| off(*a).total_cmp(&off(*b)));
                off(t) <= 0.5 || nearest() == Some(t)
            }
        }
    }
}

impl FilmSetting {
    fn words(&self) -> String {
        match self {
            FilmSetting::Steps(steps) => format!("{steps} steps"),
            FilmSetting::GuidanceScale(w) => format!("w {w}"),
            FilmSetting::Sampler(sampler) => sampler.name().into(),
            FilmSetting::Eta(eta) => format!("η {eta}"),
        }
    }

    /// Can the run draw so?
    fn check(&self, config: &Config) -> Result<(), String> {
        let mut config = config.clone();
        match *self {
            FilmSetting::Steps(steps) => config.preview.steps = steps,
            FilmSetting::GuidanceScale(w) => config.sample.guidance_scale = w,
            FilmSetting::Sampler(sampler) => config.sample.sampler = sampler,
            FilmSetting::Eta(eta) => config.sample.eta = eta,
        }
        config.validate().map_err(|error| error.to_string())?;
        let schedule = Schedule::from_config(&config.diffusion).map_err(|error| format!("{error:#}"))?;
        check_sampler(config.sample.sampler, &schedule)
    }

    fn holds(&self, film: &SeenFilm) -> bool {
        // As the lab's own keys go there, in steps of decimals.
        let same = |a: f64, b: f64| (a - b).abs() < 1e-6;
        match *self {
            FilmSetting::Steps(steps) => film.steps == steps,
            FilmSetting::GuidanceScale(w) => same(film.sample.guidance_scale, w),
            FilmSetting::Sampler(sampler) => film.sample.sampler == sampler,
            FilmSetting::Eta(eta) => same(film.sample.eta, eta),
        }
    }
}

/// Is `steps` the fewest with which `share` of the samples are read as asked, as far as samples can tell? `right` of `num`
/// were, and with [`fewer_steps`] `fewer_right`; two standard errors are allowed either way.
pub fn is_fewest(share: f64, num: usize, right: usize, fewer_right: Option<usize>) -> (bool, bool) {
    let n = num.max(1) as f64;
    let allowed = 2.0 * (share * (1.0 - share) / n).sqrt();
    let enough = right as f64 / n >= share - allowed;
    let too_many = fewer_right.is_some_and(|right| right as f64 / n > share + allowed);
    (enough, too_many)
}

/// With how many steps it must not be enough any more; `None`: there are no fewer.
pub fn fewer_steps(steps: usize) -> Option<usize> {
    // A tenth fewer is no difference that 200 samples could show; a third is.
    (steps > 1).then(|| (steps * 2 / 3).clamp(1, steps - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, ScheduleName};

    fn schedule(name: ScheduleName) -> Schedule {
        Schedule::named(name, 1000, 1e-4, 0.02).unwrap()
    }

    fn sight(schedule: &Schedule) -> LabSight<'_> {
        LabSight { step: 0, schedule, cursor: None, explained: None, frames: 0, film: None }
    }

    #[test]
    fn a_cursor_is_seen_where_it_was_put_on_the_schedule_that_is_meant() {
        let (linear, cosine) = (schedule(ScheduleName::Linear), schedule(ScheduleName::Cosine));
        let equal = Deed::Cursor { at: vec![CursorPlace::Snr(1.0)], schedules: vec![] };
        let at = |t| LabSight { cursor: Some(t), ..sight(&cosine) };
        // cos² is one half where the clock of Nichol and Dhariwal is a little before its middle.
        assert!(equal.sees(0, &at(496)) && !equal.sees(0, &at(300)) && !equal.sees(0, &sight(&cosine)));
        let both = Deed::Cursor {
            at: vec![CursorPlace::T(100), CursorPlace::T(900)],
            schedules: vec!["linear".into(), "cosine".into()],
        };
        assert_eq!(both.parts(), ["linear t 100", "linear t 900", "cosine t 100", "cosine t 900"]);
        let seen = |sight: &LabSight| (0..4).map(|part| both.sees(part, sight)).collect::<Vec<_>>();
        assert_eq!(seen(&LabSight { cursor: Some(110), ..sight(&linear) }), [true, false, false, false]);
        assert_eq!(seen(&LabSight { cursor: Some(890), ..sight(&cosine) }), [false, false, false, true]);
        assert_eq!(seen(&LabSight { cursor: Some(500), ..sight(&cosine) }), [false; 4]);
    }

    #[test]
    fn films_count_once_the_weights_are_trained() {
        let cosine = schedule(ScheduleName::Cosine);
        let like = vec![FilmSetting::Steps(10), FilmSetting::GuidanceScale(3.0)];
        let deed = Deed::Films { like, after_step: 100 };
        let sample = SampleConfig { guidance_scale: 3.0, ..SampleConfig::default() };
        let film =
            |steps, step| LabSight { step, film: Some(SeenFilm { sample: &sample, steps, step }), ..sight(&cosine) };
        assert!(deed.sees(0, &film(10, 100)) && deed.sees(1, &film(50, 100)));
        assert!(!deed.sees(0, &film(50, 100)) && !deed.sees(0, &film(10, 99)));
        assert!(deed.waits_for(&film(10, 99)).is_some() && deed.waits_for(&film(10, 100)).is_none());
    }

    #[test]
    fn a_run_ends_in_noise_or_does_not() {
        let broken = Schedule::from_config(&DiffusionConfig {
            schedule: ScheduleName::Linear,
            timesteps: 100,
            ..DiffusionConfig::default()
        })
        .unwrap();
        let deed = Deed::TerminalSnr { at_most: 1e-3, timesteps: None, after_step: 5 };
        assert!(!deed.sees(0, &LabSight { step: 9, ..sight(&broken) }));
        let sound = schedule(ScheduleName::Linear);
        assert!(deed.sees(0, &LabSight { step: 9, ..sight(&sound) }) && !deed.sees(0, &sight(&sound)));
        let other = Deed::TerminalSnr { at_most: 1e-3, timesteps: Some(100), after_step: 5 };
        assert!(!other.sees(0, &LabSight { step: 9, ..sight(&sound) }), "another run than the broken one");
    }

    #[test]
    fn what_cannot_be_done_in_a_run_is_said() {
        let mut config = Config::default();
        let why = |deed: Deed, config: &Config| deed.check(config).unwrap_err();
        let cursor = |t| Deed::Cursor { at: vec![CursorPlace::T(t)], schedules: vec![] };
        assert!(cursor(999).check(&config).is_ok() && why(cursor(1000), &config).contains("0 to 999"));
        let snr = |snr| Deed::Cursor { at: vec![CursorPlace::Snr(snr)], schedules: vec![] };
        assert!(snr(1.0).check(&config).is_ok() && why(snr(1e9), &config).contains("the run's SNR goes from"));
        let late = |after_step| Deed::Films { like: vec![FilmSetting::Steps(9)], after_step };
        assert!(late(config.train.steps).check(&config).is_ok());
        assert!(why(late(config.train.steps + 1), &config).contains("steps of training"));
        assert!(why(Deed::Frames(0), &config).contains("1 to 100"));
        let films = |setting| Deed::Films { like: vec![setting], after_step: 0 };
        assert!(why(films(FilmSetting::Steps(0)), &config).contains("1 to 1000"));
        assert!(why(films(FilmSetting::Eta(7.0)), &config).contains("eta"));
        assert!(why(films(FilmSetting::Sampler(SamplerName::FlowEuler)), &config).contains("flow_euler"));
        assert!(why(films(FilmSetting::GuidanceScale(f64::NAN)), &config).contains("guidance_scale"));
        let empty = Deed::TerminalSnr { at_most: 1.0, timesteps: Some(0), after_step: 0 };
        assert!(why(empty, &config).contains("timesteps = 0"));
        config.data.dataset = "two_moons".into();
        assert!(why(Deed::FewestSteps { share: 0.9 }, &config).contains("a judge reads"));
    }

    #[test]
    fn the_fewest_steps_are_found_within_the_samples_error() {
        assert_eq!(is_fewest(0.9, 200, 180, Some(150)), (true, false));
        assert_eq!(is_fewest(0.9, 200, 175, Some(150)), (true, false), "two standard errors are 4.2 %");
        assert_eq!(is_fewest(0.9, 200, 160, Some(150)), (false, false));
        assert_eq!(is_fewest(0.9, 200, 196, Some(195)), (true, true));
        assert_eq!(is_fewest(0.9, 200, 196, None), (true, false));
        assert_eq!(
            (fewer_steps(1), fewer_steps(2), fewer_steps(3), fewer_steps(30)),
            (None, Some(1), Some(2), Some(20))
        );
    }
}
