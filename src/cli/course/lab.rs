//! A station beside the lab.

use std::io::{self, IsTerminal};

use anyhow::Result;
use candle_core::Device;

use super::args::Args;
use crate::cli::UsageError;
use crate::lab::{Audience, LabPlan, Outcome, RunChoice};
use crate::run;
use crate::sampling::check_config_stability;
use crate::tui::terminal::abilities;
use crate::tui::{self, Lesson, TuiOptions};

/// Why the lab can't be opened here, if so; nothing is to be said where nobody sits at a terminal.
pub fn no_lab() -> Option<Option<String>> {
    match io::stdin().is_terminal() && io::stdout().is_terminal() {
        true => abilities::no_screen().map(Some),
        false => Some(None),
    }
}

/// Opens the lab on the run of the lesson's station, the lesson beside it.
///
/// # Errors
/// As the lab's own.
pub fn open(lesson: Lesson, args: &Args) -> Result<Outcome> {
    let (config, run) = match &args.resume {
        Some(named) => {
            let path = run::find(named)?;
            (run::resumed_config(&path, &[], false)?, RunChoice::Resume(path))
        }
        None => {
            let run = lesson.wanted_run();
            let config = run.map(|run| run.config.clone()).unwrap_or_else(|| Err("it has none".into()));
            (config.map_err(|why| UsageError::new(format!("the station's run: {why}")))?, RunChoice::New { dir: None })
        }
    };
    let mut warnings = config.validate()?;
    if args.resume.is_none() {
        warnings.extend(check_config_stability(&config));
    }
    let plan = LabPlan {
        config,
        run,
        device: Device::Cpu,
        threads: args.threads,
        accept_data: false,
        audience: Audience::Screen,
        warnings,
        chosen: Vec::new(),
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    };
    tui::run(plan, TuiOptions { images: args.images, lesson: Some(Box::new(lesson)), ..TuiOptions::default() })
}
