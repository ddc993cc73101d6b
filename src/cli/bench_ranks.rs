//! `difflab bench --mpi`: the ranks' part of a step of training, in words.

use anyhow::Result;
use indicatif::ProgressBar;

use super::UsageError;
use crate::bench::{BenchModel, RanksPlan, RanksReport};
use crate::ranks::world;
use crate::thousands::thousands;

/// Measures on all ranks.
///
/// # Errors
/// A usage error where there is one process alone; else what failed on the way.
pub fn measured(subject: &BenchModel, plan: &RanksPlan) -> Result<RanksReport> {
    let ranks = world();
    if ranks.is_alone() {
        return Err(UsageError::new(alone()).into());
    }
    // Shows nothing where stderr is no terminal.
    let spinner = if ranks.leads() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let report = plan.run(subject, &ranks, |what| {
        spinner.set_message(format!("measuring: {what}"));
        spinner.tick();
    });
    spinner.finish_and_clear();
    report
}

fn alone() -> String {
    match cfg!(feature = "mpi") {
        true => "--mpi: there is one process, and it exchanges nothing\n  start several: mpirun -n 2 difflab bench --mpi, or \
                 under Slurm srun --mpi=pmix difflab bench --mpi"
            .into(),
        false => "--mpi: this difflab was built without MPI\n  build it with cargo build --release --features mpi \
                  (docs/scale-out.md), and start it with mpirun -n 2 difflab bench --mpi"
            .into(),
    }
}

/// The report for a person.
pub fn table(report: &RanksReport) -> String {
    let RanksReport { machine, ranks, batch_size, .. } = report;
    let threads = if machine.threads == 1 { "1 thread".into() } else { format!("{} threads", machine.threads) };
    let link = report.scaling.link;
    let mut text = format!(
        "{}: {} parameters, {} of gradients a step\n{ranks} ranks of {threads}, {}, {} kernels\n\n",
        report.config,
        thousands(report.parameters),
        mega(report.bytes as f64),
        machine.cpu,
        machine.isa,
    );
    let lines = [
        (format!("step of {batch_size} images, one rank"), ms(report.whole_step)),
        (format!("step of {} images, one rank", report.images_a_rank), ms(report.divided_step)),
        (
            "ordered sum of the gradients".into(),
            format!(
                "{}, {}/s, {:.1} % of a step over the ranks",
                ms(report.sum),
                mega(report.bytes as f64 / report.sum),
                100.0 * report.sum / report.measured_step
            ),
        ),
        ("in such a step, with waiting for the slowest".into(), ms(report.exchange)),
        (
            format!("step of {batch_size} images, {ranks} ranks"),
            format!("{}; the model says {}", ms(report.measured_step), ms(report.predicted_step)),
        ),
        ("latency of a message, fitted".into(), format!("{:.1} µs", 1e6 * link.latency)),
        ("rate of a rank, fitted".into(), rate(link.per_byte)),
    ];
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.iter().for_each(|(name, value)| text += &format!("{name:<width$}  {value}\n"));
    let row = |cells: [String; 6]| {
        let [ranks, sum, grown, its_efficiency, divided, efficiency] = cells;
        format!("{ranks:>11} {sum:>10} {grown:>26} {its_efficiency:>12} {divided:>27} {efficiency:>12}\n")
    };
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    text += "\n";
    text += &row([
        String::new(),
        "sum".into(),
        format!("step, {batch_size} images a rank"),
        "efficiency".into(),
        format!("step, {batch_size} images in all"),
        "efficiency".into(),
    ]);
    for at in &report.predicted {
        text += &row([
            format!("{} ranks", at.ranks),
            ms(at.sum_seconds),
            ms(at.grown_seconds),
            percent(at.grown_efficiency),
            ms(at.divided_seconds),
            percent(at.divided_efficiency),
        ]);
    }
    text + "\nThe table is a model's, by the numbers above it: docs/scale-out.md has what it assumes.\n"
}

fn rate(seconds_a_byte: f64) -> String {
    if seconds_a_byte > 0.0 { mega(1.0 / seconds_a_byte) + "/s" } else { "too fast to be told from the latency".into() }
}

fn mega(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

fn ms(seconds: f64) -> String {
    format!("{:.1} ms", 1e3 * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Computing, Link, Machine, Scaling};

    #[test]
    fn the_table_has_the_sum_beside_the_step_and_a_line_for_each_number_of_ranks() {
        let scaling = Scaling {
            link: Link { latency: 1e-5, per_byte: 5e-10 },
            computing: Computing { fixed: 0.01, image: 0.002 },
            batch_size: 32,
            bytes: 6_500_000,
        };
        let report = RanksReport {
            difflab: "0",
            config: "reference".into(),
            machine: Machine {
                cpu: "a processor".into(),
                device: "cpu".into(),
                threads: 1,
                isa: "avx2",
                isas_available: vec!["avx2"],
            },
            ranks: 2,
            batch_size: 32,
            images_a_rank: 16,
            parameters: 1_625_000,
            bytes: 6_500_000,
            whole_step: 0.074,
            divided_step: 0.042,
            sum: 0.004,
            sums: Vec::new(),
            predicted_step: scaling.at(2).divided_seconds,
            measured_step: 0.05,
            exchange: 0.006,
            scaling,
            predicted: vec![scaling.at(2), scaling.at(1024)],
        };
        let text = table(&report);
        assert!(text.starts_with("reference: 1,625,000 parameters, 6.5 MB of gradients a step\n2 ranks of 1 thread"));
        assert!(text.contains("4.0 ms, 1625.0 MB/s, 8.0 % of a step"), "{text}");
        assert!(text.contains("50.0 ms; the model says 45.3 ms"), "{text}");
        assert!(text.contains("    2 ranks ") && text.contains(" 1024 ranks "), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" %") || line.contains("efficiency")).collect();
        assert!(rows.len() == 3 && rows.iter().all(|row| row.chars().count() == rows[1].chars().count()), "{text}");
    }
}
