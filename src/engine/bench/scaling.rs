//! What more ranks would bring: a model of a training step over several processes.
//!
//! ```text
//! sum(P, n)    = 2·(P − 1)·l + 2·(P − 1)/P·n/b       the ordered sum of n bytes: all-to-all, then all-gather
//! step(P, m)   = f + c·m + sum(P, n)                 m images a rank
//! ```
//!
//! l is the latency of a message and b the rate of one rank, both fitted to measured sums; f is what each rank does whole
//! (the optimizer, the average, its part of the bookkeeping) and c the time of an image, from two measured batches.

use serde::Serialize;

/// What a sum of so many bytes took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SumTime {
    pub bytes: usize,
    pub seconds: f64,
}

/// Latency and rate of the connection between ranks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Link {
    /// Seconds a message.
    pub latency: f64,
    /// Seconds a byte that one rank sends.
    pub per_byte: f64,
}

impl Link {
    /// The one that fits sums over `ranks` ranks (2 or more) best: least squares of relative errors.
    pub fn fitted(ranks: usize, sums: &[SumTime]) -> Self {
        let (messages, share) = shape(ranks);
        // t = a·x + b·y with x = messages and y = share·bytes, each equation divided by its t.
        let (mut xx, mut xy, mut yy, mut x1, mut y1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for sum in sums {
            let (x, y) = (messages / sum.seconds, share * sum.bytes as f64 / sum.seconds);
            (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
            (x1, y1) = (x1 + x, y1 + y);
        }
        let determinant = xx * yy - xy * xy;
        let (latency, per_byte) = ((x1 * yy - y1 * xy) / determinant, (y1 * xx - x1 * xy) / determinant);
        // Where one of them is lost in the noise, the other explains all.
        match (latency > 0.0, per_byte > 0.0) {
            (true, true) => Self { latency, per_byte },
            (false, _) => Self { latency: 0.0, per_byte: if yy > 0.0 { y1 / yy } else { 0.0 } },
            (true, false) => Self { latency: x1 / xx, per_byte: 0.0 },
        }
    }

    /// Seconds of the ordered sum of `bytes` over `ranks`.
    pub fn sum(&self, ranks: usize, bytes: usize) -> f64 {
        let (messages, share) = shape(ranks);
        messages * self.latency + share * bytes as f64 * self.per_byte
    }
}

/// Messages that a rank sends in a sum, and which part of all bytes.
fn shape(ranks: usize) -> (f64, f64) {
    let others = ranks.saturating_sub(1) as f64;
    (2.0 * others, 2.0 * others / ranks.max(1) as f64)
}

/// What a rank computes in a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Computing {
    /// Seconds that don't depend on the batch.
    pub fixed: f64,
    /// Seconds an image.
    pub image: f64,
}

impl Computing {
    /// The line through two batches: images and seconds of each, the larger one first.
    pub fn through((many, long): (usize, f64), (few, short): (usize, f64)) -> Self {
        if few >= many {
            return Self { fixed: 0.0, image: long / many.max(1) as f64 };
        }
        let image = ((long - short) / (many - few) as f64).clamp(0.0, long / many as f64);
        Self { fixed: long - image * many as f64, image }
    }

    pub fn of(&self, images: usize) -> f64 {
        self.fixed + self.image * images as f64
    }
}

/// All that the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scaling {
    pub link: Link,
    pub computing: Computing,
    /// Images of a step, of one process.
    pub batch_size: usize,
    /// Of the gradients.
    pub bytes: usize,
}

/// The model at one number of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Predicted {
    pub ranks: usize,
    pub sum_seconds: f64,
    /// A step in which each rank takes as many images as one process does alone.
    pub grown_seconds: f64,
    /// That of one process over it.
    pub grown_efficiency: f64,
    /// A step of the same batch, divided over the ranks.
    pub divided_seconds: f64,
    /// That of one process over ranks times it.
    pub divided_efficiency: f64,
}

impl Scaling {
    /// At `ranks` ranks.
    pub fn at(&self, ranks: usize) -> Predicted {
        let alone = self.computing.of(self.batch_size);
        let sum_seconds = self.link.sum(ranks, self.bytes);
        let grown_seconds = alone + sum_seconds;
        // The slowest rank has the largest share.
        let divided_seconds = self.computing.of(self.batch_size.div_ceil(ranks)) + sum_seconds;
        Predicted {
            ranks,
            sum_seconds,
            grown_seconds,
            grown_efficiency: alone / grown_seconds,
            divided_seconds,
            divided_efficiency: alone / (ranks as f64 * divided_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_again_in_the_sums_that_it_makes() {
        let link = Link { latency: 20e-6, per_byte: 1.0 / 2e9 };
        for ranks in [2, 4, 7] {
            let sums =
                [1 << 10, 1 << 16, 1 << 20, 1 << 24].map(|bytes| SumTime { bytes, seconds: link.sum(ranks, bytes) });
            let found = Link::fitted(ranks, &sums);
            assert!((found.latency / link.latency - 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.per_byte / link.per_byte - 1.0).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn what_noise_makes_negative_is_zero() {
        let sums = [SumTime { bytes: 1 << 10, seconds: 1e-3 }, SumTime { bytes: 1 << 20, seconds: 0.9e-3 }];
        let found = Link::fitted(2, &sums);
        assert!(found.per_byte == 0.0 && found.latency > 0.0, "{found:?}");
    }

    #[test]
    fn a_step_over_one_rank_is_whole_and_more_ranks_cost_their_sums() {
        let computing = Computing::through((32, 0.42), (16, 0.22));
        assert!((computing.fixed - 0.02).abs() < 1e-9 && (computing.image - 0.0125).abs() < 1e-9);
        let link = Link { latency: 1e-5, per_byte: 1e-9 };
        let scaling = Scaling { link, computing, batch_size: 32, bytes: 8_000_000 };
        let one = scaling.at(1);
        assert_eq!((one.sum_seconds, one.grown_efficiency, one.divided_efficiency), (0.0, 1.0, 1.0));
        let two = scaling.at(2);
        assert!((two.sum_seconds - (2e-5 + 8e-3)).abs() < 1e-9, "{two:?}");
        assert!((two.divided_seconds - (0.22 + two.sum_seconds)).abs() < 1e-9);
        // Each of 1,024 ranks has an image, and the optimizer is not divided.
        let many = scaling.at(1024);
        assert!(many.divided_seconds > 0.0325 && many.divided_efficiency < 0.02 && many.grown_efficiency > 0.9);
    }
}
