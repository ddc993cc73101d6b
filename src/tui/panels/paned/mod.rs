//! Denoising in several panes, all from one noise.
//!
//! | file | what it draws |
//! |---|---|
//! | `beside` | settings of a run side by side |
//! | `learning` | what runs could do at a step of training, and which steps there are |
//! | `strip` | all steps at once |
//! | `shown` | which of them, inside the border |

mod beside;
mod learning;
mod shown;
mod strip;

pub use shown::panel;
