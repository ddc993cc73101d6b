//! The program as a child process that is sent signals.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Signals as a terminal leaves them: whoever runs the tests may have some ignored (`nohup`, `command &` in a
/// script), which the program would rightly keep. On Linux the program also ends with the test that started it, so that
/// one that fails leaves nothing running.
pub fn hear_signals(command: &mut Command) {
    // SAFETY: between fork and exec only `prctl` and `signal` are called, which may be.
    unsafe {
        command.pre_exec(|| {
            #[cfg(target_os = "linux")]
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGQUIT] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

/// Sends a signal by its name, "TERM".
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "no process to send {name} to");
}
