//! diffusers' scheduler classes: each key of each with its default there (release 0.42.1), and what becomes of it.

/// What a key is where a file leaves it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    Number(f64),
    Flag(bool),
    Word(&'static str),
    /// Python's None.
    Nothing,
    /// The empty list.
    Empty,
}

/// What becomes of a key when a folder is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It decides the setting of this name, or what the words say.
    Obeyed(&'static str),
    /// Any other value than the default is refused by the key's name.
    DefaultOnly,
    /// It has no part in sampling as long as the keys are that these words name.
    NoPart(&'static str),
}

/// A key of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SchedulerKey {
    pub name: &'static str,
    pub default: Preset,
    pub fate: Fate,
}

/// A scheduler class that is imported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// As `_class_name` says it.
    pub name: &'static str,
    /// Names of β lists that the class knows.
    pub beta_schedules: &'static [&'static str],
    /// Values of `prediction_type` that the class knows and that a network here can have.
    pub prediction_types: &'static [&'static str],
    /// In groups that several classes share.
    pub keys: &'static [&'static [SchedulerKey]],
}

impl Class {
    /// The class of this name, when it is imported.
    pub fn named(name: &str) -> Option<&'static Class> {
        CLASSES.iter().find(|class| class.name == name)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static SchedulerKey> {
        self.keys.iter().flat_map(|group| group.iter())
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&'static SchedulerKey> {
        self.keys().find(|key| key.name == name)
    }
}

use Preset::{Empty, Flag, Nothing, Number, Word};

const fn obeyed(name: &'static str, default: Preset, becomes: &'static str) -> SchedulerKey {
    SchedulerKey { name, default, fate: Fate::Obeyed(becomes) }
}

const fn only(name: &'static str, default: Preset) -> SchedulerKey {
    SchedulerKey { name, default, fate: Fate::DefaultOnly }
}

const fn idle(name: &'static str, default: Preset, why: &'static str) -> SchedulerKey {
    SchedulerKey { name, default, fate: Fate::NoPart(why) }
}

const fn betas(start: f64, end: f64) -> [SchedulerKey; 6] {
    [
        obeyed("num_train_timesteps", Number(1000.0), "diffusion.timesteps"),
        obeyed("beta_start", Number(start), "diffusion.beta_start"),
        obeyed("beta_end", Number(end), "diffusion.beta_end"),
        obeyed("beta_schedule", Word("linear"), "diffusion.schedule"),
        obeyed("trained_betas", Nothing, "diffusion.betas"),
        obeyed("prediction_type", Word("epsilon"), "diffusion.prediction_type"),
    ]
}

const fn spacing(default: &'static str) -> [SchedulerKey; 2] {
    [
        obeyed("timestep_spacing", Word(default), "sample.spacing"),
        obeyed("steps_offset", Number(0.0), "sample.steps_offset"),
    ]
}

const fn clipping(default: bool) -> [SchedulerKey; 2] {
    [
        obeyed("clip_sample", Flag(default), "sample.clip_sample"),
        obeyed("clip_sample_range", Number(1.0), "sample.clip_sample_range"),
    ]
}

