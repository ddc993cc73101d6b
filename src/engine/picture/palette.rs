//! The colours that mean one thing everywhere: on the screen, in PNG plots, in films.
//!
//! The hues start from Okabe and Ito's set, lightened for dark and darkened for light backgrounds. The
//! tests below simulate red-green blindness and ask that colours which share a panel stay apart.

use crate::config::ScheduleName;

/// Red, green, blue; sRGB, 0 to 255.
pub type Rgb = [u8; 3];

/// Every colour with a meaning, for one kind of background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    pub background: Rgb,
    /// What should be read.
    pub text: Rgb,
    /// What may be read: units, hints, ticks.
    pub dim: Rgb,
    /// Lines around panels, grid lines.
    pub border: Rgb,
    /// The one accent: focus, and the cursor t.
    pub accent: Rgb,
    /// Training loss.
    pub train: Rgb,
    /// Held-out loss.
    pub held_out: Rgb,
    /// The noisy image x_t, and everything that follows σ.
    pub x_t: Rgb,
    /// The clean image x_0 and its estimate, and everything that follows α.
    pub x_0: Rgb,
    pub linear: Rgb,
    pub scaled_linear: Rgb,
    pub cosine: Rgb,
    pub sigmoid: Rgb,
    /// All is well: "training", "saved".
    pub good: Rgb,
    /// Worth a look.
    pub warning: Rgb,
    /// Something failed.
    pub error: Rgb,
    /// Runs that are compared, each its own everywhere; apart for every eye.
    pub runs: [Rgb; 8],
}

/// For a dark background.
pub const DARK: Palette = Palette {
    background: [16, 18, 24],
    text: [222, 225, 232],
    dim: [134, 140, 154],
    border: [68, 74, 90],
    accent: [240, 228, 66],
    train: [86, 180, 233],
    held_out: [240, 160, 20],
    x_t: [214, 130, 178],
    x_0: [44, 196, 148],
    linear: [226, 104, 48],
    scaled_linear: [226, 208, 152],
    cosine: [112, 216, 238],
    sigmoid: [150, 130, 236],
    good: [110, 200, 90],
    warning: [236, 180, 70],
    error: [240, 92, 84],
    runs: [
        [86, 180, 233],
        [240, 160, 20],
        [241, 40, 148],
        [209, 252, 204],
        [93, 124, 245],
        [200, 104, 84],
        [175, 238, 248],
        [234, 250, 143],
    ],
};

/// For a light background.
pub const LIGHT: Palette = Palette {
    background: [252, 252, 250],
    text: [30, 33, 40],
    dim: [104, 109, 120],
    border: [188, 192, 200],
    accent: [98, 68, 0],
    train: [0, 88, 150],
    held_out: [180, 88, 0],
    x_t: [164, 56, 122],
    x_0: [0, 112, 82],
    linear: [186, 54, 0],
    scaled_linear: [130, 110, 66],
    cosine: [0, 118, 142],
    sigmoid: [84, 62, 184],
    good: [36, 114, 32],
    warning: [144, 92, 0],
    error: [190, 30, 36],
    runs: [
        [0, 88, 150],
        [180, 88, 0],
        [53, 127, 83],
        [73, 31, 43],
        [24, 29, 228],
        [6, 128, 131],
        [2, 103, 226],
        [6, 5, 123],
    ],
};

/// For a wall that is seen from the back row: black on white, and every colour at least 7:1 against it.
pub const PROJECTOR: Palette = Palette {
    background: [255, 255, 255],
    text: [0, 0, 0],
    dim: [62, 64, 70],
    border: [140, 140, 140],
    accent: [85, 0, 102],
    train: [0, 74, 150],
    held_out: [148, 62, 0],
    x_t: [145, 0, 103],
    x_0: [0, 92, 66],
    linear: [164, 36, 0],
    scaled_linear: [95, 57, 32],
    cosine: [0, 92, 116],
    sigmoid: [76, 40, 180],
    good: [0, 94, 20],
    warning: [116, 70, 0],
    error: [168, 0, 24],
    runs: [
        [0, 74, 150],
        [148, 62, 0],
        [145, 56, 103],
        [20, 6, 211],
        [60, 17, 26],
        [114, 60, 43],
        [2, 3, 144],
        [65, 7, 62],
    ],
};

