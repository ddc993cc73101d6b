//! Which sampler can walk which path.

use crate::config::{PathName, SamplerName};
use crate::diffusion::Schedule;

/// Can `sampler` sample on this schedule?
///
/// # Errors
/// A sentence that says why not, and what to use instead.
pub fn check_sampler(sampler: SamplerName, schedule: &Schedule) -> Result<(), String> {
    let name = sampler.name();
    let path = schedule.path.name();
    match sampler {
        SamplerName::FlowEuler | SamplerName::FlowMidpoint | SamplerName::FlowHeun
            if schedule.path != PathName::Flow =>
        {
            Err(format!(
                "{name} follows the velocity ε − x_0 of straight lines, which only path flow has, and this is path \
                 {path}; use ddim, heun or pf_ode, or train with diffusion.path = \"flow\""
            ))
        }
        SamplerName::Pc if schedule.noisiest().alpha == 0.0 => Err(format!(
            "{name} steps down the reverse SDE, whose drift is infinite where path {path} begins without any signal \
             (α = 0); use ddpm or euler_a, or a path that keeps some signal"
        )),
        _ => Ok(()),
    }
}
