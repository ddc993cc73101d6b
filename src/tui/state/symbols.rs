//! Which quantities a path has, and what they are called on it.

use super::curves::{Curves, ScheduleView};
use crate::config::PathName;
use crate::diffusion::Schedule;

/// A number that a noise level has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The time of paths in continuous time, and of a flow's velocity, in 0..=1.
    U,
    AlphaBar,
    /// What a step of path vp adds; of the SDEs their rate.
    Beta,
    /// What x_0 is multiplied by.
    Alpha,
    /// What ε is multiplied by.
    Sigma,
    /// Decibels.
    Snr,
    LogSnr,
}

impl ScheduleView {
    /// The views that a path has, in their order.
    pub fn all(path: PathName) -> &'static [ScheduleView] {
        use ScheduleView::{AlphasCumprod, Betas, Coefficients, Snr};
        match path {
            PathName::Vp => &[AlphasCumprod, Betas, Coefficients, Snr],
            PathName::VpSde | PathName::SubVpSde => &[Coefficients, Betas, Snr],
            PathName::Ve | PathName::Edm | PathName::Flow => &[Coefficients, Snr],
        }
    }

    /// This view, or where the path doesn't have it the first that it has.
    pub fn on(self, path: PathName) -> ScheduleView {
        let all = Self::all(path);
        if all.contains(&self) { self } else { all[0] }
    }

    /// The one after it on a path, round and round.
    pub fn next(self, path: PathName) -> ScheduleView {
        let all = Self::all(path);
        let here = all.iter().position(|view| *view == self.on(path)).unwrap_or(0);
        all[(here + 1) % all.len()]
    }

    /// "√ᾱ √(1−ᾱ)" on path vp, "α σ" on path flow.
    pub fn name(self, path: PathName) -> String {
        match self {
            ScheduleView::AlphasCumprod => Quantity::AlphaBar.symbol(path).into(),
            ScheduleView::Betas => Quantity::Beta.symbol(path).into(),
            ScheduleView::Coefficients if has_alpha(path) => {
                format!("{} {}", Quantity::Alpha.symbol(path), Quantity::Sigma.symbol(path))
            }
            ScheduleView::Coefficients => Quantity::Sigma.symbol(path).into(),
            ScheduleView::Snr => "SNR".into(),
        }
    }

    /// What it draws of a schedule beside the run's, with symbols of the run's path.
    pub fn value(self, schedule: &Schedule, path: PathName, t: usize) -> f64 {
        match self {
            ScheduleView::AlphasCumprod => schedule.alphas_cumprod[t],
            // A step's β is the rate of an SDE during 1/T.
            ScheduleView::Betas if path != PathName::Vp && schedule.path == PathName::Vp => {
                schedule.betas[t] * schedule.timesteps() as f64
            }
            ScheduleView::Betas => schedule.beta(t).unwrap_or(f64::NAN),
            ScheduleView::Coefficients => schedule.alpha(t),
            ScheduleView::Snr => schedule.snr_db(t),
        }
    }
}

/// Does α change along the path? Where only noise is added it stays 1.
pub fn has_alpha(path: PathName) -> bool {
    !matches!(path, PathName::Ve | PathName::Edm)
}

impl Quantity {
    /// Those that a path has, the natural ones first.
    pub fn all(path: PathName) -> &'static [Quantity] {
        use Quantity::{Alpha, AlphaBar, Beta, LogSnr, Sigma, Snr, U};
        match path {
            PathName::Vp => &[AlphaBar, Beta, Snr, LogSnr, Alpha, Sigma],
            PathName::VpSde | PathName::SubVpSde => &[Alpha, Sigma, Snr, LogSnr, Beta, U],
            PathName::Flow => &[Alpha, Sigma, U, Snr, LogSnr],
            PathName::Ve | PathName::Edm => &[Sigma, LogSnr, Snr, U],
        }
    }

    /// The one that says it all: ᾱ on path vp, σ elsewhere.
    pub fn main(path: PathName) -> Quantity {
        if path == PathName::Vp { Quantity::AlphaBar } else { Quantity::Sigma }
    }

    /// As the literature of the path writes it.
    pub fn symbol(self, path: PathName) -> &'static str {
        match self {
            Quantity::U => "u",
            Quantity::AlphaBar => "ᾱ",
            Quantity::Beta if path == PathName::Vp => "β",
            Quantity::Beta => "β(u)",
            Quantity::Alpha if path == PathName::Vp => "√ᾱ",
            Quantity::Alpha => "α",
            Quantity::Sigma if path == PathName::Vp => "√(1−ᾱ)",
            Quantity::Sigma => "σ",
            Quantity::Snr => "SNR",
            Quantity::LogSnr => "log-SNR",
        }
    }

    /// Its formula, where it is short: "α = 1 − u".
    pub fn formula(self, path: PathName) -> Option<&'static str> {
        Some(match (self, path) {
            (Quantity::Alpha, PathName::Flow) => "α = 1 − u",
            (Quantity::Sigma, PathName::Flow) => "σ = u",
            (Quantity::Sigma, PathName::VpSde) => "σ = √(1−α²)",
            (Quantity::Sigma, PathName::SubVpSde) => "σ = 1 − α²",
            _ => return None,
        })
    }
}

impl Curves {
    pub fn path(&self) -> PathName {
        self.run.path
    }

