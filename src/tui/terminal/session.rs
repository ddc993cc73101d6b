//! Takes the terminal over, and gives it back: on leaving, on panic, on a signal, on suspension.

use std::io::{self, BufWriter, Stdout};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::Rect;

use crate::process::{last_words, signals};
use crate::tui::terminal::quiet_backend::{COMPLETE, QuietBackend};

/// A whole frame goes out in one write: fewer system calls, and no half frames on the screen.
const OUTPUT_BUFFER: usize = 1 << 16;

/// The backend of the real terminal.
pub type ScreenBackend = QuietBackend<CrosstermBackend<BufWriter<Stdout>>>;

/// Is the terminal ours now? One flag for the whole program, since there is one terminal; the panic
/// hook needs it too.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Set once kitty pictures were sent, so that they are deleted on leaving.
static KITTY_PICTURES: AtomicBool = AtomicBool::new(false);

/// The terminal while the lab has it. Dropping it gives the terminal back.
pub struct Screen {
    pub terminal: Terminal<ScreenBackend>,
    panics: Panics,
}

impl Screen {
    /// Takes the terminal over: raw mode, alternate screen, mouse, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When the terminal refuses; it is given back then.
    pub fn open() -> io::Result<Self> {
        let panics = Panics::watch();
        let opened = take().and_then(|()| {
            let out = BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout());
            let mut terminal = Terminal::new(QuietBackend::new(CrosstermBackend::new(out)))?;
            erase(&mut terminal)?;
            Ok(terminal)
        });
        match opened {
            Ok(terminal) => Ok(Self { terminal, panics }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Says that kitty's pictures are used, so that leaving deletes them.
    pub fn use_kitty_pictures(&self) {
        KITTY_PICTURES.store(true, Ordering::SeqCst);
        last_words::leave_with(leaving());
    }

    /// Gives the terminal back, stops the program as Ctrl-Z does at a shell, and takes the terminal
    /// again when the program goes on.
    ///
    /// # Errors
    /// When the terminal can't be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Where nobody could let it go on, it isn't stopped.
        signals::suspend()?;
        self.take_again()
    }

    /// Takes the terminal again after somebody else had it, and forgets what was on it.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn take_again(&mut self) -> io::Result<()> {
        TAKEN.store(false, Ordering::SeqCst);
        // Another program may have changed the modes meanwhile, so they are set anew from scratch.
        let _ = disable_raw_mode();
        take()?;
        erase(&mut self.terminal)
    }

    /// Gives the terminal back, and returns what panics of other threads said while the lab had it:
    /// on the screen they would only have been in the way.
    pub fn close(mut self) -> Vec<String> {
        give_back();
        let notes = self.panics.take();
        if self.terminal.show_cursor().is_err() {
            // The terminal is gone. Dropping it would complain to a standard error that is gone too,
            // and panic over that.
            std::mem::forget(self);
        }
        notes
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // A process that is killed in the middle gives it back as well.
    last_words::remember_terminal(leaving());
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, Hide)
}

/// Erases everything, so that the next frame is drawn whole. Not [`Terminal::clear`]: that asks the
/// terminal where the cursor is, takes the answer out of the keys, and fails where none comes.
///
/// # Errors
/// When the terminal is gone.
pub fn erase<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(Rect::new(0, 0, size.width, size.height))
}

/// Gives the terminal back; does nothing when it isn't taken. Errors are left aside: a terminal that
/// is gone needs nothing, and each step is tried whatever became of the others.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = io::Write::write_all(&mut out, &leaving()).and_then(|()| io::Write::flush(&mut out));
    let _ = disable_raw_mode();
    last_words::terminal_is_back();
}

/// What gives the screen back.
fn leaving() -> Vec<u8> {
    // It may be left in the middle of a frame.
    let mut bytes = COMPLETE.to_vec();
    if KITTY_PICTURES.load(Ordering::SeqCst) {
        bytes.extend_from_slice(b"\x1b_Ga=d,d=A,q=2\x1b\\");
    }
    // The cursor is shown on both screens: some terminals keep its visibility with each.
    let _ = queue!(bytes, DisableBracketedPaste, DisableMouseCapture, Show, LeaveAlternateScreen, Show);
    bytes
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// The panic hook while the lab has the terminal. A panic of the screen's own thread gives the
/// terminal back before it is printed; the text of one on another thread (the worker's are caught
/// and shown as a failed run) is kept for later.
struct Panics {
    notes: Arc<Mutex<Vec<String>>>,
    previous: Arc<Hook>,
}

impl Panics {
    fn watch() -> Self {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let previous: Arc<Hook> = Arc::new(std::panic::take_hook());
        let screen: ThreadId = std::thread::current().id();
        let (kept, chained) = (Arc::clone(&notes), Arc::clone(&previous));
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == screen || !TAKEN.load(Ordering::SeqCst) {
                give_back();
                chained(info);
            } else {
                let mut notes = kept.lock().unwrap_or_else(PoisonError::into_inner);
                // A thread that panics over and over must not fill the memory.
                if notes.len() < 16 {
                    notes.push(describe(info));
                }
            }
        }));
        Self { notes, previous }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        // The hook can't be changed while panicking, and the process is about to end then.
        if !std::thread::panicking() {
            let previous = Arc::clone(&self.previous);
            std::panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

/// "thread 'difflab-lab' panicked at src/x.rs:3:4: what".
fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed").to_owned();
    let place = info.location().map(|l| format!(" at {l}")).unwrap_or_default();
    let what = info.payload_as_str().unwrap_or("no message");
    format!("thread '{name}' panicked{place}: {what}")
}