impl Palette {
    /// The colour of a schedule's curve.
    pub fn schedule(&self, name: ScheduleName) -> Rgb {
        match name {
            ScheduleName::Linear => self.linear,
            ScheduleName::ScaledLinear => self.scaled_linear,
            ScheduleName::Cosine => self.cosine,
            ScheduleName::Sigmoid => self.sigmoid,
            ScheduleName::SigmoidJabri => blend(self.sigmoid, self.cosine, 0.5),
            ScheduleName::Given => self.text,
        }
    }

    /// The colour of run `i`, or line `i` of a plot of many: eight that are told apart, then the same, fainter.
    pub fn line(&self, i: usize) -> Rgb {
        let strength = [1.0, 0.6, 0.35][(i / self.runs.len()).min(2)];
        self.faint(self.runs[i % self.runs.len()], strength)
    }

    /// A colour stepped back towards the background, for raw curves and schedules that are there to
    /// compare: `strength` 1 is the colour itself, 0 the background.
    pub fn faint(&self, color: Rgb, strength: f64) -> Rgb {
        blend(self.background, color, strength)
    }
}

/// `from` at 0, `to` at 1, straight between them; `share` is clamped.
pub fn blend(from: Rgb, to: Rgb, share: f64) -> Rgb {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    std::array::from_fn(|i| (from[i] as f64 + (to[i] as f64 - from[i] as f64) * share).round() as u8)
}

