//! The data themselves: how many of what, and how their numbers are spread.

use anyhow::Result;
use candle_core::{Device, Tensor};
use image::RgbImage;

use super::document::{Explanation, number, word};
use super::names::{given, given_symbol};
use super::subject::{ExplainedSubject, Focus, moments, numbers};
use super::topic::Topic;
use crate::data::Dataset;
use crate::diffusion::combine;
use crate::picture::palette::DARK;
use crate::picture::{is_points, scatter};
use crate::sampling::starting_noise;
use crate::thousands::thousands;
use crate::train::images;

/// So many pictures are measured, evenly spread over the set.
pub const MOST: usize = 4000;
const BARS: usize = 10;
/// Pictures on a page, and in a row of it.
pub const PAGE: usize = 20;
const ROW: usize = 10;

/// What the numbers of a dataset are.
#[derive(Clone, Debug, PartialEq)]
pub struct DataNumbers {
    pub measured: usize,
    pub mean: f64,
    pub deviation: f64,
    pub least: f64,
    pub largest: f64,
    /// Shares of the numbers in ten equal stretches from the least to the largest.
    pub histogram: Vec<f64>,
}

/// # Errors
/// When candle fails.
pub fn numbers_of(data: &Dataset) -> Result<DataNumbers> {
    let which = data.spread(MOST);
    let all = numbers(&images(data, &which, &Device::Cpu)?)?;
    let (mean, variance) = moments(&all);
    let (least, largest) = all.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
    let mut histogram = vec![0.0; BARS];
    let width = (largest - least).max(f64::MIN_POSITIVE);
    for x in &all {
        let bar = ((x - least) / width * BARS as f64) as usize;
        histogram[bar.min(BARS - 1)] += 1.0 / all.len() as f64;
    }
    Ok(DataNumbers { measured: which.len(), mean, deviation: variance.sqrt(), least, largest, histogram })
}

/// The mean of each class's pictures, `[1, H, W, C]`; of data without classes the mean of all.
///
/// # Errors
/// When candle fails.
pub fn mean_pictures(data: &Dataset) -> Result<Vec<(String, Tensor)>> {
    let which = data.spread(MOST);
    let groups: Vec<(String, Vec<usize>)> = match data.classes.is_empty() {
        true => vec![("all".into(), which)],
        false => (0..data.classes.len())
            .map(|class| {
                let of_class = |&&i: &&usize| data.class_of(&[i]).first().is_some_and(|&c| c as usize == class);
                (data.classes[class].clone(), which.iter().filter(of_class).copied().collect())
            })
            .collect(),
    };
    let some = groups.into_iter().filter(|(_, which): &(String, Vec<usize>)| !which.is_empty());
    some.map(|(name, which)| Ok((name, images(data, &which, &Device::Cpu)?.mean_keepdim(0)?))).collect()
}

