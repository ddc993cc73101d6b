//! `difflab schedule`: what a noise schedule is, in numbers and as a plot.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

use super::posterior;
use crate::cli::output::OutputFile;
use crate::config::{ConfigError, DiffusionConfig, ScheduleName};
use crate::diffusion::Schedule;
use crate::picture::palette::DARK;
use crate::picture::plot::{LinePlot, Series, save_stacked};
use crate::speak;

/// Print β, ᾱ, √ᾱ, √(1−ᾱ) and SNR of noise schedules to full precision, or plot them.
///
/// Steps are numbered 1 to T as in the papers (x_1 … x_T); the code, the network and diffusers count
/// the same steps t = 0 to T − 1. Both numbers are printed, and --at takes steps: --at 1,1000 are the
/// first and the last of T = 1000.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// linear, scaled_linear, cosine (also: squaredcos_cap_v2), sigmoid, sigmoid_jabri; all of them if none is named
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub names: Vec<Named>,

    /// Number of diffusion steps T
    #[arg(long, value_name = "T", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub timesteps: u32,

    /// First β of linear, scaled_linear and sigmoid
    #[arg(long, value_name = "BETA", default_value_t = 1e-4)]
    pub beta_start: f64,

    /// Last β of linear, scaled_linear and sigmoid
    #[arg(long, value_name = "BETA", default_value_t = 0.02)]
    pub beta_end: f64,

    /// s of cosine (diffusion.cosine_s), 0 to 1
    #[arg(long, value_name = "S", default_value_t = 0.008)]
    pub cosine_s: f64,

    /// Largest β of cosine and sigmoid_jabri (diffusion.max_beta), above 0, at most 1
    #[arg(long, value_name = "BETA", default_value_t = 0.999)]
    pub max_beta: f64,

    /// Only these steps, 1 to T; negative ones count from the end, so that -1 is T
    #[arg(long, value_name = "STEP,STEP,…", value_delimiter = ',', allow_hyphen_values = true)]
    pub at: Vec<i64>,

    /// A step back by hand: also α_t, ᾱ_{t−1}, the variance β˜_t of q(x_{t−1} | x_t, x_0), and what its mean multiplies
    /// x_0 and x_t by (Ho et al. 2020, eq. 6 and 7)
    #[arg(long)]
    pub posterior: bool,

    /// table (an overview unless --at is given), json or csv (every step unless --at is given)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = NumbersFormat::Table)]
    pub format: NumbersFormat,

    /// Draw ᾱ and the SNR over the steps into this file as well
    #[arg(long, value_name = "FILE.png", value_parser = parse_png)]
    pub plot: Option<PathBuf>,
}

/// How the numbers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NumbersFormat {
    Table,
    Json,
    Csv,
}

/// A schedule, and what the user calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub called: String,
    pub schedule: ScheduleName,
}

/// Every name that is understood; the first five are ours, the last is diffusers'.
const NAMES: [(&str, ScheduleName); 6] = [
    ("linear", ScheduleName::Linear),
    ("scaled_linear", ScheduleName::ScaledLinear),
    ("cosine", ScheduleName::Cosine),
    ("sigmoid", ScheduleName::Sigmoid),
    ("sigmoid_jabri", ScheduleName::SigmoidJabri),
    ("squaredcos_cap_v2", ScheduleName::Cosine),
];

/// Paths that have no steps of their own.
const CONTINUOUS: [&str; 5] = ["vp_sde", "sub_vp_sde", "ve", "edm", "flow"];

fn named((called, schedule): (&str, ScheduleName)) -> Named {
    Named { called: called.into(), schedule }
}

fn parse_name(given: &str) -> Result<Named, String> {
    if let Some(&found) = NAMES.iter().find(|(name, _)| *name == given) {
        return Ok(named(found));
    }
    if let Some(path) = CONTINUOUS.iter().find(|path| **path == given) {
        return Err(format!(
            "path {path} is a formula in continuous time, with no list of β, and so no posterior of one step; what `difflab \
             schedule` prints are the schedules of path vp"
        ));
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&given.to_lowercase(), name);
    let nearest = NAMES.iter().map(|(name, _)| *name).min_by_key(|name| distance(name)).unwrap_or("cosine");
    let all = NAMES.map(|(name, _)| name).join(", ");
    Err(format!("there is no schedule of this name; did you mean `{nearest}`? There are {all}"))
}

