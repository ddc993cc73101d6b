//! The system's signals, told apart: which ask for the end, which only repeat it, and which insist.

use std::io;
use std::time::{Duration, Instant};

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// SIGTERM, SIGINT or SIGHUP, and those by which batch systems say that the time is up (SIGXCPU, SIGUSR1, SIGUSR2,
    /// SIGPWR): save and end.
    Stop,
    /// Somebody asked before, has waited, and asks again: end at once.
    Force,
    /// SIGTSTP: give the terminal back and stop.
    Suspend,
    /// SIGCONT: the program goes on; the terminal may have been used by another meanwhile.
    Continue,
}

/// Within this time a second signal is the same request: GNU timeout, a closing terminal and some schedulers
/// signal twice within milliseconds.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// Tells a request from its repetition, and from one by somebody who insists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requests {
    first: Option<Instant>,
}

impl Requests {
    /// A signal that asks for the end has come at `now`; `deliberate` when a person or a program chose to send
    /// it, not when a terminal has gone away or the system reminds of a limit. `None` when it says nothing new.
    pub fn heard(&mut self, now: Instant, deliberate: bool) -> Option<Notice> {
        match self.first {
            None => {
                self.first = Some(now);
                Some(Notice::Stop)
            }
            Some(first) if deliberate && now.saturating_duration_since(first) > SAME_REQUEST => Some(Notice::Force),
            Some(_) => None,
        }
    }
}

/// Which signals to listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Those that ask for the end.
    Stopping,
    /// Also those of a shell's job control, for programs that have the terminal.
    StoppingAndJobs,
}

/// Calls `tell` for each notice, on a thread of its own, until the returned value is dropped; the handlers
/// stay installed then, but do nothing. A signal that was ignored when the program began (`nohup`, a job that a
/// script started with `&`) stays ignored.
///
/// # Errors
/// When the system refuses the handlers or the thread.
#[cfg(unix)]
pub fn listen(interest: Interest, mut tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Listening> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::Signals;

    let jobs: &[i32] = if interest == Interest::StoppingAndJobs { &[SIGTSTP, SIGCONT] } else { &[] };
    let stopping = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, libc::SIGXCPU];
    #[cfg(target_os = "linux")]
    let stopping = [&stopping[..], &[libc::SIGPWR]].concat();
    let wanted = stopping.iter().chain(jobs).filter(|signal| !inherited::ignored(**signal));
    let mut signals = Signals::new(wanted)?;
    let handle = signals.handle();
    let thread = std::thread::Builder::new().name("difflab-signals".into()).spawn(move || {
        let mut requests = Requests::default();
        for signal in signals.forever() {
            match signal {
                SIGTSTP => tell(Notice::Suspend),
                SIGCONT => tell(Notice::Continue),
                _ => {
                    if let Some(notice) = requests.heard(Instant::now(), matches!(signal, SIGTERM | SIGINT)) {
                        tell(notice);
                    }
                }
            }
        }
    })?;
    Ok(Listening { handle, thread: Some(thread) })
}

/// On Windows: Ctrl-C, Ctrl-Break, and a console that is closed.
///
/// # Errors
/// Where the system takes no handler.
#[cfg(windows)]
pub fn listen(_interest: Interest, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Listening> {
    console::listen(tell)?;
    Ok(Listening {})
}

/// Ends the listening when dropped.
pub struct Listening {
    #[cfg(unix)]
    handle: signal_hook::iterator::Handle,
    #[cfg(unix)]
    thread: Option<std::thread::JoinHandle<()>>,
}

#[cfg(windows)]
impl Drop for Listening {
    fn drop(&mut self) {
        console::listen_no_more();
    }
}

/// The console takes one handler for the life of the process; it tells whoever listens at present.
#[cfg(windows)]
mod console {
    use std::io;
    use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
    use std::time::Instant;

    use super::{Notice, Requests};

    type Listener = (Requests, Box<dyn FnMut(Notice) + Send>);

    static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

    fn listener() -> MutexGuard<'static, Option<Listener>> {
        LISTENER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn listen(tell: impl FnMut(Notice) + Send + 'static) -> io::Result<()> {
        static SET: OnceLock<bool> = OnceLock::new();
        if !*SET.get_or_init(|| ctrlc::set_handler(heard).is_ok()) {
            return Err(io::Error::other("the console takes no handler of Ctrl-C"));
        }
        *listener() = Some((Requests::default(), Box::new(tell)));
        Ok(())
    }

    pub fn listen_no_more() {
        *listener() = None;
    }

    fn heard() {
        match &mut *listener() {
            Some((requests, tell)) => {
                if let Some(notice) = requests.heard(Instant::now(), true) {
                    tell(notice);
                }
            }
            // As it ends without a handler, with the code of an interruption.
            None => std::process::exit(130),
        }
    }
}

#[cfg(unix)]
impl Drop for Listening {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Stops this process as Ctrl-Z does, until somebody lets it go on; `false` where it was started so that
/// nobody could: by a shell without job control, which ignores SIGTSTP for its children.
///
/// # Errors
/// When the system refuses.
#[cfg(unix)]
pub fn suspend() -> io::Result<bool> {
    use signal_hook::consts::{SIGSTOP, SIGTSTP};
    if inherited::ignored(SIGTSTP) {
        return Ok(false);
    }
    signal_hook::low_level::raise(SIGSTOP)?;
    Ok(true)
}

/// Elsewhere nobody stops a process so.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn suspend() -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
pub(super) mod inherited {
    use std::sync::OnceLock;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};

    /// Was this signal ignored when the program began? Answered as of the first question, which comes before
    /// any handler is installed here.
    pub fn ignored(signal: i32) -> bool {
        static IGNORED: OnceLock<Vec<i32>> = OnceLock::new();
        let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, libc::SIGXCPU];
        let asked = || all.into_iter().filter(|signal| ignored_now(*signal)).collect();
        IGNORED.get_or_init(asked).contains(&signal)
    }

    fn ignored_now(signal: i32) -> bool {
        // SAFETY: a null action only asks; `sigaction` is plain data, for which zeroes are a valid value, and
        // the system fills it.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_within_a_second_is_the_same_request_and_a_later_one_insists() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut requests = Requests::default();
        let heard: Vec<_> = [0, 2, 500, 1000, 1500, 1501].map(|ms| requests.heard(after(ms), true)).to_vec();
        assert_eq!(heard, [Some(Notice::Stop), None, None, None, Some(Notice::Force), Some(Notice::Force)]);
    }

    #[test]
    fn a_terminal_that_goes_away_asks_but_never_insists() {
        let start = Instant::now();
        let mut requests = Requests::default();
        assert_eq!(requests.heard(start, false), Some(Notice::Stop));
        assert_eq!(requests.heard(start + Duration::from_secs(60), false), None);
        assert_eq!(requests.heard(start + Duration::from_secs(61), true), Some(Notice::Force));
    }
}
