//! `difflab study combinations`: every path with every target and every sampler, on two moons.

use std::fmt::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::report::{made_by, table};
use crate::cli::output::OutputFile;
use crate::cli::ranks;
use crate::config::{Config, PathName, PredictionType, SamplerName, ScheduleName, TimestepSpacing};
use crate::data::{self, Dataset};
use crate::diffusion::Parameterization;
use crate::eval::{EnergyDistance, Estimate};
use crate::kernels::Workers;
use crate::kernels::precision::taken;
use crate::nn::Net;
use crate::ranks::world;
use crate::sampling::{SamplerSettings, Trajectory, network_denoiser, sample, starting_noise};
use crate::speak;
use crate::train::Trainer;

const PATHS: [PathName; 6] =
    [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow];

/// Train every path with every target on two moons, and sample each with every sampler.
///
/// Prints a table of the energy distance between samples and data, and why what is refused is refused.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Write the table, in Markdown, to this file. Default: print it.
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
    /// Training steps of each network.
    #[arg(long, value_name = "N", default_value_t = 1500, value_parser = clap::value_parser!(u64).range(1..))]
    train_steps: u64,
    /// Steps of each sampler (pf_ode chooses its own).
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    steps: u64,
    /// Points drawn from each combination.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    num: u64,
    /// The first of the seeds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Networks trained of each path and target, each with a seed of its own: the table has the mean and its standard
    /// error.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Threads. Default: all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// What came of one combination.
enum Outcome {
    /// Energy distances to the data, one for each seed.
    Measured(Vec<f64>),
    Refused,
}

/// One path and target.
struct Target {
    /// "`vp` · `epsilon`".
    what: String,
    config: Config,
    /// Why no network is trained for it.
    refusal: Option<String>,
    /// One for each seed.
    networks: Vec<Network>,
}

/// What came of one network.
#[derive(Serialize, Deserialize)]
struct Network {
    /// In the order of [`SamplerName::ALL`].
    samplers: Vec<Sampled>,
    told: String,
}

/// What came of one sampler on one network.
#[derive(Serialize, Deserialize)]
enum Sampled {
    /// The bits of the energy distance to the data: as digits they could change on their way from another rank.
    Distance(u64),
    /// Why it is refused.
    Refused(String),
}

/// What came of each sampler on one path and target, in the order of [`SamplerName::ALL`]; new refusals are added.
fn outcomes(target: &Target, path: PathName, refusals: &mut Vec<[String; 2]>) -> Vec<Outcome> {
    if let Some(refusal) = &target.refusal {
        refusals.push([format!("{} · every sampler", target.what), refusal.clone()]);
        return SamplerName::ALL.iter().map(|_| Outcome::Refused).collect();
    }
    let of_sampler = |(i, sampler): (usize, &SamplerName)| {
        let mut distances = Vec::new();
        for sampled in target.networks.iter().filter_map(|network| network.samplers.get(i)) {
            match sampled {
                Sampled::Distance(bits) => distances.push(f64::from_bits(*bits)),
                Sampled::Refused(refusal) => {
                    // The sampler is the same on every target.
                    let refused = [format!("`{}` · `{}`", path.name(), sampler.name()), refusal.clone()];
                    if !refusals.contains(&refused) {
                        refusals.push(refused);
                    }
                    return Outcome::Refused;
                }
            }
        }
        Outcome::Measured(distances)
    };
    SamplerName::ALL.iter().enumerate().map(of_sampler).collect()
}

/// The data, and what the samples are compared with.
struct Study {
    args: Args,
    workers: Arc<Workers>,
    train: Dataset,
    held_out: Dataset,
    distance: EnergyDistance,
    /// The distance of as many training points, drawn once for each seed.
    floor: Estimate,
    /// Points of such a draw.
    floor_points: usize,
}

