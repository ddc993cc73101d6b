//! The flags of `difflab sample` that start from given images or noises, and what they ask for.

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::cli::UsageError;
use crate::config::SamplerName;
use crate::data::{MaskRule, kept_of, picture_size, read_mask, read_picture};
use crate::picture;
use crate::sampling::editing::Resampling;

/// What to make from given images or noises.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct EditArgs {
    /// Interpolate between the noises of two seeds, on a great circle, in --num images (default 10), all of one class
    /// (--class; without it, of no class).
    #[arg(long, value_name = "SEED_A,SEED_B", value_parser = two_seeds, conflicts_with_all = ["noise", "seed"])]
    pub interpolate: Option<(u64, u64)>,
    /// SDEdit: add noise to this picture up to --strength, then denoise it.
    #[arg(long, value_name = "IMAGE.png", conflicts_with_all = ["interpolate", "noise"])]
    pub sdedit: Option<PathBuf>,
    /// How much noise SDEdit adds, as t/T: near 0 the picture stays, at 1 nothing is left of it. Default 0.5.
    #[arg(long, value_name = "S")]
    pub strength: Option<f64>,
    /// RePaint: fill the --mask in this picture, by ancestral sampling (ddpm).
    #[arg(long, value_name = "IMAGE.png", requires = "mask", conflicts_with_all = ["interpolate", "sdedit", "noise"])]
    pub inpaint: Option<PathBuf>,
    /// What to fill: white is filled, black is kept. On a transparent ground, white paint is filled; if there is none,
    /// all paint is. Any size.
    #[arg(long, value_name = "MASK.png")]
    pub mask: Option<PathBuf>,
    /// RePaint: how many steps each jump goes back into the noise. Default 10.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub jump_length: Option<u64>,
    /// RePaint: passes over each stretch (1 = no repeats); the cost grows in proportion. Default 5.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub jumps: Option<u64>,
    /// DDIM inversion: find the noise that DDIM turns into this picture; --out FILE.safetensors saves it as the tensor
    /// `noise`. Shows picture, noise and reconstruction.
    #[arg(long, value_name = "IMAGE.png", conflicts_with_all = ["interpolate", "sdedit", "inpaint", "noise", "trajectory"])]
    pub invert: Option<PathBuf>,
}

/// The same, read and checked. Images and masks are `[1, H, W, C]`.
pub enum Edit {
    Interpolate {
        seeds: (u64, u64),
    },
    Sdedit {
        image: Tensor,
        /// How the picture was read, where that is worth a word.
        read: Vec<String>,
        strength: f64,
    },
    /// The mask is 1 where the image is kept.
    Inpaint {
        image: Tensor,
        mask: Tensor,
        /// As above, and what the mask was taken for: "33 % of the pixels are new, …".
        read: Vec<String>,
        resampling: Resampling,
    },
    Invert {
        image: Tensor,
        read: Vec<String>,
    },
}

/// Images of an interpolation unless told otherwise.
pub const INTERPOLATED: usize = 10;
const STRENGTH: f64 = 0.5;
const JUMP_LENGTH: u64 = 10;
const JUMPS: u64 = 5;

