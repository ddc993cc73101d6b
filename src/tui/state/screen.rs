//! The state of the whole screen.

use std::time::Duration;

use ratatui::layout::Rect;

use super::album::Album;
use super::bench::Bench;
use super::change::Change;
use super::compared::Comparison;
use super::controls::Controls;
use super::curves::{Curves, ScheduleView, TimeAxis};
use super::data::Data;
use super::film::{Film, Still};
use super::gallery::Gallery;
use super::grab::Grab;
use super::lesson::Lesson;
use super::news::News;
use super::overlay::Overlay;
use super::panes::Panes;
use super::plane::{Plane, PointsView};
use super::playback::{Playback, Playhead};
use super::plotted::Plotted;
use super::step_window::StepWindow;
use super::story::Story;
use super::under_way::UnderWay;
use super::undo::UndoList;
use super::x_axis::XAxis;
use crate::config::Config;
use crate::lab::{AutoencoderLook, Live, Phase, RunInfo};
use crate::tui::browser::Browser;
use crate::tui::chart::Marker;
use crate::tui::format::thousands;
use crate::tui::layout::{self, ScreenLayout};
use crate::tui::marked::Marked;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::theme::{Capability, Theme};

/// How the plots are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlotChoices {
    pub marker: Marker,
    /// Curves as pictures, where the terminal can.
    pub pictures: bool,
    pub log_y: bool,
    pub log_x: bool,
    /// Which curve the loss panel draws.
    pub plotted: Plotted,
    pub x_axis: XAxis,
    /// The steps that the loss is shown over; `None`: all.
    pub window: Option<StepWindow>,
    /// Index into [`super::SMOOTHINGS`].
    pub smoothing: usize,
    /// The heatmap shows each bin relative to its start.
    pub heat_relative: bool,
    /// The profile beside the heatmap shows the bound's terms.
    pub heat_bound: bool,
    pub schedule_view: ScheduleView,
    pub time_axis: TimeAxis,
    /// Which training image the forward process is shown on.
    pub example: usize,
    /// How points in the plane are shown.
    pub points_view: PointsView,
}

/// Everything the view draws from.
#[derive(Clone, Debug)]
pub struct State {
    /// Columns and rows that the lab has; with the course beside it not all of the terminal's.
    pub size: (u16, u16),
    /// Pixels of a cell, as pictures are drawn.
    pub cell_size: (u16, u16),
    /// The terminal has the characters of [`Marker::Octant`].
    pub has_octants: bool,
    /// How pictures are drawn, in words.
    pub images: String,
    pub theme: Theme,
    /// The terminal has nothing but ASCII.
    pub ascii: bool,
    pub plots: PlotChoices,
    /// Curves were thin before the theme for the back row made them thick.
    pub thin_curves: bool,
    /// Time since the screen opened.
    pub now: Duration,

    /// What the lab has told.
    pub live: Data,
    /// What is drawn while the display is frozen.
    pub frozen: Option<Box<Data>>,
    /// What this screen is for.
    pub bench: Bench,
    /// What trains behind it, where that is more than one run.
    pub experiment: Option<Box<UnderWay>>,
    /// The list of runs, once it was opened, and whether it is on the screen.
    pub browser: Option<Box<Browser>>,
    pub is_browsing: bool,
    /// Runs that are held side by side.
    pub marked: Marked,
    /// Another run that is looked at; it is on the screen while the list is not.
    pub beside: Option<Box<State>>,
    pub phase: Phase,
    /// The worker has ended.
    pub ended: bool,
    /// The schedules; known from the config before the worker is ready.
    pub curves: Option<Curves>,
    pub config: Option<Config>,
    /// The data, where they are points in the plane.
    pub plane: Option<Plane>,

