//! Child processes that never outlive this one.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// A child process, killed when this is dropped, when the process [ends at once](super::end_at_once), and, on Linux, when
/// it is killed itself.
#[derive(Debug)]
pub struct Attended(Arc<Mutex<Child>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Attended {
    /// Starts the command. The thread that calls this must live as long as the child.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        end_with_us(command);
        // Under the lock: the process doesn't end between the start and the note of it.
        let mut running = lock(&RUNNING);
        let child = Arc::new(Mutex::new(command.spawn()?));
        running.push(child.clone());
        Ok(Self(child))
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// Those of [`Child::try_wait`].
    pub fn ended(&self) -> io::Result<Option<ExitStatus>> {
        lock(&self.0).try_wait()
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let mut child = lock(&self.0);
        // One that has ended is no matter.
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        lock(&RUNNING).retain(|other| !Arc::ptr_eq(other, &self.0));
    }
}

/// Kills all of them: the process ends now.
pub(super) fn kill_all() {
    for child in lock(&RUNNING).iter() {
        let mut child = lock(child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec there is one plain system call without pointers, which may be made there.
    unsafe {
        command.pre_exec(|| {
            // Refused, the child would only outlive a parent that was killed.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_gone_when_nobody_attends_to_it() {
        let child = Attended::spawn(Command::new("sleep").arg("60")).unwrap();
        assert!(child.ended().unwrap().is_none());
        let watched = child.0.clone();
        drop(child);
        assert!(!lock(&watched).try_wait().unwrap().unwrap().success());
        assert!(!lock(&RUNNING).iter().any(|other| Arc::ptr_eq(other, &watched)));
        let done = Attended::spawn(&mut Command::new("true")).unwrap();
        while done.ended().unwrap().is_none() {
            std::thread::yield_now();
        }
        assert!(done.ended().unwrap().unwrap().success());
        assert!(Attended::spawn(&mut Command::new("/no/such/program")).is_err());
    }
}
