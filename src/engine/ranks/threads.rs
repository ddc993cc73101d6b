//! Ranks that are threads of one process, to test with what others do in processes.

use std::sync::{Arc, Barrier, Mutex, PoisonError};

use anyhow::Result;

use super::collective::Collective;

/// One of them.
#[derive(Debug)]
struct Threaded {
    rank: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    /// What each rank gives at present.
    given: Vec<Mutex<Vec<u8>>>,
}

/// Runs `work` on `size` ranks at once, each on a thread of its own, and returns what they return, in the order of the ranks.
pub fn on_threads<R: Send>(size: usize, work: impl Fn(Arc<dyn Collective>) -> R + Sync) -> Vec<R> {
    let given = (0..size).map(|_| Mutex::default()).collect();
    let shared = Arc::new(Shared { barrier: Barrier::new(size), given });
    std::thread::scope(|scope| {
        let work = &work;
        let start = |rank| {
            let shared = shared.clone();
            scope.spawn(move || work(Arc::new(Threaded { rank, shared })))
        };
        let threads: Vec<_> = (0..size).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn bytes_of(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn floats_of(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect()
}

impl Collective for Threaded {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.given.len()
    }

    fn host(&self) -> String {
        "this machine".into()
    }

    fn barrier(&self) -> Result<()> {
        self.shared.barrier.wait();
        Ok(())
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.all_gather(bytes)?.swap_remove(0))
    }

    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let lock = |rank: usize| self.shared.given[rank].lock().unwrap_or_else(PoisonError::into_inner);
        *lock(self.rank) = bytes;
        self.barrier()?;
        let all = (0..self.size()).map(|rank| lock(rank).clone()).collect();
        self.barrier()?;
        Ok(all)
    }

    fn all_gather_floats(&self, floats: Vec<f32>, counts: Vec<usize>) -> Result<Vec<f32>> {
        assert_eq!((floats.len(), self.size()), (counts[self.rank], counts.len()));
        Ok(self.all_gather(bytes_of(&floats))?.iter().flat_map(|given| floats_of(given)).collect())
    }

    fn all_to_all(&self, floats: Vec<f32>, to: Vec<usize>, from: Vec<usize>) -> Result<Vec<f32>> {
        assert_eq!(floats.len(), to.iter().sum::<usize>());
        let mut given: Vec<u8> = to.iter().flat_map(|&count| (count as u64).to_le_bytes()).collect();
        given.extend(bytes_of(&floats));
        let mut mine = Vec::new();
        for (all, from) in self.all_gather(given)?.into_iter().zip(from) {
            let (counts, floats) = all.split_at(8 * self.size());
            let counts: Vec<usize> =
                counts.chunks_exact(8).map(|count| u64::from_le_bytes(count.try_into().unwrap()) as usize).collect();
            let start = counts[..self.rank].iter().sum::<usize>();
            assert_eq!(counts[self.rank], from);
            mine.extend(&floats_of(floats)[start..start + from]);
        }
        Ok(mine)
    }

    fn abort(&self, code: u8) -> ! {
        panic!("a rank ends the job with {code}")
    }

    fn leave(&self) -> Result<()> {
        self.barrier()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_what_the_others_give() {
        let said = on_threads(3, |ranks| {
            let me = ranks.rank() as u8;
            assert_eq!(ranks.broadcast(vec![me + 7]).unwrap(), [7]);
            assert_eq!(ranks.all_gather(vec![me; me.into()]).unwrap(), [vec![], vec![1], vec![2, 2]]);
            let mine = f32::from(me);
            assert_eq!(ranks.all_gather_floats(vec![mine], vec![1; 3]).unwrap(), [0.0, 1.0, 2.0]);
            // Each gives rank r r numbers.
            let given = vec![mine, 10.0 + mine, 20.0 + mine];
            ranks.all_to_all(given, vec![0, 1, 2], vec![ranks.rank(); 3]).unwrap()
        });
        assert_eq!(said, [vec![], vec![0.0, 1.0, 2.0], vec![10.0, 20.0, 11.0, 21.0, 12.0, 22.0]]);
    }
}
