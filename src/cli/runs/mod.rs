//! `difflab runs`: the runs in runs/, at a glance; their notes and tags, and the trash.
//!
//! | file | what lives there |
//! |---|---|
//! | `asked` | keys of the config as columns |
//! | `table` | the list for people, as wide as the terminal |
//! | `rows` | the list for programs: JSON and CSV |
//! | `marking` | tags and notes |
//! | `trashing` | to the trash and back |
//! | `command` | the flags |

mod asked;
mod command;
mod marking;
mod rows;
mod table;
mod trashing;

pub use command::{Args, browse, run};
