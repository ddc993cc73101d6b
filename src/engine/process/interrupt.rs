//! Work that can be broken off: whoever does something long asks [`check`] now and then, and returns
//! [`Interrupted`] as an error like any other.
//!
//! A signal asks the whole process ([`ask`]). One piece of work (a snapshot, the opening of a run) can be
//! cancelled alone by its [`Token`], which [`check`] knows on the thread that works in the token's
//! [`scope`](Token::scope). Threads of a pool see the process's request by themselves; the token of whoever
//! started them they are given: `let token = interrupt::current();` outside, `token.check()?` inside.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Work was broken off because somebody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What breaking work off means, for people; a context around [`Interrupted`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenOff(pub String);

impl Interrupted {
    /// Is this what an error comes down to?
    pub fn caused(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| cause.is::<Self>())
    }
}

/// Has a signal asked the process to end? It never becomes false again.
static ASKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The token in whose scope this thread works.
    static CURRENT: RefCell<Option<Token>> = const { RefCell::new(None) };
}

/// Asks everything in this process to end. For signals.
pub fn ask() {
    ASKED.store(true, Ordering::SeqCst);
}

/// Was the process asked to end?
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Shall the work of this thread go on? Costs nanoseconds; meant for coarse loops: once a file, a batch, a
/// network call.
///
/// # Errors
/// [`Interrupted`] when the process was asked to end, or the token of this thread was cancelled.
pub fn check() -> Result<(), Interrupted> {
    CURRENT.with_borrow(|current| match current {
        Some(token) => token.check(),
        None if asked() => Err(Interrupted),
        None => Ok(()),
    })
}

/// The token of this thread, to take along into others; a fresh one where there is none.
pub fn current() -> Token {
    CURRENT.with_borrow(|current| current.clone()).unwrap_or_default()
}

const GOING: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTED: u8 = 2;

/// Names one piece of work that can be cancelled, until it commits itself. Clones name the same work.
#[derive(Clone, Debug, Default)]
pub struct Token(Arc<AtomicU8>);

impl Token {
    /// Asks the work to end. Returns `false` when it is too late for that: the work has committed itself.
    pub fn cancel(&self) -> bool {
        match self.0.compare_exchange(GOING, CANCELLED, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => true,
            Err(state) => state == CANCELLED,
        }
    }

    /// Was the work cancelled by [`Self::cancel`]?
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == CANCELLED
    }

    /// From here on the work leaves traces, and goes on to its end whoever asks.
    ///
    /// # Errors
    /// [`Interrupted`] when somebody has asked before.
    pub fn commit(&self) -> Result<(), Interrupted> {
        self.check()?;
        match self.0.compare_exchange(GOING, COMMITTED, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) | Err(COMMITTED) => Ok(()),
            Err(_) => Err(Interrupted),
        }
    }

    /// As [`check`], for this work.
    ///
    /// # Errors
    /// [`Interrupted`] when it was cancelled, or the process asked to end, before it committed itself.
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.0.load(Ordering::SeqCst) {
            CANCELLED => Err(Interrupted),
            GOING if asked() => Err(Interrupted),
            _ => Ok(()),
        }
    }

    /// Runs `work` on this thread with this token as the one that [`check`] asks.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Puts the token of before back, after a panic too.
        struct Back(Option<Token>);
        impl Drop for Back {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _back = Back(CURRENT.replace(Some(self.clone())));
        work()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_token_ends_the_work_in_its_scope_and_no_other() {
        let token = Token::default();
        assert_eq!(token.scope(check), Ok(()));
        assert!(token.cancel() && token.cancel(), "twice is the same request");
        assert_eq!(token.scope(check), Err(Interrupted));
        assert_eq!(token.scope(|| current().check()), Err(Interrupted), "other threads can be given it");
        assert_eq!(check(), Ok(()), "outside nothing was cancelled");
        assert_eq!(Token::default().scope(check), Ok(()));
    }

    #[test]
    fn work_that_has_committed_itself_cannot_be_cancelled_and_cancelled_work_cannot_commit() {
        let token = Token::default();
        assert_eq!(token.commit(), Ok(()));
        assert!(!token.cancel() && !token.is_cancelled());
        assert_eq!(token.scope(check), Ok(()));
        let token = Token::default();
        token.cancel();
        assert_eq!(token.commit(), Err(Interrupted));
    }

    #[test]
    fn scopes_nest_and_a_panic_leaves_none_behind() {
        let (outer, inner) = (Token::default(), Token::default());
        inner.cancel();
        outer.scope(|| {
            assert_eq!(inner.scope(check), Err(Interrupted));
            assert_eq!(check(), Ok(()));
        });
        let _ = std::panic::catch_unwind(|| inner.scope(|| panic!("in the middle")));
        assert_eq!(check(), Ok(()));
    }
}
