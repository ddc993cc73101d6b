//! A stretch of steps.

/// A window has at least so many steps.
pub(super) const FEWEST: f64 = 10.0;

/// Steps, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepWindow {
    pub first: f64,
    pub last: f64,
}

impl StepWindow {
    fn length(self) -> f64 {
        self.last - self.first
    }

    /// `factor` times as long, with the same step at `share` of it, inside of `whole`. `None`: that is all of it.
    pub fn zoomed(self, whole: Self, factor: f64, share: f64) -> Option<Self> {
        let length = (self.length() * factor).max(FEWEST);
        if length >= whole.length() {
            return None;
        }
        let first = self.first + self.length() * share.clamp(0.0, 1.0) - length * share.clamp(0.0, 1.0);
        Some(Self { first, last: first + length }.into_whole(whole))
    }

    /// Moved by a share of its length, inside of `whole`.
    pub fn moved(self, whole: Self, by: f64) -> Self {
        let by = self.length() * by;
        Self { first: self.first + by, last: self.last + by }.into_whole(whole)
    }

    fn into_whole(self, whole: Self) -> Self {
        let first = self.first.min(whole.last - self.length()).max(whole.first);
        Self { first, last: first + self.length() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: StepWindow = StepWindow { first: 0.0, last: 1000.0 };

    #[test]
    fn zooming_keeps_the_step_under_the_pointer() {
        let half = ALL.zoomed(ALL, 0.5, 0.25).unwrap();
        assert_eq!(half, StepWindow { first: 125.0, last: 625.0 });
        let back = half.zoomed(ALL, 2.0, 0.25);
        assert_eq!(back, None, "all of it is no window");
        assert_eq!(half.zoomed(ALL, 1.5, 0.0), Some(StepWindow { first: 125.0, last: 875.0 }));
    }

    #[test]
    fn a_window_stays_inside_and_has_some_steps() {
        let mut window = ALL;
        for _ in 0..100 {
            window = window.zoomed(ALL, 0.5, 1.0).unwrap();
        }
        assert_eq!(window, StepWindow { first: 990.0, last: 1000.0 });
        assert_eq!(window.moved(ALL, 5.0), window);
        assert_eq!(window.moved(ALL, -1.0), StepWindow { first: 980.0, last: 990.0 });
        assert_eq!(window.moved(ALL, -1e9), StepWindow { first: 0.0, last: 10.0 });
    }
}