    pub focus: Panel,
    pub zoomed: bool,
    pub overlay: Option<Overlay>,
    /// A person has asked to leave; the lab saves.
    pub leaving: bool,
    /// It was asked for by Ctrl-C, as a signal asks: the program ends as interrupted.
    pub interrupted: bool,
    /// Another run that is to take this one's place.
    pub change: Option<Change>,
    /// What lay on the screen before the help that lies there now.
    pub beneath: Option<Box<Overlay>>,
    /// The step and settings of the newest checkpoint.
    pub saved: Option<(u64, Live)>,
    /// Snapshots that were asked for here and are not there yet.
    pub snapshots_awaited: usize,
    /// What was set live, to be taken back.
    pub undo: UndoList,

    /// The cursor t, in 0..T.
    pub cursor_t: usize,
    /// Step that the heatmap reads out; `None`: the newest.
    pub cursor_step: Option<u64>,
    /// Step that the loss panel reads out; `None`: the newest.
    pub reading: Option<u64>,
    /// Which of the marks was told last.
    pub told_mark: Option<usize>,
    /// How runs are compared, where any are.
    pub comparison: Comparison,
    /// How often other noise was drawn for them.
    pub noise_drawn: u64,
    /// Several samples from one noise, in place of the film.
    pub panes: Panes,
    /// What a run has left of pictures, over the panels.
    pub album: Option<Album>,
    pub grab: Option<Grab>,
    pub playback: Playback,
    /// The frame on the screen; `None` before the first.
    pub playhead: Option<Playhead>,
    /// A film newer than this one need not wait for the end of the one on the screen: a person has asked for it.
    pub hurry_past: Option<u64>,
    /// Shortest time between two pictures that the terminal can show.
    pub picture_pace: Duration,

    pub controls: Controls,
    pub news: News,
    /// What is going on, in a sentence.
    pub story: Story,
    pub gallery: Gallery,
    /// The course beside the lab.
    pub lesson: Option<Box<Lesson>>,
}

impl State {
    /// The state before anything has happened.
    pub fn new(options: ScreenOptions) -> Self {
        let curves = options.config.as_ref().and_then(|config| Curves::new(&config.diffusion));
        let controls = Controls::new(options.config.as_ref().unwrap_or(&Config::default()));
        Self {
            size: (0, 0),
            cell_size: options.cell_size,
            has_octants: options.has_octants,
            images: options.images,
            theme: Theme::on(options.theme, options.capability, options.background, options.paints_background),
            ascii: options.ascii,
            plots: PlotChoices {
                marker: options.marker,
                pictures: options.marker != Marker::Ascii,
                log_y: true,
                log_x: false,
                plotted: Plotted::Loss,
                x_axis: XAxis::Step,
                window: None,
                smoothing: 1,
                heat_relative: false,
                heat_bound: false,
                schedule_view: ScheduleView::AlphasCumprod,
                time_axis: TimeAxis::T,
                example: 0,
                points_view: PointsView::Points,
            },
            thin_curves: false,
            now: Duration::ZERO,
            live: Data::default(),
            frozen: None,
            bench: Bench::Training,
            experiment: None,
            browser: None,
            is_browsing: false,
            marked: Marked::default(),
            beside: None,
            phase: Phase::Starting("opening the lab".into()),
            ended: false,
            cursor_t: curves.as_ref().map_or(0, |c| c.timesteps() * 43 / 100),
            curves,
            config: options.config,
            plane: None,
            focus: Panel::Loss,
            zoomed: false,
            overlay: None,
            leaving: false,
            interrupted: false,
            change: None,
            beneath: None,
            saved: None,
            snapshots_awaited: 0,
            undo: UndoList::default(),
            cursor_step: None,
            reading: None,
            told_mark: None,
            comparison: Comparison::default(),
            noise_drawn: 0,
            panes: Panes::default(),
            album: None,
            grab: None,
            playback: Playback::Live,
            playhead: None,
            hurry_past: None,
            picture_pace: Duration::ZERO,
            controls,
            news: News::default(),
            story: Story::default(),
            gallery: Gallery::default(),
            lesson: None,
        }
    }

