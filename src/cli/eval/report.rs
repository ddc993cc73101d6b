//! The results, as a table and as JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::{Args, Metric, steps};
use super::judged::Judged;
use super::likelihoods::{Bounds, OdeLikelihood, Unit};
use super::plane::PlaneDistance;
use super::reconstructions::ReconstructionMeasure;
use super::samples::{WithFloor, guidance_scale};
use crate::config::{Precision, SamplerName};
use crate::eval::{Bound, ClassAccuracy, Estimate, ReverseVariance, Term};
use crate::process::interrupt::Interrupted;
use crate::run::{LoadedModel, NotFinite};
use crate::thousands::thousands;

/// Everything that was measured, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalReport {
    pub run: String,
    pub step: u64,
    /// "1,000 held-out images of mnist"; empty when the data could not be loaded.
    pub data: String,
    pub vlb: Option<Bounds>,
    pub nll: Option<OdeLikelihood>,
    pub judged: Option<Judged>,
    pub plane: Option<PlaneDistance>,
    /// Of an autoencoder, whose reconstructions stand where samples would.
    pub reconstruction: Option<ReconstructionMeasure>,
    /// Is it of an autoencoder?
    pub reconstructs: bool,
    pub num: u64,
    pub sampler: String,
    pub steps: usize,
    pub guidance_scale: f64,
    /// How precisely the network multiplied while it sampled.
    pub sample_precision: Precision,
    pub seed: u64,
    /// What could not be measured, and why.
    pub skipped: BTreeMap<&'static str, String>,
    /// What to know when reading the numbers.
    pub warnings: Vec<String>,
    /// Why the samples are none, if they aren't: the command failed then.
    pub broken: Option<String>,
    pub seconds: BTreeMap<&'static str, f64>,
}

impl EvalReport {
    /// Nothing measured yet; the samples will be drawn in `sample_precision`.
    pub fn new(dir: &Path, model: &LoadedModel, args: &Args, sample_precision: Precision) -> Self {
        Self {
            run: dir.display().to_string(),
            step: model.step,
            data: String::new(),
            vlb: None,
            nll: None,
            judged: None,
            plane: None,
            reconstruction: None,
            reconstructs: model.config.trains_autoencoder(),
            num: args.num(),
            sampler: args.sampler().name().to_string(),
            steps: steps(args, model),
            guidance_scale: guidance_scale(args, model),
            sample_precision,
            seed: args.seed,
            skipped: BTreeMap::new(),
            warnings: Vec::new(),
            broken: None,
            seconds: BTreeMap::new(),
        }
    }

    /// Was anything measured?
    pub fn has_any(&self) -> bool {
        let judged = self
            .judged
            .as_ref()
            .is_some_and(|j| j.fid.is_some() || j.precision.is_some() || j.diversity.is_some() || j.accuracy.is_some());
        let measured = self.vlb.is_some() || self.nll.is_some() || self.plane.is_some();
        measured || self.reconstruction.is_some() || judged
    }

