//! Signals and subcommands: whatever they do, they end within two seconds, and leave nothing half-written.

use std::io;
use std::thread;
use std::time::Duration;

use crate::process::signals::{Interest, Listening, Notice, listen};
use crate::process::{end_at_once, interrupt};

/// Exit code of what a signal broke off.
pub const CODE: u8 = 130;
/// What is said of it.
pub const WORDS: &str = "interrupted; nothing half-written was left behind";

/// How long the work has to notice that it was interrupted.
const GRACE: Duration = Duration::from_millis(1500);

/// Lets signals break off the work of a subcommand, until the returned value is dropped. The work looks at
/// [`interrupt::check`] where it can; where it doesn't look in time, or somebody insists, it is ended from here.
///
/// # Errors
/// When the system refuses the handlers or the thread.
pub fn obey() -> io::Result<Listening> {
    listen(Interest::Stopping, |notice| match notice {
        Notice::Stop => {
            interrupt::ask();
            let end = || {
                thread::sleep(GRACE);
                end_at_once(CODE, WORDS)
            };
            // Without a thread nobody would see to it that the work ends.
            if thread::Builder::new().name("difflab-ending".into()).spawn(end).is_err() {
                end_at_once(CODE, WORDS);
            }
        }
        Notice::Force => end_at_once(CODE, WORDS),
        Notice::Suspend | Notice::Continue => {}
    })
}
