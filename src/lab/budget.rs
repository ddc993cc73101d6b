//! How much time previews may take.

use std::time::Duration;

/// Time that was saved up can be spent at once only up to this much: after a long stretch without
/// previews none may hold the training up for long.
const MOST_CREDIT: Duration = Duration::from_millis(500);

/// Keeps previews to a share of the time: training earns credit, previews spend it.
#[derive(Clone, Debug)]
pub struct Budget {
    share: f64,
    /// Seconds that previews may take now.
    credit: f64,
    /// What a network call took lately, in seconds.
    cost: f64,
}

impl Budget {
    /// `share` of the whole time (training and previews), 0 to 1.
    pub fn new(share: f64) -> Self {
        Self { share: Self::clamp(share), credit: 0.0, cost: 0.0 }
    }

    pub fn set_share(&mut self, share: f64) {
        self.share = Self::clamp(share);
        self.credit = self.credit.min(0.0);
    }

    pub fn share(&self) -> f64 {
        self.share
    }

    /// Training took `time`.
    pub fn earn(&mut self, time: Duration) {
        // previews / (training + previews) = share
        let earned = time.as_secs_f64() * self.share / (1.0 - self.share);
        self.credit = (self.credit + earned).min(MOST_CREDIT.as_secs_f64().max(self.cost));
    }

    /// A network call of a preview took `time`.
    pub fn spend(&mut self, time: Duration) {
        self.cost = time.as_secs_f64();
        self.credit -= self.cost;
    }

    /// May a network call be made now?
    pub fn allows(&self) -> bool {
        self.share > 0.0 && self.credit > 0.0 && self.credit >= self.cost
    }

    /// Finite and below 1: a share of 1 would stop the training.
    fn clamp(share: f64) -> f64 {
        if share.is_finite() { share.clamp(0.0, 0.9) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the time that calls of `cost` ms take beside steps of `step` ms, over hundreds of calls.
    fn measured(share: f64, step: u64, cost: u64) -> f64 {
        let mut budget = Budget::new(share);
        let (mut training, mut previews) = (0, 0);
        for _ in 0..10_000 + 10_000 * cost / step {
            training += step;
            budget.earn(Duration::from_millis(step));
            while budget.allows() {
                previews += cost;
                budget.spend(Duration::from_millis(cost));
            }
        }
        previews as f64 / (training + previews) as f64
    }

    #[test]
    fn previews_take_their_share_and_no_more_however_dear_a_call_is() {
        for share in [0.05, 0.1, 0.5] {
            for (step, cost) in [(300, 30), (10, 200), (5, 2000), (100, 1)] {
                let seen = measured(share, step, cost);
                assert!(seen <= share + 1e-3, "share {share}, step {step}, call {cost}: {seen}");
                assert!(seen > 0.8 * share, "share {share}, step {step}, call {cost}: only {seen}");
            }
        }
    }

    #[test]
    fn no_share_allows_nothing_and_nonsense_is_no_share() {
        assert_eq!(measured(0.0, 100, 1), 0.0);
        assert_eq!(measured(f64::NAN, 100, 1), 0.0);
        assert!(measured(5.0, 100, 1) < 0.95);
    }
}