fn linear_light(color: Rgb) -> [f64; 3] {
    color.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

/// Relative luminance, 0 (black) to 1 (white), as WCAG 2 defines it.
pub fn luminance(color: Rgb) -> f64 {
    let [r, g, b] = linear_light(color);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// WCAG 2's contrast ratio of two colours, 1 to 21. Text needs 4.5.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `color`, moved towards `text` as little as it takes to have `ratio` against `paper`; `text` itself where
/// nothing before it has.
pub fn legible(color: Rgb, text: Rgb, paper: Rgb, ratio: f64) -> Rgb {
    let steps = (0..=32).map(|i| blend(color, text, f64::from(i) / 32.0));
    steps.into_iter().find(|&color| contrast(color, paper) >= ratio).unwrap_or(text)
}

/// The heatmap's colour at `v`: viridis, dark blue at 0 to yellow at 1. Values outside are clamped;
/// NaN is as dark as 0, callers that know of missing values leave the cell empty.
pub fn heat(v: f64) -> Rgb {
    let v = if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
    let color = colorous::VIRIDIS.eval_continuous(v);
    [color.r, color.g, color.b]
}

/// A difference's colour at `v`, −1 to 1: blue below, orange above, and between them what is near the background, so that
/// no difference is nothing. Values outside are clamped; NaN is no difference.
pub fn difference(v: f64, dark: bool) -> Rgb {
    let v = if v.is_nan() { 0.0 } else { v.clamp(-1.0, 1.0) };
    let (none, less, more) = match dark {
        true => ([46, 49, 58], [96, 190, 255], [255, 166, 40]),
        false => ([236, 236, 232], [0, 84, 168], [186, 82, 0]),
    };
    blend(none, if v < 0.0 { less } else { more }, v.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Machado, Oliveira & Fernandes 2009, full severity.
    const DEUTERANOPIA: [[f64; 3]; 3] =
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
    const PROTANOPIA: [[f64; 3]; 3] =
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
    const FULL_SIGHT: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    /// CIE L*a*b* of a colour as seen through `eye`.
    fn lab(color: Rgb, eye: [[f64; 3]; 3]) -> [f64; 3] {
        let rgb = linear_light(color);
        let seen = eye.map(|row| (0..3).map(|i| row[i] * rgb[i]).sum::<f64>().clamp(0.0, 1.0));
        let xyz = [
            (0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.9505,
            0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2],
            (0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.089,
        ];
        let f = xyz.map(|v| if v > 0.008856 { v.cbrt() } else { 7.787 * v + 16.0 / 116.0 });
        [116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])]
    }

    fn distance(a: Rgb, b: Rgb, eye: [[f64; 3]; 3]) -> f64 {
        let (a, b) = (lab(a, eye), lab(b, eye));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn colours_that_share_a_panel_stay_apart_for_every_eye() {
        for p in [DARK, LIGHT, PROJECTOR] {
            let panels: [&[Rgb]; 3] = [
                &[p.train, p.held_out, p.accent],
                &[p.x_t, p.x_0, p.accent],
                &[p.linear, p.scaled_linear, p.cosine, p.sigmoid],
            ];
            for eye in [FULL_SIGHT, DEUTERANOPIA, PROTANOPIA] {
                for colors in panels {
                    for (i, &a) in colors.iter().enumerate() {
                        for &b in &colors[i + 1..] {
                            let apart = distance(a, b, eye);
                            assert!(apart > 15.0, "{a:?} and {b:?} are only {apart:.1} apart");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn runs_stay_apart_for_every_eye_and_read_on_their_background() {
        for (p, least) in [(DARK, 4.5), (LIGHT, 4.5), (PROJECTOR, 7.0)] {
            for (i, &a) in p.runs.iter().enumerate() {
                assert!(contrast(a, p.background) >= least, "{a:?}: {:.2}", contrast(a, p.background));
                for eye in [FULL_SIGHT, DEUTERANOPIA, PROTANOPIA] {
                    for &b in p.runs[i + 1..].iter().chain([&p.accent]) {
                        let apart = distance(a, b, eye);
                        assert!(apart > 15.0, "{a:?} and {b:?} are only {apart:.1} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn a_difference_has_two_sides_and_nothing_between() {
        for dark in [true, false] {
            for eye in [FULL_SIGHT, DEUTERANOPIA, PROTANOPIA] {
                let at = |v| difference(v, dark);
                assert!(distance(at(-1.0), at(1.0), eye) > 40.0 && distance(at(0.0), at(0.4), eye) > 15.0);
                assert!(distance(at(-0.4), at(0.0), eye) > 15.0);
            }
            assert_eq!(difference(f64::NAN, dark), difference(0.0, dark));
            assert_eq!(difference(-7.0, dark), difference(-1.0, dark));
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        // The grey that is known for just passing on white.
        assert!((contrast([118, 118, 118], [255; 3]) - 4.54).abs() < 0.01);
        assert_eq!(contrast([9, 8, 7], [9, 8, 7]), 1.0);
    }

    #[test]
    fn everything_readable_stands_out_from_its_background() {
        for (p, least) in [(DARK, 4.5), (LIGHT, 4.5), (PROJECTOR, 7.0)] {
            let colors = [
                p.text,
                p.dim,
                p.accent,
                p.train,
                p.held_out,
                p.x_t,
                p.x_0,
                p.linear,
                p.scaled_linear,
                p.cosine,
                p.sigmoid,
                p.good,
                p.warning,
                p.error,
            ];
            for c in colors {
                assert!(contrast(c, p.background) >= least, "{c:?}: {:.2}", contrast(c, p.background));
            }
        }
    }

    #[test]
    fn a_colour_is_moved_no_further_than_it_must_be() {
        assert_eq!(legible(DARK.train, DARK.text, DARK.background, 4.5), DARK.train);
        let faint = legible(DARK.faint(DARK.train, 0.4), DARK.train, DARK.background, 4.5);
        assert!((4.5..4.8).contains(&contrast(faint, DARK.background)), "{faint:?}");
        assert_eq!(legible([120; 3], [255; 3], [128; 3], 4.5), [255; 3]);
    }

    #[test]
    fn heat_grows_brighter_and_clamps() {
        let steps: Vec<f64> = (0..=20).map(|i| luminance(heat(i as f64 / 20.0))).collect();
        assert!(steps.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(heat(-3.0), heat(0.0));
        assert_eq!(heat(7.0), heat(1.0));
        assert_eq!(heat(f64::NAN), heat(0.0));
    }

    #[test]
    fn faint_goes_from_the_background_to_the_colour() {
        assert_eq!(DARK.faint(DARK.train, 0.0), DARK.background);
        assert_eq!(DARK.faint(DARK.train, 1.0), DARK.train);
        assert_ne!(DARK.faint(DARK.train, 0.5), DARK.train);
    }
}
