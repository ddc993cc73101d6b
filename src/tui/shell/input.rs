//! The thread that reads the keyboard and the mouse.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::tui::terminal::image_protocol::Graphics;

/// Events that may wait while a frame is drawn; more than that and the reader waits, and the
/// terminal keeps them.
const WAITING: usize = 1024;

/// How long after the start an answer to the picture question may still come in.
const LATE: Duration = Duration::from_secs(5);

/// How long the terminal is waited for before the reader looks whether anybody still listens.
const GLANCE: Duration = Duration::from_millis(50);

/// How long the reader is waited for at its end. Of a terminal that is gone it may never come back.
const PATIENCE: Duration = Duration::from_millis(300);

/// The reader's life: dropped, it reads no more, so that what is typed next is for whoever comes next.
pub struct KeyboardReader {
    over: Arc<AtomicBool>,
    /// Closed when the thread has ended.
    reading: Receiver<()>,
}

impl Drop for KeyboardReader {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Nothing is sent: it is closed, or the time is over.
        let _ = self.reading.recv_timeout(PATIENCE);
    }
}

/// Starts reading, until what is returned beside the channel is dropped. The channel closes when the terminal is gone.
///
/// # Errors
/// When the system refuses a thread.
pub fn listen(graphics: &Graphics) -> io::Result<(Receiver<Event>, KeyboardReader)> {
    let (send, events) = bounded(WAITING);
    for key in keys_of(&graphics.typed) {
        let _ = send.try_send(Event::Key(key));
    }
    let late = graphics.answer_pending.then(|| LateAnswer::until(Instant::now() + LATE));
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let named = std::thread::Builder::new().name("difflab-input".into());
    let (alive, reading) = bounded(0);
    // Not joined: where the terminal is gone, it may read for ever, and ends with the program.
    named.spawn(move || {
        let _alive: Sender<()> = alive;
        read(&send, late, &seen);
    })?;
    Ok((events, KeyboardReader { over, reading }))
}

fn read(send: &Sender<Event>, mut late: Option<LateAnswer>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let event = match crossterm::event::poll(GLANCE) {
            Ok(false) => continue,
            Ok(true) => crossterm::event::read(),
            Err(_) => return,
        };
        let Ok(event) = event else { return };
        if late.as_mut().is_some_and(|late| late.swallows(&event, Instant::now())) {
            continue;
        }
        let mut waiting = event;
        // A full channel is no reason to outlive the screen.
        while let Err(refused) = send.send_timeout(waiting, GLANCE) {
            match refused {
                SendTimeoutError::Timeout(event) if !over.load(Ordering::Relaxed) => waiting = event,
                _ => return,
            }
        }
    }
}

/// The keys that were typed while the terminal was being asked about pictures.
fn keys_of(mut bytes: &[u8]) -> Vec<KeyEvent> {
    let mut keys = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        match rest {
            // F1 to F4.
            [b'O', nth @ b'P'..=b'S', rest @ ..] if first == 0x1b => {
                keys.push(KeyEvent::new(KeyCode::F(nth - b'P' + 1), KeyModifiers::NONE));
                bytes = rest;
            }
            _ => keys.extend(key_of(first)),
        }
    }
    keys
}

/// A key that is one byte.
fn key_of(byte: u8) -> Option<KeyEvent> {
    let code = match byte {
        b'\r' | b'\n' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x1b => KeyCode::Esc,
        0x7f => KeyCode::Backspace,
        3 => return Some(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        b' '..=b'~' => KeyCode::Char(char::from(byte)),
        _ => return None,
    };
    Some(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Takes a late answer to kitty's picture question (`ESC _ Gi=31;OK ESC \`) out of the keys: it
/// arrives as Alt-_, letters, Alt-\. The other answers are never taken for keys.
struct LateAnswer {
    until: Instant,
    inside: Option<Instant>,
}

impl LateAnswer {
    fn until(until: Instant) -> Self {
        Self { until, inside: None }
    }

    fn swallows(&mut self, event: &Event, now: Instant) -> bool {
        let Event::Key(key) = event else { return false };
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match self.inside {
            Some(_) if alt && key.code == KeyCode::Char('\\') => {
                self.inside = None;
                true
            }
            // An answer comes in one piece; what comes later is typed.
            Some(since) if now.duration_since(since) < Duration::from_millis(200) => true,
            Some(_) => {
                self.inside = None;
                false
            }
            None if now < self.until && alt && key.code == KeyCode::Char('_') => {
                self.inside = Some(now);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
    }

    #[test]
    fn a_late_answer_is_taken_out_of_the_keys_and_nothing_else_is() {
        let now = Instant::now();
        let mut late = LateAnswer::until(now + LATE);
        assert!(!late.swallows(&key('q', KeyModifiers::NONE), now));
        assert!(late.swallows(&key('_', KeyModifiers::ALT), now));
        for c in "Gi=31;OK".chars() {
            assert!(late.swallows(&key(c, KeyModifiers::NONE), now));
        }
        assert!(late.swallows(&key('\\', KeyModifiers::ALT), now));
        assert!(!late.swallows(&key('q', KeyModifiers::NONE), now));
    }

    #[test]
    fn an_answer_that_never_ends_gives_the_keys_back() {
        let now = Instant::now();
        let mut late = LateAnswer::until(now + LATE);
        assert!(late.swallows(&key('_', KeyModifiers::ALT), now));
        assert!(!late.swallows(&key('q', KeyModifiers::NONE), now + Duration::from_secs(1)));
        assert!(!late.swallows(&key('_', KeyModifiers::ALT), now + LATE));
    }

    #[test]
    fn typed_bytes_become_keys() {
        assert_eq!(key_of(b's').unwrap().code, KeyCode::Char('s'));
        assert_eq!(key_of(b'\r').unwrap().code, KeyCode::Enter);
        assert_eq!(key_of(3).unwrap().modifiers, KeyModifiers::CONTROL);
        assert!(key_of(0xff).is_none());
        let codes: Vec<KeyCode> = keys_of(b"s\x1bOPq\x1b").iter().map(|key| key.code).collect();
        assert_eq!(codes, [KeyCode::Char('s'), KeyCode::F(1), KeyCode::Char('q'), KeyCode::Esc]);
    }
}
