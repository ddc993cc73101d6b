//! How pictures reach this terminal: asked once, before any other thread reads the keyboard.
//!
//! The question is asked here and not by `ratatui-image`, whose reader thread stays behind when a
//! terminal doesn't answer, and from then on takes the user's keys.

use std::time::Duration;

use clap::ValueEnum;
use ratatui::layout::Size;

use super::replies::Replies;
use crate::process::ask_terminal;

/// How pictures are shown (`--images`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ImageProtocol {
    /// The best that the terminal supports.
    #[default]
    Auto,
    /// kitty's graphics protocol (kitty, Ghostty).
    Kitty,
    /// iTerm2's inline images (iTerm2, WezTerm, mintty).
    Iterm,
    /// Sixel (xterm -ti vt340, foot, Windows Terminal, mlterm).
    Sixel,
    /// Two pixels a character: works wherever there are colours.
    Halfblock,
    /// Characters of different darkness: works everywhere.
    Ascii,
}

impl std::fmt::Display for ImageProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ImageProtocol::Auto => "auto",
            ImageProtocol::Kitty => "kitty",
            ImageProtocol::Iterm => "iTerm2",
            ImageProtocol::Sixel => "sixel",
            ImageProtocol::Halfblock => "half-blocks",
            ImageProtocol::Ascii => "ASCII",
        })
    }
}

/// What was found out about pictures on this terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphics {
    /// Never [`ImageProtocol::Auto`].
    pub protocol: ImageProtocol,
    /// Width and height of one character in pixels; `None` when the terminal doesn't say.
    pub cell: Option<(u16, u16)>,
    /// Largest sixel picture in pixels, when the terminal says.
    pub max_sixel: Option<(u32, u32)>,
    /// It takes kitty's pictures compressed.
    pub kitty_inflates: bool,
    /// Colours that a sixel picture may have.
    pub sixel_colors: usize,
    /// The terminal has shown that it keeps 24-bit colours.
    pub true_color: bool,
    /// The terminal's background colour, when it says.
    pub background: Option<[u8; 3]>,
    /// Why this protocol, in a few words, for `difflab doctor`.
    pub reason: String,
    /// What was typed while the terminal was being asked: keys, not replies.
    pub typed: Vec<u8>,
    /// A terminal that was asked and said nothing in time may still answer later.
    pub answer_pending: bool,
}

/// A character's size that is assumed for a forced pixel protocol on a silent terminal. Small, so
/// that a wrong guess makes a picture smaller than its place, never larger.
pub const ASSUMED_CELL: (u16, u16) = (8, 16);

/// How long a terminal may take to answer. Local ones need a few milliseconds, distant ones one
/// round trip.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

/// As many colours as the palette of a picture ever has.
const ENOUGH_COLORS: usize = 256;

