//! The system's signals as messages.

use std::io;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::lab::Command;

/// What a signal asks of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// SIGTERM, SIGINT or SIGHUP: save and leave. The worker has been told already.
    Terminate,
    /// SIGTSTP: give the terminal back and stop.
    Suspend,
    /// SIGCONT: the program goes on; the terminal may have been used by another meanwhile.
    Continue,
}

/// How long a program that was asked to end waits before a second signal ends it at once.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_millis(500);

/// Listens for signals on a thread of its own. The worker is told to save and end right there, so
/// that this happens even when the screen's thread hangs on a terminal that takes no more output.
/// A second signal, when somebody insists, gives the terminal back and ends the program at once.
///
/// # Errors
/// When the system refuses the handlers or the thread.
#[cfg(unix)]
pub fn listen(commands: crossbeam_channel::Sender<Command>) -> io::Result<(Receiver<Notice>, Guard)> {
    use std::io::Write;
    use std::time::Instant;

    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::iterator::Signals;

    use super::terminal::give_back;

    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
    let handle = signals.handle();
    // Signals come one by one; a screen that has hung must not stop this thread, so nothing blocks.
    let (send, notices) = crossbeam_channel::bounded(16);
    let thread = std::thread::Builder::new().name("difflab-signals".into()).spawn(move || {
        let mut asked: Option<Instant> = None;
        for signal in signals.forever() {
            match signal {
                SIGTSTP => {
                    let _ = send.try_send(Notice::Suspend);
                }
                SIGCONT => {
                    let _ = send.try_send(Notice::Continue);
                }
                _ => {
                    if asked.is_some_and(|at| at.elapsed() > PATIENCE) {
                        give_back();
                        let words = "difflab: ended at once by a second signal; the newest checkpoint is what remains";
                        let _ = writeln!(io::stderr(), "{words}");
                        std::process::exit(130);
                    }
                    asked.get_or_insert_with(Instant::now);
                    // A full channel: the worker will look soon; a closed one: it has ended.
                    let _ = commands.send_timeout(Command::Quit { save: true }, Duration::from_secs(2));
                    let _ = send.try_send(Notice::Terminate);
                }
            }
        }
    })?;
    Ok((notices, Guard { handle, thread: Some(thread) }))
}

#[cfg(not(unix))]
pub fn listen(_commands: crossbeam_channel::Sender<Command>) -> io::Result<(Receiver<Notice>, Guard)> {
    Ok((crossbeam_channel::never(), Guard {}))
}

/// Ends the listening when dropped; the handlers stay installed but do nothing.
pub struct Guard {
    #[cfg(unix)]
    handle: signal_hook::iterator::Handle,
    #[cfg(unix)]
    thread: Option<std::thread::JoinHandle<()>>,
}

#[cfg(unix)]
impl Drop for Guard {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
