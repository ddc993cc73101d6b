//! Data in the plane, and how they are shown.

use std::sync::Arc;

use crate::diffusion::NoiseLevel;
use crate::lab::RunInfo;
use crate::random::{Stream, generator, normal};

/// The generator index of the data's noise: no sample of any run has it.
const ILLUSTRATION: u64 = u64::MAX;

/// How points in the plane are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointsView {
    /// Each point.
    Points,
    /// How many lie where: data and samples over each other.
    Density,
    /// Which way the network sends points: score and velocity.
    Field,
}

impl PointsView {
    /// The next one, round and round.
    pub fn next(self) -> Self {
        match self {
            PointsView::Points => PointsView::Density,
            PointsView::Density => PointsView::Field,
            PointsView::Field => PointsView::Points,
        }
    }

    /// "density".
    pub fn name(self) -> &'static str {
        match self {
            PointsView::Points => "points",
            PointsView::Density => "density",
            PointsView::Field => "field",
        }
    }
}

/// The data's points, each with a noise of its own, so that the cursor t moves them without a jump.
#[derive(Clone, Debug)]
pub struct Plane {
    x_0: Arc<Vec<f32>>,
    epsilon: Arc<Vec<f32>>,
}

impl Plane {
    /// `None` for images.
    pub fn new(info: &RunInfo) -> Option<Self> {
        if info.points.is_empty() {
            return None;
        }
        let mut rng = generator(info.config.seed, Stream::Sampling, ILLUSTRATION);
        Some(Self { x_0: info.points.clone(), epsilon: Arc::new(normal(&mut rng, info.points.len())) })
    }

    /// The data, `[N, 2]`.
    pub fn x_0(&self) -> &[f32] {
        &self.x_0
    }

    /// The data noised to a level, `[N, 2]`.
    pub fn x_t(&self, at: NoiseLevel) -> Vec<f32> {
        let (alpha, sigma) = (at.alpha as f32, at.sigma as f32);
        self.x_0.iter().zip(self.epsilon.iter()).map(|(x, e)| alpha * x + sigma * e).collect()
    }
}
