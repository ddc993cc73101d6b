//! The process itself: how it is asked to stop, how it ends when it has to at once, how long it ran, how much
//! of the machine it takes, and what it may open.
//!
//! With `kernels`, the one place of unsafe code: system calls that the standard library doesn't offer. And the one door to what
//! only some systems have: no other floor asks which system it runs on, and each function says what it does where there is no
//! such thing (docs/systems.md).

mod asked_terminal;
mod attended;
mod ending;
mod exchange;
mod file_id;
mod file_size;
mod held_folder;
pub mod interrupt;
pub mod last_words;
mod low_priority;
mod matrix_tiles;
mod memory;
mod open_files;
pub mod partial;
mod peak_memory;
pub mod plain_file;
mod running_time;
mod shell_word;
mod signal_stack;
pub mod signals;
mod usage;

pub use asked_terminal::ask_terminal;
pub use attended::Attended;
pub use ending::end_at_once;
pub use exchange::exchange;
pub use file_id::file_id;
pub use file_size::limit_is_an_error;
pub use held_folder::{HeldFolder, Whereabouts};
pub use low_priority::{lower_priority, lower_priority_to};
pub use matrix_tiles::allow_matrix_tiles;
pub use memory::{free_memory, resident_memory, total_memory};
pub use open_files::too_many_files;
pub use peak_memory::{peak_resident_bytes, peak_resident_mib};
pub use running_time::RunningClock;
pub use shell_word::shell_word;
pub use signal_stack::enlarge_signal_stack;
pub use usage::{Usage, UsageMeter};
