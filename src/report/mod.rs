//! Runs as one file for a browser, to be handed on: everything is in it, and nothing is fetched.
//!
//! | file | what it makes |
//! |---|---|
//! | `reported_run` | what is read of a run |
//! | `drawn` | samples and a film, where a run has none |
//! | `escape` | text that cannot be code, wherever it comes from |
//! | `figures` | numbers as a report writes them |
//! | `thin` | as many points of a curve as can be seen |
//! | `chart` | lines over an axis, as SVG, with their numbers for the read-out |
//! | `heatmap` | the loss by t and step |
//! | `losses`, `schedules` | which lines |
//! | `shown` | which pictures of a run, and how they were sampled |
//! | `pictures` | samples and films inside the file, within a number of bytes |
//! | `samples` | the section of them |
//! | `run_table` | values of few or many runs |
//! | `evaluation` | what `difflab eval` has measured |
//! | `evaluation_table`, `configs`, `overview` | tables |
//! | `card` | the model card |
//! | `page` | all of it |

mod card;
mod chart;
mod configs;
mod drawn;
mod escape;
mod evaluation;
mod evaluation_table;
mod figures;
mod heatmap;
mod losses;
mod overview;
mod page;
mod pictures;
mod reported_run;
mod run_table;
mod samples;
mod schedules;
mod shown;
mod thin;

pub use drawn::{DrawnSamples, draw};
pub use evaluation::EVALUATION;
pub use page::{MARK, MOST_BYTES, Page, page};
pub use reported_run::ReportedRun;
pub use shown::{Shown, left_by};
