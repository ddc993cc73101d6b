//! The list of runs: a view of its own, over a lab or alone.
//!
//! | file | what it does |
//! |---|---|
//! | `line` | a line that is typed |
//! | `fork_line` | what the line of a fork's keys could go on with |
//! | `columns` | the table's columns, and which of them fit |
//! | `news` | what the thread that reads the folder tells, and what it is asked for |
//! | `state` | what is listed, chosen, filtered and sorted |
//! | `keys` | its table of keys |
//! | `layout` | where everything is |
//! | `looks` | colours, characters and marks |
//! | `update` | what keys, the mouse and news change |
//! | `ways` | the box above a line: how it could go on, or why it is refused |
//! | `view` | drawing it |
//!
//! It knows nothing of a lab: whoever shows it does what it asks for ([`Ask`]).

mod columns;
mod fork_line;
mod keys;
mod layout;
mod line;
mod looks;
mod news;
mod state;
mod update;
mod view;
mod ways;

pub use columns::COLUMNS;
pub use keys::{BINDINGS, find, markdown};
pub use layout::RunsLayout;
pub use line::LineInput;
pub use looks::Looks;
pub use news::{ReadyFork, RunsNews, RunsRequest};
pub use state::{Browser, RunsMode};
pub use update::{Ask, act, key, mouse, news, paste};
pub use view::view;
