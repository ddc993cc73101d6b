//! The one table of keys: dispatch, `?` help, footer hints, the command palette and the table in docs/keys.md
//! all come from it.

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::action::Action;
use crate::tui::key_press::{ALT, CTRL, KeyPress, SHIFT, code, ctrl, key, normalized, with};
use crate::tui::panel::Panel;

/// Under which heading a binding stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Training,
    Time,
    Preview,
    Plots,
    Compare,
    Screen,
    /// In the list of runs, which has a table of its own.
    Runs,
}

impl Group {
    pub const ALL: [Group; 6] =
        [Group::Training, Group::Time, Group::Preview, Group::Plots, Group::Compare, Group::Screen];

    pub fn title(self) -> &'static str {
        match self {
            Group::Training => "Training",
            Group::Time => "The cursor t",
            Group::Preview => "Denoising",
            Group::Plots => "Plots",
            Group::Compare => "Runs",
            Group::Screen => "Screen",
            Group::Runs => "The list of runs",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub action: Action,
    pub keys: &'static [KeyPress],
    /// Where the keys mean this; `None`: everywhere. A panel's own meaning goes first.
    pub context: Option<Panel>,
    pub group: Group,
    /// What it does, in words.
    pub help: &'static str,
    pub hint: Hint,
}

/// The short form in the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    No,
    Always(&'static str),
    /// As [`Hint::Always`], with other words for the keys.
    Keys(&'static str, &'static str),
    /// While that panel is in focus.
    In(Panel, &'static str),
}

pub(in crate::tui) const fn row(
    action: Action,
    keys: &'static [KeyPress],
    group: Group,
    help: &'static str,
    hint: Hint,
) -> Binding {
    Binding { action, keys, context: None, group, help, hint }
}

const fn within(
    panel: Panel,
    action: Action,
    keys: &'static [KeyPress],
    group: Group,
    help: &'static str,
    hint: Hint,
) -> Binding {
    Binding { action, keys, context: Some(panel), group, help, hint }
}

use Action as A;
use Group as G;
use Hint as H;
use Panel as P;

/// Every binding, in the order of the help and of the footer.
pub const BINDINGS: &[Binding] = &[
    row(A::FocusNext, &[code(KeyCode::Tab)], G::Screen, "focus the next panel", H::Always("focus")),
    row(A::FocusPrevious, &[code(KeyCode::BackTab)], G::Screen, "focus the previous panel", H::No),
    row(A::Focus(P::Loss), &[key('1')], G::Screen, "focus Loss", H::No),
    row(A::Focus(P::Heatmap), &[key('2')], G::Screen, "focus Loss per timestep", H::No),
    row(A::Focus(P::Schedule), &[key('3')], G::Screen, "focus Schedule", H::No),
    row(A::Focus(P::Denoising), &[key('4')], G::Screen, "focus Denoising", H::No),
    row(
        A::Zoom,
        &[key('z'), code(KeyCode::Enter)],
        G::Screen,
        "zoom the focused panel to the whole screen, and back",
        H::Always("zoom"),
    ),
    row(A::TogglePause, &[key(' ')], G::Training, "pause or resume training", H::Always("pause")),
    row(
        A::Snapshot,
        &[key('s')],
        G::Training,
        "save a snapshot: picture, samples, film, settings",
        H::Always("snapshot"),
    ),
    row(A::StepOnce, &[key('n'), key('.')], G::Training, "one training step, then pause", H::No),
    row(A::LearningRateUp, &[key('+'), key('=')], G::Training, "double the learning rate from here on", H::No),
    row(A::LearningRateDown, &[key('-')], G::Training, "halve the learning rate from here on", H::No),
    row(A::LearningRateReset, &[key('0')], G::Training, "back to the configured learning rate", H::No),
    row(A::Checkpoint, &[key('K')], G::Training, "save a checkpoint now", H::No),
    row(A::Undo, &[key('u')], G::Training, "undo the newest change of a setting, and the ones before it", H::No),
    row(A::Redo, &[key('U')], G::Training, "redo what was undone", H::No),
    // The cursor t.
    within(
        P::Denoising,
        A::FramePrevious,
        &[code(KeyCode::Left)],
        G::Time,
        "Denoising: one frame back, towards noise",
        H::No,
    ),
    within(P::Denoising, A::FrameNext, &[code(KeyCode::Right)], G::Time, "Denoising: one frame on, towards x_0", H::No),
    within(
        P::Heatmap,
        A::EarlierColumn,
        &[code(KeyCode::Left)],
        G::Time,
        "Loss per timestep: read out an earlier step",
        H::No,
    ),
    within(
        P::Heatmap,
        A::LaterColumn,
        &[code(KeyCode::Right)],
        G::Time,
        "Loss per timestep: read out a later step",
        H::No,
    ),
    row(
        A::CursorUp,
        &[code(KeyCode::Right), code(KeyCode::Up)],
        G::Time,
        "more noise: t up by a hundredth of T",
        H::Keys("←→", "t"),
    ),
    row(
        A::CursorDown,
        &[code(KeyCode::Left), code(KeyCode::Down)],
        G::Time,
        "less noise: t down by a hundredth of T",
        H::No,
    ),
    row(
        A::CursorFarUp,
        &[with(SHIFT, KeyCode::Right), with(SHIFT, KeyCode::Up), code(KeyCode::PageUp)],
        G::Time,
        "t up by a tenth of T",
        H::No,
    ),
    row(
        A::CursorFarDown,
        &[with(SHIFT, KeyCode::Left), with(SHIFT, KeyCode::Down), code(KeyCode::PageDown)],
        G::Time,
        "t down by a tenth of T",
        H::No,
    ),
    row(A::CursorOneUp, &[with(CTRL, KeyCode::Right), with(CTRL, KeyCode::Up)], G::Time, "t up by one", H::No),
    row(A::CursorOneDown, &[with(CTRL, KeyCode::Left), with(CTRL, KeyCode::Down)], G::Time, "t down by one", H::No),
    row(A::CursorFirst, &[code(KeyCode::Home)], G::Time, "t = 0: the least noise", H::No),
    row(A::CursorLast, &[code(KeyCode::End)], G::Time, "t = T − 1: the most noise", H::No),
    // Denoising.
    row(
        A::SampleNow,
        &[key('g')],
        G::Preview,
        "start a new preview now, from new noise",
        H::In(P::Denoising, "sample now"),
    ),
    row(A::ToggleFilm, &[key('k'), ctrl(' ')], G::Preview, "pause or resume the film", H::In(P::Denoising, "film")),
    row(A::FramePrevious, &[key('[')], G::Preview, "one frame back, towards noise", H::No),
    row(A::FrameNext, &[key(']')], G::Preview, "one frame on, towards x_0", H::No),
    row(A::TogglePreview, &[key('p')], G::Preview, "previews on or off", H::No),
    row(A::MorePreview, &[key('i')], G::Preview, "give previews more time", H::No),
    row(A::LessPreview, &[key('I')], G::Preview, "give previews less time", H::No),
    row(A::ClassNext, &[key('c')], G::Preview, "next class for previews and snapshots", H::In(P::Denoising, "class")),
    row(A::ClassPrevious, &[key('C')], G::Preview, "previous class", H::No),
    row(
        A::GuidanceUp,
        &[key('w')],
        G::Preview,
        "guidance scale w up by 0.5 (w = 0: conditional, w = −1: unconditional)",
        H::In(P::Denoising, "guidance"),
    ),
    row(A::GuidanceDown, &[key('W')], G::Preview, "guidance scale w down by 0.5", H::No),
    row(A::NextSampler, &[key('m')], G::Preview, "next sampler", H::In(P::Denoising, "sampler")),
    row(A::MoreSteps, &[key('d')], G::Preview, "more denoising steps", H::No),
    row(A::FewerSteps, &[key('D')], G::Preview, "fewer denoising steps", H::No),
    row(A::NextEta, &[key('e')], G::Preview, "next η of DDIM: 0 deterministic, 1 as random as DDPM", H::No),
    within(
        P::Denoising,
        A::NextPointsView,
        &[key('v')],
        G::Preview,
        "Denoising: show points, their density, or the field that moves them",
        H::No,
    ),
    row(
        A::Beside,
        &[key('|')],
        G::Preview,
        "settings side by side from one noise, as in beside sampler=ddim,unipc or w=0 | w=3 steps=50",
        H::No,
    ),
    row(
        A::TrainingTime,
        &[key('T')],
        G::Preview,
        "one noise through training: the same samples at each step that is kept (← → k), and back",
        H::In(P::Denoising, "training time"),
    ),
    row(A::LearningStrip, &[key('A')], G::Preview, "through training, all steps at once: a strip", H::No),
    // Plots.
    row(A::ToggleLogY, &[key('l')], G::Plots, "loss axis logarithmic or linear", H::In(P::Loss, "log")),
    row(A::ToggleLogX, &[key('X')], G::Plots, "steps on a logarithmic axis or a linear one", H::No),
    row(
        A::NextXAxis,
        &[key('x')],
        G::Plots,
        "loss over steps, epochs, images, time or FLOPs",
        H::In(P::Loss, "step/time"),
    ),
    row(
        A::NextCurve,
        &[key('y')],
        G::Plots,
        "another curve in Loss: held-out, gradient norm, learning rate, images/s, memory, processors",
        H::In(P::Loss, "curve"),
    ),
    row(A::PreviousCurve, &[key('Y')], G::Plots, "the curve before", H::No),
    row(A::NextSmoothing, &[key('S')], G::Plots, "next smoothing of the loss", H::In(P::Loss, "smooth")),
    row(
        A::LossCloser,
        &[key('}'), with(ALT, KeyCode::Up)],
        G::Plots,
        "loss over fewer steps; the wheel does it around the pointer",
        H::No,
    ),
    row(A::LossWider, &[key('{'), with(ALT, KeyCode::Down)], G::Plots, "loss over more steps", H::No),
    row(
        A::LossEarlier,
        &[key('<'), with(ALT, KeyCode::Left)],
        G::Plots,
        "loss over earlier steps; dragging does it too",
        H::No,
    ),
    row(A::LossLater, &[key('>'), with(ALT, KeyCode::Right)], G::Plots, "loss over later steps", H::No),
    row(A::LossWhole, &[code(KeyCode::Backspace)], G::Plots, "loss over all steps again", H::No),
    row(
        A::ReadCurves,
        &[key('r')],
        G::Plots,
        "read the curves: a cursor that stands on logged steps; so does a click",
        H::In(P::Loss, "read"),
    ),
    within(
        P::Loss,
        A::ReadEarlier,
        &[code(KeyCode::Left)],
        G::Plots,
        "Loss, while it is read: the logged step before",
        H::No,
    ),
    within(
        P::Loss,
        A::ReadLater,
        &[code(KeyCode::Right)],
        G::Plots,
        "Loss, while it is read: the next logged step",
        H::No,
    ),
    within(
        P::Loss,
        A::ReadFarEarlier,
        &[with(SHIFT, KeyCode::Left)],
        G::Plots,
        "Loss, while it is read: a tenth of the chart back",
        H::No,
    ),
    within(
        P::Loss,
        A::ReadFarLater,
        &[with(SHIFT, KeyCode::Right)],
        G::Plots,
        "Loss, while it is read: a tenth of the chart on",
        H::No,
    ),
    row(A::NextMark, &[key(';')], G::Plots, "to the next mark on the curve, and what happened there", H::No),
    row(A::PreviousMark, &[key(',')], G::Plots, "to the mark before", H::No),
    row(A::Bookmark, &[key('M')], G::Plots, "put a word on the step that is read, or on the newest", H::No),
    row(A::Compare, &[key('V')], G::Compare, "compare with other runs: asks for their names; no name ends it", H::No),
    row(A::NextRun, &[key('j')], G::Compare, "the next of the runs that are compared", H::In(P::Loss, "run")),
    row(A::PreviousRun, &[key('J')], G::Compare, "the run before", H::No),
    row(A::PinRun, &[key('P')], G::Compare, "measure the others by the run under the cursor", H::In(P::Loss, "pin")),
    row(
        A::ToggleDifference,
        &[key('H')],
        G::Compare,
        "Loss per timestep: the run under the cursor, or its difference from the pinned one",
        H::In(P::Heatmap, "difference"),
    ),
    row(
        A::Differences,
        &[key('O')],
        G::Compare,
        "where the configs differ, and what came of it",
        H::In(P::Loss, "configs"),
    ),
    row(A::Album, &[key('G')], G::Compare, "the run's snapshots and previews, as pictures in step order", H::No),
    row(
        A::ToggleHeatScale,
        &[key('h')],
        G::Plots,
        "loss per timestep absolute, or relative to its start",
        H::In(P::Heatmap, "relative"),
    ),
    row(
        A::ToggleBound,
        &[key('B')],
        G::Plots,
        "beside the loss per timestep: the loss, or what each t adds to the bound",
        H::In(P::Heatmap, "bound"),
    ),
    row(
        A::NextScheduleView,
        &[key('v')],
        G::Plots,
        "schedule as ᾱ, β, √ᾱ and √(1−ᾱ) (on other paths than vp: α, σ), or SNR",
        H::In(P::Schedule, "view"),
    ),
    row(A::NextTimeAxis, &[key('a')], G::Plots, "read the t axes as t, σ or log-SNR", H::In(P::Schedule, "t axis")),
    row(A::NextExample, &[key('o')], G::Plots, "another training image in the forward process", H::No),
    row(A::ToggleFreeze, &[key('f')], G::Screen, "freeze the display; training continues", H::Always("freeze")),
    row(A::NextTheme, &[key('t')], G::Screen, "dark, light or projector colours", H::No),
    row(
        A::NextMarker,
        &[key('b')],
        G::Screen,
        "curves as smooth lines or octants where the terminal can, in braille, blocks or ASCII",
        H::No,
    ),
    row(A::Runs, &[key('R')], G::Screen, "the list of runs; training continues", H::Always("runs")),
    row(
        A::Fork,
        &[key('F')],
        G::Training,
        "fork: a new run from the weights of a checkpoint, with other settings",
        H::No,
    ),
    row(
        A::Explain,
        &[key('E')],
        G::Screen,
        "explain the panel in focus: its mathematics, with the numbers of now",
        H::Always("explain"),
    ),
    row(
        A::Course,
        &[code(KeyCode::F(2))],
        G::Screen,
        "with the course open (difflab course): from the lab to its page, and back",
        H::No,
    ),
    row(A::Messages, &[key('!')], G::Screen, "all messages so far", H::No),
    row(A::Back, &[code(KeyCode::Esc)], G::Screen, "close, dismiss, or go back to live", H::No),
    row(A::Redraw, &[ctrl('l')], G::Screen, "redraw everything", H::No),
    row(
        A::Palette,
        &[key(':')],
        G::Screen,
        "command palette: find an action, or set any config key, as in spacing=karras",
        H::Always("command"),
    ),
    row(A::Help, &[key('?'), code(KeyCode::F(1))], G::Screen, "this help", H::Always("help")),
    row(A::Quit, &[key('q')], G::Screen, "quit; asks, and saves first", H::Always("quit")),
    row(A::Leave, &[ctrl('c')], G::Screen, "save and quit at once", H::No),
];

/// The action that a key press means while `focus` has the focus.
pub fn find(event: &KeyEvent, focus: Panel) -> Option<Action> {
    meaning(&normalized(event), focus).map(|binding| binding.action)
}

/// The row of the table that a key means while `focus` has the focus.
pub fn meaning(pressed: &KeyPress, focus: Panel) -> Option<&'static Binding> {
    let hit = |context: Option<Panel>| BINDINGS.iter().find(|b| b.context == context && b.keys.contains(pressed));
    hit(Some(focus)).or_else(|| hit(None))
}

impl Binding {
    /// All keys: "z, Enter".
    pub fn keys_label(&self) -> String {
        self.keys.iter().map(KeyPress::label).collect::<Vec<_>>().join(", ")
    }

