//! Pictures at the shell, chosen as in the lab.

use crate::picture::TerminalProtocol;
use crate::tui::terminal::image_protocol::ImageProtocol;

/// The lab's choice of pictures, for printing.
pub fn at_the_shell(images: ImageProtocol) -> TerminalProtocol {
    match images {
        ImageProtocol::Auto => TerminalProtocol::Auto,
        ImageProtocol::Kitty => TerminalProtocol::Kitty,
        ImageProtocol::Iterm => TerminalProtocol::Iterm,
        ImageProtocol::Sixel => TerminalProtocol::Sixel,
        ImageProtocol::Halfblock => TerminalProtocol::HalfBlock,
        ImageProtocol::Ascii => TerminalProtocol::Ascii,
    }
}
