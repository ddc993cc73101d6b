//! A clock that stands while the process does.
//!
//! The system's monotonic clock doesn't count a machine's sleep, but it does count the time in which a process
//! is stopped (SIGSTOP, Ctrl-Z), frozen (a paused container) or its virtual machine is. None of these can be
//! caught when it begins, and only SIGCONT when it ends. What they have in common: no thread of the process
//! runs. So a heart beats ten times a second; where ten beats are missing, and the process used no processor
//! time meanwhile, it stood still, and that time isn't counted. A busy machine on which only the heart came
//! too late is told apart by the processor time that the other threads used.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(100);
/// A silence of this length is looked into; a shorter one is counted as running.
const SILENCE: Duration = Duration::from_secs(1);

/// Counts the time in which the process runs, beginning with 0.
pub struct RunningClock {
    beats: Arc<Mutex<Beats>>,
    stop: Option<Sender<()>>,
    heart: Option<JoinHandle<()>>,
}

/// What was seen when the clock was last looked at.
#[derive(Clone, Copy, Debug)]
struct Beats {
    seen: Instant,
    /// Processor time of the whole process at the last beat.
    used: Duration,
    /// Time counted so far.
    ran: Duration,
    /// Threads that can run at once.
    cores: u32,
}

impl RunningClock {
    /// Starts the clock and its heart. Where no thread can be had, suspended time is noticed all the same, by
    /// whoever looks at the clock next.
    pub fn start() -> Self {
        let cores = thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        let beats = Beats { seen: Instant::now(), used: processor_time(), ran: Duration::ZERO, cores };
        let beats = Arc::new(Mutex::new(beats));
        let (stop, stopped) = channel();
        let shared = Arc::clone(&beats);
        let heart = thread::Builder::new().name("difflab-clock".into()).spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                lock(&shared).beat(Instant::now(), processor_time);
            }
        });
        Self { beats, stop: Some(stop), heart: heart.ok() }
    }

    /// Time that the process has run since the start. Never goes back.
    pub fn now(&self) -> Duration {
        lock(&self.beats).look(Instant::now(), processor_time)
    }
}

impl Drop for RunningClock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(heart) = self.heart.take() {
            let _ = heart.join();
        }
    }
}

fn lock(beats: &Mutex<Beats>) -> MutexGuard<'_, Beats> {
    beats.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Beats {
    /// Counts the time up to `now`, unless the process stood still. `used` tells its processor time.
    fn look(&mut self, now: Instant, used: impl FnOnce() -> Duration) -> Duration {
        let silence = now.saturating_duration_since(self.seen);
        self.seen = now;
        if silence < SILENCE || self.worked_in(silence, used()) {
            self.ran += silence;
        }
        self.ran
    }

    /// As [`Self::look`], and remembers the processor time.
    fn beat(&mut self, now: Instant, used: impl Fn() -> Duration) {
        self.look(now, &used);
        self.used = used();
    }

    /// Did the process work in a silence? Right before and after, all cores may have been busy for a beat.
    fn worked_in(&self, silence: Duration, used: Duration) -> bool {
        used.saturating_sub(self.used) > 2 * BEAT * self.cores + silence / 4
    }
}

/// Processor time of all threads of this process.
#[cfg(unix)]
pub(super) fn processor_time() -> Duration {
    // SAFETY: `timespec` is plain data, for which zeroes are a valid value; the system fills it.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        time
    };
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Elsewhere a long silence is taken for a suspension.
#[cfg(not(unix))]
pub(super) fn processor_time() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn beats(start: Instant) -> Beats {
        Beats { seen: start, used: ms(0), ran: ms(0), cores: 2 }
    }

    #[test]
    fn a_process_that_stood_still_did_not_run() {
        let start = Instant::now();
        let mut beats = beats(start);
        (1..=20).for_each(|i| beats.beat(start + ms(100 * i), || ms(200 * i)));
        assert_eq!(beats.ran, ms(2000));
        // Stopped for a minute, right after both cores have worked for 90 ms.
        let after = start + ms(2090) + Duration::from_secs(60);
        assert_eq!(beats.look(start + ms(2090), || ms(4180)), ms(2090));
        assert_eq!(beats.look(after, || ms(4190)), ms(2090), "the worker may look before the heart beats");
        beats.beat(after + ms(10), || ms(4200));
        assert_eq!(beats.look(after + ms(100), || ms(4300)), ms(2190), "and then it goes on");
    }

    #[test]
    fn a_heart_that_came_too_late_on_a_busy_machine_is_no_suspension() {
        let start = Instant::now();
        let mut beats = beats(start);
        assert_eq!(beats.look(start + ms(4000), || ms(3500)), ms(4000), "one of the two cores was used");
        let mut beats = self::beats(start);
        assert_eq!(beats.look(start + ms(900), || ms(0)), ms(900), "a short silence is no suspension");
    }

    #[test]
    fn the_clock_goes_and_never_back() {
        let clock = RunningClock::start();
        let first = clock.now();
        thread::sleep(ms(30));
        let second = clock.now();
        assert!(second >= first + ms(30) && second < first + Duration::from_secs(60), "{first:?} {second:?}");
    }

    #[cfg(unix)]
    #[test]
    fn processor_time_is_that_of_all_threads() {
        let before = processor_time();
        let end = Instant::now() + ms(60);
        let work = move || while Instant::now() < end {};
        thread::spawn(work).join().unwrap();
        assert!(processor_time() > before);
    }
}
