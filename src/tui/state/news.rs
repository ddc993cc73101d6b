//! What the screen has told: the line that shows for some seconds, and the list behind it.

use std::collections::VecDeque;
use std::time::Duration;

const KEPT: usize = 200;
const INFO_FOR: Duration = Duration::from_secs(6);
const WARNING_FOR: Duration = Duration::from_secs(12);
/// How long the answer to a key is seen, whatever else is being said.
const ANSWER_FOR: Duration = Duration::from_secs(5);

/// How grave a piece of news is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    Info,
    Warning,
    Error,
}

/// One sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Since the screen opened.
    pub at: Duration,
    pub gravity: Gravity,
    pub text: String,
}

/// The newest sentence shows for some seconds; all of the last ones can be read in a list. The answer to a key goes
/// first: what it covers shows again after it, for as long as it was covered.
#[derive(Clone, Debug, Default)]
pub struct News {
    items: VecDeque<Item>,
    showing: Option<(Item, Duration)>,
    answer: Option<(Item, Duration)>,
    /// Does the answer say what was set and what it was before?
    tells_setting: bool,
}

impl News {
    /// Shows a sentence and keeps it. A warning isn't pushed aside by plain news.
    pub fn tell(&mut self, now: Duration, gravity: Gravity, text: impl Into<String>) {
        let item = self.keep(now, gravity, text.into());
        let showing_worse = self.showing.as_ref().is_some_and(|(old, _)| {
            old.gravity != Gravity::Info && gravity == Gravity::Info && now < old.at + INFO_FOR
        });
        if !showing_worse {
            let until = match gravity {
                Gravity::Info => now + INFO_FOR,
                Gravity::Warning => now + WARNING_FOR,
                Gravity::Error => Duration::MAX,
            };
            // Behind an answer it waits.
            let answered = self.answer.as_ref().map_or(Duration::ZERO, |(_, until)| until.saturating_sub(now));
            self.showing = Some((item, until.saturating_add(answered)));
        }
    }

    /// Shows what a key has done, or why it has done nothing, and keeps it.
    pub fn answer(&mut self, now: Duration, gravity: Gravity, text: impl Into<String>) {
        let item = self.keep(now, gravity, text.into());
        let before = self.answer.as_ref().map_or(now, |(_, until)| (*until).max(now));
        let until = now + ANSWER_FOR;
        if let Some((_, covered)) = &mut self.showing {
            *covered = covered.saturating_add(until.saturating_sub(before));
        }
        self.answer = Some((item, until));
        self.tells_setting = false;
    }

    /// Shows what a key has set, with what it was before: the worker's word that it is so is not shown over it.
    pub fn answer_setting(&mut self, now: Duration, text: impl Into<String>) {
        self.answer(now, Gravity::Info, text);
        self.tells_setting = true;
    }

    /// Another key was pressed: what it sets is told, whatever the last answer was.
    pub fn listen(&mut self) {
        self.tells_setting = false;
    }

    /// Shows what a key has led to, unless its answer has told that and still shows; keeps it.
    pub fn confirm(&mut self, now: Duration, text: impl Into<String>) {
        match &self.answer {
            Some((_, until)) if self.tells_setting && now < *until => _ = self.keep(now, Gravity::Info, text.into()),
            _ => self.answer(now, Gravity::Info, text),
        }
    }

    fn keep(&mut self, now: Duration, gravity: Gravity, text: String) -> Item {
        let item = Item { at: now, gravity, text };
        if self.items.len() == KEPT {
            self.items.pop_front();
        }
        self.items.push_back(item.clone());
        item
    }

    /// Takes away what has shown long enough.
    pub fn expire(&mut self, now: Duration) {
        self.answer.take_if(|(_, until)| now >= *until);
        self.showing.take_if(|(_, until)| now >= *until);
    }

    /// Takes a sentence away that isn't true any more; it stays in the list.
    pub fn withdraw(&mut self, text: &str) {
        self.answer.take_if(|(item, _)| item.text == text);
        self.showing.take_if(|(item, _)| item.text == text);
    }

    /// Takes away what shows; true if something did.
    pub fn dismiss(&mut self) -> bool {
        self.answer.take().or_else(|| self.showing.take()).is_some()
    }

    /// What shows now.
    pub fn showing(&self) -> Option<&Item> {
        self.answer.as_ref().or(self.showing.as_ref()).map(|(item, _)| item)
    }

    /// Everything kept, oldest first.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &Item> {
        self.items.iter()
    }

    /// How many warnings and errors there have been among those kept.
    pub fn warnings(&self) -> usize {
        self.items.iter().filter(|item| item.gravity != Gravity::Info).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_goes_after_some_seconds_and_stays_in_the_list() {
        let mut news = News::default();
        news.tell(Duration::from_secs(1), Gravity::Info, "snapshot saved");
        news.expire(Duration::from_secs(6));
        assert!(news.showing().is_some());
        news.expire(Duration::from_secs(7));
        assert!(news.showing().is_none());
        assert_eq!(news.items().count(), 1);
    }

    #[test]
    fn an_error_stays_until_dismissed() {
        let mut news = News::default();
        news.tell(Duration::ZERO, Gravity::Error, "disk full");
        news.expire(Duration::from_secs(100_000));
        assert!(news.dismiss());
        assert!(!news.dismiss());
    }

    #[test]
    fn plain_news_does_not_push_a_fresh_warning_aside() {
        let mut news = News::default();
        news.tell(Duration::ZERO, Gravity::Warning, "one file was skipped");
        news.tell(Duration::from_secs(1), Gravity::Info, "checkpoint saved");
        assert_eq!(news.showing().unwrap().text, "one file was skipped");
        news.tell(Duration::from_secs(8), Gravity::Info, "checkpoint saved");
        assert_eq!(news.showing().unwrap().text, "checkpoint saved");
    }

    #[test]
    fn an_answer_is_seen_at_once_and_what_it_covers_is_seen_after_it() {
        let second = Duration::from_secs;
        let mut news = News::default();
        news.tell(second(0), Gravity::Warning, "one file was skipped");
        news.answer(second(4), Gravity::Info, "guidance 2.0");
        news.answer(second(6), Gravity::Info, "guidance 2.5");
        news.tell(second(7), Gravity::Info, "checkpoint saved");
        assert_eq!(news.showing().unwrap().text, "guidance 2.5");
        news.expire(second(11));
        // Eight of its twelve seconds are left, less those in which it was seen.
        assert_eq!(news.showing().map(|item| item.text.as_str()), Some("checkpoint saved"));
        news.expire(second(17));
        assert!(news.showing().is_none());
        let mut news = News::default();
        news.tell(second(0), Gravity::Error, "disk full");
        news.answer(second(1), Gravity::Info, "curves in blocks");
        news.expire(second(7));
        assert_eq!(news.showing().unwrap().text, "disk full");
        assert_eq!(news.items().count(), 2);
    }

    #[test]
    fn the_list_is_bounded() {
        let mut news = News::default();
        for i in 0..1000 {
            news.tell(Duration::from_secs(i), Gravity::Info, "x");
        }
        assert_eq!(news.items().count(), KEPT);
    }
}
