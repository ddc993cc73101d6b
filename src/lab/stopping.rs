//! Signals and a lab: asked to stop, the worker is told at once, whatever the consumer of its events hangs on.

use std::io;
use std::thread;
use std::time::Duration;

use super::protocol::Command;
use super::spawn::Lab;
use super::standing::Standing;
use crate::process::signals::{Interest, Listening, Notice, listen};
use crate::process::{end_at_once, interrupt};

/// How long the consumer may take to leave once the worker has saved and ended: a terminal that nobody reads, or
/// a pipe that is full, takes nothing and would hold the program for ever.
const LEAVE: Duration = Duration::from_secs(2);
/// How often to see whether the worker has ended.
const LOOK: Duration = Duration::from_millis(50);

impl Lab {
    /// Lets signals stop this lab, until the returned value is dropped. The first tells the worker to save and
    /// end; a later, deliberate one ends the program at once. `tell` hears of every notice as well.
    ///
    /// # Errors
    /// When the system refuses the handlers or the thread.
    pub fn obey_signals(&self, interest: Interest, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Listening> {
        obey_signals(&[self], interest, tell)
    }
}

impl Lab {
    /// Lets signals end a lab on trial, which leaves nothing behind then. The program is ended by whoever obeys them
    /// for the run that is trained.
    ///
    /// # Errors
    /// As [`Self::obey_signals`].
    pub fn give_up_on_signals(&self) -> io::Result<Listening> {
        let commands = self.commands.clone();
        listen(Interest::Stopping, move |notice| {
            if notice == Notice::Stop {
                let _ = commands.send_timeout(Command::Quit { save: true }, LEAVE);
            }
        })
    }
}

/// The same for labs that train together: a signal stops all of them.
///
/// # Errors
/// As [`Lab::obey_signals`].
pub fn obey_signals(
    labs: &[&Lab],
    interest: Interest,
    mut tell: impl FnMut(Notice) + Send + 'static,
) -> io::Result<Listening> {
    let labs: Vec<_> = labs.iter().map(|lab| (lab.commands.clone(), lab.standing.clone())).collect();
    listen(interest, move |notice| {
        match notice {
            Notice::Stop => {
                labs.iter().for_each(|(_, standing)| standing.ask_to_stop());
                interrupt::ask();
                for (commands, _) in &labs {
                    // A full channel: the worker will look soon; a closed one: it has ended.
                    let _ = commands.send_timeout(Command::Quit { save: true }, LEAVE);
                }
                see_to_the_end(labs.iter().map(|(_, standing)| standing.clone()).collect());
            }
            Notice::Force => {
                let what = "ended at once by a second signal, without saving";
                end_at_once(130, &format!("{what}; {}", remains(labs.iter().map(|(_, standing)| standing))));
            }
            Notice::Suspend | Notice::Continue => {}
        }
        tell(notice);
    })
}

fn remains<'a>(standings: impl Iterator<Item = &'a Standing>) -> String {
    standings.map(Standing::remains).collect::<Vec<_>>().join("\n")
}

/// Ends the program when all workers have ended and nobody else does.
fn see_to_the_end(standings: Vec<Standing>) {
    let see = move || {
        let mut how = Ok(());
        for standing in &standings {
            let ended = loop {
                match standing.ending() {
                    Some(ended) => break ended,
                    None => thread::sleep(LOOK),
                }
            };
            how = how.and_then(|()| ended.clone());
        }
        thread::sleep(LEAVE);
        match how {
            Ok(()) => {
                let remains = remains(standings.iter());
                end_at_once(130, &format!("ended, although nobody reads its output; {remains}"))
            }
            Err(why) => end_at_once(1, &format!("ended, although nobody reads its output: {why}")),
        }
    };
    // Without it only a consumer that hangs is left alone.
    let _ = thread::Builder::new().name("difflab-ending".into()).spawn(see);
}
