//! Ctrl-C, SIGTERM and SIGHUP: the first asks the run to save and end, the second ends it at once.

use anyhow::Result;
use crossbeam_channel::Receiver;

/// Exit code of a run that was interrupted.
const INTERRUPTED: i32 = 130;

/// A channel that receives once, at the first signal. From the second on the process ends without
/// saving.
///
/// # Errors
/// When the handler cannot be installed.
#[cfg(unix)]
pub fn first_signal() -> Result<Receiver<()>> {
    use anyhow::Context;
    use crossbeam_channel::bounded;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let (sender, receiver) = bounded(1);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("installing the signal handler")?;
    std::thread::Builder::new()
        .name("difflab-signals".into())
        .spawn(move || {
            for (nth, _) in signals.forever().enumerate() {
                match nth {
                    0 => drop(sender.send(())),
                    _ => std::process::exit(INTERRUPTED),
                }
            }
        })
        .context("starting the signal thread")?;
    Ok(receiver)
}

/// Elsewhere nothing is caught: the system ends the process.
#[cfg(not(unix))]
pub fn first_signal() -> Result<Receiver<()>> {
    let _ = INTERRUPTED;
    Ok(crossbeam_channel::never())
}