    /// The state that another run begins with on the same screen: as the person has it, with nothing of this run.
    /// Beside it, where this one is.
    pub fn again(&self, config: Config) -> (Self, Option<String>) {
        let options = ScreenOptions { images: self.images.clone(), config: Some(config), ..ScreenOptions::default() };
        let next = Self {
            size: self.size,
            cell_size: self.cell_size,
            has_octants: self.has_octants,
            theme: self.theme,
            picture_pace: self.picture_pace,
            ascii: self.ascii,
            thin_curves: self.thin_curves,
            plots: PlotChoices { example: 0, window: None, ..self.plots },
            focus: self.focus,
            zoomed: self.zoomed,
            bench: self.bench,
            browser: self.browser.clone(),
            marked: self.marked.clone(),
            lesson: self.lesson.clone(),
            // Who has come so far is no newcomer.
            story: Story::of(self.story.hello),
            ..Self::new(options)
        };
        let dir = self.live.info.as_ref().map(|info| info.run_dir.display());
        let before = dir.and_then(|dir| match &self.saved {
            Some((step, _)) => {
                let step = thousands(*step);
                Some(format!("the run before is saved at step {step}: difflab --resume {dir} goes on with it"))
            }
            // Of one that had not begun nothing is kept.
            None if self.live.history.latest.is_none() => None,
            None => Some(format!("the run before is in {dir}, without a checkpoint")),
        });
        (next, before)
    }

    /// Columns and rows of the whole terminal.
    pub fn terminal_size(&self) -> (u16, u16) {
        self.lesson.as_ref().map_or(self.size, |lesson| lesson.terminal)
    }

    /// Do keys go to the course's page? Not while a dialog waits for an answer.
    pub fn reads_lesson(&self) -> bool {
        let asks = !matches!(self.overlay, None | Some(Overlay::Explain(_)));
        self.lesson.as_ref().is_some_and(|lesson| lesson.has_focus) && !asks
    }

    /// What is on the screen while the list of runs is not: the run that is looked at, or this one.
    pub fn shown(&self) -> &Self {
        self.beside.as_deref().unwrap_or(self)
    }

    /// Is its run looked at, and not trained here?
    pub fn is_watched(&self) -> bool {
        matches!(self.bench, Bench::Watching | Bench::Beside)
    }

    /// Who could do what a key asks for that steers a run which is looked at.
    pub fn who_steers(&self) -> String {
        match (&self.phase, &self.live.info) {
            (Phase::Training | Phase::Paused, _) | (_, None) => "the process that trains it steers it".into(),
            (_, Some(info)) => format!("difflab --resume {} goes on with it", info.run_dir.display()),
        }
    }

    /// Is something else on the screen?
    pub fn is_covered(&self) -> bool {
        self.is_browsing || self.beside.is_some()
    }

    /// The run's config with everything in it that was set live; `None` while nobody knows it.
    pub fn config_now(&self) -> Option<Config> {
        self.config.as_ref().map(|config| self.controls.put_into(config))
    }

    /// Is all of it in a checkpoint, with the settings of now?
    pub fn has_all_saved(&self) -> bool {
        let step = self.live.history.latest.as_ref().map(|record| record.step);
        match &self.saved {
            Some((saved, live)) => Some(*saved) >= step && *live == self.controls.live,
            None => false,
        }
    }

    /// Does the run's diffusion happen in latents?
    pub fn diffuses_latents(&self) -> bool {
        self.config.as_ref().is_some_and(Config::diffuses_latents)
    }

    /// As [`Self::has_all_saved`], and nothing is trained any more that would not be.
    pub fn rests_saved(&self) -> bool {
        matches!(self.phase, Phase::Finished | Phase::Paused) && self.has_all_saved()
    }

    /// What the panels draw: the frozen data, or the live ones.
    pub fn data(&self) -> &Data {
        self.frozen.as_deref().unwrap_or(&self.live)
    }

    /// T, at least 1.
    pub fn timesteps(&self) -> usize {
        self.curves.as_ref().map_or(1, Curves::timesteps)
    }