/// The classes for pixels: β from 0.0001 to 0.02.
const BETAS: &[SchedulerKey] = &betas(1e-4, 0.02);
/// Those that came from k-diffusion: Stable Diffusion's β.
const LATENT_BETAS: &[SchedulerKey] = &betas(0.00085, 0.012);
const LEADING: &[SchedulerKey] = &spacing("leading");
const LINSPACE: &[SchedulerKey] = &spacing("linspace");
const CLIPPED: &[SchedulerKey] = &clipping(true);
const NOT_CLIPPED: &[SchedulerKey] = &clipping(false);
const THRESHOLDING: &[SchedulerKey] = &[
    obeyed("thresholding", Flag(false), "sample.thresholding"),
    obeyed("dynamic_thresholding_ratio", Number(0.995), "sample.dynamic_thresholding_ratio"),
    obeyed("sample_max_value", Number(1.0), "sample.sample_max_value"),
];
const ZERO_SNR: &[SchedulerKey] = &[obeyed("rescale_betas_zero_snr", Flag(false), "diffusion.rescale_betas_zero_snr")];
const SIGMAS: &[SchedulerKey] = &[
    obeyed("use_karras_sigmas", Flag(false), "sample.spacing"),
    obeyed("use_exponential_sigmas", Flag(false), "sample.spacing"),
    obeyed("use_beta_sigmas", Flag(false), "sample.spacing"),
];
const SIGMA_ENDS: &[SchedulerKey] = &[
    obeyed("sigma_min", Nothing, "sample.sigma_min, with a spacing of σ"),
    obeyed("sigma_max", Nothing, "sample.sigma_max, with a spacing of σ"),
];
const FINAL_SIGMAS: &[SchedulerKey] = &[obeyed("final_sigmas_type", Word("zero"), "sample.final_sigmas_type")];
const FLOW_SIGMAS: &[SchedulerKey] = &[
    only("use_flow_sigmas", Flag(false)),
    idle("flow_shift", Number(1.0), "use_flow_sigmas"),
    only("use_dynamic_shifting", Flag(false)),
    idle("time_shift_type", Word("exponential"), "use_dynamic_shifting"),
];
const SOLVER_ORDER: &[SchedulerKey] = &[obeyed("solver_order", Number(2.0), "sample.solver_order")];
const LAMBDA_AND_VARIANCE: &[SchedulerKey] = &[
    obeyed("lambda_min_clipped", Number(f64::NEG_INFINITY), "sample.lambda_min_clipped"),
    obeyed("variance_type", Nothing, "diffusion.variance_type, where it is learned"),
];
const PNDM: &[SchedulerKey] = &[
    obeyed("skip_prk_steps", Flag(false), "sample.skip_prk_steps"),
    obeyed("set_alpha_to_one", Flag(false), "sample.set_alpha_to_one"),
];
const EULER: &[SchedulerKey] = &[
    obeyed("interpolation_type", Word("linear"), "sample.interpolation_type"),
    obeyed("timestep_type", Word("discrete"), "nothing; refused with v_prediction"),
];
const DPM_MULTISTEP: &[SchedulerKey] = &[
    obeyed("algorithm_type", Word("dpmsolver++"), "sample.sampler"),
    obeyed("solver_type", Word("midpoint"), "sample.solver_type"),
    obeyed("lower_order_final", Flag(true), "sample.lower_order_final"),
    obeyed("euler_at_final", Flag(false), "sample.euler_at_final"),
    obeyed("use_lu_lambdas", Flag(false), "sample.spacing"),
];
const DPM_SINGLESTEP: &[SchedulerKey] = &[
    obeyed("algorithm_type", Word("dpmsolver++"), "dpmsolver++, and what diffusers takes for it"),
    obeyed("solver_type", Word("midpoint"), "sample.solver_type"),
    obeyed("lower_order_final", Flag(false), "sample.lower_order_final"),
];
const DEIS: &[SchedulerKey] = &[
    obeyed("algorithm_type", Word("deis"), "deis, and what diffusers takes for it"),
    obeyed("solver_type", Word("logrho"), "logrho, and what diffusers takes for it"),
    obeyed("lower_order_final", Flag(true), "sample.lower_order_final"),
];
const UNIPC: &[SchedulerKey] = &[
    obeyed("solver_type", Word("bh2"), "sample.solver_type"),
    obeyed("predict_x0", Flag(true), "sample.predict_x0"),
    obeyed("lower_order_final", Flag(true), "sample.lower_order_final"),
    obeyed("disable_corrector", Empty, "sample.disable_corrector"),
    only("solver_p", Nothing),
    only("shift_terminal", Nothing),
];
const FLOW: &[SchedulerKey] = &[
    obeyed("num_train_timesteps", Number(1000.0), "diffusion.timesteps"),
    obeyed("shift", Number(1.0), "diffusion.shift"),
];
const FLOW_EULER: &[SchedulerKey] = &[
    only("use_dynamic_shifting", Flag(false)),
    idle("base_shift", Number(0.5), "use_dynamic_shifting"),
    idle("max_shift", Number(1.15), "use_dynamic_shifting"),
    idle("base_image_seq_len", Number(256.0), "use_dynamic_shifting"),
    idle("max_image_seq_len", Number(4096.0), "use_dynamic_shifting"),
    idle("time_shift_type", Word("exponential"), "use_dynamic_shifting"),
    only("invert_sigmas", Flag(false)),
    obeyed("shift_terminal", Nothing, "sample.shift_terminal"),
    only("stochastic_sampling", Flag(false)),
];

const NAMED: &[&str] = &["linear", "scaled_linear", "squaredcos_cap_v2"];
const NAMED_BY_DDPM: &[&str] = &["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"];
const TARGETS: &[&str] = &["epsilon", "sample", "v_prediction"];
const NO_SAMPLE: &[&str] = &["epsilon", "v_prediction"];