fn parse_png(given: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(given);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("png") => Ok(path),
        _ => Err("plots are PNG files: give a name that ends in .png".into()),
    }
}

/// Prints and plots what is asked for.
///
/// # Errors
/// [`ConfigError`] when a step or a β is impossible; other errors when the plot or the output can't
/// be written.
pub fn run(args: Args) -> Result<()> {
    let picture = args.plot.as_deref().map(|path| OutputFile::new(path, "--plot", &["png"])).transpose()?;
    let schedules = schedules(&args)?;
    speak::print(&render(&args, &schedules)?)?;
    if let Some(picture) = picture {
        picture.write(|path, _| plot(&schedules, path))?;
        speak::remark(format_args!("wrote {}", picture.path.display()));
    }
    Ok(())
}

fn render(args: &Args, schedules: &[(String, Schedule)]) -> Result<String> {
    let steps = steps(args)?;
    Ok(match args.format {
        NumbersFormat::Table if args.posterior => posterior::blocks(schedules, &steps)? + &more(args, &steps),
        NumbersFormat::Table => table(schedules, &steps, args.timesteps as usize) + &more(args, &steps),
        NumbersFormat::Json => json(schedules, &steps, args)?,
        NumbersFormat::Csv => csv(schedules, &steps, args.posterior)?,
    })
}

/// The schedules asked for, once each, in order.
fn schedules(args: &Args) -> Result<Vec<(String, Schedule)>> {
    let mut names = args.names.clone();
    if names.is_empty() {
        names.extend(NAMES[..5].iter().copied().map(named));
    }
    let mut schedules: Vec<(String, Schedule)> = Vec::new();
    for name in names {
        if schedules.iter().any(|(called, _)| *called == name.called) {
            continue;
        }
        schedules.push((name.called, schedule(name.schedule, args)?));
    }
    Ok(schedules)
}

/// # Errors
/// [`ConfigError`] with the flag whose number makes no schedule.
fn schedule(name: ScheduleName, args: &Args) -> Result<Schedule, ConfigError> {
    let &Args { timesteps, beta_start, beta_end, cosine_s, max_beta, .. } = args;
    let refuse =
        |key: &str, value: String, problem: String| ConfigError::Impossible { key: key.into(), value, problem };
    if !(0.0..=1.0).contains(&cosine_s) {
        return Err(refuse("--cosine-s", cosine_s.to_string(), "use a number from 0 to 1; 0.008 is usual".into()));
    }
    if !(max_beta > 0.0 && max_beta <= 1.0) {
        return Err(refuse(
            "--max-beta",
            max_beta.to_string(),
            "use a number above 0, at most 1; 0.999 is usual".into(),
        ));
    }
    let timesteps = timesteps as usize;
    let config =
        DiffusionConfig { schedule: name, timesteps, beta_start, beta_end, cosine_s, max_beta, ..Default::default() };
    Schedule::from_config(&config).map_err(|error| match config.is_capped() {
        true => refuse("--cosine-s, --max-beta", format!("{cosine_s:?}, {max_beta:?}"), error.to_string()),
        false => refuse("--beta-start, --beta-end", format!("{beta_start:?}, {beta_end:?}"), error.to_string()),
    })
}

/// The steps to print, counted from 1.
fn steps(args: &Args) -> Result<Vec<usize>> {
    let last = args.timesteps as usize;
    if !args.at.is_empty() {
        // From the end as Python counts: −1 is the last.
        let counted = |step: i64| if step < 0 { step.saturating_add(last as i64).saturating_add(1) } else { step };
        let step = |&given: &i64| match usize::try_from(counted(given)) {
            Ok(step) if (1..=last).contains(&step) => Ok(step),
            _ => Err(ConfigError::Impossible {
                key: "--at".into(),
                value: given.to_string(),
                problem: format!(
                    "steps are numbered 1 to T = {last} (step s is the code's t = s − 1), or from the end, −1 to −{last}"
                ),
            }),
        };
        return Ok(args.at.iter().map(step).collect::<Result<_, _>>()?);
    }
    if args.format != NumbersFormat::Table {
        return Ok((1..=last).collect());
    }
    // An overview: the ends, and tenths between them.
    let mut steps: Vec<usize> = (0..=10).map(|i| (i * last / 10).max(1)).collect();
    steps.dedup();
    Ok(steps)
}

