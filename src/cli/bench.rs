//! `difflab bench`: how fast this machine trains and samples.

use anyhow::Result;
use clap::ValueEnum;
use indicatif::ProgressBar;

use super::usage::set_in_full;
use super::{UsageError, bench_ranks, device, ranks};
use crate::bench::{BenchModel, BenchPlan, BenchReport, Measured, OWN_NAMES, RanksPlan};
use crate::config::shipped;
use crate::speak;

/// Measure how fast this machine trains and samples.
///
/// Runs the trainer's steps and the samplers' network calls on random pictures; needs no data and writes nothing. Rates
/// count convolutions as computed directly, so faster algorithms can exceed the machine's own matrix product (100 %).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A shipped experiment, a .toml file, or a network for measuring: `reference` (28×28×1), `rgb32` (32×32×3) or
    /// `rgb64` (64×64×3).
    #[arg(value_name = "CONFIG", default_value = "mnist")]
    config: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Processor threads; 0: one per physical core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Images per training step, one or more numbers [default: 64, 128 and the experiment's own].
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    batch_size: Vec<usize>,
    /// Images sampled at once, one or more numbers.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [16, 64])]
    sample_batch_size: Vec<usize>,
    /// What to measure.
    #[arg(long, value_name = "WORK,…", value_enum, value_delimiter = ',',
          default_values_t = [Work::Train, Work::Sample, Work::Sgemm, Work::Peak])]
    work: Vec<Work>,
    /// Timed runs of each; fewer for slow ones.
    #[arg(long, value_name = "N", default_value_t = 10)]
    repeats: usize,
    /// Untimed runs before them.
    #[arg(long, value_name = "N", default_value_t = 2)]
    warm_up: usize,
    /// Set any config key, e.g. --set model.dropout=0.1; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    set: Vec<String>,
    /// cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Started by mpirun or srun: measure the ordered sum of the gradients over the ranks beside a training step, and say by a
    /// model what more ranks would bring (docs/scale-out.md). Measures nothing else.
    #[arg(long, conflicts_with_all = ["work", "sample_batch_size", "print_unet_config"])]
    mpi: bool,
    /// Print the network's config.json (for a U-Net, that of diffusers' UNet2DModel) and measure nothing.
    #[arg(long)]
    print_unet_config: bool,
}

