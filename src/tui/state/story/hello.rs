//! What a newcomer is shown until it has been done once.

use crate::tui::action::Action;

/// What has been tried so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Any key that means something.
    pub pressed: bool,
    pub guidance: bool,
    pub cursor: bool,
}

impl Hello {
    /// An action was taken.
    pub fn note(&mut self, action: Action) {
        self.pressed = true;
        self.guidance |= matches!(action, Action::GuidanceUp | Action::GuidanceDown);
        self.cursor |= matches!(
            action,
            Action::CursorDown
                | Action::CursorUp
                | Action::CursorFarDown
                | Action::CursorFarUp
                | Action::CursorOneDown
                | Action::CursorOneUp
                | Action::CursorFirst
                | Action::CursorLast
                | Action::FramePrevious
                | Action::FrameNext
        );
    }

    /// Keys to invite to, with a word each; none when they have been tried. `film`: a first film is finished.
    /// `guidance`: the network takes it. `samples`: a sample can be asked for.
    pub fn invitation(&self, film: bool, guidance: bool, samples: bool) -> Vec<(&'static str, &'static str, Action)> {
        if film && !self.cursor && !self.guidance {
            let mut invited = vec![("←→", "through the noise", Action::CursorUp)];
            if guidance {
                invited.insert(0, ("w", "stronger guidance", Action::GuidanceUp));
            }
            return invited;
        }
        match !self.pressed && samples {
            true => vec![("g", "sample now", Action::SampleNow)],
            // The hints in the last line are enough.
            false => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(hello: Hello, film: bool, guidance: bool, samples: bool) -> Vec<&'static str> {
        hello.invitation(film, guidance, samples).into_iter().map(|(key, ..)| key).collect()
    }

    #[test]
    fn a_newcomer_is_invited_until_it_has_been_done_once() {
        let mut hello = Hello::default();
        assert_eq!(keys(hello, false, true, false), [""; 0]);
        assert_eq!(keys(hello, false, true, true), ["g"]);
        hello.note(Action::SampleNow);
        assert_eq!(keys(hello, false, true, true), [""; 0]);
        assert_eq!(keys(hello, true, true, true), ["w", "←→"]);
        assert_eq!(keys(hello, true, false, true), ["←→"]);
        hello.note(Action::GuidanceUp);
        assert_eq!(keys(hello, true, true, true), [""; 0]);
        let mut hello = Hello::default();
        hello.note(Action::CursorDown);
        assert_eq!(keys(hello, true, true, true), [""; 0]);
    }
}
