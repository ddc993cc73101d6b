//! What the network says all over the plane: the arrows of the points view.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::preview_network::PreviewNetwork;
use super::protocol::Field;
use crate::diffusion::Parameterization;
use crate::sampling::{Denoiser, Guidance, network_denoiser};

/// Places a side: enough for an arrow in every other cell of a panel, few enough to be cheap beside the
/// points themselves.
const SIDE: usize = 21;

/// Asks the network on a grid of places.
pub(super) struct Probe {
    denoiser: Box<dyn Denoiser + Send>,
    parameterization: Parameterization,
    device: Device,
}

impl Probe {
    /// A probe of the network for one class, or without one: of a class-conditional network then the null
    /// class, which has nothing to be guided away from.
    ///
    /// # Errors
    /// When the class or the guidance are not the network's.
    pub fn new(network: &PreviewNetwork, class: Option<usize>, guidance: Guidance) -> Result<Self> {
        let PreviewNetwork { net, parameterization, workers, device, .. } = network;
        let classes = class.filter(|_| net.num_classes().is_some()).map(|class| vec![class; SIDE * SIDE]);
        let guidance = if classes.is_some() { guidance } else { Guidance::from(0.0) };
        Ok(Self {
            denoiser: network_denoiser(net, parameterization, classes.as_deref(), guidance, workers.clone())?,
            parameterization: parameterization.clone(),
            device: device.clone(),
        })
    }

    /// The field at timestep `t`.
    ///
    /// # Errors
    /// When the network fails.
    pub fn at(&self, t: usize) -> Result<Field> {
        let schedule = &self.parameterization.schedule;
        let at = schedule.level(t as f64);
        let reach = at.reach();
        let x_t = Tensor::from_vec(places(reach as f32), (SIDE * SIDE, 1, 1, 2), &self.device)?;
        let prediction = self.denoiser.predict(&x_t, at)?;
        let values = |x: &Tensor| -> Result<Vec<f32>> { Ok(x.flatten_all()?.to_vec1()?) };
        let (d_alpha, d_sigma) = schedule.derivative(at.t);
        Ok(Field {
            side: SIDE,
            reach: reach as f32,
            score: values(&(&prediction.epsilon * (-1.0 / at.sigma))?)?,
            velocity: values(&((&prediction.x_0 * -d_alpha)? - (&prediction.epsilon * d_sigma)?)?)?,
        })
    }
}

/// The places, `[SIDE², 2]`.
fn places(reach: f32) -> Vec<f32> {
    let along = |i: usize| reach * (2.0 * i as f32 / (SIDE - 1) as f32 - 1.0);
    (0..SIDE).flat_map(|row| (0..SIDE).flat_map(move |column| [along(column), -along(row)])).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Config, DiffusionConfig, ModelConfig, NetworkKind, PredictionType};
    use crate::kernels::Workers;
    use crate::nn::{Net, NetConfig, Weights};

    fn network(num_classes: Option<usize>) -> PreviewNetwork {
        let model = ModelConfig {
            kind: NetworkKind::Mlp,
            hidden_width: 8,
            hidden_layers: 1,
            class_conditional: num_classes.is_some(),
            ..ModelConfig::default()
        };
        let config = NetConfig::new(&Config { model, ..Config::default() }, 1, 1, 2, num_classes);
        let diffusion = DiffusionConfig { prediction_type: PredictionType::Sample, ..DiffusionConfig::default() };
        // A network whose every weight is 0 estimates x̂_0 = 0 everywhere.
        let weights = Weights::init(&config, 0, &Device::Cpu).unwrap();
        let zeros = weights.iter().map(|(name, tensor)| (name.to_string(), tensor.zeros_like().unwrap())).collect();
        PreviewNetwork {
            net: Net::new(&config, &Weights::from_map(zeros)).unwrap(),
            parameterization: Parameterization::from_config(&diffusion).unwrap(),
            workers: Arc::new(Workers::new(1).unwrap()),
            device: Device::Cpu,
            image_shape: (1, 1, 2),
            latents: None,
            class_names: Vec::new(),
            examples: Vec::new(),
        }
    }

    #[test]
    fn with_all_data_at_the_origin_the_score_is_minus_x_over_the_variance() {
        let network = network(None);
        let field = Probe::new(&network, None, 0.0.into()).unwrap().at(600).unwrap();
        let at = network.parameterization.schedule.at(600);
        let places = places(at.reach() as f32);
        assert_eq!((field.side, field.score.len(), field.velocity.len()), (SIDE, 2 * SIDE * SIDE, 2 * SIDE * SIDE));
        assert_eq!((places[0], places[1]), (-field.reach, field.reach), "the upper left comes first");
        let (_, d_sigma) = network.parameterization.schedule.derivative(600.0);
        for ((x, score), velocity) in places.iter().zip(&field.score).zip(&field.velocity) {
            let expected = -f64::from(*x) / (at.sigma * at.sigma);
            assert!((f64::from(*score) - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{score} and {expected}");
            let expected = -d_sigma * f64::from(*x) / at.sigma;
            assert!(
                (f64::from(*velocity) - expected).abs() < 1e-3 * (1.0 + expected.abs()),
                "{velocity} and {expected}"
            );
        }
    }

    #[test]
    fn a_class_is_asked_for_where_there_is_one() {
        assert!(Probe::new(&network(Some(2)), None, 3.0.into()).unwrap().at(10).is_ok());
        assert!(Probe::new(&network(Some(2)), Some(1), 3.0.into()).unwrap().at(10).is_ok());
        assert!(Probe::new(&network(Some(2)), Some(5), 0.0.into()).is_err());
        assert!(Probe::new(&network(None), Some(1), 0.0.into()).is_ok());
    }
}
