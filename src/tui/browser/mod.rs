//! The list of runs: a view of its own, over a lab or alone.
//!
//! | file | what it does |
//! |---|---|
//! | `line` | a line that is typed |
//! | `columns` | the table's columns, and which of them fit |
//! | `news` | what the thread that reads the folder tells, and what it is asked for |
//! | `state` | what is listed, chosen, filtered and sorted |
//! | `keys` | its table of keys |
//! | `layout` | where everything is |
//! | `update` | what keys, the mouse and news change |
//! | `view` | drawing it |
//!
//! It knows nothing of a lab: whoever shows it does what it asks for ([`Ask`]).

mod columns;
mod keys;
mod layout;
mod line;
mod news;
mod state;
mod update;
mod view;

pub use columns::COLUMNS;
pub use keys::{BINDINGS, find, markdown};
pub use layout::RunsLayout;
pub use line::LineInput;
pub use news::{ReadyFork, RunsNews, RunsRequest};
pub use state::{Browser, RunsMode};
pub use update::{Ask, act, key, mouse, news, paste};
pub use view::{Looks, view};
