//! The history of a run's learning: `history/step-00000100.safetensors`, the averaged weights of logarithmically spaced
//! steps in half precision. Each file stands alone: in its header are the network, the config and the data.
//!
//! | file | what it does |
//! |---|---|
//! | `spacing` | which steps |
//! | `plan` | whether a run keeps them |
//! | `facts` | what a file says of itself |
//! | `file` | writing and reading one |
//! | `list` | which there are, and cutting back |

mod facts;
mod file;
mod list;
mod plan;
mod spacing;

pub use facts::HistoryFacts;
pub use file::{facts_of, read, write};
pub(super) use list::FOLDER;
pub use list::{cut_back, history_file, is_history_file, steps};
pub use plan::HistoryPlan;
pub use spacing::{is_kept, kept_between, listed};
