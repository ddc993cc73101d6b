//! Flags that were given and mean nothing to what is measured: said, not passed over.

use super::args::{Args, Metric};
use super::samples::sample_config;
use crate::run::LoadedModel;

/// A sentence for each flag that changes no measurement that was asked for.
pub fn ignored(args: &Args, asked: &[Metric], model: &LoadedModel) -> Vec<String> {
    if model.config.trains_autoencoder() {
        return without_samples(args);
    }
    let mut said = without_metric(args, asked);
    let drawn = Metric::DRAWN.iter().any(|metric| asked.contains(metric));
    if drawn && args.steps.is_some() {
        let idle = sample_config(args, model).idle_keys(&model.config.diffusion, true);
        said.extend(idle.iter().filter(|key| key.path == "sample.steps").map(|key| key.words("--steps")));
    }
    said
}

/// Flags of sampling, and of likelihoods, where an autoencoder gives pictures back.
fn without_samples(args: &Args) -> Vec<String> {
    [
        ("--sampler", args.sampler.is_some()),
        ("--steps", args.steps.is_some()),
        ("--guidance-scale", args.guidance_scale.is_some()),
        ("--precision", args.precision.is_some()),
        ("--vlb-images", args.vlb_images.is_some()),
        ("--nll-images", args.nll_images.is_some()),
        ("--tolerance", args.tolerance.is_some()),
    ]
    .into_iter()
    .filter(|(_, given)| *given)
    .map(|(flag, _)| format!("{flag} has no effect here: this run trained an autoencoder, and nothing is sampled"))
    .collect()
}

fn without_metric(args: &Args, asked: &[Metric]) -> Vec<String> {
    let (vlb, nll, drawn) = ([Metric::Vlb], [Metric::Nll], Metric::DRAWN);
    let on_data: Vec<Metric> =
        Metric::ALL.into_iter().filter(|m| !matches!(m, Metric::Accuracy | Metric::Reconstruction)).collect();
    [
        ("--num", args.num.is_some(), &drawn[..]),
        ("--sampler", args.sampler.is_some(), &drawn),
        ("--steps", args.steps.is_some(), &drawn),
        ("--guidance-scale", args.guidance_scale.is_some(), &drawn),
        ("--precision", args.precision.is_some(), &drawn),
        ("--vlb-images", args.vlb_images.is_some(), &vlb),
        ("--nll-images", args.nll_images.is_some(), &nll),
        ("--tolerance", args.tolerance.is_some(), &nll),
        ("--set", !args.set.is_empty(), &on_data),
        ("--accept-data", args.accept_data, &on_data),
    ]
    .into_iter()
    .filter(|(_, given, metrics)| *given && !metrics.iter().any(|metric| asked.contains(metric)))
    .map(|(flag, _, metrics)| {
        let mut names: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
        names.dedup();
        let names = match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => names.concat(),
        };
        format!("{flag} has no effect here: it is for {names}")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    fn said(line: &str, asked: &[Metric]) -> Vec<String> {
        let command = Args::augment_args(Command::new("eval"));
        let matches = command.get_matches_from(std::iter::once("eval").chain(line.split_whitespace()));
        without_metric(&Args::from_arg_matches(&matches).unwrap(), asked)
    }

    #[test]
    fn each_flag_belongs_to_what_it_changes() {
        let all = "run --num 5 --steps 3 --sampler heun --guidance-scale 7 --precision f32 --nll-images 3 --tolerance 0.01 --vlb-images 4";
        let flags = |asked: &[Metric]| -> Vec<String> {
            said(all, asked).iter().map(|said| said.split(' ').next().unwrap().to_string()).collect()
        };
        let drawn = ["--num", "--sampler", "--steps", "--guidance-scale", "--precision"];
        assert_eq!(flags(&[Metric::Vlb]), [&drawn[..], &["--nll-images", "--tolerance"]].concat());
        assert_eq!(flags(&[Metric::Nll]), [&drawn[..], &["--vlb-images"]].concat());
        assert_eq!(flags(&[Metric::Accuracy]), ["--vlb-images", "--nll-images", "--tolerance"]);
        assert!(flags(&Metric::ALL).is_empty());
        assert_eq!(said("run --tolerance 0.001", &[Metric::Vlb]), ["--tolerance has no effect here: it is for nll"]);
        assert!(said("run --accept-data", &[Metric::Accuracy])[0].starts_with("--accept-data has no effect"));
        assert!(said("run --accept-data", &[Metric::Fid]).is_empty());
    }
}
