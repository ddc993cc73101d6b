//! Run folders that the screen looks into, on threads of their own: disks and networks may be slow, and the screen never
//! waits.
//!
//! | file | what it does |
//! |---|---|
//! | `protocol` | what is asked, and what comes back |
//! | `follower` | the curves of runs, as their files grow |
//! | `denoiser` | one pane of samples |
//! | `panes` | several of them from one noise |
//! | `read_as_asked` | a judge reads samples |
//! | `desk` | the two threads, begun when something is first asked |

mod denoiser;
mod desk;
mod follower;
mod panes;
mod protocol;
mod read_as_asked;

#[cfg(test)]
mod panes_tests;

pub use desk::Archive;
pub use protocol::{ArchiveNews, ArchiveRequest, KeptOf, ReadRequest, SampleOrder, SamplePane, SampleRequest};
