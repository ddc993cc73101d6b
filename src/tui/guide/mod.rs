//! What the keys do here and now, and what the symbols on the screen mean.

mod applies;
mod keys;
mod legend;

pub use applies::{autoencoder_words, is_steering, of_autoencoder, why_not};
pub use keys::{Entry, Section, keys};
pub use legend::legend;
