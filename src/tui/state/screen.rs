//! The state of the whole screen.

use std::time::Duration;

use ratatui::layout::Rect;

use super::controls::Controls;
use super::curves::{Curves, ScheduleView, TimeAxis};
use super::data::Data;
use super::film::{Film, Still};
use super::gallery::Gallery;
use super::grab::Grab;
use super::history::XAxis;
use super::news::{Gravity, News};
use super::overlay::Overlay;
use super::plane::{Plane, PointsView};
use super::playback::{self, Playback};
use super::window::StepWindow;
use crate::config::Config;
use crate::lab::Phase;
use crate::tui::chart::Marker;
use crate::tui::layout::{self, ScreenLayout};
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
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Pixels of a cell, as pictures are drawn.
    pub cell_size: (u16, u16),
    /// The terminal has the characters of [`Marker::Octant`].
    pub has_octants: bool,
    /// How pictures are drawn, in words.
    pub images: String,
    pub theme: Theme,
    pub plots: PlotChoices,
    /// Time since the screen opened.
    pub now: Duration,

    /// What the lab has told.
    pub live: Data,
    /// What is drawn while the display is frozen.
    pub frozen: Option<Box<Data>>,
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
    /// What to open the lab with again once it has been left.
    pub next: Option<Box<Config>>,

    /// The cursor t, in 0..T.
    pub cursor_t: usize,
    /// Step that the heatmap reads out; `None`: the newest.
    pub cursor_step: Option<u64>,
    pub grab: Option<Grab>,
    pub playback: Playback,
    /// Until then the finished samples stay although a new trajectory has begun.
    pub hold_until: Duration,

    pub controls: Controls,
    pub news: News,
    pub gallery: Gallery,
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
            theme: Theme { terminal_background: options.background, ..Theme::new(options.theme, options.capability) },
            plots: PlotChoices {
                marker: options.marker,
                pictures: options.marker != Marker::Ascii,
                log_y: true,
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
            now: Duration::ZERO,
            live: Data::default(),
            frozen: None,
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
            next: None,
            cursor_step: None,
            grab: None,
            playback: Playback::Live,
            hold_until: Duration::ZERO,
            controls,
            news: News::default(),
            gallery: Gallery::default(),
        }
    }

    /// The state that another run begins with on the same screen: as the person has it, with nothing of this run.
    pub fn again(&self, config: Config) -> Self {
        let options = ScreenOptions { images: self.images.clone(), config: Some(config), ..ScreenOptions::default() };
        let mut next = Self {
            size: self.size,
            cell_size: self.cell_size,
            has_octants: self.has_octants,
            theme: self.theme,
            plots: PlotChoices { example: 0, window: None, ..self.plots },
            focus: self.focus,
            zoomed: self.zoomed,
            ..Self::new(options)
        };
        if let Some(info) = &self.live.info {
            next.news.tell(Duration::ZERO, Gravity::Info, format!("the run before is in {}", info.run_dir.display()));
        }
        next
    }

    /// The run's config with everything in it that was set live; `None` while nobody knows it.
    pub fn config_now(&self) -> Option<Config> {
        self.config.as_ref().map(|config| self.controls.put_into(config))
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
        layout::screen(area, self.focus, self.zoomed)
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
        playback::shown(&self.data().films, self.playback, self.cursor_t, self.hold_until, self.now)
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