const DDPM: &[&[SchedulerKey]] = &[
    BETAS,
    &[obeyed("variance_type", Word("fixed_small"), "diffusion.variance_type")],
    CLIPPED,
    THRESHOLDING,
    LEADING,
    ZERO_SNR,
];
const DDIM: &[&[SchedulerKey]] = &[
    BETAS,
    &[obeyed("set_alpha_to_one", Flag(true), "sample.set_alpha_to_one")],
    CLIPPED,
    THRESHOLDING,
    LEADING,
    ZERO_SNR,
];

const fn class(
    name: &'static str,
    prediction_types: &'static [&'static str],
    keys: &'static [&'static [SchedulerKey]],
) -> Class {
    Class { name, beta_schedules: NAMED, prediction_types, keys }
}

/// The classes that are imported.
pub const CLASSES: &[Class] = &[
    Class { beta_schedules: NAMED_BY_DDPM, ..class("DDPMScheduler", TARGETS, DDPM) },
    Class { beta_schedules: NAMED_BY_DDPM, ..class("DDPMParallelScheduler", TARGETS, DDPM) },
    class("DDIMScheduler", TARGETS, DDIM),
    class("DDIMParallelScheduler", TARGETS, DDIM),
    class("PNDMScheduler", NO_SAMPLE, &[BETAS, PNDM, LEADING]),
    class("EulerDiscreteScheduler", TARGETS, &[BETAS, EULER, SIGMAS, SIGMA_ENDS, FINAL_SIGMAS, LINSPACE, ZERO_SNR]),
    class("EulerAncestralDiscreteScheduler", NO_SAMPLE, &[BETAS, LINSPACE, ZERO_SNR]),
    class("HeunDiscreteScheduler", TARGETS, &[LATENT_BETAS, SIGMAS, NOT_CLIPPED, LINSPACE]),
    class("LMSDiscreteScheduler", TARGETS, &[BETAS, SIGMAS, LINSPACE]),
    class("KDPM2DiscreteScheduler", NO_SAMPLE, &[LATENT_BETAS, SIGMAS, LINSPACE]),
    class("KDPM2AncestralDiscreteScheduler", NO_SAMPLE, &[LATENT_BETAS, SIGMAS, LINSPACE]),
    class(
        "DPMSolverMultistepScheduler",
        TARGETS,
        &[
            BETAS,
            DPM_MULTISTEP,
            SOLVER_ORDER,
            LAMBDA_AND_VARIANCE,
            FINAL_SIGMAS,
            THRESHOLDING,
            SIGMAS,
            FLOW_SIGMAS,
            LINSPACE,
            ZERO_SNR,
        ],
    ),
    class(
        "DPMSolverSinglestepScheduler",
        TARGETS,
        &[BETAS, DPM_SINGLESTEP, SOLVER_ORDER, LAMBDA_AND_VARIANCE, FINAL_SIGMAS, THRESHOLDING, SIGMAS, FLOW_SIGMAS],
    ),
    class("DEISMultistepScheduler", TARGETS, &[BETAS, DEIS, SOLVER_ORDER, THRESHOLDING, SIGMAS, FLOW_SIGMAS, LINSPACE]),
    class(
        "UniPCMultistepScheduler",
        TARGETS,
        &[BETAS, UNIPC, SOLVER_ORDER, FINAL_SIGMAS, THRESHOLDING, SIGMAS, SIGMA_ENDS, FLOW_SIGMAS, LINSPACE, ZERO_SNR],
    ),
    class("FlowMatchEulerDiscreteScheduler", &[], &[FLOW, FLOW_EULER, SIGMAS]),
    class("FlowMatchHeunDiscreteScheduler", &[], &[FLOW]),
];

/// Keys of classes that are not imported, or that older releases wrote: diffusers ignores them in a file of another
/// class, as it ignores any key that the class does not know.
pub const FOREIGN: &[&str] =
    &["tensor_format", "noise_sampler_seed", "original_inference_steps", "timestep_scaling", "snr_shift_scale"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_class_and_no_key_is_listed_twice() {
        let names: BTreeSet<_> = CLASSES.iter().map(|class| class.name).collect();
        assert_eq!(names.len(), CLASSES.len());
        for class in CLASSES {
            let keys: BTreeSet<_> = class.keys().map(|key| key.name).collect();
            assert_eq!(keys.len(), class.keys().count(), "{}", class.name);
        }
    }
}