    /// Where everything is; `None` when the terminal is too small.
    pub fn layout(&self) -> Option<ScreenLayout> {
        self.layout_in(Rect::new(0, 0, self.size.0, self.size.1))
    }

    /// The layout in a given area.
    pub fn layout_in(&self, area: Rect) -> Option<ScreenLayout> {
        layout::screen(area, self.focus, self.zoomed, self.theme.is_for_the_back_row())
    }

    /// The film on the screen.
    pub fn shown_film(&self) -> Option<(&Film, Playhead)> {
        let playhead = self.playhead?;
        Some((self.data().films.get(playhead.trajectory)?, playhead))
    }

    /// Can curves be pictures here? That takes pixels, and colours that are known, the background's too.
    pub fn can_draw_pictures(&self) -> bool {
        let pixels = self.cell_size.0 > 2 && self.cell_size.1 > 2;
        pixels && self.theme.capability == Capability::TrueColor && self.theme.background().is_some()
    }

    /// Are they?
    pub fn draws_pictures(&self) -> bool {
        self.plots.pictures && self.can_draw_pictures()
    }

    /// The frame of the denoising panel.
    pub fn shown_still(&self) -> Option<(&Film, &Still)> {
        let (film, playhead) = self.shown_film()?;
        Some((film, film.stills().get(film.position(playhead.index))?))
    }

    /// Does this run train an autoencoder?
    pub fn trains_autoencoder(&self) -> bool {
        self.config.as_ref().is_some_and(Config::trains_autoencoder)
    }

    /// Are its pictures here, and their latents not, although it diffuses in those?
    pub fn lacks_latents(&self) -> bool {
        let lacks = |info: &RunInfo| !info.examples.is_empty() && info.latent_examples.is_empty();
        self.diffuses_latents() && self.live.info.as_ref().is_some_and(|info| lacks(info))
    }

    /// What a panel is called in this run.
    pub fn panel_title(&self, panel: Panel) -> &'static str {
        match panel {
            Panel::Heatmap if self.trains_autoencoder() => "Error map",
            Panel::Schedule if self.trains_autoencoder() => "Latents",
            Panel::Denoising if self.trains_autoencoder() => "Reconstruction",
            panel => panel.title(),
        }
    }

    /// What was seen of it in the film on the screen.
    pub fn autoencoder_look(&self) -> Option<&AutoencoderLook> {
        self.shown_still().and_then(|(_, still)| still.look.as_deref())
    }

    /// Is the film to be seen? A panel that fills the screen hides it.
    pub fn sees_film(&self) -> bool {
        self.playhead.is_some()
            && !self.shows_several()
            && self.layout().is_some_and(|layout| layout.place(Panel::Denoising).is_some())
    }

    /// Seconds until the last step at the present speed; `None` where nothing is left, or less than a second, and
    /// while training stands still.
    pub fn remaining(&self) -> Option<f64> {
        let (config, latest) = (self.config.as_ref()?, self.live.history.latest.as_ref()?);
        let steps = config.train.steps.saturating_sub(latest.step) as f64;
        let seconds = steps * config.train.batch_size as f64 / latest.images_per_s;
        (matches!(self.phase, Phase::Training) && seconds.is_finite() && seconds >= 0.5).then_some(seconds)
    }

    /// What the speed of training counts.
    pub fn speed_unit(&self) -> &'static str {
        if self.plane.is_some() { "points/s" } else { "images/s" }
    }

    /// Is the network class-conditional? `false` while nobody knows.
    pub fn is_conditional(&self) -> bool {
        match &self.live.info {
            Some(info) => info.conditional,
            None => self.config.as_ref().is_some_and(|c| c.model.class_conditional),
        }
    }

    /// The name of a class: from the data, else its number.
    pub fn class_name(&self, class: usize) -> String {
        match &self.live.info {
            Some(info) if class < info.classes.len() => info.classes[class].clone(),
            _ => class.to_string(),
        }
    }
}
