//! The mathematics of the run that trains, with its numbers of now.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::outbox::EventOutbox;
use super::protocol::{Event, ExplainRequest, Explained};
use super::worker::Worker;
use crate::config::{Config, Precision};
use crate::explain::{AskedNetwork, ExplainedSubject, Explanation, Topic, explain, shown_in_pictures, training_step};
use crate::thousands::thousands;
use crate::train::StepReport;

impl Worker {
    /// Answers a request, with the averaged weights as they are.
    pub(super) fn explain(&self, request: ExplainRequest, outbox: &mut EventOutbox) {
        let said = self.explanation(request).map_err(|error| format!("{error:#}"));
        self.explained(request.topic, Some(request.focus.t), said, outbox);
    }

    fn explained(&self, topic: Topic, t: Option<usize>, said: Result<Explanation, String>, outbox: &mut EventOutbox) {
        outbox.send(Event::Explained(Arc::new(Explained { topic, t, step: self.steps_done(), said })));
    }

    fn explanation(&self, ExplainRequest { topic, focus }: ExplainRequest) -> Result<Explanation> {
        let trainer = &self.parts.trainer;
        if self.parts.config.trains_autoencoder() {
            bail!("this run trains an autoencoder, and the explanations are of diffusion");
        }
        if !trainer.device().is_cpu() {
            bail!(
                "explanations are computed on the CPU alone, and this run trains on another device: `difflab explain` shows \
                 them of its checkpoints"
            );
        }
        let net = trainer.ema_net(Precision::F32)?;
        let words = format!("EMA weights of step {}", thousands(self.steps_done() as usize));
        // As its films are drawn now, not as it began.
        let config = Config { sample: self.parts.live.sampling.of_preview(), ..self.parts.config.clone() };
        let subject = ExplainedSubject {
            config: &config,
            parameterization: trainer.parameterization(),
            data: trainer.data(),
            latents: self.parts.facts.latents.as_ref(),
            network: Some(AskedNetwork { net: &net, words }),
            workers: trainer.workers(),
        };
        explain(topic, &subject, focus, self.recent_losses.column().as_ref())
    }

    /// The step that was asked for by hand, explained.
    ///
    /// # Errors
    /// When training fails.
    pub(super) fn step_by_hand(&mut self, outbox: &mut EventOutbox) -> Result<StepReport> {
        let step = self.parts.trainer.step_by_hand(None)?;
        let trainer = &self.parts.trainer;
        let said = training_step::explain(&step, trainer.config(), trainer.data(), "this run, as the trainer took it")
            .and_then(|said| shown_in_pictures(said, self.parts.facts.latents.as_ref()));
        self.explained(Topic::TrainingStep, None, said.map_err(|error| format!("{error:#}")), outbox);
        Ok(step.report)
    }
}