/// Runs the study.
///
/// # Errors
/// When a network can't be trained for another reason than a refusal, or the table can't be written.
pub fn run(args: Args) -> Result<()> {
    let started = Instant::now();
    let out = args.out.as_deref().map(|path| OutputFile::new(path, "--out", &["md"])).transpose()?;
    let study = Study::new(args)?;
    let mut tables = String::new();
    let mut refusals = Vec::new();
    let mut worst = (Estimate::of(&[0.0]), String::new());
    let (mut counts, mut not_finite) = ((0, 0), 0);
    let found = study.all()?;
    for (path, of_path) in PATHS.into_iter().zip(found.chunks(PredictionType::ALL.len())) {
        let mut rows: Vec<Vec<String>> = SamplerName::ALL.iter().map(|s| vec![format!("`{}`", s.name())]).collect();
        for (target, found) in PredictionType::ALL.into_iter().zip(of_path) {
            let outcomes = outcomes(found, path, &mut refusals);
            for ((row, outcome), sampler) in rows.iter_mut().zip(&outcomes).zip(SamplerName::ALL) {
                row.push(match outcome {
                    Outcome::Refused => "–".into(),
                    Outcome::Measured(distances) => thousandths(Estimate::of(distances)),
                });
                match outcome {
                    Outcome::Refused => counts.1 += 1,
                    Outcome::Measured(distances) => {
                        counts.0 += 1;
                        let distance = Estimate::of(distances);
                        not_finite += usize::from(!distance.mean.is_finite());
                        if distance.mean.is_nan() || distance.mean > worst.0.mean {
                            let names = (path.name(), target.name(), sampler.name());
                            worst = (distance, format!("`{}` · `{}` · `{}`", names.0, names.1, names.2));
                        }
                    }
                }
            }
        }
        let header: Vec<String> = PredictionType::ALL.iter().map(|target| format!("`{}`", target.name())).collect();
        let header: Vec<&str> = std::iter::once("sampler").chain(header.iter().map(String::as_str)).collect();
        let _ = write!(tables, "\n## Path `{}`\n\n{}", path.name(), table(&header, &rows));
    }
    let text = study.text(&tables, &refusals, &worst, counts);
    match &out {
        Some(out) => {
            out.write(|path, _| Ok(std::fs::write(path, &text)?))?;
            speak::remark(format_args!("wrote {} ({:.0} s)", out.path.display(), started.elapsed().as_secs_f64()));
        }
        None => speak::print(&text)?,
    }
    ensure!(not_finite == 0, "{not_finite} combinations gave NaN or infinite samples: the table says which");
    Ok(())
}

impl Study {
    fn new(args: Args) -> Result<Self> {
        let config = Config::load("two-moons", &[])?;
        let data = data::load(&config.data)?;
        let held_out = config.data.held_out.of(data.len());
        let (train, held_out) = data.split_held_out(held_out, args.seed)?;
        let points = |data: &Dataset, which: Range<usize>| data.gather(&which.collect::<Vec<_>>(), None);
        let distance = EnergyDistance::to(&points(&held_out, 0..held_out.len()));
        let draw = (args.num as usize).min(train.len() / args.seeds as usize).max(1);
        let floors = (0..args.seeds as usize).map(|i| distance.of(&points(&train, i * draw..(i + 1) * draw)));
        let floor = Estimate::of(&floors.collect::<Vec<_>>());
        let workers = Arc::new(Workers::new(ranks::threads(args.threads))?);
        Ok(Self { args, workers, train, held_out, distance, floor, floor_points: draw })
    }

    /// Every path with every target, in this order.
    fn all(&self) -> Result<Vec<Target>> {
        let pairs =
            PATHS.into_iter().flat_map(|path| PredictionType::ALL.into_iter().map(move |target| (path, target)));
        self.trained(pairs.map(|(path, target)| self.target(path, target)).collect::<Result<_>>()?)
    }

    /// The networks of all targets. They are dealt out to the ranks, and what comes of them is there for all.
    fn trained(&self, mut targets: Vec<Target>) -> Result<Vec<Target>> {
        let ranks = world();
        let seeds = self.args.seed..self.args.seed.saturating_add(self.args.seeds);
        let trainable = targets.iter().enumerate().filter(|(_, target)| target.refusal.is_none());
        let jobs: Vec<(usize, u64)> = trainable.flat_map(|(i, _)| seeds.clone().map(move |seed| (i, seed))).collect();
        let mut mine: Vec<(usize, Network)> = Vec::new();
        for (job, &(i, seed)) in jobs.iter().enumerate().filter(|(job, _)| job % ranks.size() == ranks.rank()) {
            let network = self.network(&Config { seed, ..targets[i].config.clone() }, &targets[i].what)?;
            speak::remark(&network.told);
            mine.push((job, network));
        }
        let mut networks = Vec::new();
        for (rank, of_rank) in ranks.gathered(Ok(serde_json::to_vec(&mine)?))?.iter().enumerate() {
            let of_rank: Vec<(usize, Network)> = serde_json::from_slice(of_rank)?;
            if rank != ranks.rank() {
                of_rank.iter().for_each(|(_, network)| speak::remark(&network.told));
            }
            networks.extend(of_rank);
        }
        networks.sort_by_key(|(job, _)| *job);
        for (job, network) in networks {
            let target = jobs.get(job).and_then(|&(i, _)| targets.get_mut(i));
            target.context("a network of no target")?.networks.push(network);
        }
        Ok(targets)
    }

