//! The loop: wait, take in everything there is, draw once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, TryRecvError, after, never, select};
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::Backend;

use crate::lab::{Event, PreviewFrame};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::outbox::Outbox;
use crate::tui::pacing::Pacing;
use crate::tui::pictures::Pictures;
use crate::tui::signals::Notice;
use crate::tui::state::State;
use crate::tui::update::update;
use crate::tui::view::view;

/// How soon to try again when the worker's channel was full.
const RETRY: Duration = Duration::from_millis(5);

/// News of the lab that are taken in before one frame; the rest waits for the next.
const AT_ONCE: usize = 20_000;

/// Where news come from.
pub struct Sources {
    pub input: Receiver<Input>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
    pub notices: Receiver<Notice>,
    /// A picture was encoded.
    pub encoded: Receiver<()>,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The state asked for it.
    Quit,
    /// A signal asked for it, and the worker has saved.
    Terminated,
    /// The terminal is gone; the worker has not been told.
    TerminalLost,
}

/// What the loop needs of the terminal besides drawing.
pub trait Surface {
    type Backend: Backend;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Stops the program until the user wants it back.
    fn suspend(&mut self) -> std::io::Result<()>;

    /// Takes the terminal again after another program had it.
    fn take_again(&mut self) -> std::io::Result<()>;
}

/// How pictures are drawn, and what they have to know before each frame.
pub trait Canvas {
    fn pictures(&self) -> &dyn Pictures;

    /// Called before each frame.
    fn prepare(&self, state: &State);

    /// Everything on the terminal was erased.
    fn erased(&self);
}

/// The loop's own state.
pub struct EventLoop<'a, S: Surface> {
    surface: &'a mut S,
    state: State,
    outbox: Outbox,
    pacing: Pacing,
    start: Instant,
    /// Sees each of the lab's events before the state does.
    observe: &'a mut dyn FnMut(&Event),
    end: Option<End>,
    terminated: bool,
    worker_ended: bool,
}

impl<'a, S: Surface> EventLoop<'a, S> {
    pub fn new(surface: &'a mut S, state: State, outbox: Outbox, observe: &'a mut dyn FnMut(&Event)) -> Self {
        let (start, pacing) = (Instant::now(), Pacing::new());
        Self { surface, state, outbox, pacing, start, observe, end: None, terminated: false, worker_ended: false }
    }

    /// Runs until the screen is to be left.
    ///
    /// # Errors
    /// When the terminal can't be taken again after a suspension.
    pub fn run(&mut self, mut sources: Sources, canvas: &dyn Canvas) -> Result<End> {
        loop {
            if Instant::now() >= self.pacing.due(Instant::now()) && self.draw(canvas).is_err() {
                return Ok(End::TerminalLost);
            }
            self.wait(&sources, canvas)?;
            self.drain(&mut sources, canvas)?;
            self.outbox.flush();
            if let Some(end) = self.end {
                return Ok(if end == End::Quit && self.terminated { End::Terminated } else { end });
            }
        }
    }

    /// Takes one message into the state and does what it asks for.
    pub fn take(&mut self, message: Message, canvas: &dyn Canvas) {
        for effect in update(&mut self.state, message) {
            match effect {
                Effect::Send(command) => self.outbox.push(command),
                Effect::Redraw => self.redraw(canvas),
                Effect::Quit => self.end = Some(End::Quit),
            }
        }
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, canvas: &dyn Canvas) -> std::result::Result<(), <S::Backend as Backend>::Error> {
        let begin = Instant::now();
        self.take(Message::Tick(begin.duration_since(self.start)), canvas);
        canvas.prepare(&self.state);
        let (state, pictures) = (&self.state, canvas.pictures());
        self.surface.terminal().draw(|frame| view(state, frame, pictures))?;
        self.pacing.drawn(begin, Instant::now());
        Ok(())
    }

    /// Sleeps until there is something to do. While a frame waits for its time anyway, the lab's news
    /// don't wake the loop: they are taken in together when the frame is due.
    fn wait(&mut self, sources: &Sources, canvas: &dyn Canvas) -> Result<()> {
        let now = Instant::now();
        let mut timeout = self.pacing.due(now).saturating_duration_since(now);
        if !self.outbox.is_empty() {
            timeout = timeout.min(RETRY);
        }
        if self.pacing.waits() {
            select! {
                recv(sources.input) -> input => self.input(input.ok(), canvas)?,
                recv(sources.notices) -> notice => self.notice(notice.ok(), canvas)?,
                recv(after(timeout)) -> _ => {}
            }
        } else {
            select! {
                recv(sources.input) -> input => self.input(input.ok(), canvas)?,
                recv(sources.notices) -> notice => self.notice(notice.ok(), canvas)?,
                recv(sources.events) -> event => match event {
                    Ok(event) => self.event(event, canvas),
                    // Dealt with in `drain`, which is next.
                    Err(_) => self.pacing.changed(),
                },
                recv(sources.previews) -> frame => if let Ok(frame) = frame { self.preview(frame, canvas) },
                recv(sources.encoded) -> _ => self.pacing.changed(),
                recv(after(timeout)) -> _ => {}
            }
        }
        Ok(())
    }

