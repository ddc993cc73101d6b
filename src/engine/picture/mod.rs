//! Grids, films and plots; the colours that mean the same everywhere.

mod film;
mod grid;
mod image;
pub mod palette;
pub mod plot;
mod read;
mod scatter;
mod sheet;
mod table;
mod terminal;
mod trails;

pub use film::{FilmTiming, moments, save_film, strip};
pub use grid::{grid, side_by_side, square_columns};
pub use image::{to_byte, to_image};
pub use read::{read_film, read_picture};
pub use scatter::{is_points, reach, scatter};
pub use sheet::{png, save_png, sheet_of};
pub use table::{PictureTable, captioned};
pub use terminal::{TerminalProtocol, in_characters, print_in_terminal};
pub use trails::{Trail, draw_trails};
