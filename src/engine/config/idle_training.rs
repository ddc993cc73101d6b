//! Which keys of [data], [diffusion], [model] and [train] change nothing beside the others, and what they are for.

use super::{
    Config, IdleKey, LossWeighting, LrSchedule, NetworkKind, OptimizerName, POINT_SETS, PathName, PrecisionChoice,
    PredictionType, ScheduleName, TimestepSampling, VarianceType,
};

/// Keys that a U-Net alone has.
const OF_A_UNET: [&str; 13] = [
    "model.block_out_channels",
    "model.layers_per_block",
    "model.attention_levels",
    "model.mid_attention",
    "model.attention_head_dim",
    "model.norm_num_groups",
    "model.norm_eps",
    "model.attn_norm_num_groups",
    "model.mid_attention_norm",
    "model.mid_block",
    "model.mid_block_scale_factor",
    "model.downsample_padding",
    "model.time_embedding_dim",
];

impl Config {
    /// The keys by which training does not go here, whatever their values. (Those of `[sample]`:
    /// [`SampleConfig::idle_keys`](super::SampleConfig::idle_keys).)
    pub fn idle_training_keys(&self) -> Vec<IdleKey> {
        use PathName::{Edm, Flow, SubVpSde, Ve, Vp, VpSde};
        use ScheduleName::{Cosine, Given, Linear, ScaledLinear, Sigmoid, SigmoidJabri};
        let Self { data, diffusion, model, train, .. } = self;
        let (path, vp) = (diffusion.path, diffusion.path == Vp);
        let schedule = |names: &[ScheduleName]| vp && names.contains(&diffusion.schedule);
        let drawn = train.timestep_sampling.on(path);
        let unet = model.kind == NetworkKind::Unet;
        let scaled = diffusion.prediction_type == PredictionType::Edm || train.loss_weighting == LossWeighting::Edm;

        const BY_BETA: &str = "the schedules linear, scaled_linear and sigmoid of path vp";
        const SDE: &str = "the paths vp_sde and sub_vp_sde";
        const SIGMAS: &str = "the paths ve and edm";
        let linear = schedule(&[Linear, ScaledLinear, Sigmoid]);
        let sigmas = matches!(path, Ve | Edm);
        let log_normal = drawn == TimestepSampling::LogNormal;
        let logit_normal = drawn == TimestepSampling::LogitNormal;
        let single = [
            ("data.num_points", POINT_SETS.contains(&data.dataset.as_str()), "points in the plane"),
            ("diffusion.schedule", vp, "path vp"),
            ("diffusion.beta_start", linear, BY_BETA),
            ("diffusion.beta_end", linear, BY_BETA),
            ("diffusion.cosine_s", schedule(&[Cosine]), "schedule cosine of path vp"),
            (
                "diffusion.max_beta",
                schedule(&[Cosine, SigmoidJabri]),
                "the schedules cosine and sigmoid_jabri of path vp",
            ),
            ("diffusion.betas", schedule(&[Given]), "schedule given of path vp"),
            ("diffusion.rescale_betas_zero_snr", vp, "path vp"),
            ("diffusion.beta_min", matches!(path, VpSde | SubVpSde), SDE),
            ("diffusion.beta_max", matches!(path, VpSde | SubVpSde), SDE),
            ("diffusion.sigma_min", sigmas, SIGMAS),
            ("diffusion.sigma_max", sigmas, SIGMAS),
            (
                "diffusion.sigma_data",
                sigmas || scaled,
                "the paths ve and edm, prediction_type edm and loss_weighting edm",
            ),
            ("diffusion.shift", path == Flow, "path flow"),
            ("model.hidden_width", !unet, "kind mlp"),
            ("model.hidden_layers", !unet, "kind mlp"),
            ("model.freq_shift", unet && model.noise_conditioning, "kind unet with noise_conditioning = true"),
            (
                "train.precision",
                // `auto` is the faster one, of an mlp f32.
                model.kind.has_bf16() || train.precision == PrecisionChoice::Auto,
                "kinds unet and autoencoder, as an mlp is always computed in f32",
            ),
            ("train.muon_momentum", train.optimizer == OptimizerName::Muon, "optimizer muon"),
            ("train.min_learning_rate", train.lr_schedule == LrSchedule::Cosine, "lr_schedule cosine"),
            ("train.min_snr_gamma", train.loss_weighting == LossWeighting::MinSnr, "loss_weighting min_snr"),
            ("train.p2_gamma", train.loss_weighting == LossWeighting::P2, "loss_weighting p2"),
            ("train.p2_k", train.loss_weighting == LossWeighting::P2, "loss_weighting p2"),
            ("train.vlb_weight", diffusion.variance_type == VarianceType::LearnedRange, "variance_type learned_range"),
            ("train.p_mean", log_normal, "timestep_sampling log_normal"),
            ("train.p_std", log_normal, "timestep_sampling log_normal"),
            ("train.logit_mean", logit_normal, "timestep_sampling logit_normal"),
            ("train.logit_std", logit_normal, "timestep_sampling logit_normal"),
            ("train.p_uncond", model.class_conditional, "networks with class_conditional = true"),
        ];
        let of_networks = OF_A_UNET.into_iter().map(|key| (key, unet, "kind unet"));
        let beside = self.idle_beside_an_autoencoder();
        let said = |path: &str| beside.iter().any(|idle| idle.path == path);
        let own = single.into_iter().chain(of_networks).filter(|(path, used, _)| !used && !said(path));
        let mut all: Vec<IdleKey> = own.map(|(path, _, is_for)| IdleKey { path, is_for }).collect();
        all.extend(beside);
        all
    }