    /// A quantity of the run's schedule at `t`; NaN where the path doesn't have it.
    pub fn value(&self, quantity: Quantity, t: usize) -> f64 {
        let (run, t) = (&self.run, t.min(self.timesteps() - 1));
        match quantity {
            Quantity::U => run.u(t as f64),
            Quantity::AlphaBar => run.alphas_cumprod[t],
            Quantity::Beta => run.beta(t).unwrap_or(f64::NAN),
            Quantity::Alpha => run.alpha(t),
            Quantity::Sigma => run.sigma(t),
            Quantity::Snr => run.snr_db(t),
            Quantity::LogSnr => 2.0 * run.lambda(t),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PredictionType, ScheduleName};
    use crate::tui::state::TimeAxis;

    const PATHS: [PathName; 6] =
        [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow];

    fn on(path: PathName) -> Curves {
        let prediction_type = if path == PathName::Flow { PredictionType::Flow } else { PredictionType::Epsilon };
        let config =
            DiffusionConfig { path, prediction_type, schedule: ScheduleName::Linear, ..DiffusionConfig::default() };
        Curves::new(&config).unwrap()
    }

    /// (α, σ) by the formulas of the papers, of the default settings; u = (t + 1)/1000.
    fn by_hand(path: PathName, t: usize) -> (f64, f64) {
        let u = (t + 1) as f64 / 1000.0;
        let song = (-0.25 * u * u * 19.9 - 0.05 * u).exp();
        match path {
            PathName::Vp => {
                let alpha_bar: f64 = (0..=t).map(|s| 1.0 - (1e-4 + 0.0199 * s as f64 / 999.0)).product();
                (alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt())
            }
            PathName::VpSde => (song, (1.0 - song * song).sqrt()),
            PathName::SubVpSde => (song, 1.0 - song * song),
            PathName::Ve => (1.0, 0.01 * 5000f64.powf(u)),
            PathName::Edm => (1.0, 0.002 * 40_000f64.powf(u)),
            PathName::Flow => (1.0 - u, u),
        }
    }

    #[test]
    fn every_number_at_the_cursor_is_the_one_of_its_path() {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-8 * b.abs().max(1e-3) || a == b;
        for path in PATHS {
            let curves = on(path);
            for t in [0, 1, 17, 430, 700, 998, 999] {
                let (alpha, sigma) = by_hand(path, t);
                let snr = (alpha / sigma).powi(2);
                for &quantity in Quantity::all(path) {
                    let u = (t + 1) as f64 / 1000.0;
                    let want = match quantity {
                        Quantity::U => u,
                        Quantity::AlphaBar => alpha * alpha,
                        Quantity::Beta if path == PathName::Vp => 1e-4 + 0.0199 * t as f64 / 999.0,
                        Quantity::Beta => 0.1 + 19.9 * u,
                        Quantity::Alpha => alpha,
                        Quantity::Sigma => sigma,
                        Quantity::Snr => 10.0 * snr.log10(),
                        Quantity::LogSnr => snr.ln(),
                    };
                    let got = curves.value(quantity, t);
                    assert!(close(got, want), "{path:?}, {} at {t}: {got}, not {want}", quantity.symbol(path));
                }
                // What the heatmap's axis and read-out say.
                assert!(close(curves.read(TimeAxis::Sigma, t), sigma), "{path:?} at {t}");
                assert!(close(curves.read(TimeAxis::LogSnr, t), snr.ln()), "{path:?} at {t}");
            }
        }
    }

    #[test]
    fn no_path_shows_what_it_does_not_have() {
        for path in PATHS {
            let curves = on(path);
            let views = ScheduleView::all(path);
            let names: Vec<String> = views.iter().map(|view| view.name(path)).collect();
            let has = |part: &str| names.iter().any(|name| name.contains(part));
            assert_eq!(has("ᾱ"), path == PathName::Vp, "{names:?}");
            assert_eq!(has("β"), matches!(path, PathName::Vp | PathName::VpSde | PathName::SubVpSde), "{names:?}");
            assert_eq!(has("α "), !matches!(path, PathName::Vp | PathName::Ve | PathName::Edm), "{names:?}");
            // Whatever was chosen on another path: a view of this one, and through all of them and round.
            for wanted in ScheduleView::all(PathName::Vp) {
                let start = wanted.on(path);
                let round = (0..views.len()).fold(start, |view, _| view.next(path));
                assert!(views.contains(&start) && round == start);
            }
            for view in views {
                assert!(!view.value(&curves.run, path, 430).is_nan(), "{path:?} {view:?}");
                assert!(curves.others.iter().all(|other| !view.value(other, path, 430).is_nan()), "{path:?} {view:?}");
            }
        }
        let names = |path| ScheduleView::all(path).iter().map(|view| view.name(path)).collect::<Vec<_>>();
        assert_eq!(names(PathName::Vp), ["ᾱ", "β", "√ᾱ √(1−ᾱ)", "SNR"]);
        assert_eq!(names(PathName::Flow), ["α σ", "SNR"]);
        assert_eq!(names(PathName::Edm), ["σ", "SNR"]);
        assert_eq!(names(PathName::SubVpSde), ["α σ", "β(u)", "SNR"]);
    }

    #[test]
    fn a_steps_beta_and_the_rate_of_the_sde_are_compared_in_one_unit() {
        let curves = on(PathName::VpSde);
        let linear = curves.others.iter().find(|s| s.name == ScheduleName::Linear).unwrap();
        for t in [1, 300, 999] {
            let (discrete, rate) =
                (ScheduleView::Betas.value(linear, PathName::VpSde, t), curves.value(Quantity::Beta, t));
            assert!((discrete / rate - 1.0).abs() < 0.2, "{discrete} {rate} at {t}");
        }
    }
}
