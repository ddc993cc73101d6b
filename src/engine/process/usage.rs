//! How much of the machine the process uses.

use std::thread;
use std::time::{Duration, Instant};

use super::memory::resident_memory;
use super::running_time::processor_time;

/// Looked at no more often: reading what the system says costs some 20 µs.
const EVERY: Duration = Duration::from_secs(1);

/// What the process used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// MiB in RAM now, to the tenth; `None` where the system doesn't say.
    pub memory_mib: Option<f64>,
    /// Share of all processors since the look before, 0 to 1, to the thousandth.
    pub cpu_share: Option<f64>,
}

/// Looks at it now and then.
pub struct UsageMeter {
    seen: Instant,
    used: Duration,
    cores: f64,
}

impl UsageMeter {
    /// Begins to count now.
    pub fn start() -> Self {
        let cores = thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
        Self { seen: Instant::now(), used: processor_time(), cores }
    }

    /// What was used since the last look; `None` when that was less than a second ago.
    pub fn look(&mut self) -> Option<Usage> {
        let (now, before) = (Instant::now(), self.seen);
        let passed = now.saturating_duration_since(before);
        if passed < EVERY {
            return None;
        }
        let used = processor_time();
        let busy = used.saturating_sub(self.used);
        (self.seen, self.used) = (now, used);
        let share = busy.as_secs_f64() / passed.as_secs_f64() / self.cores;
        let memory_mib = resident_memory().map(|bytes| (10.0 * bytes as f64 / f64::from(1 << 20)).round() / 10.0);
        // Where the system doesn't count, nothing is always used.
        let cpu_share = (!used.is_zero()).then(|| (share.min(1.0) * 1000.0).round() / 1000.0);
        Some(Usage { memory_mib, cpu_share })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_told_once_a_second() {
        let mut meter = UsageMeter::start();
        assert_eq!(meter.look(), None);
        meter.seen = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        meter.used = processor_time().saturating_sub(Duration::from_secs(1));
        let usage = meter.look().unwrap();
        assert!(usage.memory_mib.unwrap() > 1.0);
        let share = usage.cpu_share.unwrap();
        assert!(share > 0.0 && share <= 1.0, "{share}");
        assert_eq!(meter.look(), None, "just now");
    }
}
