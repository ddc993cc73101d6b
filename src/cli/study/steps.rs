//! `difflab study steps`: how many steps each sampler needs.

use anyhow::Result;

use super::ledger::Ledger;
use super::repeated::Repeated;
use super::report::{FLOOR, all_finite, distance, percent, picture, table, told, write};
use super::studied_run::{Options, StudiedRun, make_out};
use crate::cli::usage::check_steps;
use crate::cli::{UsageError, values};
use crate::config::SamplerName;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series};
use crate::sampling::{SamplerSettings, check_sampler};
use crate::speak;

/// Quality against the number of steps, for each sampler.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Numbers of steps to try.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "10,20,50,100,1000")]
    steps: Vec<usize>,
    /// Samplers to try. Default: all that work on the run's path.
    #[arg(long, value_name = "NAME,NAME,…", value_delimiter = ',', value_parser = values::sampler)]
    samplers: Vec<SamplerName>,
    /// w in (1 + w)·ε_cond − w·ε_uncond. Default: the run's own.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    guidance_scale: Option<f64>,
    /// The weights of this checkpoint. Default: the newest good one.
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
}

/// Runs the study.
///
/// # Errors
/// A usage error for samplers or steps that this run can't have; else what went wrong while sampling or
/// writing.
pub fn run(args: Args) -> Result<()> {
    let subject = StudiedRun::open(&args.options, args.checkpoint)?;
    let schedule = subject.model.parameterization.schedule.clone();
    let total = schedule.timesteps();
    args.steps.iter().try_for_each(|&steps| check_steps(steps, total))?;
    for &sampler in &args.samplers {
        check_sampler(sampler, &schedule).map_err(UsageError::new)?;
    }
    let samplers: Vec<SamplerName> = match args.samplers.is_empty() {
        true => SamplerName::ALL.into_iter().filter(|&sampler| check_sampler(sampler, &schedule).is_ok()).collect(),
        false => args.samplers.clone(),
    };
    let out = &args.options.out;
    make_out(out)?;
    let usual = subject.model.config.sample.guidance_scale;
    let w = args.guidance_scale.unwrap_or(if subject.model.net.num_classes().is_some() { usual } else { 0.0 });
    let (key, mut ledger) = (subject.key()?, Ledger::open(&out.join("measured.jsonl"))?);
    let mut measured: Vec<Vec<Repeated>> = Vec::new();
    for &sampler in &samplers {
        let mut row = Vec::new();
        for &steps in &args.steps {
            // A list of timesteps in the run's config would overrule the steps.
            let usual = SamplerSettings::from(&subject.model.config.sample);
            let settings = SamplerSettings { sampler, steps, timesteps: Vec::new(), ..usual };
            let name = sampler.name();
            let file = out.join(format!("steps/{name}-{steps}.png"));
            let point = subject.repeat(&mut ledger, &format!("steps {key}"), &settings, w, &file)?;
            let seconds = point.seconds();
            speak::remark(format_args!("{} ({seconds:.0} s)", told(&format!("{name} {steps}"), &point)));
            row.push(point);
        }
        measured.push(row);
    }
    let grid = Grid { rows: &samplers, columns: &args.steps, measured: &measured };
    write(out, "steps", &text(&subject, w, &grid)?, &plots(&grid))?;
    all_finite(grid.points())
}

/// What was measured: one row a sampler, one column a number of steps.
struct Grid<'a> {
    rows: &'a [SamplerName],
    columns: &'a [usize],
    measured: &'a [Vec<Repeated>],
}

impl Grid<'_> {
    fn points(&self) -> impl Iterator<Item = &Repeated> {
        self.measured.iter().flatten()
    }
}

