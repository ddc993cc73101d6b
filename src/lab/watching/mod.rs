//! A run that is not trained here, looked at through its files: the same events as a worker sends, by the same channels.
//!
//! | file | what it does |
//! |---|---|
//! | `facts` | what can be known of a run from its files |
//! | `data` | its training images, where they are few enough to be loaded for a look |
//! | `past` | its history, thinned out to what a screen can show |
//! | `told` | lines of events.jsonl as events |
//! | `sampler` | samples from its newest checkpoint, when asked, at low priority |
//! | `looking` | the thread that follows the files |
//! | `watcher` | opening it |
//!
//! Nothing in the run is written.

mod data;
mod facts;
mod looking;
mod past;
mod sampler;
mod told;
mod watcher;

pub use watcher::Watcher;