    /// What there is to say of these keys, which somebody has set here: those that change nothing, by name.
    pub fn idle_among<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let idle = self.idle_training_keys();
        let of_key = |key: &str| idle.iter().find(|idle| idle.path == key).map(|idle| idle.words(key));
        keys.into_iter().filter_map(of_key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{keys, shipped};

    fn idle(set: &[&str]) -> Vec<&'static str> {
        let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        let config = Config::default().with_overrides(&set).unwrap();
        config.idle_training_keys().into_iter().map(|key| key.path).collect()
    }

    #[test]
    fn a_key_is_idle_where_another_takes_its_place() {
        for (key, without, with) in [
            ("model.block_out_channels", "model.kind=mlp", "model.kind=unet"),
            ("model.freq_shift", "model.kind=mlp", "model.kind=unet"),
            ("model.freq_shift", "model.noise_conditioning=false", "model.noise_conditioning=true"),
            ("model.hidden_width", "model.kind=unet", "model.kind=mlp"),
            ("data.num_points", "data.dataset=mnist", "data.dataset=two_moons"),
            ("diffusion.schedule", "diffusion.path=flow", "diffusion.path=vp"),
            ("diffusion.beta_end", "diffusion.schedule=cosine", "diffusion.schedule=sigmoid"),
            ("diffusion.cosine_s", "diffusion.schedule=linear", "diffusion.schedule=cosine"),
            ("diffusion.max_beta", "diffusion.schedule=linear", "diffusion.schedule=sigmoid_jabri"),
            ("diffusion.beta_min", "diffusion.path=vp", "diffusion.path=sub_vp_sde"),
            ("diffusion.sigma_max", "diffusion.path=vp", "diffusion.path=ve"),
            ("diffusion.sigma_data", "diffusion.path=vp", "train.loss_weighting=edm"),
            ("diffusion.shift", "diffusion.path=edm", "diffusion.path=flow"),
            ("train.min_learning_rate", "train.lr_schedule=constant", "train.lr_schedule=cosine"),
            ("train.muon_momentum", "train.optimizer=adamw", "train.optimizer=muon"),
            ("train.min_snr_gamma", "train.loss_weighting=p2", "train.loss_weighting=min_snr"),
            ("train.p2_k", "train.loss_weighting=simple", "train.loss_weighting=p2"),
            ("train.vlb_weight", "diffusion.variance_type=fixed_large", "diffusion.variance_type=learned_range"),
            ("train.p_mean", "diffusion.path=vp", "diffusion.path=edm"),
            ("train.logit_std", "diffusion.path=flow", "train.timestep_sampling=logit_normal"),
            ("train.p_uncond", "model.class_conditional=false", "model.class_conditional=true"),
        ] {
            assert!(idle(&[without]).contains(&key), "{key} with {without}");
            assert!(!idle(&[with]).contains(&key), "{key} with {with}");
        }
    }

    #[test]
    fn every_idle_key_is_one_and_is_said_by_name() {
        let all = [idle(&[]), idle(&["model.kind=mlp", "diffusion.path=flow"])].concat();
        assert!(all.iter().all(|path| keys().iter().any(|key| key.path == *path)));
        let said = Config::default().idle_among(["train.p2_k", "train.steps"]);
        assert_eq!(said, ["train.p2_k has no effect here: it is for loss_weighting p2"]);
        // What a shipped config chooses, it needs.
        for (name, text) in shipped() {
            let config = Config::from_toml(text, name).unwrap();
            let chosen: Vec<&str> = Config::default().changes(&config).into_iter().map(|(key, _)| key).collect();
            assert_eq!(config.idle_among(chosen), Vec::<String>::new(), "{name}");
        }
    }
}
