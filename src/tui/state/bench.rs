//! What a screen is for.

/// What the screen is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bench {
    /// A run is trained here.
    #[default]
    Training,
    /// A run is looked at: whoever trains it is elsewhere, if anybody does.
    Watching,
    /// As above, over a lab or over the list, to which one goes back.
    Beside,
    /// There is no run, only the list of them.
    Browsing,
}
