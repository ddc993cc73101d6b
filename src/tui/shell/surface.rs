//! What the loop needs of a terminal.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;

use crate::tui::pictures::Pictures;
use crate::tui::state::Gallery;

/// What the loop needs of the terminal besides drawing.
pub trait Surface {
    type Backend: Backend;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Stops the program until the user wants it back.
    fn suspend(&mut self) -> std::io::Result<()>;

    /// Takes the terminal again after another program had it.
    fn take_again(&mut self) -> std::io::Result<()>;
}

/// How pictures are drawn, and what they have to know.
pub trait Painter {
    fn pictures(&self) -> &dyn Pictures;

    /// Everything on the terminal was erased.
    fn erased(&self);

    /// What is shown from now on has nothing to do with what was.
    fn begin_anew(&self) {}

    /// Gets the pictures of the frame that is about to be drawn ready; waits for them, but not for ever.
    fn prepare(&self, _gallery: &Gallery) {}

    /// The shortest time between two pictures of a film.
    fn pace(&self) -> Duration {
        Duration::ZERO
    }
}