fn text(subject: &StudiedRun, w: f64, grid: &Grid) -> Result<String> {
    let mut header = vec!["sampler".to_string()];
    header.extend(grid.columns.iter().map(|steps| format!("{steps} steps")));
    let with = |cell: &dyn Fn(&Repeated) -> String| -> String {
        let rows: Vec<Vec<String>> = grid
            .rows
            .iter()
            .zip(grid.measured)
            .map(|(sampler, row)| {
                std::iter::once(format!("`{}`", sampler.name())).chain(row.iter().map(cell)).collect()
            })
            .collect();
        table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
    };
    let mut text = format!(
        "{}\nw = {w} (s = {}).\n\n![The first two tables as plots](steps.png)\n\n{FLOOR}",
        subject.caption(),
        1.0 + w
    );
    let floor = subject.floor()?;
    let of_floor = |shown: &dyn Fn(&Repeated) -> String| {
        floor.as_ref().map_or(String::new(), |floor| format!(" (floor {})", shown(floor)))
    };
    let accuracy = |point: &Repeated| percent(point.accuracy());
    text += &format!("Share read as the class asked for{}:\n\n{}\n", of_floor(&accuracy), with(&accuracy));
    if grid.points().any(|point| point.fid().is_some()) {
        let fid = |point: &Repeated| distance(point.fid());
        text += &format!(
            "Fréchet distance to the training images on the judge's features{} (judge-FID: compares runs of difflab with \
             each other only; few samples make it larger):\n\n{}\n",
            of_floor(&fid),
            with(&fid)
        );
    }
    text += &format!(
        "Network calls of a trajectory, which its time is proportional to (guidance asks twice in one call):\n\n{}\n",
        with(&|point| point.calls().to_string())
    );
    let header: Vec<String> = std::iter::once("sampler".to_string())
        .chain(grid.columns.iter().map(|steps| format!("{steps} steps")))
        .collect();
    let rows: Vec<Vec<String>> = grid
        .rows
        .iter()
        .zip(grid.measured)
        .map(|(sampler, row)| {
            let name = sampler.name();
            let shown = |(steps, point): (&usize, &Repeated)| {
                picture(point, &format!("{name}, {steps} steps"), &format!("steps/{name}-{steps}.png"))
            };
            std::iter::once(format!("`{name}`")).chain(grid.columns.iter().zip(row).map(shown)).collect()
        })
        .collect();
    Ok(text + "The first samples:\n\n" + &table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows))
}

/// Samplers that add noise on the way; they have plots of their own, as one legend has no room for all.
fn is_stochastic(sampler: SamplerName) -> bool {
    use SamplerName::*;
    matches!(sampler, Ddpm | EulerA | Dpmpp2mSde | Pc)
}

fn plots(grid: &Grid) -> Vec<LinePlot> {
    let plot = |title: &str, y_label: &str, stochastic: bool, y: &dyn Fn(&Repeated) -> Option<f64>| LinePlot {
        title: title.into(),
        x_label: "steps, log10".into(),
        y_label: y_label.into(),
        log_y: false,
        series: grid
            .rows
            .iter()
            .zip(grid.measured)
            .filter(|(sampler, _)| is_stochastic(**sampler) == stochastic)
            .enumerate()
            .map(|(i, (sampler, row))| Series {
                name: sampler.name().into(),
                color: DARK.line(i),
                points: grid.columns.iter().zip(row).filter_map(|(&n, p)| Some(((n as f64).log10(), y(p)?))).collect(),
            })
            .collect(),
    };
    let mut plots = Vec::new();
    for (title, stochastic) in [("Deterministic samplers", false), ("Stochastic samplers", true)] {
        plots.push(plot(title, "read as the class asked for, %", stochastic, &|p| Some(100.0 * p.accuracy()?.mean)));
        plots.push(plot(title, "judge-FID", stochastic, &|p| Some(p.fid()?.mean)));
    }
    plots.retain(|plot| plot.series.iter().any(|series| !series.points.is_empty()));
    plots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::study::judging::JudgedPoint;
    use crate::cli::study::repeated::tests::point;

    #[test]
    fn the_plot_has_a_line_a_sampler_over_the_logarithm_of_the_steps() {
        let point = |right| Repeated(vec![JudgedPoint { fid: None, ..point(right) }]);
        let measured = [vec![point(50), point(75)]];
        let grid = Grid { rows: &[SamplerName::Ddim], columns: &[10, 100], measured: &measured };
        let plots = plots(&grid);
        assert_eq!(plots.len(), 1, "no FID, no plot of it");
        assert_eq!(plots[0].series[0].points, [(1.0, 50.0), (2.0, 75.0)]);
    }
}
