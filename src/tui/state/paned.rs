//! What a screen shows of its panes.

use std::path::{Path, PathBuf};

use super::beside_line::{self, PaneSettings};
use super::learning::Learning;
use super::panes::{Beside, Paned};
use super::screen::State;
use crate::config::{Config, ConfigError};
use crate::diffusion::Schedule;
use crate::lab::{Phase, SamplingSettings, check_sampling};
use crate::sampling::check_config_stability;
use crate::tui::marked::name_of;

/// A run whose settings are put side by side.
#[derive(Clone, Debug)]
pub struct PanedRun {
    pub dir: PathBuf,
    pub name: String,
    /// Its colour, where runs are compared.
    pub color: Option<usize>,
    /// As it is set now; `None` while nobody knows.
    pub config: Option<Config>,
    /// How it is sampled now.
    pub settings: Option<SamplingSettings>,
    /// The names of its classes; `None` where they are not known here.
    pub classes: Option<Vec<String>>,
}

/// A pane that can be sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct PaneSetup {
    pub label: Vec<String>,
    pub step: Option<u64>,
    pub raw: bool,
    pub settings: SamplingSettings,
}

impl State {
    /// Does Denoising show panes in place of the film?
    pub fn is_paned(&self) -> bool {
        !matches!(self.panes.shown, Paned::Nothing)
    }

    /// Are the samples not the preview's, but several from one noise?
    pub fn shows_several(&self) -> bool {
        self.is_comparing() || self.is_paned()
    }

    pub fn beside_panes(&self) -> Option<&Beside> {
        match &self.panes.shown {
            Paned::Beside(beside) => Some(beside),
            _ => None,
        }
    }

    pub fn learning(&self) -> Option<&Learning> {
        match &self.panes.shown {
            Paned::Learning(learning) => Some(learning),
            _ => None,
        }
    }

    pub fn learning_mut(&mut self) -> Option<&mut Learning> {
        match &mut self.panes.shown {
            Paned::Learning(learning) => Some(learning),
            _ => None,
        }
    }

    /// Which of the runs through training time the strip and the cursor are of.
    pub fn learner(&self) -> usize {
        let runs = self.learning().map_or(0, |learning| learning.learners.len());
        self.comparison.chosen.min(runs.saturating_sub(1))
    }

    /// Is something trained in this process, so that samples beside it have to be content with little?
    pub fn trains_here(&self) -> bool {
        !self.is_watched() && !self.only_compares() && !self.ended && !matches!(self.phase, Phase::Finished)
    }

    /// The run that panes are of: the one under the cursor, or the screen's own.
    pub fn paned_run(&self) -> Option<PanedRun> {
        let own = self.live.info.as_ref().map(|info| &info.run_dir);
        self.run_in(self.chosen_run().map(|run| &run.dir).or(own)?)
    }

    /// A run of this screen by its folder.
    pub fn run_in(&self, dir: &Path) -> Option<PanedRun> {
        let known = self.compared().iter().find(|run| run.dir == dir);
        let color = known.map(|run| run.color);
        match (known.filter(|run| !run.is_here), &self.live.info) {
            (Some(run), _) => Some(PanedRun {
                dir: run.dir.clone(),
                name: run.name.clone(),
                color,
                settings: run.config.as_ref().map(SamplingSettings::new),
                config: run.config.clone(),
                classes: None,
            }),
            (None, Some(info)) => Some(PanedRun {
                dir: info.run_dir.clone(),
                name: name_of(&info.run_dir),
                color,
                config: self.config_now(),
                settings: Some(self.controls.live.sampling.clone()),
                classes: Some(info.classes.clone()),
            }),
            (None, None) => None,
        }
    }

    /// Images in a pane: of each class as many, ten at most.
    pub fn pane_images(&self) -> usize {
        let classes = self.live.info.as_ref().map_or(0, |info| info.classes.len());
        match self.chosen_run().filter(|run| !run.is_here) {
            Some(run) if run.config.as_ref().is_some_and(|config| config.model.class_conditional) => 10,
            Some(_) => 9,
            None if !self.is_conditional() => 9,
            None if (1..10).contains(&classes) => classes * (10 / classes),
            None => 10,
        }
    }
}

/// The panes of a line as a run can be sampled, and what a person should know of them.
///
/// # Errors
/// Which pane can't be, and why.
pub fn setups(run: &PanedRun, panes: &[PaneSettings]) -> Result<(Vec<PaneSetup>, Vec<String>), String> {
    let (Some(config), Some(settings)) = (&run.config, &run.settings) else {
        return Err("the run's config is not known yet; wait a moment".into());
    };
    let mut base = config.clone();
    // The steps are those that are seen, a preview's.
    (base.sample, base.sample.steps) = (settings.sample.clone(), settings.steps);
    let schedule = Schedule::from_config(&base.diffusion).map_err(|error| format!("{error:#}"))?;
    let (names, known) = (beside_line::names(panes), check_config_stability(&base));
    let (mut all, mut warnings) = (Vec::with_capacity(panes.len()), Vec::new());
    for (i, pane) in panes.iter().enumerate() {
        let refused = |error: ConfigError| {
            let text = error.to_string();
            let text = text.strip_prefix("--set ").map_or(text.clone(), str::to_string);
            if panes.len() > 1 { format!("pane {}: {text}", i + 1) } else { text }
        };
        let sets: Vec<String> =
            pane.set.iter().map(|(name, value)| format!("{}={value}", beside_line::path(name))).collect();
        let sets_steps = |name: &str| pane.set.iter().any(|(known, _)| known == name);
        let mut base = base.clone();
        if (sets_steps("steps") || sets_steps("spacing")) && !sets_steps("timesteps") {
            // They take the place of a list.
            base.sample.timesteps = Vec::new();
        }
        let after = base.with_overrides(&sets).map_err(refused)?;
        let said = after.validate_sampling().map_err(refused)?;
        let classes = run.classes.as_deref();
        let sample = match classes {
            // Names that nobody knows here are looked up where the run is opened.
            None => crate::config::SampleConfig { negative_class: String::new(), ..after.sample.clone() },
            Some(_) => after.sample.clone(),
        };
        check_sampling(&sample, &schedule, classes.unwrap_or_default()).map_err(refused)?;
        if !after.model.class_conditional && after.sample.guidance_scale != 0.0 {
            return Err(format!(
                "pane {}: guidance needs a null class, and this network was trained without classes",
                i + 1
            ));
        }
        let steps = after.sample.steps;
        if steps == 0 || steps > after.diffusion.timesteps {
            return Err(format!("pane {}: {steps} steps: this run has 1 to {}", i + 1, after.diffusion.timesteps));
        }
        let shaky = check_config_stability(&after).filter(|warning| known.as_ref() != Some(warning));
        for warning in said.into_iter().chain(shaky) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let mut set = after.sample.clone();
        if !sets_steps("steps") {
            set.steps = settings.sample.steps;
        }
        let values = after.values();
        let value = |name: &str| values.get(&beside_line::path(name)).map(toml::Value::to_string).unwrap_or_default();
        all.push(PaneSetup {
            label: pane.label(&names, value),
            step: pane.step,
            raw: pane.raw == Some(true),
            settings: SamplingSettings { sample: set, steps, class: settings.class },
        });
    }
    Ok((all, warnings))
}
