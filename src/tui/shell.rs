//! The screen's shell: opens the terminal around the loop, and closes it whatever happens.

use std::io::{self, Write};

use anyhow::{Context, Result};
use ratatui::Terminal;

use crate::config::Config;
use crate::lab::{Command, Event, Lab, LabPlan, Outcome};
use crate::tui::chart::Marker;
use crate::tui::encoder::Encoder;
use crate::tui::event_loop::{End, EventLoop, Painter, Sources, Surface};
use crate::tui::farewell::Farewell;
use crate::tui::image_protocol::{Graphics, ImageProtocol, detect};
use crate::tui::options::ScreenOptions;
use crate::tui::outbox::Outbox;
use crate::tui::pictures::{Ascii, HalfBlocks, Pictures, Pixels};
use crate::tui::state::State;
use crate::tui::terminal::{Screen, ScreenBackend};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::{abilities, input, signals};

/// What the user chose for the screen at the command line.
#[derive(Clone, Debug, Default)]
pub struct TuiOptions {
    pub images: ImageProtocol,
    /// `None`: after the terminal's background.
    pub theme: Option<ThemeName>,
    /// `None`: braille where the locale has it, else ASCII.
    pub marker: Option<Marker>,
}

/// Runs the lab on this terminal until the user leaves it.
///
/// # Errors
/// When the terminal can't be used, or the run failed (the error says why). The terminal has been
/// given back either way.
pub fn run(plan: LabPlan, options: TuiOptions) -> Result<Outcome> {
    let config = plan.config.clone();
    let mut screen = Screen::open().context("opening the screen (difflab --no-tui runs without one)")?;
    // The worker loads its data while the terminal is asked what it can do.
    let lab = Lab::spawn(plan)?;
    let (notices, signals) = signals::listen(lab.commands.clone()).context("listening for signals")?;
    let mut farewell = Farewell::default();
    let end = show(&mut screen, &lab, notices, &options, config, &mut farewell);
    let notes = screen.close();

    // Whoever left without waiting for the worker waits here, with the normal screen back.
    if !farewell.ended() {
        let _ = lab.commands.send(Command::Quit { save: true });
        say(&mut io::stderr(), "difflab: saving the run …\n");
        for event in &lab.events {
            farewell.observe(&event);
            if farewell.ended() {
                break;
            }
        }
    }
    let ending = lab.join();
    drop(signals);
    say(&mut io::stdout(), &farewell.words());
    for note in notes {
        say(&mut io::stderr(), &format!("{note}\n"));
    }
    ending?;
    Ok(match end? {
        End::Quit => Outcome::Done,
        End::Terminated | End::TerminalLost => Outcome::Interrupted,
    })
}

/// A terminal that is gone takes no words, and that is no reason to panic.
fn say(out: &mut dyn Write, words: &str) {
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
}

/// Opens the loop on the screen and runs it.
fn show(
    screen: &mut Screen,
    lab: &Lab,
    notices: crossbeam_channel::Receiver<signals::Notice>,
    options: &TuiOptions,
    config: Config,
    farewell: &mut Farewell,
) -> Result<End> {
    let graphics = detect(options.images);
    if graphics.protocol == ImageProtocol::Kitty {
        screen.use_kitty_pictures();
    }
    let capability = abilities::colors(&graphics);
    let brush = Brush::new(&graphics, capability)?;
    let state = State::new(ScreenOptions {
        theme: options.theme.unwrap_or_else(|| abilities::theme(&graphics)),
        capability,
        marker: options.marker.unwrap_or_else(abilities::marker),
        cell_size: brush.pictures().cell_size(),
        images: graphics.protocol.to_string(),
        background: graphics.background,
        config: Some(config),
    });
    let sources = Sources {
        input: input::listen(&graphics).context("listening to the keyboard")?,
        events: lab.events.clone(),
        previews: lab.previews.clone(),
        notices,
        encoded: brush.encoded(),
    };
    let mut observe = |event: &Event| farewell.observe(event);
    let outbox = Outbox::new(lab.commands.clone());
    Ok(EventLoop::new(screen, state, outbox, &mut observe).run(sources, &brush))
}

impl Surface for Screen {
    type Backend = ScreenBackend;

    fn terminal(&mut self) -> &mut Terminal<ScreenBackend> {
        &mut self.terminal
    }

    fn suspend(&mut self) -> io::Result<()> {
        Screen::suspend(self)
    }

    fn take_again(&mut self) -> io::Result<()> {
        Screen::take_again(self)
    }
}

/// The way to draw pictures that this terminal has.
enum Brush {
    Pixels(Pixels),
    Characters(Box<dyn Pictures>),
}

impl Brush {
    fn new(graphics: &Graphics, capability: Capability) -> Result<Self> {
        let half_blocks = HalfBlocks { capability };
        Ok(if graphics.has_pixels() {
            let encoder = Encoder::spawn(graphics).context("starting the thread that encodes pictures")?;
            Brush::Pixels(Pixels::new(encoder, graphics, half_blocks))
        } else if graphics.protocol == ImageProtocol::Ascii || !capability.has_colors() {
            Brush::Characters(Box::new(Ascii))
        } else {
            Brush::Characters(Box::new(half_blocks))
        })
    }

    fn encoded(&self) -> crossbeam_channel::Receiver<()> {
        match self {
            Brush::Pixels(pixels) => pixels.encoder().finished().clone(),
            Brush::Characters(_) => crossbeam_channel::never(),
        }
    }
}

impl Painter for Brush {
    fn pictures(&self) -> &dyn Pictures {
        match self {
            Brush::Pixels(pixels) => pixels,
            Brush::Characters(pictures) => pictures.as_ref(),
        }
    }

    fn erased(&self) {
        if let Brush::Pixels(pixels) = self {
            pixels.forget();
        }
    }
}
