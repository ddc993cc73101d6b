//! What came out, as a table and as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::binary::Binary;
use super::board::{Board, Measure, SAMPLER, STEPS};
use super::spread::Spread;
use super::training::Saved;
use crate::bench::Machine;
use crate::thousands::thousands;

/// One training, measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedResult {
    pub seed: u64,
    pub checkpoints: Vec<Saved>,
    /// Of the whole clock, the start of the program and all pauses included, up to the last checkpoint.
    pub images_per_second: f64,
    /// The checkpoint that reached each target.
    pub reached: Vec<Option<Saved>>,
    /// The share or the distance of each checkpoint, where they were asked for.
    pub curve: Option<Vec<f64>>,
    /// Seconds that the machine, or this program, stood still meanwhile.
    pub stood_still: f64,
}

/// All of it.
pub struct BoardRow {
    pub date: String,
    pub binary: Binary,
    pub machine: Machine,
    pub cores: usize,
    pub config: String,
    pub set: Vec<String>,
    /// "digits, read by the bundled judge".
    pub judged_by: String,
    pub batch_size: usize,
    pub board: Board,
    pub checkpoint_every: u64,
    pub seeds: Vec<SeedResult>,
}

impl BoardRow {
    /// Seconds to each target.
    fn spreads(&self) -> Vec<Spread> {
        let of = |target: usize| {
            let seconds: Vec<Option<f64>> =
                self.seeds.iter().map(|seed| seed.reached.get(target)?.map(|saved| saved.seconds)).collect();
            Spread::of(&seconds)
        };
        (0..self.board.targets.len()).map(of).collect()
    }

    fn images_per_second(&self) -> Spread {
        Spread::of(&self.seeds.iter().map(|seed| Some(seed.images_per_second)).collect::<Vec<_>>())
    }

    /// "mnist, train.batch_size=64".
    fn recipe(&self) -> String {
        std::iter::once(&self.config).chain(&self.set).cloned().collect::<Vec<_>>().join(", ")
    }

    /// "AMD EPYC 9R14, 2 cores, 2 threads, avx512".
    fn machine(&self) -> String {
        let (cores, threads) = (self.cores, self.machine.threads);
        let some = |n: usize, of: &str| format!("{n} {of}{}", if n == 1 { "" } else { "s" });
        format!("{}, {}, {}, {}", self.machine.cpu, some(cores, "core"), some(threads, "thread"), self.machine.isa)
    }

    /// The board's row in Markdown, and below it how it was measured.
    pub fn table(&self) -> String {
        let mut header = vec!["date".to_string(), "difflab".into(), "machine".into(), "recipe".into()];
        let (mut cells, limit) =
            (vec![self.date.clone(), self.binary.text(), self.machine(), self.recipe()], self.board.limit);
        for (target, spread) in self.board.targets.iter().zip(self.spreads()) {
            header.push(format!("seconds to {}", self.board.target_words(*target)));
            cells.push(spread.text(limit));
        }
        header.push("images/s".into());
        cells.push(self.images_per_second().median.map_or("–".into(), |rate| thousands(rate.round() as u64)));
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut out = line(&header) + &format!("|{}\n", "---|".repeat(header.len())) + &line(&cells);
        out += &format!("\n{}\n", self.how());
        if let Some(curve) = self.curve() {
            out += &format!("\n{curve}");
        }
        out
    }