impl Edit {
    /// What the flags ask of a run with images of `shape` (height, width, channels), if anything.
    ///
    /// # Errors
    /// A usage error for pictures that can't be read, and numbers that are not possible.
    pub fn new(args: &EditArgs, shape: (usize, usize, usize), sampler: Option<SamplerName>) -> Result<Option<Self>> {
        let needs = |flag: &str, only: SamplerName| match sampler {
            Some(asked) if asked != only => Err(UsageError::new(format!(
                "{flag} samples with {}, not with {}: leave --sampler out",
                only.name(),
                asked.name()
            ))),
            _ => Ok(()),
        };
        // clap's own `requires` is silent where the flags exclude each other.
        let (sdedit, inpaint) = (args.sdedit.is_some(), args.inpaint.is_some());
        for (flag, given, has_its, its) in [
            ("--strength", args.strength.is_some(), sdedit, "--sdedit: how much noise it adds"),
            ("--mask", args.mask.is_some(), inpaint, "--inpaint: what it fills"),
            ("--jump-length", args.jump_length.is_some(), inpaint, "--inpaint: how far its jumps go"),
            ("--jumps", args.jumps.is_some(), inpaint, "--inpaint: its passes over each stretch"),
        ] {
            if given && !has_its {
                let message = format!("{flag} belongs to {its}; it has no effect without that: leave it out");
                return Err(UsageError::new(message).into());
            }
        }
        let edit = if let Some(seeds) = args.interpolate {
            Self::Interpolate { seeds }
        } else if let Some(path) = &args.sdedit {
            let strength = args.strength.unwrap_or(STRENGTH);
            if !(strength > 0.0 && strength <= 1.0) {
                let message = format!("--strength {strength}: use a number above 0 (nothing changes) and at most 1");
                return Err(UsageError::new(message).into());
            }
            let (image, read) = read("--sdedit", path, shape)?;
            Self::Sdedit { image, read, strength }
        } else if let (Some(path), Some(mask)) = (&args.inpaint, &args.mask) {
            needs("--inpaint", SamplerName::Ddpm)?;
            let resampling = Resampling {
                jump_length: args.jump_length.unwrap_or(JUMP_LENGTH) as usize,
                times: args.jumps.unwrap_or(JUMPS) as usize,
            };
            let (image, mut read) = read("--inpaint", path, shape)?;
            let (kept, filled) = mask_of(mask, shape)?;
            read.extend(otherwise_shaped(mask, path));
            read.push(filled);
            Self::Inpaint { image, mask: kept, read, resampling }
        } else if let Some(path) = &args.invert {
            needs("--invert", SamplerName::Ddim)?;
            let (image, read) = read("--invert", path, shape)?;
            Self::Invert { image, read }
        } else {
            return Ok(None);
        };
        Ok(Some(edit))
    }

    /// What stands before the samples in the picture: the image, and the image with its hole.
    pub fn originals(&self) -> Result<Vec<Tensor>> {
        Ok(match self {
            Self::Interpolate { .. } | Self::Invert { .. } => Vec::new(),
            Self::Sdedit { image, .. } => vec![image.clone()],
            Self::Inpaint { image, mask, .. } => {
                // Grey is neither ink nor paper.
                vec![image.clone(), (image * mask)?]
            }
        })
    }

    /// What was read of a picture that could have been meant otherwise, and what of it is not seen.
    pub fn remarks(&self) -> &[String] {
        match self {
            Self::Interpolate { .. } => &[],
            Self::Sdedit { read, .. } | Self::Inpaint { read, .. } | Self::Invert { read, .. } => read,
        }
    }

    /// Why this many steps are walked without the jumps that were asked for, if so.
    pub fn without_jumps(&self, steps: usize) -> Option<String> {
        match self {
            Self::Inpaint { resampling: Resampling { jump_length, times }, .. }
                if *times > 1 && steps <= *jump_length =>
            {
                Some(format!(
                    "no stretch of {steps} step{} is walked again: a jump goes back {jump_length}; more --steps, or a \
                     smaller --jump-length, would fit the hole better",
                    if steps == 1 { "" } else { "s" }
                ))
            }
            _ => None,
        }
    }

    /// Says that the length of jumps was asked for where there are none.
    pub fn idle_jump_length(&self, args: &EditArgs) -> Option<&'static str> {
        let once = matches!(self, Self::Inpaint { resampling: Resampling { times: 1, .. }, .. });
        (once && args.jump_length.is_some())
            .then_some("--jump-length has no effect with --jumps 1: each stretch is passed once, without jumps")
    }

    /// "SDEdit at strength 0.5", in this many steps.
    pub fn words(&self, steps: usize) -> String {
        match self {
            Self::Interpolate { seeds: (a, b) } => format!("from seed {a} to {b}"),
            Self::Sdedit { strength, .. } => format!("SDEdit at strength {strength}"),
            Self::Inpaint { resampling: Resampling { times: 1, .. }, .. } => "inpainting without jumps".into(),
            Self::Inpaint { .. } if self.without_jumps(steps).is_some() => "inpainting without jumps".into(),
            Self::Inpaint { resampling, .. } => {
                format!("RePaint, {}× with jumps of {}", resampling.times, resampling.jump_length)
            }
            Self::Invert { .. } => "DDIM inversion".into(),
        }
    }
}