    /// Does some work that `metrics` are measured with, and takes its time. Where it fails, they could not be
    /// measured, and the others go on.
    ///
    /// # Errors
    /// That a signal broke it off.
    pub fn attempt<T>(
        &mut self,
        what: &'static str,
        metrics: &[Metric],
        work: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        let start = Instant::now();
        let result = work();
        self.seconds.insert(what, start.elapsed().as_secs_f64());
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) if Interrupted::caused(&error) => Err(error),
            Err(error) => {
                let why = format!("{error:#}");
                if error.is::<NotFinite>() {
                    self.broken = Some(why.clone());
                }
                self.skipped.extend(metrics.iter().map(|metric| (metric.name(), why.clone())));
                Ok(None)
            }
        }
    }

    /// Sections for a person.
    pub fn table(&self) -> String {
        let mut out = format!("{} · step {} · EMA weights\n", self.run, thousands(self.step as usize));
        if self.vlb.is_some() || self.nll.is_some() {
            out += &self.likelihood_table();
        }
        if let Some(reconstruction) = &self.reconstruction {
            out += &reconstruction.table(&self.data);
        }
        if let Some(judged) = &self.judged {
            out += &self.judged_table(judged);
        }
        if let Some(plane) = &self.plane {
            out += &self.plane_table(plane);
        }
        for (metric, reason) in &self.skipped {
            out += &format!("\n{metric}: not measurable: {reason}\n");
        }
        let total: f64 = self.seconds.values().sum();
        let parts: Vec<String> = self.seconds.iter().map(|(what, s)| format!("{what} {s:.0} s")).collect();
        out + &format!("\ntook {total:.0} s ({})\n", parts.join(", "))
    }

    fn likelihood_table(&self) -> String {
        let unit = self.vlb.as_ref().map(|v| v.unit).or(self.nll.as_ref().map(|n| n.unit));
        let mut out = format!("\n−log p of {}, {} (less is better)\n", self.data, unit.map_or("", |u| u.name));
        let shown = |estimate: Estimate, unit: Unit| with_error(estimate.affine(unit.per_nat, 0.0), 3);
        if let Some(Bounds { unit, images, bounds }) = &self.vlb {
            for bound in bounds {
                out += &format!(
                    "  VLB {:<14} {:<16} = L_T {:.4} + ΣL_t {:.3} + L_0 {:.3}   ({} images)\n",
                    bound.variance.name(),
                    shown(bound.total, *unit),
                    bound.prior.mean * unit.per_nat,
                    bound.diffusion.mean * unit.per_nat,
                    bound.decoder.mean * unit.per_nat,
                    thousands(*images)
                );
            }
        }
        if let Some(OdeLikelihood { unit, images, estimate, calls, tolerance }) = &self.nll {
            out += &format!(
                "  probability flow   {:<16} {calls:.0} network calls an image, tolerance {tolerance}   ({} images)\n",
                shown(*estimate, *unit),
                thousands(*images)
            );
        }
        if let Some(Bounds { unit, bounds, .. }) = &self.vlb
            && let Some(bound) = bounds.first()
        {
            out += &terms_table(bound, *unit);
        }
        out
    }

    /// "1,000 samples (ddim 50, bf16, w 0 (s 1), seed 0)".
    fn samples_words(&self) -> String {
        let (w, s) = (self.guidance_scale, 1.0 + self.guidance_scale);
        let num = thousands(self.num as usize);
        // It chooses its steps itself.
        let steps = if self.sampler == SamplerName::PfOde.name() { String::new() } else { format!(" {}", self.steps) };
        let precision = if self.sample_precision == Precision::Bf16 { " bf16," } else { "" };
        format!("{num} samples ({}{steps},{precision} w {w} (s {s}), seed {})", self.sampler, self.seed)
    }

    fn plane_table(&self, plane: &PlaneDistance) -> String {
        let mut out = format!("\n{}, against {}\n", self.samples_words(), self.data);
        out += &format!("  {:<16} {:<18} floor*\n", "", "samples");
        out += &row("energy distance", plane.distance, 5);
        out + &match plane.floor_points {
            0 => "  * the run held no points out: no floor\n".to_string(),
            n => format!("  * {} training points in the samples' place\n", thousands(n)),
        }
    }

    fn judged_table(&self, judged: &Judged) -> String {
        let (what, column) = match self.reconstructs {
            true => (format!("reconstructions of {} of {}", thousands(judged.num), self.data), "reconstructions"),
            false => (self.samples_words(), "samples"),
        };
        let mut out = format!("\n{what}, seen by {}\n", judged.of.words());
        out += &format!("  {:<16} {column:<18} floor*\n", "");
        let accuracy = judged.accuracy.as_ref().map(|(_, share)| *share);
        let rows = [
            ("judge-FID", Metric::Fid, judged.fid, 2),
            ("precision", Metric::Pr, judged.precision, 3),
            ("recall", Metric::Pr, judged.recall, 3),
            ("diversity", Metric::Diversity, judged.diversity, 3),
            ("class accuracy", Metric::Accuracy, accuracy, 3),
        ];
        for (name, metric, value, digits) in rows {
            out += &match value {
                Some(value) => row(name, value, digits),
                None if self.skipped.contains_key(metric.name()) => format!("  {name:<16} {NOT_MEASURABLE}\n"),
                None => String::new(),
            };
        }
        if let Some(fid) = judged.reconstruction_fid {
            out += &format!(
                "  {:<16} {:<18} the same held-out images, encoded and decoded: no sample gets better than the autoencoder\n",
                "reconstruction",
                with_error(fid, 2)
            );
        }
        out += &match judged.floor_images {
            0 => "  * the run held no images out: no floor\n".to_string(),
            n => format!("  * {} held-out images in the {column}' place\n", thousands(n)),
        };
        if let Some((accuracy, _)) = &judged.accuracy {
            out += &accuracy_table(accuracy);
        }
        out
    }

    /// One object with fixed keys; null is what was not measured.
    pub fn json(&self) -> Value {
        let judged = self.judged.as_ref();
        let accuracy = judged.and_then(|judged| judged.accuracy.as_ref());
        let right = accuracy.map(|(accuracy, _)| accuracy.right());
        // Null where none was asked for.
        let per_class = accuracy
            .map(|(a, _)| a.per_class.iter().map(|(right, total)| (*total > 0).then_some(*right)).collect::<Vec<_>>());
        // Null where nothing is sampled.
        let sampled = |value: Value| if self.reconstructs { Value::Null } else { value };
        json!({
            "run": self.run,
            "step": self.step,
            "data": self.data,
            "vlb": self.vlb.as_ref().map(vlb_json),
            "nll": self.nll.as_ref().map(|flow| json!({
                "unit": flow.unit.name,
                "images": flow.images,
                "value": number(flow.estimate.affine(flow.unit.per_nat, 0.0)),
                "network_calls": flow.calls,
                "tolerance": flow.tolerance,
            })),
            "judge_fid": judged.and_then(|judged| judged.fid).map(floored),
            "reconstruction_judge_fid": judged.and_then(|judged| judged.reconstruction_fid).map(number),
            "precision": judged.and_then(|judged| judged.precision).map(floored),
            "recall": judged.and_then(|judged| judged.recall).map(floored),
            "diversity": judged.and_then(|judged| judged.diversity).map(floored),
            "accuracy": accuracy.map(|(_, share)| floored(*share)),
            "energy_distance": self.plane.map(plane_json),
            "floor_images": judged.map_or(0, |judged| judged.floor_images),
            "class_accuracy": accuracy.map(|(_, share)| share.samples.mean),
            "right": right,
            "per_class": per_class,
            "reconstruction": self.reconstruction.as_ref().map(ReconstructionMeasure::json),
            "num": self.num,
            "sampler": sampled(self.sampler.clone().into()),
            "steps": sampled(self.steps.into()),
            "guidance_scale": sampled(self.guidance_scale.into()),
            "guidance_scale_s": sampled((1.0 + self.guidance_scale).into()),
            "sample_precision": sampled(self.sample_precision.name().into()),
            "seed": sampled(self.seed.into()),
            "skipped": self.skipped,
            "warnings": self.warnings,
            "seconds": self.seconds,
            "measured_with": judged.map(|judged| judged.of.words()),
        })
    }
}