    fn how(&self) -> String {
        let board = &self.board;
        let seeds = match self.seeds.len() {
            1 => "One seed".to_string(),
            n => format!("Median of {n} seeds (least–most)"),
        };
        let steps = match self.checkpoint_every {
            1 => "step".to_string(),
            n => format!("{n} steps"),
        };
        let w = board.guidance_scale;
        let mut how = format!(
            "{seeds}, trained for {} s at most with a checkpoint every {steps}; {} samples of each ({} {STEPS}, w {w} (s {})), \
             {}. ",
            board.limit,
            thousands(board.num),
            SAMPLER.name(),
            1.0 + w,
            self.judged_by
        );
        how += "A target is reached by the first checkpoint that reaches it and whose successor does so too.";
        for seed in self.seeds.iter().filter(|seed| seed.stood_still > 0.0) {
            how += &format!(
                "\nThe machine stood still for {:.1} s while seed {} trained: its times say nothing.",
                seed.stood_still, seed.seed
            );
        }
        if !board.by_the_rules {
            how += "\nNo row for the board, which takes five seeds, its own targets, samples and checkpoints, and previews and held-out loss \
                    on: docs/speedrun.md.";
        }
        how
    }

    /// What was seen at whole seconds: the newest checkpoint of each seed then, the median of the seeds.
    fn curve(&self) -> Option<String> {
        let whole = |seed: &SeedResult| seed.curve.clone().map(|curve| (seed.checkpoints.clone(), curve));
        let seeds: Vec<(Vec<Saved>, Vec<f64>)> = self.seeds.iter().map(whole).collect::<Option<_>>()?;
        let last = seeds.iter().filter_map(|(saved, _)| Some(saved.last()?.seconds)).fold(0.0, f64::max);
        let what = match self.board.measure {
            Measure::Reading(_) => "read as asked",
            Measure::Distance => "energy distance / that of real points",
        };
        let mut out = format!("| seconds | images | {what}: median (least–most) |\n|---|---|---|\n");
        for second in 1..=last.ceil() as u64 {
            let newest = |(saved, values): &(Vec<Saved>, Vec<f64>)| {
                let at = saved.iter().rposition(|saved| saved.seconds <= second as f64)?;
                Some((saved.get(at)?.step, *values.get(at)?))
            };
            let seen: Vec<(u64, f64)> = seeds.iter().filter_map(newest).collect();
            if seen.is_empty() {
                continue;
            }
            let images = Spread::of(&seen.iter().map(|(step, _)| Some(*step as f64)).collect::<Vec<_>>());
            let images = images.median.unwrap_or(0.0) * self.batch_size as f64;
            let values = Spread::of(&seen.iter().map(|(_, value)| Some(*value)).collect::<Vec<_>>());
            let shown = |value: Option<f64>| match (self.board.measure, value) {
                (_, None) => "–".into(),
                (Measure::Reading(_), Some(value)) => format!("{:.1} %", 100.0 * value),
                (Measure::Distance, Some(value)) => format!("{value:.2}"),
            };
            let range = match seen.len() {
                1 => String::new(),
                _ => format!(" ({}–{})", shown(values.least), shown(values.most)),
            };
            out += &format!("| {second} | {} | {}{range} |\n", thousands(images.round() as u64), shown(values.median));
        }
        Some(out)
    }

