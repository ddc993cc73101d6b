//! The progress bar.

use std::borrow::Cow;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::{sentences, standing};
use crate::ascii::terminal_has_utf8;
use crate::lab::{Event, Phase, RunInfo};

/// A bar at the bottom of the terminal, with what happens scrolling by above it.
pub struct Bar {
    bar: ProgressBar,
    info: Option<Arc<RunInfo>>,
    /// The newest held-out loss.
    val_loss: Option<f64>,
    /// Makes of a text what its terminal can show.
    shown: Shown,
}

type Shown = fn(&str) -> Cow<'_, str>;

impl Bar {
    /// On `target`, which can show what `shown` makes of a text; hidden where that is no terminal.
    pub fn new(target: ProgressDrawTarget, shown: Shown) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{spinner} {msg}"));
        Self { bar, info: None, val_loss: None, shown }
    }

    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Phase(Phase::Starting(text) | Phase::Loading(text)) => {
                self.bar.set_message((self.shown)(text).into_owned());
                self.bar.tick();
                return;
            }
            Event::Ready(info) => {
                self.bar.set_style(style("step {human_pos}/{human_len} {wide_bar:.cyan/blue} {msg}"));
                self.bar.set_length(info.config.train.steps);
                self.bar.set_position(info.start_step);
                self.bar.set_message("");
                self.info = Some(info.clone());
            }
            Event::Step(record) => {
                self.val_loss = record.val_loss.or(self.val_loss);
                if let Some(info) = &self.info {
                    let text = standing(record, self.val_loss, info, 1);
                    self.bar.set_message((self.shown)(&text).into_owned());
                }
                self.bar.set_position(record.step);
            }
            Event::Ended(_) => self.bar.abandon(),
            _ => {}
        }
        sentences(event).into_iter().for_each(|sentence| self.bar.println((self.shown)(&sentence)));
    }
}

/// A style by its template; indicatif's plain one should it ever refuse it.
pub(super) fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    if terminal_has_utf8() { style } else { style.progress_chars("=> ").tick_chars("-\\|/ ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_good() {
        for template in ["{spinner} {msg}", "step {human_pos}/{human_len} {wide_bar:.cyan/blue} {msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