    /// The name of the action for the command palette: its help line with a capital.
    pub fn title(&self) -> String {
        let mut chars = self.help.chars();
        chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
    }
}

/// The key table of docs/keys.md.
pub fn markdown() -> String {
    let mut out = String::from("| Keys | What they do |\n|---|---|\n");
    for group in Group::ALL {
        out.push_str(&format!("| **{}** | |\n", group.title()));
        for binding in BINDINGS.iter().filter(|b| b.group == group) {
            let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{}`", k.label())).collect();
            // A bar would end the cell.
            let [keys, help] = [keys.join(" "), binding.help.to_string()].map(|text| text.replace('|', "\\|"));
            out.push_str(&format!("| {keys} | {help} |\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for context in [None, Some(P::Loss), Some(P::Heatmap), Some(P::Schedule), Some(P::Denoising)] {
            let keys: Vec<&KeyPress> = BINDINGS.iter().filter(|b| b.context == context).flat_map(|b| b.keys).collect();
            for (i, key) in keys.iter().enumerate() {
                assert!(!keys[i + 1..].contains(key), "{} is bound twice", key.label());
            }
        }
    }

    #[test]
    fn the_page_of_keys_has_this_table() {
        let page = include_str!("../../docs/keys.md");
        assert!(page.contains(&markdown()), "put this between the comments of docs/keys.md:\n{}", markdown());
    }

    #[test]
    fn every_binding_is_found_by_each_of_its_keys() {
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty() && !binding.help.is_empty());
            let focus = binding.context.unwrap_or(P::Schedule);
            for key in binding.keys {
                assert_eq!(find(&press(key.code, key.modifiers), focus), Some(binding.action), "{}", key.label());
            }
        }
    }

    #[test]
    fn a_panels_own_meaning_goes_first() {
        let left = press(KeyCode::Left, KeyModifiers::NONE);
        assert_eq!(find(&left, P::Denoising), Some(A::FramePrevious));
        assert_eq!(find(&left, P::Loss), Some(A::ReadEarlier));
        assert_eq!(find(&left, P::Schedule), Some(A::CursorDown));
    }

    #[test]
    fn capitals_are_found_with_and_without_shift() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            assert_eq!(find(&press(KeyCode::Char('S'), modifiers), P::Loss), Some(A::NextSmoothing));
        }
        assert_eq!(find(&press(KeyCode::Null, KeyModifiers::NONE), P::Loss), Some(A::ToggleFilm));
        assert_eq!(find(&press(KeyCode::Char('s'), KeyModifiers::ALT), P::Loss), None);
    }
}