    /// Takes in everything that has arrived.
    fn drain(&mut self, sources: &mut Sources, canvas: &dyn Canvas) -> Result<()> {
        let (inputs, open) = arrived(&mut sources.input);
        if !open {
            self.end.get_or_insert(End::TerminalLost);
        }
        for input in inputs {
            self.input(Some(input), canvas)?;
        }
        for notice in arrived(&mut sources.notices).0 {
            self.notice(Some(notice), canvas)?;
        }
        let (events, open) = arrived(&mut sources.events);
        for event in events {
            self.event(event, canvas);
        }
        if !open && !self.worker_ended {
            let silent = "the training thread ended without saying why".to_owned();
            self.event(Event::Ended(Err(silent)), canvas);
        }
        // Each frame of a trajectory may be scrubbed to later, so all are taken.
        for frame in arrived(&mut sources.previews).0 {
            self.preview(frame, canvas);
        }
        if !arrived(&mut sources.encoded).0.is_empty() {
            self.pacing.changed();
        }
        Ok(())
    }

    fn event(&mut self, event: Event, canvas: &dyn Canvas) {
        (self.observe)(&event);
        self.worker_ended |= matches!(event, Event::Ended(_));
        self.pacing.changed();
        self.take(Message::Lab(event), canvas);
    }

    fn preview(&mut self, frame: PreviewFrame, canvas: &dyn Canvas) {
        self.pacing.changed();
        self.take(Message::Preview(frame), canvas);
    }

    fn notice(&mut self, notice: Option<Notice>, canvas: &dyn Canvas) -> Result<()> {
        match notice {
            Some(Notice::Terminate) => {
                self.terminated = true;
                self.pacing.answer();
                self.take(Message::Terminate, canvas);
            }
            Some(Notice::Suspend) => self.suspend(canvas)?,
            Some(Notice::Continue) => {
                self.surface.take_again().context("taking the terminal again")?;
                self.redraw(canvas);
            }
            None => {}
        }
        Ok(())
    }

    fn input(&mut self, input: Option<Input>, canvas: &dyn Canvas) -> Result<()> {
        let message = match input {
            // The reader has ended: dealt with in `drain`.
            None => return Ok(()),
            Some(Input::Key(key)) if key.kind == KeyEventKind::Release => return Ok(()),
            Some(Input::Key(key)) if is_suspend(&key) => return self.suspend(canvas),
            Some(Input::Key(key)) => Message::Key(key),
            // Nothing follows the mouse without a button.
            Some(Input::Mouse(mouse)) if mouse.kind == MouseEventKind::Moved => return Ok(()),
            Some(Input::Mouse(mouse)) => Message::Mouse(mouse),
            Some(Input::Paste(text)) => Message::Paste(text),
            Some(Input::Resize(columns, rows)) => {
                canvas.erased();
                Message::Resize(columns, rows)
            }
            Some(Input::FocusGained | Input::FocusLost) => return Ok(()),
        };
        self.pacing.answer();
        self.take(message, canvas);
        Ok(())
    }

    fn suspend(&mut self, canvas: &dyn Canvas) -> Result<()> {
        self.surface.suspend().context("taking the terminal again")?;
        self.redraw(canvas);
        Ok(())
    }

    fn redraw(&mut self, canvas: &dyn Canvas) {
        // A terminal that is gone is noticed by the frame that follows.
        let _ = self.surface.terminal().clear();
        canvas.erased();
        self.pacing.answer();
    }
}

/// What has arrived, and whether the channel is still open. A closed one is replaced by one that
/// never wakes the loop again.
fn arrived<T>(receiver: &mut Receiver<T>) -> (Vec<T>, bool) {
    let mut values = Vec::new();
    while values.len() < AT_ONCE {
        match receiver.try_recv() {
            Ok(value) => values.push(value),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => {
                *receiver = never();
                return (values, false);
            }
        }
    }
    (values, true)
}

fn is_suspend(key: &KeyEvent) -> bool {
    cfg!(unix) && key.code == KeyCode::Char('z') && key.modifiers.contains(KeyModifiers::CONTROL)
}
