//! The experiment behind a screen, as far as it has told.

use crate::lab::Phase;
use crate::tui::experiment::{ExperimentEnd, ExperimentFacts, ExperimentNews, ExperimentPhase, ExperimentStanding};

/// An experiment that trains behind this screen, or has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnderWay {
    pub facts: ExperimentFacts,
    pub standing: ExperimentStanding,
    pub end: Option<ExperimentEnd>,
}

impl UnderWay {
    pub fn new(facts: ExperimentFacts) -> Self {
        Self { facts, ..Self::default() }
    }

    /// Takes in what changes how it stands.
    pub fn take(&mut self, news: &ExperimentNews) {
        match news {
            ExperimentNews::Stands(standing) => self.standing = standing.clone(),
            ExperimentNews::Ended(end) => self.end = Some(end.clone()),
            ExperimentNews::Said(_) | ExperimentNews::Warned(_) => {}
        }
    }

    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Its phase as that of a lab.
    pub fn phase(&self) -> Phase {
        match (&self.end, self.standing.phase) {
            (Some(ExperimentEnd::Done | ExperimentEnd::Stopped), _) => Phase::Finished,
            (Some(ExperimentEnd::Failed(why)), _) => Phase::Failed(why.clone()),
            (None, ExperimentPhase::Opening) => Phase::Starting("opening the runs".into()),
            (None, ExperimentPhase::Training) => Phase::Training,
            (None, ExperimentPhase::Paused) => Phase::Paused,
            (None, ExperimentPhase::Waiting) => Phase::Waiting("there is no room to write".into()),
            (None, ExperimentPhase::Stopping) => Phase::Stopping,
        }
    }

    /// A sentence that is true until something else is said.
    pub fn words(&self) -> String {
        let kind = self.facts.kind;
        match &self.end {
            Some(ExperimentEnd::Done) => format!("the {kind} is over and all is saved; q leaves, and prints the table"),
            Some(ExperimentEnd::Stopped) => format!("the {kind} has stopped, saved; the same command goes on with it"),
            Some(ExperimentEnd::Failed(why)) => {
                format!("the {kind} has failed: {}", why.lines().next().unwrap_or_default())
            }
            None => match (&self.facts.luck, self.standing.doing.as_str()) {
                (Some(luck), _) => luck.words.clone(),
                (None, "") => format!("the {kind} begins"),
                (None, doing) => format!("training {doing}"),
            },
        }
    }
}