/// Can it show kitty's pictures, compressed ones too, does a 24-bit colour stay what it was set to (xterm has them and
/// says so nowhere else), what is its background, how big is a character, how big may a sixel
/// picture be, may it have 256 colours (some terminals give 16 unless asked); and last the question
/// that every terminal answers, so that nobody waits longer than needed.
const QUESTION: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\
     \x1b_Gi=32,s=1,v=1,a=q,t=d,f=24,o=z;eJxjYGAAAAADAAE=\x1b\\\x1b[48:2:1:2:3m\x1bP$qm\x1b\\\x1b[m\x1b]11;?\x1b\\\
     \x1b[16t\x1b[?2;1;0S\x1b[?1;3;256S\x1b[c";

/// What a multiplexer is asked: it answers for itself, so there is no use in asking for pictures.
const QUESTION_OF_COLORS: &str = "\x1b]11;?\x1b\\\x1b[c";

impl Graphics {
    /// A protocol and why, with nothing else known.
    pub fn new(protocol: ImageProtocol, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            protocol,
            cell: None,
            max_sixel: None,
            kitty_inflates: false,
            sixel_colors: ENOUGH_COLORS,
            true_color: false,
            background: None,
            reason,
            typed: Vec::new(),
            answer_pending: false,
        }
    }

    /// Does it send pixels, or characters?
    pub fn has_pixels(&self) -> bool {
        matches!(self.protocol, ImageProtocol::Kitty | ImageProtocol::Iterm | ImageProtocol::Sixel)
    }

    /// Pixels of an area of `size` characters.
    pub fn pixels(&self, size: Size) -> (u32, u32) {
        let (width, height) = self.cell.unwrap_or(ASSUMED_CELL);
        (u32::from(size.width) * u32::from(width), u32::from(size.height) * u32::from(height))
    }
}

/// Finds out how to show pictures. Asks the terminal at most for [`ANSWER_TIMEOUT`], and not at all
/// where the answer is known. Must run before the thread that reads the keyboard starts.
pub fn detect(choice: ImageProtocol) -> Graphics {
    let environment = Environment::read();
    let mut graphics = match (choice, environment.hopeless()) {
        (choice, Some(reason)) => {
            let mut graphics = match choice {
                ImageProtocol::Auto => Graphics::new(ImageProtocol::Halfblock, reason),
                forced => Graphics::new(forced, "asked for"),
            };
            if environment.multiplexer.is_some() {
                let replies = Replies::read(&ask(QUESTION_OF_COLORS, ANSWER_TIMEOUT).unwrap_or_default());
                (graphics.background, graphics.typed) = (replies.background, replies.typed);
            }
            graphics
        }
        (_, None) => {
            let replies = Replies::read(&ask(QUESTION, ANSWER_TIMEOUT).unwrap_or_default());
            choose(choice, &environment, replies)
        }
    };
    graphics.cell = graphics.cell.or_else(cell_from_window);
    if choice == ImageProtocol::Auto && graphics.has_pixels() && graphics.cell.is_none() {
        graphics.reason = format!("{}, but the size of a character in pixels is unknown", graphics.reason);
        graphics.protocol = ImageProtocol::Halfblock;
    }
    graphics
}

/// The terminal multiplexer that the program runs in, if any.
pub fn multiplexer() -> Option<&'static str> {
    Environment::read().multiplexer
}

fn choose(choice: ImageProtocol, environment: &Environment, replies: Replies) -> Graphics {
    let mut graphics = match choice {
        ImageProtocol::Auto if environment.iterm => {
            Graphics::new(ImageProtocol::Iterm, format!("{} shows iTerm2's images", environment.program))
        }
        // Konsole has neither kitty's placeholders nor a sound sixel.
        ImageProtocol::Auto if environment.konsole => {
            Graphics::new(ImageProtocol::Halfblock, "Konsole's pictures don't mix with text")
        }
        ImageProtocol::Auto if replies.kitty => {
            Graphics::new(ImageProtocol::Kitty, "the terminal answers to kitty's protocol")
        }
        ImageProtocol::Auto if replies.sixel => {
            Graphics::new(ImageProtocol::Sixel, "the terminal's attributes name sixel")
        }
        ImageProtocol::Auto if !replies.complete => {
            Graphics::new(ImageProtocol::Halfblock, "the terminal didn't answer")
        }
        ImageProtocol::Auto => Graphics::new(ImageProtocol::Halfblock, "the terminal names no picture protocol"),
        forced => Graphics::new(forced, "asked for"),
    };
    graphics.cell = replies.cell;
    graphics.max_sixel = replies.max_sixel;
    graphics.kitty_inflates = replies.kitty_inflates;
    graphics.true_color = replies.true_color;
    graphics.background = replies.background;
    // Without a word about it: most terminals have 256 or more, and don't know the question.
    graphics.sixel_colors = replies.sixel_colors.unwrap_or(ENOUGH_COLORS);
    graphics.answer_pending = !replies.complete;
    graphics.typed = replies.typed;
    graphics
}

/// What the environment says of the terminal.
#[derive(Clone, Debug, Default)]
struct Environment {
    term: String,
    program: String,
    multiplexer: Option<&'static str>,
    iterm: bool,
    konsole: bool,
}

impl Environment {
    fn read() -> Self {
        let get = |name: &str| std::env::var(name).unwrap_or_default();
        Self::from_values(&get)
    }

    fn from_values(get: &dyn Fn(&str) -> String) -> Self {
        let (term, mut program) = (get("TERM"), get("TERM_PROGRAM"));
        let multiplexer = if !get("TMUX").is_empty() || term.starts_with("tmux") {
            Some("tmux")
        } else if !get("STY").is_empty() || term.starts_with("screen") {
            Some("screen")
        } else {
            None
        };
        if program.is_empty() && get("LC_TERMINAL").contains("iTerm") {
            program = "iTerm2".into();
        }
        let iterm = ["iTerm", "WezTerm", "mintty", "rio", "Bobcat"].iter().any(|name| program.contains(name));
        Self { term, program, multiplexer, iterm, konsole: !get("KONSOLE_VERSION").is_empty() }
    }

    /// Why it is no use to ask for pictures, if it isn't.
    fn hopeless(&self) -> Option<String> {
        match (self.multiplexer, self.term.as_str()) {
            (Some(name), _) => Some(format!("inside {name}, which doesn't pass pictures on")),
            (None, "") => Some("TERM is not set".into()),
            (None, "dumb" | "linux" | "vt100" | "vt220" | "cons25") => {
                Some(format!("TERM={} has no pictures", self.term))
            }
            _ => None,
        }
    }
}

/// A character's size from the window's size, where the system knows it.
fn cell_from_window() -> Option<(u16, u16)> {
    let window = crossterm::terminal::window_size().ok()?;
    let cell = (window.width.checked_div(window.columns)?, window.height.checked_div(window.rows)?);
    (cell.0 > 0 && cell.1 > 0).then_some(cell)
}

/// What the terminal answers to `question`, until its last reply (device attributes).
fn ask(question: &str, timeout: Duration) -> std::io::Result<Vec<u8>> {
    ask_terminal(question, timeout, |bytes| Replies::read(bytes).complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let get = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()).unwrap_or_default();
        Environment::from_values(&get)
    }

    #[test]
    fn an_xterm_with_sixel_is_understood() {
        let replies = Replies::read(b"\x1b[6;18;9t\x1b[?2;0;1000;900S\x1b[?1;0;16S\x1b[?63;1;2;4;6;9;15;16;22;28;29c");
        assert_eq!(
            replies,
            Replies {
                sixel: true,
                cell: Some((9, 18)),
                max_sixel: Some((1000, 900)),
                sixel_colors: Some(16),
                complete: true,
                ..Replies::default()
            }
        );
        let graphics = choose(ImageProtocol::Auto, &environment(&[("TERM", "xterm")]), replies);
        assert_eq!(graphics.protocol, ImageProtocol::Sixel);
        assert!(!graphics.answer_pending);
    }

    #[test]
    fn kitty_wins_over_sixel_and_a_refusal_is_no_yes() {
        let yes = Replies::read(b"\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;EINVAL:no\x1b\\\x1b[?62;4c");
        assert!(yes.kitty && yes.sixel && yes.complete && !yes.kitty_inflates);
        let inflates = Replies::read(b"\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;OK\x1b\\\x1b[?62;4c");
        assert!(choose(ImageProtocol::Auto, &environment(&[]), inflates).kitty_inflates);
        assert_eq!(choose(ImageProtocol::Auto, &environment(&[]), yes).protocol, ImageProtocol::Kitty);
        let no = Replies::read(b"\x1b_Gi=31;ENOTSUP:no\x1b\\\x1b[?62c");
        assert!(!no.kitty && no.complete);
        assert_eq!(choose(ImageProtocol::Auto, &environment(&[]), no).protocol, ImageProtocol::Halfblock);
    }

    #[test]
    fn a_silent_terminal_gets_half_blocks_and_its_answer_is_awaited() {
        let graphics = choose(ImageProtocol::Auto, &environment(&[("TERM", "xterm-256color")]), Replies::default());
        assert_eq!(graphics.protocol, ImageProtocol::Halfblock);
        assert!(graphics.answer_pending);
    }

    #[test]
    fn multiplexers_and_consoles_are_not_asked() {
        assert!(environment(&[("TERM", "xterm-256color"), ("TMUX", "/run/tmux,1,0")]).hopeless().is_some());
        assert!(environment(&[("TERM", "screen.xterm-256color")]).hopeless().is_some());
        assert!(environment(&[("TERM", "linux")]).hopeless().is_some());
        assert!(environment(&[]).hopeless().is_some());
        assert!(environment(&[("TERM", "xterm-256color")]).hopeless().is_none());
    }

    #[test]
    fn iterm_is_known_by_its_name_and_konsole_by_its_own() {
        let iterm = environment(&[("TERM", "xterm"), ("LC_TERMINAL", "iTerm2")]);
        assert_eq!(choose(ImageProtocol::Auto, &iterm, Replies::default()).protocol, ImageProtocol::Iterm);
        let konsole = environment(&[("TERM", "xterm"), ("KONSOLE_VERSION", "230804")]);
        let replies = Replies { sixel: true, kitty: true, complete: true, ..Replies::default() };
        assert_eq!(choose(ImageProtocol::Auto, &konsole, replies).protocol, ImageProtocol::Halfblock);
    }

    #[test]
    fn what_was_asked_for_is_what_is_used() {
        let forced = choose(ImageProtocol::Sixel, &environment(&[("TERM", "xterm")]), Replies::default());
        assert_eq!(forced.protocol, ImageProtocol::Sixel);
        assert_eq!(forced.pixels(Size::new(10, 2)), (80, 32));
    }
}