/// In the place of a number.
const NOT_MEASURABLE: &str = "not measurable";

/// Bars of the first terms, a stretch of t a line.
fn terms_table(bound: &Bound, unit: Unit) -> String {
    let largest = bound.terms.iter().filter_map(|term| term.sum).fold(0.0, f64::max);
    let mut out = format!("\n  L_t by t ({})\n", bound.variance.name());
    for Term { t: (first, end), sum } in &bound.terms {
        // L_0, the term of t = 0, has its own column.
        let first = if bound.variance == ReverseVariance::Continuous { *first } else { first.max(1.0) };
        if first >= *end {
            continue;
        }
        let t = format!("{first:.0}–{:.0}", end - 1.0);
        out += &match sum {
            Some(sum) => {
                let filled = if largest > 0.0 { (sum / largest * 30.0).round().max(0.0) as usize } else { 0 };
                format!("  {t:>9} {:>8.4} {}\n", sum * unit.per_nat, "█".repeat(filled))
            }
            None => format!("  {t:>9} {:>8} not measured\n", "–"),
        };
    }
    out
}

fn accuracy_table(accuracy: &ClassAccuracy) -> String {
    let mut out = String::from("\n  class   read as it\n");
    for (class, (right, total)) in accuracy.per_class.iter().enumerate() {
        if *total == 0 {
            out += &format!("  {class:>5}      – none was asked for\n");
            continue;
        }
        let filled = (right * 20 + total / 2) / total;
        out += &format!("  {class:>5}   {right:>4} of {total:<4} {}\n", "█".repeat(filled));
    }
    if !accuracy.mistakes.is_empty() {
        let shown: Vec<String> =
            accuracy.mistakes.iter().take(5).map(|(asked, read, n)| format!("{asked} as {read} ({n}×)")).collect();
        out += &format!("  most often misread: {}\n", shown.join(", "));
    }
    out
}

