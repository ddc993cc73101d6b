//! What the keys do here and now, and what the symbols on the screen mean.

mod applies;
mod keys;
mod legend;

pub use applies::{is_steering, why_not};
pub use keys::{Entry, Section, keys};
pub use legend::legend;
