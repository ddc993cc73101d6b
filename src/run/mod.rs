//! The run folder: config, metrics, checkpoints, snapshots, model card.
//!
//! ```text
//! config.toml            all keys resolved
//! run.json               what the run and its checkpoints know each other by
//! README.md              the model card
//! data-card.toml         what is known of the data: a copy of the file beside them, if there was one
//! classes.txt            names of the classes, one a line
//! metrics.jsonl          one line a logged step
//! timestep_loss.jsonl    the loss per bin over t
//! events.jsonl           what happened when
//! notes.toml             a person's note and tags: the one file that others than the owner write
//! autoencoder/           of a run that diffuses in latents: the autoencoder that it was made with
//! checkpoints/           see [`checkpoint`]
//! history/               averaged weights of earlier steps: see [`history`]
//! previews/, snapshots/  pictures
//! tensorboard/           event files, with train.tensorboard = true: see [`tensorboard`]
//! ```

mod album;
mod beside;
pub mod catalogue;
pub mod checkpoint;
mod class_names;
mod cut_back;
mod data_changes;
mod dir;
mod distinct_names;
mod durable;
mod error;
mod explained_run;
mod export;
mod export_autoencoder;
mod export_autoencoder_readme;
mod export_place;
mod export_readme;
mod export_spacing;
mod find;
mod finite;
pub mod follow;
mod fork;
mod free_name;
mod fresh_folder;
mod gaps;
pub mod history;
mod how_found;
mod identity;
mod ill_network;
mod import;
mod import_autoencoder;
mod import_options;
mod import_writing;
pub mod io_words;
mod journal;
mod kept_autoencoder;
mod kept_steps;
mod latents;
mod layout;
mod line_reading;
mod lines;
mod loaded_model;
mod lock;
mod logged;
mod merged_rows;
mod model_card;
pub mod notes;
mod pictures;
mod plain_files;
mod recent_losses;
mod recording;
mod records;
mod release;
mod resume;
mod row_line;
mod samples_file;
mod skim;
pub mod snapshot;
mod sweep;
pub mod tensorboard;
mod thinned;
pub mod trash;
mod verbatim;
mod whole_config;
mod write_failure;

pub use album::{LeftPicture, left_pictures};
pub use beside::{experiment_of, folder_beside};
pub use class_names::{CLASSES, kept_class_names, other_class_names, write_class_names};
pub use data_changes::{MOVED, check_measured};
pub use dir::{RunDir, check_draws, check_free, config_of};
pub use distinct_names::distinct_names;
pub use durable::write_replacing;
pub use error::RunError;
pub use explained_run::ExplainedRun;
pub use export::export;
pub use find::{FoundRun, find, last_written, runs_under};
pub use finite::NotFinite;
pub use fork::{Fork, ForkPoint};
pub use free_name::free_beside;
pub use how_found::HowFound;
pub use identity::Identity;
pub use import::import;
pub use import_options::{ImportOptions, Imported};
pub use journal::{Journal, newest_metrics, read_events, read_metrics};
pub use kept_autoencoder::{autoencoder_of_run, keep_autoencoder, kept_autoencoder, sample_shape};
pub use kept_steps::{KeptStep, averaged_network, kept_steps, steps_of_learning};
pub use latents::{
    Encoding, NamedAutoencoder, OwnStage, check_same_latents, encoded, named_autoencoder, own_autoencoder, own_stage,
    seen_data,
};
pub use layout::check_layout;
pub use loaded_model::{LoadedModel, is_of_sampling};
pub use lock::{is_trained_in, lock_folder};
pub use logged::{Logged, UnreadLines, logged_metrics, logged_timestep_loss};
pub use model_card::{CardFacts, model_card};
pub use pictures::write_preview;
pub use recent_losses::RecentLosses;
pub use recording::{Recording, WayPicture, WayTime, columns_for, grid_of, sheet_words};
pub use records::{EventRecord, StepRecord, TimestepLossRow};
pub use release::{OPEN, Release, ReleaseEntry, ReleasePart, card_of_run, own_card, with_release};
pub use resume::{check_against, resumed_config};
pub use samples_file::{read_noise, write_noise, write_samples};
pub use snapshot::classes_in_turn;
pub use sweep::sweep;
pub use write_failure::WriteFailure;