    /// One path and target, nothing trained yet.
    fn target(&self, path: PathName, target: PredictionType) -> Result<Target> {
        let what = format!("`{}` · `{}`", path.name(), target.name());
        let mut config = Config::load("two-moons", &[])?;
        config.diffusion.path = path;
        // The cosine's last step has so little signal left (α = 5e-5) that an error of ε̂ becomes one of x̂_0
        // twenty thousand times as large.
        config.diffusion.schedule = ScheduleName::Linear;
        config.diffusion.prediction_type = target;
        config.model.hidden_width = 96;
        config.model.class_conditional = false;
        config.train.steps = self.args.train_steps;
        config.train.ema_decay = 0.99;
        // As of one process that has the threads of all ranks.
        config.train.shards = self.workers.threads() * world().size();
        let refusal = Parameterization::from_config(&config.diffusion).err().map(|refusal| last_cause(&refusal));
        if refusal.is_none() {
            config.validate().with_context(|| what.clone())?;
        }
        Ok(Target { what, config, refusal, networks: Vec::new() })
    }

    /// One network of one path and target, and every sampler on it.
    fn network(&self, config: &Config, what: &str) -> Result<Network> {
        let none = self.held_out.clone().split_held_out(self.held_out.len() - 1, 0)?.0;
        let mut trainer = Trainer::new(config, self.train.clone(), &none, &Device::Cpu, self.workers.clone())?;
        let started = Instant::now();
        for _ in 0..self.args.train_steps {
            trainer.step().with_context(|| format!("training {what}"))?;
        }
        let trained = started.elapsed().as_secs_f64();
        let net = trainer.ema_net(taken(config.sample.precision, config.model.kind, &Device::Cpu))?;
        let path = config.diffusion.path;
        let (mut line, mut samplers) = (String::new(), Vec::new());
        for sampler in SamplerName::ALL {
            let settings = SamplerSettings {
                sampler,
                steps: self.args.steps as usize,
                // On paths of exploding noise even steps of t spend most of them far from the data.
                spacing: match path {
                    PathName::Ve | PathName::Edm => TimestepSpacing::Karras,
                    _ => TimestepSpacing::Trailing,
                },
                ..SamplerSettings::from(&config.sample)
            };
            samplers.push(match self.trajectory(&net, trainer.parameterization(), &settings, config.seed)? {
                Ok(trajectory) => {
                    let distance = self.distance.of(&sample(trajectory)?.flatten_all()?.to_vec1()?);
                    let _ = write!(line, " {} {}", sampler.name(), digits(distance));
                    Sampled::Distance(distance.to_bits())
                }
                Err(refusal) => Sampled::Refused(refusal),
            });
        }
        let sampled = started.elapsed().as_secs_f64() - trained;
        let seed = config.seed;
        let told = format!("{what}, seed {seed}: trained in {trained:.1} s, sampled in {sampled:.1} s:{line}");
        Ok(Network { samplers, told })
    }

    /// The trajectory, or why these settings are refused.
    fn trajectory(
        &self,
        net: &Net,
        parameterization: &Parameterization,
        settings: &SamplerSettings,
        seed: u64,
    ) -> Result<Result<Trajectory, String>> {
        let denoiser = network_denoiser(net, parameterization, None, 0.0, self.workers.clone())?;
        let noise = starting_noise(self.args.num as usize, 1, 1, 2, seed, &Device::Cpu)?;
        let schedule = parameterization.schedule.clone();
        Ok(Trajectory::new(denoiser, schedule, settings, noise, seed).map_err(|error| last_cause(&error)))
    }

