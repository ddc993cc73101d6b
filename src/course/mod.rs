//! The course: stations with a page of text and tasks, questions whose numbers are drawn from a seed and whose answers come
//! from the code that trains and samples, and how far a learner has come.
//!
//! | file | what it does |
//! |---|---|
//! | `station` | what a station and its tasks consist of |
//! | `reading` | a station from its TOML file |
//! | `run_reading`, `task_reading`, `deed_reading` | its `[[run]]`, its `[[task]]` and their `done` |
//! | `station_text`, `wording`, `toml_words`, `station_error` | where in the file something stands; its words; what is wrong there |
//! | `deed` | what is done in the lab, and how the lab sees it |
//! | `shipped` | the ten stations inside the program |
//! | `kinds` | the questions that difflab can ask and answer, one function each |
//! | `question` | a task with its numbers, and whether an answer is right |
//! | `page` | stations, sheets and solutions to read |
//! | `progress` | what is done, in the user's data folder |

mod deed;
mod deed_reading;
mod drawn;
mod given;
mod ground;
mod kinds;
mod page;
mod progress;
mod question;
mod reading;
mod run_reading;
mod shipped;
mod station;
mod station_error;
mod station_text;
mod task_reading;
mod toml_words;
mod wording;

#[cfg(test)]
mod numbers_tests;

pub use deed::{Deed, LabSight, SeenFilm, fewer_steps, is_fewest};
pub use kinds::{KINDS, QuestionKind};
pub use page::{page, prose, sheet};
pub use progress::{CourseProgress, progress_file};
pub use question::{Expected, Question, letter, question};
pub use shipped::stations;
pub use station::{Asks, CourseTask, Station, StationRun};
pub use station_error::StationError;
