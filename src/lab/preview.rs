//! The moving preview: one trajectory after another with the newest averaged weights, advanced one
//! network call at a time between training steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::Tensor;

use super::autoencoder_look::{FRAMES, Interpolation};
use super::budget::Budget;
use super::field::Probe;
use super::live::Live;
use super::plan::Audience;
use super::preview_network::PreviewNetwork;
use super::protocol::PreviewFrame;
use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::nn::Net;
use crate::nn::autoencoder::LatentSpace;
use crate::picture::palette::DARK;
use crate::picture::{self, is_points};
use crate::run::{classes_in_turn, columns_for, sheet_words};
use crate::sampling::{Guidance, SamplerSettings, Trajectory, network_denoiser, starting_noise};

/// How long a finished trajectory stays before the next begins.
const HOLD: Duration = Duration::from_millis(1500);
/// How long a screen shows one at least, with its end: another before that would be computed in vain.
const SHOWN: Duration = Duration::from_millis(4500);
/// Pixels between the images of a saved picture, and the width it is scaled up to.
const GAP: usize = 2;
const PICTURE_WIDTH: usize = 560;

/// The preview under way, and what the next one will be like.
pub struct Preview {
    network: PreviewNetwork,
    config: Config,
    settings: SamplingSettings,
    enabled: bool,
    budget: Budget,
    under_way: Option<UnderWay>,
    /// Trajectories begun so far.
    begun: u64,
    /// Grows with every "sample now": other noise.
    draw: u64,
    hold_until: Option<Instant>,
    /// The step from which the next picture is due.
    picture_due: Option<u64>,
    /// The step whose weights alone made the newest picture, with the settings and the noise of now.
    pictured: Option<u64>,
}

/// The picture of a finished preview.
pub struct PreviewPicture {
    /// Training step of the weights.
    pub step: u64,
    pub png: Vec<u8>,
}

/// What a preview shows.
enum Film {
    Denoising(Trajectory),
    Between(Interpolation),
}

struct UnderWay {
    film: Film,
    number: u64,
    begun: Instant,
    /// The step that it began at, where that is known.
    first_step: Option<u64>,
    num: usize,
    /// T − 1.
    last_t: usize,
    classes: Vec<usize>,
    settings: Arc<SamplingSettings>,
    /// For points in the plane.
    probe: Option<Probe>,
}

impl Preview {
    /// Nothing under way yet; `step` is where training stands. Pictures are due every
    /// `preview.save_every` steps.
    pub fn new(network: PreviewNetwork, config: &Config, live: &Live, step: u64) -> Self {
        let every = config.preview.save_every;
        Self {
            network,
            settings: live.sampling.clone(),
            enabled: live.previews,
            budget: Budget::new(live.preview_budget),
            config: config.clone(),
            under_way: None,
            begun: 0,
            draw: 0,
            hold_until: None,
            picture_due: (every > 0).then(|| (step / every + 1) * every),
            pictured: None,
        }
    }

    pub fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// What the next preview is drawn with.
    pub fn settings(&self) -> &SamplingSettings {
        &self.settings
    }