    fn text(
        &self,
        tables: &str,
        refusals: &[[String; 2]],
        worst: &(Estimate, String),
        counts: (usize, usize),
    ) -> String {
        let args = &self.args;
        let mut text = format!(
            "# Every path, target and sampler\n\n\
             {}\n\n\
             For every path and target, {} (an MLP of three blocks, 96 wide) learn two moons in {} steps, each with \
             another seed. Each of the {} samplers then draws {} points from each in {} steps; none is left out. `heun`, `edm`, `dpm_2`, `dpm_2_a`, \
             `flow_midpoint` and `flow_heun` call the network twice a step, `pc` once more for each corrector step, and \
             `pf_ode` as often as its tolerances require.\n\n\
             The numbers are energy distances (Székely & Rizzo 2013) to {} held-out points, in thousandths, the mean \
             over the networks ± its standard error: smaller is better. Differences of less than about three such \
             errors may be chance. The floor is **{}**, the distance of {} training points to the same held-out points; \
             if every point lay in the middle, the distance would be {}. A dash marks a combination that difflab \
             refuses.\n\n\
             Of {} combinations, {} are allowed and {} refused. The one farthest from the data is {}, at {}.\n\n\
             Path `vp` uses the \
             linear schedule: the cosine schedule ends with hardly any signal (α = 5e-5), and a network that predicts ε \
             or the score would have its errors divided by that. The spacing is `karras` on the paths `ve` and `edm`, \
             and `trailing` on the others.\n",
            made_by(),
            if args.seeds == 1 { "one network".to_owned() } else { format!("{} networks", args.seeds) },
            args.train_steps,
            SamplerName::ALL.len(),
            args.num,
            args.steps,
            self.held_out.len(),
            thousandths(self.floor),
            self.floor_points,
            digits(self.distance.of(&[0.0, 0.0])),
            counts.0 + counts.1,
            counts.0,
            counts.1,
            worst.1,
            thousandths(worst.0),
        );
        text += tables;
        text += "\n## What is refused, and why\n\n";
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for [what, why] in refusals {
            match reasons.iter_mut().find(|(known, _)| known == why) {
                Some((_, whats)) => whats.push(what),
                None => reasons.push((why, vec![what])),
            }
        }
        for (why, whats) in reasons {
            let _ = writeln!(text, "- {}\n  {why}", whats.join("; "));
        }
        text
    }
}

/// "8.39 ± 0.21": a distance in thousandths.
fn thousandths(distance: Estimate) -> String {
    let places = places(1000.0 * distance.mean);
    distance.affine(1000.0, 0.0).text(places)
}

/// "1.24": the same of one alone.
fn digits(distance: f64) -> String {
    format!("{:.*}", places(1000.0 * distance), 1000.0 * distance)
}

/// Digits behind the point that make three in all.
fn places(value: f64) -> usize {
    match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    }
}

/// The innermost message: the refusal itself, without where it was met.
fn last_cause(error: &anyhow::Error) -> String {
    error.root_cause().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document was made by this generator, as it is now: its words and all its samplers.
    #[test]
    fn the_document_shows_every_sampler_on_every_path() {
        let text = include_str!("../../../docs/combinations.md");
        for path in PATHS {
            let (_, after) = text.split_once(&format!("## Path `{}`", path.name())).expect("each path has its table");
            let table = after.split("\n## ").next().unwrap_or_default();
            for sampler in SamplerName::ALL {
                let row = format!("| `{}` |", sampler.name());
                assert!(table.contains(&row), "{row} is missing on path {}: make the document again", path.name());
            }
        }
        assert!(text.contains(&format!("Each of the {} samplers", SamplerName::ALL.len())));
    }

    #[test]
    fn distances_have_three_digits() {
        assert_eq!([0.00124, 0.0124, 0.124, 1.24].map(digits), ["1.24", "12.4", "124", "1240"]);
    }

    #[test]
    fn a_small_study_measures_what_is_allowed_and_says_why_the_rest_is_not() {
        let args = Args { out: None, train_steps: 3, steps: 4, num: 50, seed: 0, seeds: 2, threads: 1 };
        let study = Study::new(args).unwrap();
        let mut refusals = Vec::new();
        let mut outcomes_of = |path, target| {
            let trained = study.trained(vec![study.target(path, target).unwrap()]).unwrap();
            outcomes(&trained[0], path, &mut refusals)
        };
        let outcomes = outcomes_of(PathName::Vp, PredictionType::Epsilon);
        assert_eq!(outcomes.len(), SamplerName::ALL.len());
        assert!(
            outcomes
                .iter()
                .any(|o| matches!(o, Outcome::Measured(d) if d.len() == 2 && d[0].is_finite() && d[0] != d[1]))
        );
        let refused = outcomes_of(PathName::Flow, PredictionType::Epsilon);
        assert!(refused.iter().all(|o| matches!(o, Outcome::Refused)));
        let text = study.text("", &refusals, &(Estimate::of(&[0.1, 0.2]), "x".into()), (1, 2));
        assert!(text.contains("division by 0") && text.contains("`flow` · `epsilon` · every sampler"), "{text}");
    }
}
