//! The program as a child process that is sent signals.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Signals as a terminal leaves them: whoever runs the tests may have some ignored (`nohup`, `command &` in a
/// script), which the program would rightly keep.
pub fn hear_signals(command: &mut Command) {
    // SAFETY: between fork and exec only `signal` is called, which may be.
    unsafe {
        command.pre_exec(|| {
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
