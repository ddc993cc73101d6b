//! A process that may use one processor trains on one thread.
#![cfg(target_os = "linux")]

use difflab::kernels::default_threads;

#[test]
fn no_more_threads_are_taken_than_the_affinity_leaves() {
    // A thread of its own: affinity belongs to threads, and ends with them.
    let threads = std::thread::spawn(|| {
        // SAFETY: both calls only read and write `set`, which is as large as they are told.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            let size = std::mem::size_of_val(&set);
            assert_eq!(libc::sched_getaffinity(0, size, &mut set), 0);
            let mut found = false;
            for cpu in 0..libc::CPU_SETSIZE as usize {
                // The first processor of those allowed stays.
                if libc::CPU_ISSET(cpu, &set) && std::mem::replace(&mut found, true) {
                    libc::CPU_CLR(cpu, &mut set);
                }
            }
            assert_eq!(libc::sched_setaffinity(0, size, &set), 0);
        }
        default_threads()
    });
    assert_eq!(threads.join().unwrap(), 1);
}
