//! Work that is divided over the ranks, and what comes of it on all of them.

use std::ops::Range;

use anyhow::{Result, bail};

use super::collective::Collective;
use super::share::share;
use crate::process::interrupt::Interrupted;

/// The first byte of what a rank tells the others.
const DONE: u8 = 0;
const FAILED: u8 = 1;
const INTERRUPTED: u8 = 2;

impl dyn Collective + '_ {
    /// Has each rank do its share of `0..n`, and returns on all of them what they have made, in order. Where one fails, all
    /// fail, so that none waits for it later.
    ///
    /// # Errors
    /// What `work` reports, here or, with the rank's name, on another; when the connection has ended.
    pub fn divided(&self, n: usize, work: impl FnOnce(Range<usize>) -> Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        self.gathered(work(share(n, self.size(), self.rank())))
    }

    /// The same of floats, one after the other.
    ///
    /// # Errors
    /// As `divided`.
    pub fn divided_floats(&self, n: usize, work: impl FnOnce(Range<usize>) -> Result<Vec<f32>>) -> Result<Vec<f32>> {
        let bytes = |floats: Vec<f32>| floats.iter().flat_map(|x| x.to_le_bytes()).collect();
        let all = self.divided(n, |share| work(share).map(bytes))?;
        let floats = all.iter().flat_map(|bytes| bytes.chunks_exact(4));
        Ok(floats.map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect())
    }

    /// Returns, on all ranks, what each of them has made, unless one has failed.
    ///
    /// # Errors
    /// As `divided`.
    pub fn gathered(&self, made: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        if self.is_alone() {
            return Ok(vec![made?]);
        }
        let told = match &made {
            Ok(bytes) => [&[DONE], bytes.as_slice()].concat(),
            Err(error) if Interrupted::caused(error) => vec![INTERRUPTED],
            Err(error) => [&[FAILED], format!("{error:#}").as_bytes()].concat(),
        };
        let all = self.all_gather(told)?;
        // This rank's own error knows most.
        made?;
        let mut gathered = Vec::with_capacity(all.len());
        for (rank, mut told) in all.into_iter().enumerate() {
            match told.first() {
                Some(&DONE) => gathered.push(told.split_off(1)),
                Some(&INTERRUPTED) => return Err(Interrupted.into()),
                _ => bail!("rank {rank}: {}", String::from_utf8_lossy(told.get(1..).unwrap_or_default())),
            }
        }
        Ok(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::on_threads;

    #[test]
    fn what_each_has_made_is_there_for_all_in_order() {
        for size in 1..4 {
            let all = on_threads(size, |ranks| ranks.divided_floats(5, |share| Ok(share.map(|i| i as f32).collect())));
            for made in all {
                assert_eq!(made.unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0]);
            }
        }
    }

    #[test]
    fn where_one_fails_all_do_and_say_who_it_was() {
        let said = on_threads(3, |ranks| {
            let made = ranks.divided(3, |share| if share.start == 1 { bail!("no more") } else { Ok(vec![7]) });
            made.unwrap_err().to_string()
        });
        assert_eq!(said, ["rank 1: no more", "no more", "rank 1: no more"]);
        let interrupted = on_threads(2, |ranks| {
            let made = if ranks.leads() { Err(Interrupted.into()) } else { Ok(vec![]) };
            Interrupted::caused(&ranks.gathered(made).unwrap_err())
        });
        assert_eq!(interrupted, [true, true]);
    }
}
