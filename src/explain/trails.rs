//! Points on their way from noise to data, in the plane.

use anyhow::Result;
use candle_core::Device;
use image::RgbImage;

use super::subject::{AskedNetwork, ExplainedSubject, numbers};
use super::watched::unguided;
use crate::config::SamplerName;
use crate::diffusion::NoiseLevel;
use crate::picture::palette::DARK;
use crate::picture::{Trail, draw_trails, reach, scatter};
use crate::sampling::{SamplerSettings, Trajectory, starting_noise};
use crate::train::images;

/// Points that are followed.
pub const POINTS: usize = 8;
/// Training points behind them.
const BACKDROP: usize = 600;
/// Pixels of a picture's side.
const SIDE: usize = 240;

/// What one sampler makes of the noise.
pub struct Trails {
    pub sampler: SamplerName,
    /// From the noise on, level by level: where the points stand. After the last step: the clean level.
    pub stops: Vec<(NoiseLevel, Vec<[f64; 2]>)>,
}

/// `POINTS` points from the noise of the run's seed to data, by a sampler with the run's steps; of a
/// network that knows classes each of them in its turn.
///
/// # Errors
/// What sampler or network report.
pub fn walk(subject: &ExplainedSubject, network: &AskedNetwork, sampler: SamplerName) -> Result<Trails> {
    let own = SamplerSettings::from(&subject.config.sample);
    let settings = SamplerSettings { sampler, eta: 0.0, timesteps: Vec::new(), ..own };
    let (parameterization, seed) = (subject.parameterization, subject.config.seed);
    let classes: Option<Vec<usize>> =
        network.net.num_classes().map(|classes| (0..POINTS).map(|i| i % classes.max(1)).collect());
    let denoiser = unguided(subject, network, classes)?;
    let schedule = &parameterization.schedule;
    let noise = starting_noise(POINTS, 1, 1, 2, seed, &Device::Cpu)?;
    let mut stops: Vec<(NoiseLevel, Vec<[f64; 2]>)> = Vec::new();
    for frame in Trajectory::new(denoiser, schedule.clone(), &settings, noise, seed)? {
        let frame = frame?;
        let at = match (&frame.update, stops.last_mut()) {
            (Some(update), Some(before)) => {
                before.0 = update.from;
                update.to
            }
            _ => schedule.noisiest(),
        };
        let places = numbers(&frame.x_t)?.chunks_exact(2).map(|two| [two[0], two[1]]).collect();
        stops.push((at, places));
    }
    Ok(Trails { sampler, stops })
}

/// A picture for each sampler, in one window: the training points faint, each point's way in its own colour. Drawn is
/// x_t/√(α² + σ²), which is x_t itself on variance-preserving paths, and on all others keeps noise and data in sight.
///
/// # Errors
/// When candle fails.
pub fn draw(subject: &ExplainedSubject, all: &[Trails]) -> Result<Vec<RgbImage>> {
    let data: Vec<f32> =
        images(subject.data, &subject.data.spread(BACKDROP), &Device::Cpu)?.flatten_all()?.to_vec1()?;
    let drawn = |trails: &Trails| -> Vec<Trail> {
        let way = |i: usize| {
            let place = |(at, places): &(NoiseLevel, Vec<[f64; 2]>)| {
                let size = at.alpha.hypot(at.sigma);
                places.get(i).map(|point| point.map(|x| (x / size) as f32))
            };
            Trail { points: trails.stops.iter().filter_map(place).collect(), color: DARK.line(i) }
        };
        (0..POINTS).map(way).collect()
    };
    let ways: Vec<Vec<Trail>> = all.iter().map(drawn).collect();
    // Ways that lead far out for a while are cut off there, their ends never.
    let ends = ways.iter().flatten().flat_map(|trail| trail.points.first().into_iter().chain(trail.points.last()));
    let farthest = ends.flatten().filter(|x| x.is_finite()).fold(0.0f64, |most, x| most.max(f64::from(x.abs())));
    let window = reach(&data).max(1.1 * farthest);
    let picture = |trails: &Vec<Trail>| {
        let mut picture = scatter(&data, window, SIDE, DARK.faint(DARK.text, 0.45));
        draw_trails(&mut picture, trails, window);
        picture
    };
    Ok(ways.iter().map(picture).collect())
}
