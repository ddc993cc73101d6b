//! Samples in the plane against the run's points.

use anyhow::Result;

use super::material::Material;
use super::samples::{Samples, WithFloor};
use crate::eval::EnergyDistance;

/// How far the samples are from the points that the network never saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneDistance {
    /// Beside it the distance of training points, as many as samples if there are so many. None where no points
    /// were held out, since then the samples are compared with those themselves.
    pub distance: WithFloor,
    /// Points that the samples are compared with.
    pub reference: usize,
    /// Training points of the floor.
    pub floor_points: usize,
}

impl PlaneDistance {
    /// # Errors
    /// When memory is out.
    pub fn of(samples: &Samples, material: &Material) -> Result<Self> {
        let reference = material.unseen();
        let every: Vec<usize> = (0..reference.len()).collect();
        let distance = EnergyDistance::to(&reference.gather(&every, None));
        let points: Vec<f32> = samples.images.flatten_all()?.to_vec1()?;
        let floor = material.train.spread(if material.held_out.is_empty() { 0 } else { points.len() / 2 });
        Ok(Self {
            distance: WithFloor {
                samples: distance.estimate(&points),
                floor: (!floor.is_empty()).then(|| distance.estimate(&material.train.gather(&floor, None))),
            },
            reference: reference.len(),
            floor_points: floor.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::config::Config;

    fn samples(points: Vec<f32>) -> Samples {
        let n = points.len() / 2;
        Samples { images: Tensor::from_vec(points, (n, 1, 1, 2), &Device::Cpu).unwrap(), classes: None }
    }

    #[test]
    fn training_points_are_at_the_floor_and_moved_ones_far_above() {
        let set = ["data.num_points=2000", "data.held_out=500"].map(String::from);
        let material = Material::load(&Config::load("two-moons", &set).unwrap()).unwrap();
        // Others than those of the floor, and as evenly spread: the set has one moon behind the other.
        let others: Vec<usize> = material.train.spread(400).into_iter().map(|i| i + 1).collect();
        let real = material.train.gather(&others, None);
        let moved = real.iter().map(|v| v + 0.3).collect();
        let (near, far) = (
            PlaneDistance::of(&samples(real), &material).unwrap(),
            PlaneDistance::of(&samples(moved), &material).unwrap(),
        );
        assert_eq!((near.reference, near.floor_points), (500, 400));
        let floor = near.distance.floor.unwrap();
        assert!((near.distance.samples.mean - floor.mean).abs() < 5.0 * floor.standard_error + 0.002, "{near:?}");
        assert!(far.distance.samples.mean > floor.mean + 10.0 * far.distance.samples.standard_error, "{far:?}");
    }

    #[test]
    fn where_nothing_was_held_out_there_is_no_floor() {
        let set = ["data.num_points=200", "data.held_out=0"].map(String::from);
        let material = Material::load(&Config::load("two-moons", &set).unwrap()).unwrap();
        let found = PlaneDistance::of(&samples(vec![0.0; 100]), &material).unwrap();
        assert_eq!((found.distance.floor, found.reference, found.floor_points), (None, 200, 0));
    }
}