/// A measurement and its floor.
fn row(name: &str, WithFloor { samples, floor }: WithFloor, digits: usize) -> String {
    let floor = floor.map_or("–".into(), |floor| with_error(floor, digits));
    format!("  {name:<16} {:<18} {floor}\n", with_error(samples, digits))
}

/// "3.214 ± 0.021".
fn with_error(estimate: Estimate, digits: usize) -> String {
    if estimate.mean.is_finite() { estimate.text(digits) } else { NOT_MEASURABLE.into() }
}

fn number(estimate: Estimate) -> Value {
    json!({ "mean": estimate.mean, "standard_error": estimate.standard_error })
}

fn floored(value: WithFloor) -> Value {
    json!({
        "mean": value.samples.mean,
        "standard_error": value.samples.standard_error,
        "floor": value.floor.map(|floor| floor.mean),
        "floor_standard_error": value.floor.map(|floor| floor.standard_error),
    })
}

fn plane_json(plane: PlaneDistance) -> Value {
    let mut value = floored(plane.distance);
    value["points"] = plane.reference.into();
    value["floor_points"] = plane.floor_points.into();
    value
}

fn vlb_json(vlb: &Bounds) -> Value {
    let scaled = |estimate: Estimate| number(estimate.affine(vlb.unit.per_nat, 0.0));
    let one = |bound: &Bound| {
        let terms = bound
            .terms
            .iter()
            .map(|Term { t: (first, end), sum }| {
                json!({ "t_first": first, "t_end": end, "sum": sum.map(|sum| sum * vlb.unit.per_nat) })
            });
        json!({
            "variance": bound.variance.name(),
            "total": scaled(bound.total),
            "prior": scaled(bound.prior),
            "diffusion": scaled(bound.diffusion),
            "decoder": scaled(bound.decoder),
            "terms": terms.collect::<Vec<_>>(),
        })
    };
    json!({
        "unit": vlb.unit.name,
        "images": vlb.images,
        "total": vlb.bounds.first().map(|bound| scaled(bound.total)),
        "bounds": vlb.bounds.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{JudgeOf, ReverseVariance};

    fn report() -> EvalReport {
        let nats = |mean| Estimate { mean, standard_error: 0.1 };
        let unit = Unit { name: "bits/dim", per_nat: 0.5 };
        let bound = Bound {
            variance: ReverseVariance::FixedSmall,
            total: nats(6.0),
            prior: nats(0.0),
            diffusion: nats(5.0),
            decoder: nats(1.0),
            terms: vec![
                Term { t: (0.0, 50.0), sum: Some(4.0) },
                Term { t: (50.0, 100.0), sum: Some(1.0) },
                Term { t: (100.0, 150.0), sum: None },
            ],
        };
        let floor = |mean, floor| {
            Some(WithFloor { samples: nats(mean), floor: Some(Estimate { mean: floor, standard_error: f64::NAN }) })
        };
        let accuracy = ClassAccuracy { per_class: vec![(1, 2), (2, 2)], mistakes: vec![(0, 6, 1)] };
        EvalReport {
            run: "runs/x".into(),
            step: 1500,
            data: "1,000 held-out images of mnist".into(),
            vlb: Some(Bounds { unit, images: 512, bounds: vec![bound] }),
            nll: Some(OdeLikelihood { unit, images: 32, estimate: nats(5.5), calls: 140.0, tolerance: 1e-3 }),
            judged: Some(Judged {
                of: JudgeOf::Digits,
                fid: floor(12.0, 1.5),
                reconstruction_fid: None,
                precision: None,
                recall: None,
                diversity: None,
                accuracy: Some((accuracy, WithFloor { samples: Estimate::share(3, 4), floor: None })),
                num: 4,
                floor_images: 1000,
                unmeasurable: BTreeMap::new(),
            }),
            reconstruction: None,
            reconstructs: false,
            plane: Some(PlaneDistance {
                distance: floor(0.0123, 0.0017).unwrap(),
                reference: 2000,
                floor_points: 1000,
            }),
            num: 4,
            sampler: "ddim".into(),
            steps: 50,
            guidance_scale: 1.5,
            sample_precision: Precision::F32,
            seed: 0,
            skipped: BTreeMap::from([("diversity", "for a reason".to_string())]),
            warnings: vec!["few samples".into()],
            broken: None,
            seconds: BTreeMap::from([("vlb", 2.0)]),
        }
    }

    #[test]
    fn the_table_says_what_by_whom_and_how_sure() {
        let text = report().table();
        for part in [
            "step 1,500",
            "VLB fixed_small    3.000 ± 0.050",
            "L_0 0.500",
            "2.750 ± 0.050",
            "judge-FID        12.00 ± 0.10       1.50\n",
            "energy distance  0.01230 ± 0.10000  0.00170\n  * 1,000 training points",
            "seen by the bundled judge of digits",
            "w 1.5 (s 2.5)",
            "0 as 6 (1×)",
            "\ndiversity: not measurable: for a reason\n",
            "  diversity        not measurable\n",
            "1–49   2.0000 ██████████████████████████████\n",
            "100–149        – not measured\n",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
    }

    #[test]
    fn json_has_every_key_and_null_for_what_was_not_measured() {
        let json = report().json();
        assert_eq!(json["class_accuracy"], 0.75);
        assert_eq!(json["guidance_scale_s"], 2.5);
        assert_eq!(json["vlb"]["total"]["mean"], 3.0);
        assert_eq!(json["vlb"]["bounds"][0]["terms"][0]["sum"], 2.0);
        assert!(json["vlb"]["bounds"][0]["terms"][2]["sum"].is_null());
        assert_eq!(json["judge_fid"]["floor"], 1.5);
        assert_eq!(json["energy_distance"]["floor"], 0.0017);
        assert_eq!(
            (&json["energy_distance"]["points"], json["energy_distance"]["mean"].as_f64()),
            (&2000.into(), Some(0.0123))
        );
        assert_eq!(json["skipped"]["diversity"], "for a reason");
        assert_eq!(json["warnings"][0], "few samples");
        assert!(json["diversity"].is_null());
        assert!(json["judge_fid"]["floor_standard_error"].is_null() && json["precision"].is_null());
        let bare = EvalReport { vlb: None, nll: None, judged: None, plane: None, ..report() }.json();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&bare), keys(&json));
        assert!(bare["vlb"].is_null() && bare["class_accuracy"].is_null());
    }
}