/// The picture, `[1, H, W, C]`, and what of it is cut off.
fn read(flag: &str, path: &Path, (h, w, c): (usize, usize, usize)) -> Result<(Tensor, Vec<String>)> {
    if (h, w) == (1, 1) {
        return Err(UsageError::new(format!("{flag}: this run makes points, not pictures")).into());
    }
    if let Some(sheet) = picture::sheet_of(path) {
        let message = format!(
            "{flag} {}: difflab wrote it as {sheet}, and one picture is edited at a time: cut one out, or write one \
             with --num 1 --out",
            path.display()
        );
        return Err(UsageError::new(message).into());
    }
    let pixels = read_picture(path, (h, w, c)).map_err(|e| UsageError::new(format!("{flag}: {e:#}")))?;
    let cropped = picture_size(path).and_then(|(height, width)| {
        let (kept_h, kept_w) = kept_of((height, width), (h, w));
        ((kept_h, kept_w) != (height, width)).then(|| {
            format!(
                "{flag} {}: of {width}×{height} pixels the middle {kept_w}×{kept_h} are kept: this run makes {w}×{h}",
                path.display()
            )
        })
    });
    Ok((Tensor::from_vec(pixels, (1, h, w, c), &Device::Cpu)?, cropped.into_iter().collect()))
}

/// A mask of another shape than its picture's: each is cropped about its own middle.
fn otherwise_shaped(mask: &Path, picture: &Path) -> Option<String> {
    let ((mask_h, mask_w), (height, width)) = (picture_size(mask)?, picture_size(picture)?);
    // Rounded sides may be off by half a pixel.
    let ratio = (mask_h as f64 / mask_w as f64) / (height as f64 / width as f64);
    let tolerance = 1.0 / mask_h.min(mask_w).min(height).min(width) as f64;
    ((ratio - 1.0).abs() > tolerance).then(|| {
        format!(
            "--mask {}: it is {mask_w}×{mask_h} and the picture {width}×{height}, of another shape: each is cropped \
             about its own middle, so that the hole may lie elsewhere",
            mask.display()
        )
    })
}

/// 1 where the image is kept, 0 where it is filled, in all channels; and how much that is, by which rule.
fn mask_of(path: &Path, (h, w, c): (usize, usize, usize)) -> Result<(Tensor, String)> {
    let mask = read_mask(path, (h, w)).map_err(|e| UsageError::new(format!("--mask: {e:#}")))?;
    let share = mask.share();
    if share == 0.0 {
        let nothing = match mask.rule {
            MaskRule::Brightness if mask.grey > 0.0 => {
                format!("nothing in it is white, or grey of level {} of 255 or more", MaskRule::HALF)
            }
            MaskRule::Brightness => "nothing in it is white".into(),
            _ => "nothing is painted on its transparent ground, or too little".into(),
        };
        let message = format!("--mask {}: {nothing}, so there is nothing to fill", path.display());
        return Err(UsageError::new(message).into());
    }
    let rule = match mask.rule {
        MaskRule::Brightness if mask.grey > 0.0 => "the brighter half of what is in the mask",
        MaskRule::Brightness => "what is white in the mask",
        MaskRule::WhiteOnTransparent => "the white paint of the mask; its transparent ground is kept",
        MaskRule::PaintOnTransparent => "the paint of the mask; its transparent ground is kept",
    };
    let mut words = match share {
        1.0 => "--mask: every pixel is new, and nothing of the picture is kept".to_string(),
        _ => format!("--mask: {:.1} % of the pixels are new ({rule})", 100.0 * share),
    };
    if mask.grey > 0.0 {
        let neither = match mask.rule {
            MaskRule::PaintOnTransparent => "neither painted nor clear",
            _ => "neither white nor black",
        };
        let (level, grey) = (MaskRule::HALF, (100.0 * mask.grey).max(0.1));
        words += &format!("; {grey:.1} % of the mask is {neither}, and was cut at level {level} of 255");
    }
    let kept: Vec<f32> = mask.new.iter().map(|&new| if new { 0.0 } else { 1.0 }).collect();
    let kept = Tensor::from_vec(kept, (1, h, w, 1), &Device::Cpu)?.broadcast_as((1, h, w, c))?.contiguous()?;
    Ok((kept, words))
}