    pub fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled;
        if !enabled {
            self.under_way = None;
        }
    }

    /// New settings; the preview starts again.
    ///
    /// # Errors
    /// When these settings cannot sample; the preview goes on with the old ones then.
    pub fn set_settings(&mut self, settings: SamplingSettings) -> Result<()> {
        let old = std::mem::replace(&mut self.settings, settings);
        match self.begin() {
            Ok(begun) => self.under_way = Some(begun),
            Err(error) => {
                self.settings = old;
                return Err(error);
            }
        }
        (self.hold_until, self.pictured) = (None, None);
        Ok(())
    }

    /// Starts again with other noise.
    pub fn sample_now(&mut self) {
        self.draw += 1;
        self.under_way = None;
        (self.hold_until, self.pictured) = (None, None);
    }

    /// Starts again with the noise of the so many-th time that other noise was asked for.
    pub fn draw_anew(&mut self, draw: u64) {
        self.draw = draw;
        self.under_way = None;
        self.hold_until = None;
    }

    /// Is there a call to make: a trajectory under way, or one that should begin at `step`?
    pub fn wants(&self, audience: Audience, step: u64) -> bool {
        let begin = match audience {
            Audience::Screen => self.hold_until.is_none_or(|end| Instant::now() >= end),
            Audience::Nobody => self.picture_due.is_some_and(|due| step >= due),
        };
        self.enabled && (self.under_way.is_some() || begin)
    }

    /// Makes one network call (none for the starting noise) and returns the frame. `step` is that of
    /// the weights. When a picture of the finished trajectory is due, it comes with the frame.
    ///
    /// # Errors
    /// When the network fails.
    pub fn advance(&mut self, step: u64) -> Result<(PreviewFrame, Option<PreviewPicture>)> {
        let mut current = match self.under_way.take() {
            Some(current) => current,
            None => UnderWay { first_step: Some(step), ..self.begin()? },
        };
        let frame = current.next_frame(step)?;
        let mut picture = None;
        if frame.index < frame.total {
            self.under_way = Some(current);
        } else {
            self.hold_until = Some((Instant::now() + HOLD).max(current.begun + SHOWN));
            if self.picture_due.is_some_and(|due| step >= due) {
                picture = Some(self.picture(&frame)?);
                self.pictured = current.first_step.filter(|&first| first == step);
            }
        }
        Ok((frame, picture))
    }

    /// Runs a whole trajectory at once for its picture, unless these weights have made theirs; every frame goes to `show`.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn finish_with_picture(
        &mut self,
        step: u64,
        mut show: impl FnMut(PreviewFrame),
    ) -> Result<Option<PreviewPicture>> {
        if !self.enabled || self.config.preview.save_every == 0 || self.pictured == Some(step) {
            return Ok(None);
        }
        self.picture_due = Some(step);
        self.under_way = None;
        loop {
            let (frame, picture) = self.advance(step)?;
            show(frame);
            if picture.is_some() {
                return Ok(picture);
            }
        }
    }

    fn begin(&mut self) -> Result<UnderWay> {
        if let Net::Autoencoder(autoencoder) = &self.network.net {
            let PreviewNetwork { examples, image_shape, device, .. } = &self.network;
            let examples = &examples[..examples.len().min(self.config.preview.num)];
            ensure!(!examples.is_empty(), "there are no pictures to give back");
            let film = Film::Between(Interpolation::new(autoencoder, examples, *image_shape, device)?);
            return Ok(self.begun(film, examples.len(), Vec::new(), None));
        }
        let PreviewNetwork { net, parameterization, workers, device, image_shape, latents, class_names, .. } =
            &self.network;
        let n = self.config.preview.num;
        let classes = net.num_classes().map(|count| classes_in_turn(n, count, self.settings.class));
        let sample = self.settings.of_preview();
        let guidance =
            Guidance::from_config(&sample, sample.guidance_scale, class_names).map_err(|problem| anyhow!(problem))?;
        let denoiser = network_denoiser(net, parameterization, classes.as_deref(), guidance, workers.clone())?;
        let in_plane = is_points(*image_shape);
        let (height, width, channels) = latents.as_ref().map_or(*image_shape, LatentSpace::shape);
        let probe = in_plane.then(|| Probe::new(&self.network, self.settings.class, guidance)).transpose()?;
        let settings = SamplerSettings::from(&sample);
        let seed = self.config.seed.wrapping_add(self.draw);
        let noise = starting_noise(n, height, width, channels, seed, device)?;
        let trajectory = Trajectory::new(denoiser, parameterization.schedule.clone(), &settings, noise, seed)?;
        let trajectory = trajectory.in_latents(latents.as_ref());
        Ok(self.begun(Film::Denoising(trajectory), n, classes.unwrap_or_default(), probe))
    }

    fn begun(&mut self, film: Film, num: usize, classes: Vec<usize>, probe: Option<Probe>) -> UnderWay {
        self.begun += 1;
        UnderWay {
            film,
            number: self.begun,
            begun: Instant::now(),
            first_step: None,
            num,
            last_t: self.config.diffusion.timesteps.saturating_sub(1),
            classes,
            settings: Arc::new(self.settings.clone()),
            probe,
        }
    }

    fn picture(&mut self, frame: &PreviewFrame) -> Result<PreviewPicture> {
        let every = self.config.preview.save_every.max(1);
        self.picture_due = Some((frame.step / every + 1) * every);
        let (h, w, c) = self.network.image_shape;
        let picture = if frame.look.is_some() {
            let scale = (PICTURE_WIDTH / (frame.num * (w + GAP)).max(1)).max(1);
            picture::grid(&with_reconstructions(frame), 2 * frame.num, h, w, c, frame.num, scale, GAP)
        } else if is_points((h, w, c)) {
            picture::scatter(&frame.x_t, picture::reach(&frame.x_t), PICTURE_WIDTH, DARK.x_0)
        } else {
            let columns = columns_for(frame.num, &frame.classes);
            let scale = (PICTURE_WIDTH / (columns * (w + GAP)).max(1)).max(1);
            // A single sample has no frame: it can be read back as it is.
            let gap = if frame.num == 1 { 0 } else { GAP };
            picture::grid(&frame.x_t, frame.num, h, w, c, columns, scale, gap)
        };
        let png = picture::png(&picture, sheet_words(frame.num, (h, w, c)).as_deref())?;
        Ok(PreviewPicture { step: frame.step, png })
    }
}

/// The pictures of an autoencoder's last frame, and below each its reconstruction: there it has come to the next one's.
fn with_reconstructions(frame: &PreviewFrame) -> Vec<f32> {
    let size = frame.x_t.len() / frame.num.max(1);
    let mut reconstructions = frame.x_t.to_vec();
    reconstructions.rotate_right(size);
    frame.x_0.iter().copied().chain(reconstructions).collect()
}

impl UnderWay {
    /// The next frame, with weights of training step `step`.
    fn next_frame(&mut self, step: u64) -> Result<PreviewFrame> {
        let (index, total, t, x_t, x_0, look) = match &mut self.film {
            Film::Denoising(trajectory) => {
                let frame = trajectory.next().context("a trajectory that ended without its last frame")??;
                let (x_t, x_0) = (frame.picture_of_x_t()?, frame.picture_of_x_0()?);
                (frame.index, frame.total, frame.t, x_t, x_0, None)
            }
            Film::Between(film) => {
                let (index, decoded, originals) = film.next()?;
                // Scrubbed by t, as any film: from T − 1 down to 0.
                let t = self.last_t * (FRAMES - index) / FRAMES;
                (index, FRAMES, t, decoded, originals, Some(film.look.clone()))
            }
        };
        Ok(PreviewFrame {
            trajectory: self.number,
            index,
            total,
            t,
            step,
            x_t: Arc::new(pixels(&x_t)?),
            x_0: Arc::new(pixels(&x_0)?),
            num: self.num,
            classes: self.classes.clone(),
            settings: self.settings.clone(),
            field: self.probe.as_ref().map(|probe| probe.at(t)).transpose()?.map(Arc::new),
            look,
        })
    }
}

fn pixels(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1()?)
}
