//! What rank 0 has the others do.

use anyhow::{Result, bail};

/// How a run has ended, for the ranks that followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All steps are done, or it was left; saved.
    Done,
    /// A signal has stopped it; saved.
    Interrupted,
    /// Rank 0 says why.
    Failed,
}

/// What comes next: rank 0 decides, and every rank does it together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NextDeed {
    /// One step of training, with this factor on the learning-rate schedule.
    Step { learning_rate_scale: f64 },
    /// The held-out loss.
    HeldOut,
    /// No more steps.
    End(RunEnd),
}

impl NextDeed {
    pub fn bytes(self) -> Vec<u8> {
        let (what, number) = match self {
            Self::Step { learning_rate_scale } => (0, learning_rate_scale),
            Self::HeldOut => (1, 0.0),
            Self::End(RunEnd::Done) => (2, 0.0),
            Self::End(RunEnd::Interrupted) => (3, 0.0),
            Self::End(RunEnd::Failed) => (4, 0.0),
        };
        [&[what], &f64::to_le_bytes(number)[..]].concat()
    }

    /// # Errors
    /// When it is none.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        Ok(match *bytes {
            [0, ref number @ ..] if number.len() == 8 => {
                let number = number.try_into().unwrap_or_default();
                Self::Step { learning_rate_scale: f64::from_le_bytes(number) }
            }
            [1, ..] => Self::HeldOut,
            [2, ..] => Self::End(RunEnd::Done),
            [3, ..] => Self::End(RunEnd::Interrupted),
            [4, ..] => Self::End(RunEnd::Failed),
            _ => bail!("rank 0 asks for something that this rank doesn't know: another version of difflab?"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_arrive_as_they_were_given() {
        let ends = [RunEnd::Done, RunEnd::Interrupted, RunEnd::Failed].map(NextDeed::End);
        for order in [NextDeed::Step { learning_rate_scale: 0.1 + 0.2 }, NextDeed::HeldOut].into_iter().chain(ends) {
            assert_eq!(NextDeed::of(&order.bytes()).unwrap(), order);
        }
        assert!(NextDeed::of(&[]).is_err() && NextDeed::of(&[0, 1]).is_err() && NextDeed::of(&[9]).is_err());
    }
}