fn two_seeds(text: &str) -> Result<(u64, u64), String> {
    let seeds = text.split_once(',').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    seeds.ok_or_else(|| format!("{text:?} is not two seeds such as 1,2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_are_two_numbers() {
        assert_eq!(two_seeds("1, 20"), Ok((1, 20)));
        for wrong in ["1", "1,b", "", "1,2,3", "-1,2"] {
            assert!(two_seeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn edits_are_read_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image.png");
        image::GrayImage::from_fn(56, 56, |x, _| image::Luma([if x < 28 { 0 } else { 255 }])).save(&image).unwrap();
        let shape = (28, 28, 1);
        let args = EditArgs { inpaint: Some(image.clone()), mask: Some(image.clone()), ..EditArgs::default() };
        let Some(Edit::Inpaint { mask, resampling, read, .. }) = Edit::new(&args, shape, None).unwrap() else {
            panic!("not read");
        };
        assert_eq!(read, ["--mask: 50.0 % of the pixels are new (what is white in the mask)"]);
        // White, the right half, is filled.
        assert_eq!(mask.mean_all().unwrap().to_scalar::<f32>().unwrap(), 0.5);
        assert_eq!((resampling.jump_length, resampling.times), (10, 5));
        let refusal =
            |args: &EditArgs, shape, sampler| Edit::new(args, shape, sampler).map(|_| ()).unwrap_err().to_string();
        assert!(refusal(&args, shape, Some(SamplerName::Ddim)).contains("samples with ddpm"));
        let dark = dir.path().join("dark.png");
        image::GrayImage::new(4, 4).save(&dark).unwrap();
        let nothing = EditArgs { inpaint: Some(image.clone()), mask: Some(dark), ..EditArgs::default() };
        assert!(refusal(&nothing, shape, None).contains("nothing to fill"));
        let strong = EditArgs { sdedit: Some(image.clone()), strength: Some(1.5), ..EditArgs::default() };
        assert!(refusal(&strong, shape, None).contains("--strength 1.5"));
        for (args, flag) in [
            (EditArgs { strength: Some(0.5), ..args.clone() }, "--strength"),
            (EditArgs { strength: Some(0.5), ..EditArgs::default() }, "--strength"),
            (EditArgs { mask: args.mask.clone(), ..strong.clone() }, "--mask"),
            (EditArgs { jumps: Some(2), ..strong.clone() }, "--jumps"),
            (EditArgs { jump_length: Some(2), interpolate: Some((1, 2)), ..EditArgs::default() }, "--jump-length"),
        ] {
            assert!(refusal(&args, shape, None).starts_with(flag));
        }
        let points = EditArgs { sdedit: Some(image), ..EditArgs::default() };
        assert!(refusal(&points, (1, 1, 2), None).contains("points"));
        let missing = EditArgs { invert: Some(dir.path().join("nowhere.png")), ..EditArgs::default() };
        assert!(refusal(&missing, shape, None).contains("nowhere.png"));
        assert!(Edit::new(&EditArgs::default(), shape, None).unwrap().is_none());
    }
}