    pub fn json(&self) -> Value {
        let targets: Vec<Value> = self
            .board
            .targets
            .iter()
            .zip(self.spreads())
            .map(|(target, spread)| json!({"target": target, "words": self.board.target_words(*target), "seconds": spread}))
            .collect();
        let measure = match self.board.measure {
            Measure::Reading(_) => "share read as asked",
            Measure::Distance => "energy distance over that of real points",
        };
        json!({
            "date": self.date,
            "difflab": self.binary,
            "machine": self.machine,
            "cores": self.cores,
            "config": self.config,
            "set": self.set,
            "measure": measure,
            "judged_by": self.judged_by,
            "targets": targets,
            "images_per_second": self.images_per_second(),
            "limit": self.board.limit,
            "every": self.board.every,
            "checkpoint_every": self.checkpoint_every,
            "batch_size": self.batch_size,
            "num": self.board.num,
            "sampler": SAMPLER.name(),
            "steps": STEPS,
            "guidance_scale": self.board.guidance_scale,
            "by_the_rules": self.board.by_the_rules,
            "seeds": self.seeds,
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::eval::JudgeOf;

    fn row() -> BoardRow {
        let saved = |step: u64, seconds: f64| Saved { step, seconds };
        let seed = |seed, reached: [Option<Saved>; 2]| SeedResult {
            seed,
            checkpoints: vec![saved(20, 1.2), saved(40, 2.2), saved(60, 3.1)],
            images_per_second: 640.4,
            reached: reached.to_vec(),
            curve: None,
            stood_still: 0.0,
        };
        BoardRow {
            date: "2026-11-29".into(),
            binary: Binary { version: "0.1.0", sha256: "00ff".into(), commit: Some("1a2b3c4".into()) },
            machine: Machine { cpu: "Z".into(), isa: "avx2", ..Machine::new(&Device::Cpu, 2) },
            cores: 2,
            config: "mnist".into(),
            set: vec!["train.batch_size=64".into()],
            judged_by: "read by the bundled judge of digits".into(),
            batch_size: 64,
            board: Board {
                measure: Measure::Reading(JudgeOf::Digits),
                targets: vec![0.9, 0.98],
                by_the_rules: true,
                limit: 60.0,
                every: 1.0,
                num: 200,
                guidance_scale: 1.0,
            },
            checkpoint_every: 20,
            seeds: vec![
                seed(0, [Some(saved(20, 1.2)), None]),
                seed(1, [Some(saved(40, 2.2)), Some(saved(40, 2.2))]),
                seed(2, [Some(saved(20, 1.4)), None]),
            ],
        }
    }

    #[test]
    fn the_row_says_what_where_and_how_long() {
        let text = row().table();
        let mut lines = text.lines();
        assert_eq!(
            lines.next().unwrap(),
            "| date | difflab | machine | recipe | seconds to 90 % | seconds to 98 % | images/s |"
        );
        assert_eq!(lines.next().unwrap(), "|---|---|---|---|---|---|---|");
        assert_eq!(
            lines.next().unwrap(),
            "| 2026-11-29 | 0.1.0 (1a2b3c4) | Z, 2 cores, 2 threads, avx2 | mnist, train.batch_size=64 | 1.4 (1.2–2.2) | \
             > 60 (2.2–> 60) | 640 |"
        );
        assert!(
            text.contains("Median of 3 seeds") && text.contains("200 samples of each (ddim 50, w 1 (s 2))"),
            "{text}"
        );
        assert!(!text.contains("No row") && !text.contains("stood still"), "{text}");
        let mut other = row();
        other.board.by_the_rules = false;
        other.seeds[1].stood_still = 2.5;
        let text = other.table();
        assert!(text.contains("No row for the board") && text.contains("2.5 s while seed 1"), "{text}");
    }

    #[test]
    fn the_curve_has_the_newest_checkpoint_of_each_second() {
        let mut row = row();
        for (seed, shares) in row.seeds.iter_mut().zip([[0.5, 0.8, 0.9], [0.6, 0.9, 1.0], [0.4, 0.7, 0.8]]) {
            seed.curve = Some(shares.to_vec());
        }
        let text = row.table();
        let wanted = "| 2 | 1,280 | 50.0 % (40.0 %–60.0 %) |\n| 3 | 2,560 | 80.0 % (70.0 %–90.0 %) |\n\
                      | 4 | 3,840 | 90.0 % (80.0 %–100.0 %) |\n";
        assert!(text.ends_with(wanted), "{text}");
    }

    #[test]
    fn json_has_the_seconds_and_every_checkpoint() {
        let json = row().json();
        assert_eq!(json["targets"][0]["seconds"]["median"], 1.4);
        assert!(json["targets"][1]["seconds"]["median"].is_null());
        assert_eq!(json["seeds"][1]["reached"][1]["step"], 40);
        assert_eq!((&json["difflab"]["sha256"], &json["machine"]["threads"]), (&"00ff".into(), &2.into()));
        assert_eq!(json["seeds"][0]["checkpoints"].as_array().unwrap().len(), 3);
    }
}