impl Args {
    /// Is it the ranks that are measured?
    pub fn is_over_ranks(&self) -> bool {
        self.mpi
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Training steps.
    Train,
    /// Network calls, as in sampling.
    Sample,
    /// The machine's own matrix product.
    Sgemm,
    /// The machine's own limit: products and sums from registers to registers.
    Peak,
}

/// Measures and prints.
///
/// # Errors
/// Bad usage, and configs that can't be used.
pub fn run(args: Args) -> Result<()> {
    let subject = subject(&args)?;
    let text = if args.mpi {
        let report = bench_ranks::measured(&subject, &ranks_plan(&args, &subject)?)?;
        match args.format {
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
            Format::Table => bench_ranks::table(&report),
        }
    } else if args.print_unet_config {
        subject.net_config().to_json()?
    } else {
        // Shows nothing where stderr is no terminal.
        let spinner = ProgressBar::new_spinner();
        let report = plan(&args, &subject)?.run(&subject, |what| {
            spinner.set_message(format!("measuring: {what}"));
            spinner.tick();
        })?;
        spinner.finish_and_clear();
        match args.format {
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
            Format::Table => table(&report),
        }
    };
    Ok(speak::print(&text)?)
}

fn subject(args: &Args) -> Result<BenchModel> {
    BenchModel::named(&args.config, &args.set).map_err(|error| match error {
        crate::config::ConfigError::NotFound { .. } => {
            let shipped = shipped().iter().map(|(name, _)| *name);
            let names: Vec<&str> = shipped.chain(OWN_NAMES).collect();
            let text = format!(
                "there is nothing called {} to measure\n  there are: {}; a path to a .toml file works as well",
                args.config,
                names.join(", ")
            );
            UsageError::new(text).into()
        }
        other => other.into(),
    })
}

fn plan(args: &Args, subject: &BenchModel) -> Result<BenchPlan> {
    let mut batch_sizes = args.batch_size.clone();
    if batch_sizes.is_empty() {
        batch_sizes = vec![64, 128, subject.config.train.batch_size];
    }
    if [&batch_sizes, &args.sample_batch_size].into_iter().flatten().any(|&n| n == 0) {
        return Err(UsageError::new("a batch of 0 images can't be measured\n  give 1 or more").into());
    }
    let encodes = subject.config.trains_autoencoder();
    if encodes && args.work.contains(&Work::Sample) {
        speak::remark("an autoencoder draws no samples: its training steps alone are measured");
    }
    let sizes = |work, sizes: &[usize]| if args.work.contains(&work) { sizes.to_vec() } else { Vec::new() };
    Ok(BenchPlan {
        train: sizes(Work::Train, &batch_sizes),
        sample: if encodes { Vec::new() } else { sizes(Work::Sample, &args.sample_batch_size) },
        sgemm: args.work.contains(&Work::Sgemm),
        peak: args.work.contains(&Work::Peak),
        repeats: args.repeats,
        warm_up: args.warm_up,
        device: device::open(&args.device)?,
        threads: args.threads,
    })
}

/// One batch size: the first that is asked for, or the experiment's own.
fn ranks_plan(args: &Args, subject: &BenchModel) -> Result<RanksPlan> {
    let batch_size = match args.batch_size[..] {
        [] => subject.config.train.batch_size,
        [0] => return Err(UsageError::new("a batch of 0 images can't be measured\n  give 1 or more").into()),
        [one] => one,
        _ => return Err(UsageError::new("--mpi measures one batch size: give --batch-size one number").into()),
    };
    if args.device != "cpu" {
        let text = format!("--mpi: ranks train on processors, not on {}; leave --device out", args.device);
        return Err(UsageError::new(text).into());
    }
    Ok(RanksPlan { batch_size, repeats: args.repeats, warm_up: args.warm_up, threads: ranks::threads(args.threads) })
}

const HEADER: [&str; 6] = ["work", "median", "fastest", "images/s", "GFLOP/s", "of sgemm"];

fn table(report: &BenchReport) -> String {
    let mut rows = vec![HEADER.map(str::to_string)];
    rows.extend(report.train.iter().map(|m| row(format!("training step, {} images", m.batch_size), m)));
    rows.extend(report.sample.iter().map(|m| row(format!("sampling, one call, {} images", m.batch_size), m)));
    if let Some(sgemm) = &report.sgemm {
        let name = format!("sgemm, {0} × {0}", sgemm.size);
        let fastest = sgemm.median_ms * sgemm.gflop_per_second / sgemm.best_gflop_per_second;
        let rate = format!("{:.1}", sgemm.gflop_per_second);
        rows.push([name, ms(sgemm.median_ms), ms(fastest), "–".into(), rate, "100 %".into()]);
    }
    for peak in &report.peak {
        let name = format!("limit, products in {}", peak.precision);
        let fastest = peak.median_ms * peak.gflop_per_second / peak.best_gflop_per_second;
        let share = report.sgemm.as_ref().map(|sgemm| peak.gflop_per_second / sgemm.gflop_per_second);
        let share = share.map_or("–".into(), |share| format!("{:.0} %", 100.0 * share));
        rows.push([name, ms(peak.median_ms), ms(fastest), "–".into(), format!("{:.1}", peak.gflop_per_second), share]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = heading(report);
    for row in &rows {
        // Words to the left, numbers to the right.
        text += &format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            text += &format!("  {cell:>width$}");
        }
        text.push('\n');
    }
    if let Some(bytes) = report.peak_resident_bytes {
        text += &format!("\npeak memory: {:.0} MiB\n", bytes as f64 / f64::from(1 << 20));
    }
    text
}

fn heading(report: &BenchReport) -> String {
    let [height, width, channels] = report.image;
    let levels: Vec<String> = report.block_out_channels.iter().map(usize::to_string).collect();
    let machine = &report.machine;
    let threads = if machine.threads == 1 { "1 thread".into() } else { format!("{} threads", machine.threads) };
    let place = match machine.device.as_str() {
        "cpu" => format!("{}, {threads}, {} kernels", machine.cpu, machine.isa),
        other => format!("{other}, candle's own kernels"),
    };
    let precisions =
        [("training", report.train_precision, &report.train), ("sampling", report.sample_precision, &report.sample)];
    let precisions: String = precisions
        .iter()
        .filter(|(.., all)| !all.is_empty())
        .map(|(what, name, _)| format!(", {what} in {name}"))
        .collect();
    format!(
        "{}: {} of {} parameters ({}) on {width} × {height} × {channels}{}\n{place}{precisions}\n\n",
        report.config,
        report.network,
        report.parameters,
        levels.join(", "),
        if report.in_latents { " latents; its autoencoder isn't measured" } else { "" },
    )
}

fn row(name: String, measured: &Measured) -> [String; 6] {
    [
        name,
        ms(measured.median_ms),
        ms(measured.min_ms),
        format!("{:.1}", measured.images_per_second),
        format!("{:.1}", measured.gflop_per_second),
        measured.of_sgemm.map_or("–".into(), |share| format!("{:.0} %", 100.0 * share)),
    ]
}

fn ms(ms: f64) -> String {
    format!("{ms:.1} ms")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::bench::{Machine, Peak, Sgemm};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn args(text: &str) -> Args {
        Program::try_parse_from(["bench"].into_iter().chain(text.split_whitespace())).unwrap().args
    }

    fn measured(batch_size: usize) -> Measured {
        Measured {
            batch_size,
            median_ms: 320.0,
            min_ms: 310.5,
            all_ms: vec![320.0, 310.5, 330.0],
            images_per_second: 200.0,
            gflop: 106.5,
            gflop_per_second: 332.8,
            of_sgemm: Some(1.6),
            peak_resident_bytes: None,
        }
    }

    fn report() -> BenchReport {
        BenchReport {
            difflab: "0",
            config: "reference".into(),
            image: [28, 28, 1],
            network: "U-Net",
            in_latents: false,
            block_out_channels: vec![32, 64, 64],
            parameters: 1_623_169,
            machine: Machine {
                cpu: "a processor".into(),
                device: "cpu".into(),
                threads: 2,
                isa: "avx2",
                isas_available: vec!["avx2", "scalar"],
            },
            train_precision: "bf16",
            sample_precision: "f32",
            train: vec![measured(64), measured(128)],
            sample: vec![measured(16)],
            sgemm: Some(Sgemm { size: 2048, median_ms: 82.6, gflop_per_second: 208.0, best_gflop_per_second: 210.0 }),
            peak: vec![Peak {
                precision: "f32",
                median_ms: 5.0,
                gflop_per_second: 416.0,
                best_gflop_per_second: 420.0,
            }],
            peak_resident_bytes: Some(300 << 20),
        }
    }

    #[test]
    fn the_table_lines_up_and_says_what_ran_where() {
        let text = table(&report());
        assert!(text.starts_with("reference: U-Net of 1623169 parameters (32, 64, 64) on 28 × 28 × 1\n"), "{text}");
        assert!(text.contains("a processor, 2 threads, avx2 kernels"), "{text}");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(" ms") || line.starts_with("work")).collect();
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{text}");
        assert!(lines[5].starts_with("limit, products in f32") && lines[5].ends_with("200 %"), "{text}");
        assert!(lines[1].contains("320.0 ms") && lines[1].contains("160 %"), "{text}");
        assert!(text.ends_with("peak memory: 300 MiB\n"), "{text}");
    }

    #[test]
    fn what_was_not_measured_is_left_out_of_the_table() {
        let text =
            table(&BenchReport { sgemm: None, sample: vec![], peak: vec![], peak_resident_bytes: None, ..report() });
        assert!(!text.contains("sgemm,") && !text.contains("sampling") && !text.contains("peak"), "{text}");
    }

    #[test]
    fn work_that_is_not_asked_for_is_not_planned() {
        let plan = |text: &str| {
            let args = args(text);
            plan(&args, &subject(&args).unwrap())
        };
        let everything = plan("mnist-quick").unwrap();
        assert_eq!((everything.train, everything.sample, everything.sgemm), (vec![64, 128, 32], vec![16, 64], true));
        let some = plan("rgb32 --work train --batch-size 8,4").unwrap();
        assert_eq!((some.train, some.sample, some.sgemm), (vec![8, 4], vec![], false));
        let error = plan("--batch-size 0").unwrap_err();
        assert!(error.is::<UsageError>(), "{error}");
    }

    #[test]
    fn what_does_not_exist_is_refused_with_what_does() {
        let error = subject(&args("refrence")).unwrap_err();
        assert!(error.is::<UsageError>() && error.to_string().contains("reference"), "{error}");
    }
}
