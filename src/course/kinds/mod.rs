//! The questions that difflab can ask and answer: each draws its numbers and has the answer computed by the code that
//! trains and samples.

mod flow;
mod forward;
mod guidance;
mod loss;
mod sampling;
mod time;
mod training;

use anyhow::Result;

use super::given::Computed;
use super::ground::Ground;

/// One question of the program's own.
#[derive(Clone, Copy)]
pub struct QuestionKind {
    /// As station files name it.
    pub name: &'static str,
    pub about: &'static str,
    /// Does it draw a timestep, from the task's `range`?
    pub draws_t: bool,
    pub(super) ask: fn(&mut Ground) -> Result<Computed>,
}

impl std::fmt::Debug for QuestionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn at_t(name: &'static str, about: &'static str, ask: fn(&mut Ground) -> Result<Computed>) -> QuestionKind {
    QuestionKind { name, about, draws_t: true, ask }
}

const fn of_run(name: &'static str, about: &'static str, ask: fn(&mut Ground) -> Result<Computed>) -> QuestionKind {
    QuestionKind { name, about, draws_t: false, ask }
}

/// All of them.
pub const KINDS: [QuestionKind; 26] = [
    of_run("alpha_bar_of_betas", "ᾱ of a chain of three given β", forward::alpha_bar_of_betas),
    at_t("alpha_bar_at", "ᾱ_t at a timestep, path vp", forward::alpha_bar_at),
    at_t("x_t", "x_t of a pixel, its x_0 and ε given", forward::x_t),
    at_t("x_t_deviation", "the standard deviation of x_t, that of the data given", forward::x_t_deviation),
    at_t("sigma_at", "σ(t), α(t) or ᾱ_t given", time::sigma_at),
    at_t("log_snr_at", "log SNR at a timestep, α and σ given", time::log_snr_at),
    of_run("snr_one", "the timestep at which signal and noise are equal", time::snr_one),
    of_run("t_of_snr", "the timestep of a given SNR", time::t_of_snr),
    of_run("terminal_snr", "the SNR that the last timestep keeps, in decibels", time::terminal_snr),
    at_t("x_0_of_epsilon", "x̂_0 from x_t and ε̂", loss::x_0_of_epsilon),
    at_t("v_target", "the target v of a pixel, variance-preserving paths", loss::v_target),
    at_t("score_at", "the score of a noised pixel", loss::score_at),
    of_run("squared_error", "L_simple of three pixels", loss::squared_error),
    at_t("bound_weight", "the weight of a timestep in the bound, path vp", loss::bound_weight),
    of_run("clipping_factor", "what the gradient is multiplied by, its norm given", training::clipping_factor),
    of_run("adamw_first_step", "how far AdamW's first step moves a weight", training::adamw_first_step),
    at_t("posterior_variance", "β̃_t, path vp", sampling::posterior_variance),
    at_t("posterior_mean", "the mean of q(x_{t−1} | x_t, x_0) for a pixel, path vp", sampling::posterior_mean),
    at_t("ddim_step", "one step of DDIM for a pixel", sampling::ddim_step),
    at_t("ddim_noise", "the noise that a step of DDIM adds for an η", sampling::ddim_noise),
    of_run("visited_timestep", "which timestep a sampler visits k-th", sampling::visited_timestep),
    of_run("guided_epsilon", "the guided ε̂ of a pixel", guidance::guided_epsilon),
    of_run("guided_x_0", "the guided x̂_0 of a pixel, which may leave [-1, 1]", guidance::guided_x_0),
    at_t("flow_velocity", "the velocity of a pixel on path flow", flow::flow_velocity),
    at_t("flow_step", "one Euler step of a pixel on path flow", flow::flow_step),
    at_t("pf_ode_velocity", "the probability-flow ODE's velocity from the score, path vp_sde", flow::pf_ode_velocity),
];
