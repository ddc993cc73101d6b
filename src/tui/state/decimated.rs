//! A series of any length in bounded memory.

/// Something of which two neighbours can be made one.
pub trait Merge {
    /// Takes in the neighbour that comes right after.
    fn merge(&mut self, next: Self);
}

/// At most `capacity` buckets. When they are full, neighbours merge pairwise and from then on each
/// bucket takes twice as many records, so all of them always stand for equally many.
#[derive(Clone, Debug)]
pub struct Decimated<B> {
    buckets: Vec<B>,
    capacity: usize,
    /// Records of a full bucket.
    stride: u64,
    /// Records in the last bucket so far.
    open: u64,
}

impl<B: Merge> Decimated<B> {
    /// `capacity` is rounded up to an even number, at least 2.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(2).next_multiple_of(2);
        Self { buckets: Vec::new(), capacity, stride: 1, open: 0 }
    }

    /// Takes in the next record.
    pub fn push(&mut self, record: B) {
        if self.open < self.stride
            && let Some(last) = self.buckets.last_mut()
        {
            last.merge(record);
            self.open += 1;
            return;
        }
        if self.buckets.len() == self.capacity {
            self.compact();
        }
        self.buckets.push(record);
        self.open = 1;
    }

    fn compact(&mut self) {
        let mut merged: Vec<B> = Vec::with_capacity(self.capacity);
        for (i, bucket) in self.buckets.drain(..).enumerate() {
            match merged.last_mut() {
                Some(last) if i % 2 == 1 => last.merge(bucket),
                _ => merged.push(bucket),
            }
        }
        self.buckets = merged;
        self.stride *= 2;
    }

    /// The buckets, oldest first.
    pub fn buckets(&self) -> &[B] {
        &self.buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Sum {
        first: u64,
        total: u64,
        count: u64,
    }

    impl Merge for Sum {
        fn merge(&mut self, next: Self) {
            self.total += next.total;
            self.count += next.count;
        }
    }

    #[test]
    fn nothing_is_lost_and_memory_stays_bounded() {
        let mut series = Decimated::new(64);
        for n in 1..=100_000u64 {
            series.push(Sum { first: n, total: n, count: 1 });
            assert!(series.buckets().len() <= 64);
        }
        let buckets = series.buckets();
        assert_eq!(buckets.iter().map(|b| b.total).sum::<u64>(), 100_000 * 100_001 / 2);
        assert!(buckets.len() >= 32, "half of the resolution is always there: {}", buckets.len());
        let full = &buckets[..buckets.len() - 1];
        assert!(full.iter().all(|b| b.count == full[0].count), "equal weights");
        assert!(full.windows(2).all(|w| w[1].first == w[0].first + w[0].count), "in order, without gaps");
    }
}
