//! What processes that work together can ask of each other.

use std::fmt::Debug;

use anyhow::Result;

/// The processes of one job, as each of them sees it. Rank 0 leads: it alone writes files and speaks.
///
/// Every rank makes the same calls in the same order, and each call returns when the others have made theirs. Any thread
/// may make them, one at a time. A rank that fails ends the job with [`Self::abort`]; the others never return from what
/// they wait in. Nothing is added up on the way, so that no result depends on how many ranks there are: see
/// [`Tree`](super::Tree).
pub trait Collective: Send + Sync + Debug {
    /// This process, from 0.
    fn rank(&self) -> usize;

    /// How many there are, 1 or more.
    fn size(&self) -> usize;

    /// The machine that it runs on, by name.
    fn host(&self) -> String;

    /// Returns when every rank has come here.
    ///
    /// # Errors
    /// When the connection to the others has ended; the same of all calls below.
    fn barrier(&self) -> Result<()>;

    /// Returns, on every rank, what rank 0 gives; what the others give is ignored.
    ///
    /// # Errors
    /// As [`Self::barrier`].
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// Returns, on every rank, what each gives, in the order of the ranks; they may differ in length.
    ///
    /// # Errors
    /// As [`Self::barrier`].
    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// The same for floats, one after the other. `counts[r]`: how many rank r gives, known to all.
    ///
    /// # Errors
    /// As [`Self::barrier`]; when they are more than 2³¹ − 1.
    fn all_gather_floats(&self, floats: Vec<f32>, counts: Vec<usize>) -> Result<Vec<f32>>;

    /// Gives `to[r]` of the floats, which stand one after the other, to each rank r, and returns what each gives this one,
    /// `from[r]` floats, in the order of the ranks.
    ///
    /// # Errors
    /// As [`Self::all_gather_floats`].
    fn all_to_all(&self, floats: Vec<f32>, to: Vec<usize>, from: Vec<usize>) -> Result<Vec<f32>>;

    /// Ends the whole job at once with `code`, whatever the others are doing.
    fn abort(&self, code: u8) -> !;

    /// Says goodbye, once all ranks do; afterwards no call may be made.
    ///
    /// # Errors
    /// As [`Self::barrier`].
    fn leave(&self) -> Result<()>;
}

impl dyn Collective + '_ {
    /// Is this the rank that writes and speaks?
    pub fn leads(&self) -> bool {
        self.rank() == 0
    }

    /// Is there no other?
    pub fn is_alone(&self) -> bool {
        self.size() == 1
    }
}
