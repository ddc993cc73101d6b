//! The runs under a place: what each is, what came of it and how it stands; sorted, filtered, and followed.
//!
//! | file | what it does |
//! |---|---|
//! | `value` | the value of a config key, ready to be compared |
//! | `config_values` | all keys of a config.toml, read quickly |
//! | `state` | how a run stands: from its lock and the end of its events |
//! | `stamps` | by what a change is seen without reading |
//! | `reading` | what was read of a run, part by part |
//! | `summary` | a run at a glance |
//! | `listing` | the runs under a place, looked at again and again |
//! | `field` | the columns and the keys that runs are sorted and filtered by |
//! | `order` | sorting |
//! | `filter` | filtering, by a line as one types it |
//!
//! A list of thousands of runs is read within a fraction of a second: configs by a reader of our own form, results from
//! the files' ends. Nothing is written.

mod config_values;
mod field;
mod filter;
mod listing;
mod order;
mod reading;
mod stamps;
mod state;
mod summary;
#[cfg(test)]
pub mod test_runs;
mod value;

pub use config_values::{ConfigValues, Parent};
pub use field::{Column, FieldKind, FieldValue, RunField};
pub use filter::{Completion, Completions, Filter, FilterError, completions};
pub use listing::{Catalogue, ListedRun, Refreshed};
pub use order::RunOrder;
pub use state::RunState;
pub use summary::Summary;
pub use value::KeyValue;
