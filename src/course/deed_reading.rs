//! A deed from the `done` of its task: `done = { cursor_snr = [1] }`.

use serde::Deserialize;
use toml::de::DeTable;

use super::deed::{CursorPlace, Deed, FilmSetting};
use super::station_error::StationError;
use super::station_text::StationText;
use crate::config::{SamplerName, ScheduleName};
use crate::explain::Topic;

/// The keys of `done`. One of the first nine says what is done, but that the two of the cursor go together, and the four of
/// films; the rest belong to them.
const DEED_KEYS: [&str; 13] = [
    "cursor_t",
    "cursor_snr",
    "explained",
    "frames",
    "steps",
    "guidance_scale",
    "sampler",
    "eta",
    "fewest_steps",
    "terminal_snr",
    "schedules",
    "timesteps",
    "after_step",
];

/// A `done`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct DeedTable {
    cursor_t: Vec<usize>,
    cursor_snr: Vec<f64>,
    schedules: Vec<ScheduleName>,
    explained: Option<String>,
    frames: Option<usize>,
    steps: Vec<usize>,
    guidance_scale: Vec<f64>,
    sampler: Vec<SamplerName>,
    eta: Vec<f64>,
    fewest_steps: Option<f64>,
    terminal_snr: Option<f64>,
    timesteps: Option<usize>,
    after_step: Option<u64>,
}

/// Refuses keys of `done` that nothing reads.
///
/// # Errors
/// [`StationError`], with the nearest that there is.
pub fn check_deed_keys(file: &StationText, deed: &DeTable) -> Result<(), StationError> {
    deed.iter().try_for_each(|(name, _)| file.check_key(name, &DEED_KEYS, &DEED_KEYS, "`done`"))
}

impl DeedTable {
    /// The deed that it describes.
    ///
    /// # Errors
    /// Why it describes none, in words that go on after the place.
    pub fn deed(self) -> Result<Deed, String> {
        let snr = |snr: f64| match snr.is_finite() && snr > 0.0 {
            true => Ok(snr),
            false => Err(format!("an SNR is a number above 0, not {snr}")),
        };
        let places: Vec<CursorPlace> = self.cursor_t.iter().map(|t| CursorPlace::T(*t)).collect();
        let at = places
            .into_iter()
            .map(Ok)
            .chain(self.cursor_snr.iter().map(|x| snr(*x).map(CursorPlace::Snr)))
            .collect::<Result<Vec<_>, _>>()?;
        let like: Vec<FilmSetting> = (self.steps.iter().map(|steps| FilmSetting::Steps(*steps)))
            .chain(self.guidance_scale.iter().map(|w| FilmSetting::GuidanceScale(*w)))
            .chain(self.sampler.iter().map(|sampler| FilmSetting::Sampler(*sampler)))
            .chain(self.eta.iter().map(|eta| FilmSetting::Eta(*eta)))
            .collect();
        let after_step = self.after_step.unwrap_or(0);
        let mut deeds = Vec::new();
        let cursor = !at.is_empty();
        if cursor {
            let schedules = self.schedules.iter().map(|name| name.name().into()).collect();
            deeds.push(Deed::Cursor { at, schedules });
        }
        if let Some(topic) = &self.explained {
            deeds.push(Deed::Explained(Topic::find(topic)?));
        }
        if let Some(frames) = self.frames {
            deeds.push(Deed::Frames(frames));
        }
        let films = !like.is_empty();
        if films {
            deeds.push(Deed::Films { like, after_step });
        }
        if let Some(share) = self.fewest_steps {
            if !(share > 0.0 && share <= 1.0) {
                return Err(format!("`fewest_steps` is a share of samples, above 0 and at most 1, not {share}"));
            }
            deeds.push(Deed::FewestSteps { share });
        }
        let terminal = self.terminal_snr.is_some();
        if let Some(at_most) = self.terminal_snr {
            deeds.push(Deed::TerminalSnr { at_most: snr(at_most)?, timesteps: self.timesteps, after_step });
        }
        if !self.schedules.is_empty() && !cursor {
            return Err("`schedules` belongs to `cursor_t` or `cursor_snr`".into());
        }
        if self.timesteps.is_some() && !terminal {
            return Err("`timesteps` belongs to `terminal_snr`".into());
        }
        if self.after_step.is_some() && !(films || terminal) {
            return Err("`after_step` belongs to films (`steps`, `guidance_scale`, …) or `terminal_snr`".into());
        }
        match (deeds.pop(), deeds.is_empty()) {
            (Some(deed), true) => Ok(deed),
            (None, _) => Err(format!("`done` says nothing; it takes {}", DEED_KEYS.join(", "))),
            (Some(_), false) => Err("`done` is one thing to do; make two tasks of two".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(text: &str) -> Result<Deed, String> {
        toml::from_str::<DeedTable>(text).unwrap().deed()
    }

    #[test]
    fn each_deed_is_read_and_nonsense_refused() {
        assert_eq!(
            deed("cursor_snr = [1]\nschedules = [\"linear\"]"),
            Ok(Deed::Cursor { at: vec![CursorPlace::Snr(1.0)], schedules: vec!["linear".into()] })
        );
        assert_eq!(deed("explained = \"plane\""), Ok(Deed::Explained(Topic::Plane)));
        assert_eq!(deed("frames = 7"), Ok(Deed::Frames(7)));
        assert_eq!(
            deed("steps = [50]\nguidance_scale = [3]\nafter_step = 9"),
            Ok(Deed::Films { like: vec![FilmSetting::Steps(50), FilmSetting::GuidanceScale(3.0)], after_step: 9 })
        );
        assert_eq!(deed("fewest_steps = 0.9"), Ok(Deed::FewestSteps { share: 0.9 }));
        assert_eq!(
            deed("terminal_snr = 0.01"),
            Ok(Deed::TerminalSnr { at_most: 0.01, timesteps: None, after_step: 0 })
        );
        let why = |text: &str| deed(text).unwrap_err();
        assert!(why("").contains("says nothing"));
        assert!(why("frames = 3\nsteps = [3]").contains("two tasks"));
        assert!(why("cursor_snr = [-1]").contains("above 0"));
        assert!(why("frames = 3\nafter_step = 3").contains("after_step"));
        assert!(why("frames = 3\nschedules = [\"linear\"]").contains("schedules"));
        assert!(why("fewest_steps = 90").contains("share"));
        assert!(why("explained = \"plain\"").contains("plane"));
    }
}
