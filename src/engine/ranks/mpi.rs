//! The processes of an MPI job.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use mpi::Threading;
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::collective::Collective;

/// Bytes of one broadcast: MPI counts in an `int`.
const AT_ONCE: usize = 1 << 30;

/// The name of the thread that MPI belongs to.
const THREAD: &str = "difflab-mpi";

type Job = Box<dyn FnOnce(&SimpleCommunicator) + Send>;

/// All processes that one mpirun or srun has started. One thread of this process makes all calls (MPI_THREAD_FUNNELED);
/// the others ask it, and wait.
#[derive(Debug)]
pub struct Mpi {
    rank: usize,
    size: usize,
    host: String,
    /// `None` once it was left.
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Mpi {
    /// Initializes MPI. A process that no launcher has started is alone.
    ///
    /// # Errors
    /// When MPI was initialized before, or no thread starts.
    pub fn start() -> Result<Self> {
        let (jobs, taken) = channel::<Job>();
        let (tell, told) = channel();
        let thread = thread::Builder::new().name(THREAD.into()).spawn(move || serve(&taken, &tell));
        let thread = thread.context("starting the thread of MPI")?;
        let (rank, size, host) = told.recv().context("MPI doesn't start: it was initialized before")?;
        Ok(Self { rank, size, host, jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Has the thread of MPI do `job`, and waits for what comes of it.
    fn ask<R: Send + 'static>(&self, job: impl FnOnce(&SimpleCommunicator) -> R + Send + 'static) -> Result<R> {
        let (tell, told) = channel();
        // Whoever has asked waits.
        let job: Job = Box::new(move |world| drop(tell.send(job(world))));
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().and_then(|jobs| jobs.send(job).ok());
        drop(jobs);
        sent.and_then(|()| told.recv().ok()).context("the connection to the other ranks has ended")
    }
}

/// The life of the thread: MPI is initialized, used and finalized here.
fn serve(jobs: &Receiver<Job>, tell: &Sender<(usize, usize, String)>) {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else { return };
    let world = universe.world();
    let number = |n: i32| usize::try_from(n).unwrap_or_default();
    let host = mpi::environment::processor_name().unwrap_or_else(|_| "a machine without a name".into());
    if tell.send((number(world.rank()), number(world.size()), host)).is_err() {
        return;
    }
    for job in jobs {
        job(&world);
    }
}

/// As MPI counts, with where each part begins.
fn counted(counts: &[usize]) -> Result<(Vec<i32>, Vec<i32>)> {
    let total: usize = counts.iter().sum();
    ensure!(i32::try_from(total).is_ok(), "{total} numbers at once are more than MPI counts");
    // Each is no more than the total.
    let counts: Vec<i32> = counts.iter().map(|&count| i32::try_from(count).unwrap_or_default()).collect();
    let begin = |next: &mut i32, count: &i32| {
        let start = *next;
        *next += count;
        Some(start)
    };
    let starts = counts.iter().scan(0, begin).collect();
    Ok((counts, starts))
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn host(&self) -> String {
        self.host.clone()
    }

    fn barrier(&self) -> Result<()> {
        self.ask(|world| world.barrier())
    }

    fn broadcast(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let leads = self.rank == 0;
        self.ask(move |world| {
            let root = world.process_at_rank(0);
            let mut length = bytes.len() as u64;
            root.broadcast_into(&mut length);
            if !leads {
                bytes = vec![0; length as usize];
            }
            bytes.chunks_mut(AT_ONCE).for_each(|part| root.broadcast_into(part));
            bytes
        })
    }

    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let size = self.size;
        self.ask(move |world| -> Result<Vec<Vec<u8>>> {
            let mut lengths = vec![0u64; size];
            world.all_gather_into(&(bytes.len() as u64), &mut lengths[..]);
            let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
            let (counts, starts) = counted(&lengths)?;
            let mut all = vec![0u8; lengths.iter().sum()];
            world.all_gather_varcount_into(&bytes[..], &mut PartitionMut::new(&mut all[..], counts, starts));
            let mut rest = all.as_slice();
            Ok(lengths
                .into_iter()
                .map(|length| {
                    let (one, more) = rest.split_at(length);
                    rest = more;
                    one.to_vec()
                })
                .collect())
        })?
    }

    fn all_gather_floats(&self, floats: Vec<f32>, counts: Vec<usize>) -> Result<Vec<f32>> {
        let total = counts.iter().sum();
        let (counts, starts) = counted(&counts)?;
        self.ask(move |world| {
            let mut all = vec![0f32; total];
            world.all_gather_varcount_into(&floats[..], &mut PartitionMut::new(&mut all[..], counts, starts));
            all
        })
    }

    fn all_to_all(&self, floats: Vec<f32>, to: Vec<usize>, from: Vec<usize>) -> Result<Vec<f32>> {
        let total = from.iter().sum();
        let ((to, to_starts), (from, from_starts)) = (counted(&to)?, counted(&from)?);
        self.ask(move |world| {
            let mut mine = vec![0f32; total];
            let given = Partition::new(&floats[..], to, to_starts);
            world.all_to_all_varcount_into(&given, &mut PartitionMut::new(&mut mine[..], from, from_starts));
            mine
        })
    }

    /// From whichever thread: the one of MPI may be waiting for a rank that will never come.
    fn abort(&self, code: u8) -> ! {
        SimpleCommunicator::world().abort(code.into())
    }

    fn leave(&self) -> Result<()> {
        self.barrier()?;
        // Its end finalizes MPI.
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), |thread| thread.join().ok().context("MPI did not end as it should"))
    }
}