/// β, ᾱ, √ᾱ, √(1−ᾱ), SNR of a step counted from 1.
fn numbers(schedule: &Schedule, step: usize) -> [f64; 5] {
    let t = step - 1;
    [schedule.betas[t], schedule.alphas_cumprod[t], schedule.alpha(t), schedule.sigma(t), schedule.snr(t)]
}

/// What an overview leaves out, where it does.
fn more(args: &Args, steps: &[usize]) -> String {
    match args.at.is_empty() && steps.len() < args.timesteps as usize {
        true => format!(
            "\n{} of {} steps; --at STEP,STEP,… picks others, --format csv or json has all of them\n",
            steps.len(),
            args.timesteps
        ),
        false => String::new(),
    }
}

fn table(schedules: &[(String, Schedule)], steps: &[usize], timesteps: usize) -> String {
    let mut text = String::new();
    for (name, schedule) in schedules {
        let mut rows = vec![["step", "t", "β", "ᾱ", "√ᾱ", "√(1−ᾱ)", "SNR"].map(String::from)];
        for &step in steps {
            // Debug prints the shortest decimal that reads back as the same f64.
            let [beta, alpha_bar, alpha, sigma, snr] = numbers(schedule, step).map(|v| format!("{v:?}"));
            rows.push([step.to_string(), (step - 1).to_string(), beta, alpha_bar, alpha, sigma, snr]);
        }
        let widths: [usize; 7] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0));
        text += &format!("{name}, T = {timesteps}\n");
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let space = " ".repeat(widths[column] - cell.width());
                // Counts align right, decimals at their point.
                line += &if column < 2 { format!("  {space}{cell}") } else { format!("  {cell}{space}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text.push('\n');
    }
    text.pop();
    text
}

fn json(schedules: &[(String, Schedule)], steps: &[usize], args: &Args) -> Result<String> {
    let mut whole = Map::new();
    for (name, schedule) in schedules {
        let column = |index: usize| steps.iter().map(|&step| numbers(schedule, step)[index]).collect::<Vec<_>>();
        let mut entry = Map::new();
        if !args.at.is_empty() {
            entry.insert("step".into(), json!(steps));
            entry.insert("t".into(), json!(steps.iter().map(|step| step - 1).collect::<Vec<_>>()));
        }
        entry.insert("betas".into(), json!(column(0)));
        entry.insert("alphas_cumprod".into(), json!(column(1)));
        entry.insert("snr".into(), json!(column(4)));
        if args.posterior {
            entry.extend(posterior::columns(schedule, steps)?);
        }
        whole.insert(name.clone(), Value::Object(entry));
    }
    Ok(serde_json::to_string(&whole)? + "\n")
}

