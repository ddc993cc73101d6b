//! Samples of a run that is looked at, from its newest checkpoint: one film each time that a person asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use candle_core::Device;
use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use super::data::load;
use crate::config::Config;
use crate::explain::Explanation;
use crate::kernels::Workers;
use crate::lab::film_channel::FilmSender;
use crate::lab::live::Live;
use crate::lab::preview::Preview;
use crate::lab::preview_network::PreviewNetwork;
use crate::lab::protocol::{Event, ExplainRequest, Explained, PreviewFrame};
use crate::lab::sampling_settings::SamplingSettings;
use crate::process::lower_priority_to;
use crate::run::{ExplainedRun, LoadedModel, checkpoint};
use crate::thousands::thousands;

/// How long a remark waits for a screen that does not look.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a person asks for.
pub enum Wish {
    /// A film, from new noise.
    Now,
    /// Films with these settings from now on; the one under way begins again.
    Settings(Box<SamplingSettings>),
    /// A topic explained, by the newest checkpoint.
    Explain(ExplainRequest),
}

/// Begins to wait for wishes on a thread of its own; nothing is loaded before the first.
///
/// # Errors
/// When the system refuses to start a thread.
pub fn wait_for_wishes(run: PathBuf, frames: FilmSender, events: Sender<Event>) -> Result<Sender<Wish>> {
    let (wishes, wishes_in) = unbounded();
    let sampler = Sampler { run, frames, events, settings: None, drawn: 0, films: 0, model: None, opened: None };
    thread::Builder::new()
        .name("difflab-sampler".into())
        .spawn(move || sampler.obey(&wishes_in))
        .context("starting the thread that samples")?;
    Ok(wishes)
}

struct Sampler {
    run: PathBuf,
    frames: FilmSender,
    events: Sender<Event>,
    /// What a person has chosen; `None`: as the config says.
    settings: Option<SamplingSettings>,
    /// How often new noise was asked for.
    drawn: u64,
    films: u64,
    /// The step that is loaded, with its network.
    model: Option<(u64, Preview)>,
    /// The checkpoint that is explained, with its data.
    opened: Option<ExplainedRun>,
}

/// Why a film ended.
enum FilmEnd {
    Whole,
    Wished(Wish),
    /// Nobody is there any more.
    Left,
}

impl Sampler {
    fn obey(mut self, wishes: &Receiver<Wish>) {
        // Somebody waits for what it draws and explains.
        lower_priority_to(10);
        let mut next = wishes.recv().ok();
        while let Some(wish) = next.take() {
            // Of many that came at once the last counts.
            if !self.note(wish, wishes) {
                next = wishes.recv().ok();
                continue;
            }
            next = match self.film(wishes) {
                Ok(FilmEnd::Whole) => wishes.recv().ok(),
                Ok(FilmEnd::Wished(wish)) => Some(wish),
                Ok(FilmEnd::Left) => None,
                Err(error) => {
                    self.say(Event::Warning { step: 0, message: format!("no samples: {error:#}") });
                    wishes.recv().ok()
                }
            };
        }
    }

    /// Takes the wish in, and those that wait behind it. Is a new film wanted, whatever was before?
    fn note(&mut self, wish: Wish, wishes: &Receiver<Wish>) -> bool {
        let mut wanted = false;
        // Who turns the topics quickly wants the last.
        let mut explain = None;
        for wish in std::iter::once(wish).chain(wishes.try_iter()) {
            match wish {
                Wish::Now => {
                    self.drawn += 1;
                    wanted = true;
                }
                Wish::Settings(settings) => {
                    self.settings = Some(*settings);
                    // The film on the screen begins again.
                    wanted |= self.model.is_some();
                }
                Wish::Explain(request) => explain = Some(request),
            }
        }
        if let Some(request) = explain {
            self.explain(request);
        }
        wanted
    }

    fn explain(&mut self, request: ExplainRequest) {
        let (step, said) = match self.explained(request) {
            Ok((step, explanation)) => (step, Ok(explanation)),
            Err(error) => (0, Err(format!("{error:#}"))),
        };
        self.say(Event::Explained(Arc::new(Explained { topic: request.topic, t: Some(request.focus.t), step, said })));
    }

    /// With the weights of the newest checkpoint, which are loaded once.
    fn explained(&mut self, request: ExplainRequest) -> Result<(u64, Explanation)> {
        let newest = checkpoint::all(&self.run).last().map(|(step, _)| *step);
        let run = match self.opened.take() {
            Some(run) if Some(run.step()) == newest => run,
            _ => {
                let run = ExplainedRun::open(&self.run, None, false, Arc::new(Workers::new(0)?))?;
                for message in &run.warnings {
                    self.say(Event::Warning { step: run.step(), message: message.clone() });
                }
                run
            }
        };
        let explanation = run.explain(request.topic, request.focus);
        let step = run.step();
        self.opened = Some(run);
        Ok((step, explanation?))
    }

    /// One film from the newest checkpoint.
    fn film(&mut self, wishes: &Receiver<Wish>) -> Result<FilmEnd> {
        let newest = checkpoint::all(&self.run).last().map(|(step, _)| *step);
        if self.model.as_ref().is_none_or(|(loaded, _)| Some(*loaded) != newest) {
            self.model = None;
        }
        let (step, mut preview) = match self.model.take() {
            Some((step, preview)) => (step, preview),
            None => self.load()?,
        };
        match &self.settings {
            Some(settings) => preview.set_settings(settings.clone())?,
            None => preview.sample_now(),
        }
        preview.draw_anew(self.drawn);
        self.films += 1;
        let end = loop {
            match wishes.try_recv() {
                Ok(Wish::Explain(request)) => self.explain(request),
                Ok(wish) => break FilmEnd::Wished(wish),
                Err(TryRecvError::Disconnected) => break FilmEnd::Left,
                Err(TryRecvError::Empty) => {}
            }
            let (frame, _) = preview.advance(step)?;
            let last = frame.index >= frame.total;
            self.frames.send(PreviewFrame { trajectory: self.films, ..frame });
            if last {
                break FilmEnd::Whole;
            }
        };
        self.model = Some((step, preview));
        Ok(end)
    }

    fn load(&self) -> Result<(u64, Preview)> {
        let LoadedModel { config, net, parameterization, image_shape, latents, classes, step, warnings, .. } =
            LoadedModel::open(&self.run, None)?;
        for message in warnings {
            self.say(Event::Warning { step, message });
        }
        let does = if config.trains_autoencoder() { "giving pictures back by" } else { "sampling from" };
        let message = format!("{does} the checkpoint of step {}, at low priority", thousands(step));
        self.say(Event::Note { step, message });
        // An autoencoder gives pictures back.
        let examples = if config.trains_autoencoder() { load(&self.run, &config)?.examples } else { Vec::new() };
        let network = PreviewNetwork {
            net,
            parameterization,
            workers: Arc::new(Workers::new(0)?),
            device: Device::Cpu,
            image_shape,
            latents,
            class_names: classes,
            examples,
        };
        let live = Live { previews: true, ..Live::new(&config) };
        // Pictures belong to the run's owner.
        let preview = crate::config::PreviewConfig { save_every: 0, ..config.preview.clone() };
        Ok((step, Preview::new(network, &Config { preview, ..config }, &live, step)))
    }

    fn say(&self, event: Event) {
        // Nobody is there any more, or looks: no matter.
        let _ = self.events.send_timeout(event, PATIENCE);
    }
}
