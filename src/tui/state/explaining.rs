//! The explanation that lies over the panels, or beside them.

use std::sync::Arc;
use std::time::Duration;

use crate::explain::{Explanation, Focus, Topic};
use crate::lab::{ExplainRequest, Explained};

/// What is explained, and how far the answers are.
#[derive(Clone, Debug, PartialEq)]
pub struct Explaining {
    pub topic: Topic,
    /// Which training image is followed, and which pixel of it: row and column; `None`: the brightest.
    pub image: usize,
    pub pixel: Option<(usize, usize)>,
    /// Which of its channels; of points which coordinate.
    pub channel: usize,
    /// The first line that is shown.
    pub scroll: usize,
    /// The newest answer on this topic.
    pub answer: Option<Arc<Explained>>,
    /// What was asked last, and when.
    pub asked: Option<(ExplainRequest, Duration)>,
    /// Its answer is still to come.
    pub waits: bool,
    /// Since when there is something to read.
    pub read_since: Option<Duration>,
    /// How long the newest answer took.
    pub took: Duration,
}

impl Explaining {
    pub fn new(topic: Topic) -> Self {
        Self {
            topic,
            image: 0,
            pixel: None,
            channel: 0,
            scroll: 0,
            answer: None,
            asked: None,
            waits: false,
            read_since: None,
            took: Duration::ZERO,
        }
    }

    /// What to ask at this cursor.
    pub fn request(&self, cursor_t: usize) -> ExplainRequest {
        let focus = Focus { t: cursor_t, image: self.image, pixel: self.pixel, channel: self.channel };
        ExplainRequest { topic: self.topic, focus }
    }

    /// Another topic, on the same picture and pixel.
    pub fn on(&self, topic: Topic) -> Self {
        Self { image: self.image, pixel: self.pixel, channel: self.channel, ..Self::new(topic) }
    }

    /// The newest explanation.
    pub fn explanation(&self) -> Option<&Explanation> {
        self.answer.as_ref().and_then(|answer| answer.said.as_ref().ok())
    }
}