fn csv(schedules: &[(String, Schedule)], steps: &[usize], with_posterior: bool) -> Result<String> {
    let mut text =
        String::from("schedule,step,t,beta,alphas_cumprod,sqrt_alphas_cumprod,sqrt_one_minus_alphas_cumprod,snr");
    if with_posterior {
        posterior::NAMES.iter().for_each(|name| text += &format!(",{name}"));
    }
    text.push('\n');
    for (name, schedule) in schedules {
        for &step in steps {
            let [beta, alpha_bar, alpha, sigma, snr] = numbers(schedule, step);
            text += &format!("{name},{step},{},{beta:?},{alpha_bar:?},{alpha:?},{sigma:?},{snr:?}", step - 1);
            if with_posterior {
                posterior::StepBack::of(schedule, step)?
                    .values()
                    .iter()
                    .for_each(|value| text += &format!(",{value:?}"));
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// ᾱ above, the SNR in decibels below.
fn plot(schedules: &[(String, Schedule)], path: &Path) -> Result<()> {
    let series = |named: bool, y: &dyn Fn(&Schedule, usize) -> f64| {
        let line = |(name, schedule): &(String, Schedule)| Series {
            name: if named { name.clone() } else { String::new() },
            color: DARK.schedule(schedule.name),
            points: (0..schedule.timesteps()).map(|t| ((t + 1) as f64, y(schedule, t))).collect(),
        };
        schedules.iter().map(line).collect()
    };
    let signal = LinePlot {
        title: "Signal left".into(),
        x_label: "step".into(),
        y_label: "share of the variance, alphas_cumprod".into(),
        log_y: false,
        series: series(true, &|schedule, t| schedule.alphas_cumprod[t]),
    };
    let snr = LinePlot {
        title: "Signal-to-noise ratio".into(),
        x_label: "step".into(),
        y_label: "dB".into(),
        log_y: false,
        series: series(false, &|schedule, t| schedule.snr_db(t)),
    };
    save_stacked(&[signal, snr], path, 1000, 900)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn printed(line: &str) -> Result<String> {
        let args = Cli::try_parse_from(line.split_whitespace())?.args;
        render(&args, &schedules(&args)?)
    }

    #[test]
    fn json_has_exactly_the_promised_keys_and_reads_back_bit_for_bit() {
        let value: Value = serde_json::from_str(&printed("schedule cosine linear --format json").unwrap()).unwrap();
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["cosine", "linear"]);
        let schedule = Schedule::named(ScheduleName::Cosine, 1000, 1e-4, 0.02).unwrap();
        let entry = value["cosine"].as_object().unwrap();
        assert_eq!(entry.keys().collect::<Vec<_>>(), ["alphas_cumprod", "betas", "snr"]);
        for t in [0, 499, 999] {
            assert_eq!(entry["betas"][t].as_f64().unwrap(), schedule.betas[t]);
            assert_eq!(entry["alphas_cumprod"][t].as_f64().unwrap(), schedule.alphas_cumprod[t]);
            assert_eq!(entry["snr"][t].as_f64().unwrap(), schedule.snr(t));
        }
        assert_eq!(entry["betas"].as_array().unwrap().len(), 1000);
    }

    #[test]
    fn at_takes_steps_from_1_to_t() {
        let text = printed("schedule linear --at 1,250,500,1000 --format json").unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["linear"]["step"], json!([1, 250, 500, 1000]));
        assert_eq!(value["linear"]["t"], json!([0, 249, 499, 999]));
        assert_eq!(value["linear"]["betas"][0], json!(1e-4));
        let schedule = Schedule::named(ScheduleName::Linear, 1000, 1e-4, 0.02).unwrap();
        assert_eq!(value["linear"]["snr"][3].as_f64().unwrap(), schedule.snr(999));
        let from_the_end = printed("schedule linear --at -1,-751,500,-1000 --format json").unwrap();
        let value: Value = serde_json::from_str(&from_the_end).unwrap();
        assert_eq!(value["linear"]["step"], json!([1000, 250, 500, 1]));
        for step in ["0", "1001", "-1001", "-9223372036854775808"] {
            let error = printed(&format!("schedule linear --at {step}")).unwrap_err();
            assert!(error.downcast_ref::<ConfigError>().is_some(), "a wrong step is a wrong usage");
            assert!(error.to_string().contains("1 to T = 1000"), "{error}");
        }
    }

    #[test]
    fn the_posterior_comes_in_every_format_and_only_when_asked_for() {
        let value: Value =
            serde_json::from_str(&printed("schedule linear --at 1,500 --posterior --format json").unwrap()).unwrap();
        let entry = value["linear"].as_object().unwrap();
        assert!(posterior::NAMES.iter().all(|name| entry[*name].as_array().unwrap().len() == 2), "{entry:?}");
        assert_eq!(entry["posterior_variance"][0], json!(0.0));
        let rows = printed("schedule linear --at 1,500 --posterior --format csv").unwrap();
        assert!(rows.lines().all(|row| row.split(',').count() == 8 + posterior::NAMES.len()), "{rows}");
        let text = printed("schedule linear --posterior").unwrap();
        assert_eq!(text.matches("\nstep ").count(), 11);
        assert!(text.ends_with("has all of them\n") && text.contains("β˜_t"), "{text}");
        assert!(!printed("schedule linear --at 500").unwrap().contains("β˜"));
    }

    #[test]
    fn shift_and_cap_of_the_cosine_are_flags() {
        let text = printed("schedule cosine --at 1,-1 --cosine-s 0 --max-beta 0.5 --timesteps 2 --format csv").unwrap();
        let beta = |row: usize| text.lines().nth(row).unwrap().split(',').nth(3).unwrap().parse::<f64>().unwrap();
        assert!((beta(1) - 0.5).abs() < 1e-12 && beta(2) == 0.5, "{text}");
        for (flags, named) in [("--cosine-s 2", "--cosine-s"), ("--max-beta 0", "--max-beta")] {
            let error = printed(&format!("schedule cosine {flags}")).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("usual"), "{error}");
        }
    }

    #[test]
    fn csv_has_a_row_for_every_step_of_every_schedule() {
        let text = printed("schedule --timesteps 7 --format csv").unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 1 + 5 * 7);
        let cells: Vec<&str> = rows[1].split(',').collect();
        assert_eq!(cells[..4], ["linear", "1", "0", "0.0001"]);
        assert_eq!(cells.len(), rows[0].split(',').count());
        let (alpha, sigma): (f64, f64) = (cells[5].parse().unwrap(), cells[6].parse().unwrap());
        assert!((alpha * alpha + sigma * sigma - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_table_lines_its_columns_up() {
        let text = printed("schedule squaredcos_cap_v2 --at 1,1000").unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0], "squaredcos_cap_v2, T = 1000");
        let column = |row: &str, of: &str| row[..row.find(of).unwrap()].width();
        assert_eq!(column(rows[2], "0.9999"), column(rows[1], "ᾱ"));
        assert_eq!(column(rows[3], "2.42"), column(rows[1], "ᾱ"));
    }

    #[test]
    fn an_overview_shows_the_ends_and_says_how_to_see_the_rest() {
        let text = printed("schedule cosine").unwrap();
        assert!(text.contains("\n     1    0  ") && text.contains("\n  1000  999  0.999  "), "{text}");
        assert!(text.contains("11 of 1000 steps"));
        assert!(!printed("schedule cosine --timesteps 3").unwrap().contains("--at"));
    }

    #[test]
    fn wrong_names_and_numbers_are_refused_before_anything_runs() {
        let refusal = |line: &str| Cli::try_parse_from(line.split_whitespace()).unwrap_err();
        assert!(refusal("schedule cosin").to_string().contains("did you mean `cosine`"));
        assert!(refusal("schedule Scaled-Linear").to_string().contains("did you mean `scaled_linear`"));
        let flow = refusal("schedule flow --posterior").to_string();
        assert!(flow.contains("path flow is a formula in continuous time"), "{flow}");
        assert_eq!(refusal("schedule --timesteps 0").exit_code(), 2);
        assert_eq!(refusal("schedule --plot x.jpg").exit_code(), 2);
        let error = printed("schedule linear --beta-end 1.5").unwrap_err();
        assert!(error.downcast_ref::<ConfigError>().is_some());
        assert!(error.to_string().contains("1.5"));
    }

    #[test]
    fn the_plot_is_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schedules.png");
        let args = Cli::try_parse_from(["schedule"]).unwrap().args;
        plot(&schedules(&args).unwrap(), &path).unwrap();
        let image = image::open(&path).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), (1000, 900));
        for name in ["linear", "scaled_linear", "cosine", "sigmoid"] {
            let color = DARK.schedule(parse_name(name).unwrap().schedule);
            let drawn = image.pixels().filter(|p| (0..3).all(|i| p.0[i].abs_diff(color[i]) < 16)).count();
            assert!(drawn > 500, "{name}: {drawn} pixels");
        }
    }
}
