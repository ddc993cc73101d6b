//! What trains behind a screen, as the loop sees it.

use crossbeam_channel::{Receiver, Sender, never};

use crate::lab::AskAll;
use crate::tui::experiment::ExperimentNews;

/// The screen's side of the channels to an experiment; by default there is none.
pub struct Behind {
    pub news: Receiver<ExperimentNews>,
    pub asks: Option<Sender<AskAll>>,
}

impl Default for Behind {
    fn default() -> Self {
        Self { news: never(), asks: None }
    }
}

impl Behind {
    pub fn ask(&self, ask: AskAll) {
        if let Some(asks) = &self.asks {
            // One that is over hears nothing any more.
            let _ = asks.send(ask);
        }
    }
}
