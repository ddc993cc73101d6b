//! Any topic by its name.

use anyhow::Result;

use super::bound::BinLosses;
use super::document::Explanation;
use super::latents::shown_in_pictures;
use super::subject::{ExplainedSubject, Focus};
use super::topic::Topic;
use super::{bound, data, forward, guidance, loss, plane, sampling_step, time, training_step};
use crate::diffusion::Parameterization;

/// Explains a topic. A training step has to be taken first ([`training_step::explain`]); without one it is an invitation.
///
/// # Errors
/// A sentence for a picture, pixel or timestep that is not there; what sampler or network report.
pub fn explain(
    topic: Topic,
    subject: &ExplainedSubject,
    focus: Focus,
    losses: Option<&BinLosses>,
) -> Result<Explanation> {
    let said = match topic {
        Topic::Forward => forward::explain(subject, focus),
        Topic::Loss => loss::explain(subject, focus),
        Topic::TrainingStep => Ok(training_step::invitation()),
        Topic::Time | Topic::Bound => of_the_path(topic, subject.parameterization, focus.t, losses),
        Topic::SamplingStep => sampling_step::explain(subject, focus),
        Topic::Guidance => guidance::explain(subject, focus),
        Topic::Plane => plane::explain(subject, focus),
        Topic::Data => data::explain(subject, focus),
    };
    match topic.needs_no_data() {
        true => said,
        false => shown_in_pictures(said?, subject.latents),
    }
}

/// Explains a topic that takes neither data nor a network ([`Topic::needs_no_data`]), at timestep `t`.
///
/// # Errors
/// A sentence for a timestep that is not there.
pub fn of_the_path(
    topic: Topic,
    parameterization: &Parameterization,
    t: usize,
    losses: Option<&BinLosses>,
) -> Result<Explanation> {
    match topic {
        Topic::Bound => bound::explain(parameterization, t, losses),
        _ => time::explain(parameterization, t),
    }
}