/// # Errors
/// A sentence for a picture that is not there.
pub fn explain(subject: &ExplainedSubject, focus: Focus) -> Result<Explanation> {
    let followed = subject.followed(focus)?;
    let (data, config) = (subject.data, subject.config);
    let n = numbers_of(data)?;
    let points = is_points((data.height, data.width, data.channels));
    let mut out = Explanation::new(Topic::Data.title());
    let what = if points { "points" } else { "pictures" };
    out.text(format!(
        "{} {what} of {} to train on, from {}.",
        thousands(data.len()),
        given(&data.name),
        given(&data.source)
    ));
    let size = match points {
        true => "2".to_string(),
        false => format!(r"{}\times {}\times {}", data.width, data.height, data.channels),
    };
    out.numbers([
        word("D", &size, if points { "coordinates" } else { "numbers in each: width × height × channels" }),
        number(r"\text{mean}", n.mean, &format!("of the numbers of {} of them", thousands(n.measured))),
        number(r"\text{deviation}", n.deviation, "their standard deviation"),
        number(
            r"\sigma_{\text{data}}",
            config.diffusion.sigma_data,
            "what diffusion.sigma_data says, which EDM's scalings take",
        ),
        number(
            r"\text{least}",
            n.least,
            match (points, config.diffuses_latents()) {
                (true, _) => "the data are scaled to about unit size",
                (_, true) => "latents have no range",
                _ => "pixels lie in [-1, 1]",
            },
        ),
        number(r"\text{largest}", n.largest, ""),
    ]);
    if (n.deviation / config.diffusion.sigma_data).ln().abs() > 0.3 {
        out.text("On paths ve and edm, diffusion.sigma_data should be near the data's own deviation.");
    }
    out.source("Karras et al. 2022, table 1 and appendix B.6, for σ_data");
    if !data.classes.is_empty() {
        out.heading("Classes");
        let counts = data.class_counts();
        let rows = data.classes.iter().zip(&counts).map(|(name, &count)| {
            vec![given(name), thousands(count), format!("{:.1} %", 100.0 * count as f64 / data.len() as f64)]
        });
        out.table(&["class", "how many", "share"], rows.collect());
    }
    out.heading("The histogram of their numbers");
    let width = (n.largest - n.least) / BARS as f64;
    let rows = n.histogram.iter().enumerate().map(|(i, share)| {
        let from = n.least + i as f64 * width;
        vec![
            format!("{:.2} to {:.2}", from, from + width).replace('-', "−"),
            format!("{:.1} %", 100.0 * share),
            "█".repeat((40.0 * share).round() as usize),
        ]
    });
    out.table(&["", "share", ""], rows.collect());
    if points {
        plane(&mut out, subject)?;
        return Ok(out);
    }
    page(&mut out, subject, focus)?;
    out.heading("The mean picture of each class");
    out.text(format!(
        "Over {} pictures. It is what a network that learned nothing else would say of $x_0$ at the noisiest $t$.",
        thousands(n.measured)
    ));
    let means: Vec<(String, Tensor)> =
        mean_pictures(data)?.into_iter().map(|(name, mean)| (given_symbol(&name), mean)).collect();
    out.pictures(&means.iter().map(|(name, mean)| (name.as_str(), mean)).collect::<Vec<_>>())?;
    out.heading("One picture under every t");
    out.text(format!("{}.", subject.picture_words(focus, &followed)));
    let schedule = &subject.parameterization.schedule;
    let last = schedule.timesteps() - 1;
    let stops = (0..=8).map(|i| i * last / 8);
    let pictures = stops.map(|t| Ok((format!("t = {t}"), followed.x_t(schedule.at(t))?)));
    let pictures: Vec<(String, Tensor)> = pictures.collect::<Result<_>>()?;
    out.pictures(&pictures.iter().map(|(name, x_t)| (name.as_str(), x_t)).collect::<Vec<_>>())?;
    Ok(out)
}

/// Points that are drawn, and pixels a side of the drawings.
const DRAWN: usize = 1000;
const SIDE: usize = 160;

/// Points as they lie, and under noise.
fn plane(out: &mut Explanation, subject: &ExplainedSubject) -> Result<()> {
    let (data, schedule) = (subject.data, &subject.parameterization.schedule);
    let which = data.spread(DRAWN);
    let x_0 = images(data, &which, &Device::Cpu)?;
    let noise = starting_noise(which.len(), 1, 1, 2, subject.config.seed, &Device::Cpu)?;
    let last = schedule.timesteps() - 1;
    out.heading("The points under every t");
    out.text(format!(
        "{} of them, each with its own noise; drawn is $x_t/\\sqrt{{\\alpha^2+\\sigma^2}}$, in one window.",
        thousands(which.len())
    ));
    let mut drawings = vec![("x_0".to_string(), scattered(&x_0)?)];
    for t in [last / 4, last / 2, 3 * last / 4, last] {
        let at = schedule.at(t);
        let norm = at.alpha.hypot(at.sigma);
        drawings.push((format!("t = {t}"), scattered(&combine(at.alpha / norm, &x_0, at.sigma / norm, &noise)?)?));
    }
    out.drawings(drawings.iter().map(|(symbol, drawing)| (symbol.clone(), drawing)));
    Ok(())
}

fn scattered(points: &Tensor) -> Result<RgbImage> {
    Ok(scatter(&points.flatten_all()?.to_vec1::<f32>()?, REACH, SIDE, DARK.x_0))
}

/// Half the window's side: noise lies within.
const REACH: f64 = 3.0;

/// A page of the training set, from the followed picture on.
fn page(out: &mut Explanation, subject: &ExplainedSubject, focus: Focus) -> Result<()> {
    let data = subject.data;
    let end = (focus.image + PAGE).min(data.len());
    out.heading(format!("Training images {} to {}", thousands(focus.image), thousands(end - 1)));
    let all: Vec<usize> = (focus.image..end).collect();
    for row in all.chunks(ROW) {
        let shown = row.iter().map(|&i| {
            let class = data.class_of(&[i]).first().and_then(|&class| data.classes.get(class as usize));
            let symbol = class.map_or(i.to_string(), |name| given_symbol(name));
            Ok((symbol, images(data, &[i], &Device::Cpu)?))
        });
        let shown: Vec<(String, Tensor)> = shown.collect::<Result<_>>()?;
        out.pictures(&shown.iter().map(|(symbol, image)| (symbol.as_str(), image)).collect::<Vec<_>>())?;
    }
    Ok(())
}
