//! The keys by panel: the focused panel's first, then those that hold everywhere, then the other panels'.

use super::applies::{autoencoder_words, why_not};
use crate::tui::action::Action;
use crate::tui::bindings::{BINDINGS, Binding, Group, meaning};
use crate::tui::browser;
use crate::tui::key_press::KeyPress;
use crate::tui::panel::Panel;
use crate::tui::state::State;

/// Keys and what they do, or a symbol and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// "z, Enter"; empty for a remark.
    pub keys: String,
    pub text: String,
}

/// Entries under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub entries: Vec<Entry>,
}

/// Each key once, as what it means in this run with the present focus. With a `filter`, only what it finds.
pub fn keys(state: &State, filter: &str) -> Vec<Section> {
    if state.is_browsing {
        let mut section = in_the_list();
        section.entries.retain(|entry| entry.is_found_by(filter));
        return Some(section).filter(|section| !section.entries.is_empty()).into_iter().collect();
    }
    let focus = state.focus;
    let mut sections = vec![panel(state, focus)];
    for group in [Group::Time, Group::Training, Group::Compare, Group::Screen] {
        let entries = entries(state, |b| home(b).is_none() && b.group == group);
        let title = if state.trains_autoencoder() && group == Group::Time { "The film" } else { group.title() };
        sections.push(Section { title: title.to_string(), entries });
    }
    sections.extend(Panel::ALL.into_iter().filter(|panel| *panel != focus).map(|other| panel(state, other)));
    let useless = BINDINGS.iter().filter_map(|b| {
        let why = why_not(state, b.action)?;
        let keys = label(&here(b, focus));
        (!keys.is_empty()).then(|| Entry { keys, text: format!("{} ({why})", text(state, b)) })
    });
    sections.push(Section { title: "Without use in this run".into(), entries: useless.collect() });
    for section in &mut sections {
        section.entries.retain(|entry| entry.is_found_by(filter));
    }
    sections.retain(|section| !section.entries.is_empty());
    sections
}

/// The keys of the list of runs.
fn in_the_list() -> Section {
    let entry = |b: &Binding| Entry { keys: b.keys_label(), text: b.help.to_string() };
    Section { title: Group::Runs.title().to_string(), entries: browser::BINDINGS.iter().map(entry).collect() }
}

/// The keys of a panel. Those that mean it only while it has the focus are told in words where it hasn't.
fn panel(state: &State, panel: Panel) -> Section {
    let mut entries = entries(state, |b| home(b) == Some(panel));
    if panel != state.focus {
        let only_in_focus = BINDINGS.iter().filter(|b| b.context == Some(panel) && why_not(state, b.action).is_none());
        entries.extend(only_in_focus.map(|b| Entry {
            keys: String::new(),
            text: format!("with the focus here, {}: {}", label(&b.keys.iter().collect::<Vec<_>>()), text(state, b)),
        }));
    }
    let entries = merged(entries);
    let title = match panel == state.focus {
        true => format!("{} (has the focus)", state.panel_title(panel)),
        false => state.panel_title(panel).to_string(),
    };
    Section { title, entries }
}

/// Keys that mean the same in one line.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in entries {
        match all.iter_mut().find(|other| other.text == entry.text) {
            Some(other) => other.keys = format!("{}, {}", other.keys, entry.keys),
            None => all.push(entry),
        }
    }
    all
}

fn entries(state: &State, belongs: impl Fn(&Binding) -> bool) -> Vec<Entry> {
    let useful = BINDINGS.iter().filter(|b| belongs(b) && why_not(state, b.action).is_none());
    useful
        .map(|b| Entry { keys: label(&here(b, state.focus)), text: text(state, b).to_string() })
        .filter(|entry| !entry.keys.is_empty())
        .collect()
}

/// Of its keys those that mean it while `focus` has the focus.
fn here(binding: &Binding, focus: Panel) -> Vec<&'static KeyPress> {
    let same = |found: &Binding| found.action == binding.action && found.context == binding.context;
    let means = |key: &&KeyPress| meaning(key, focus).is_some_and(same);
    binding.keys.iter().filter(means).collect()
}

fn label(keys: &[&KeyPress]) -> String {
    keys.iter().map(|key| key.label()).collect::<Vec<_>>().join(", ")
}

/// The panel that a binding is about.
fn home(binding: &Binding) -> Option<Panel> {
    match (binding.context, binding.action, binding.group) {
        (Some(panel), ..) => Some(panel),
        (_, action, _) if is_of_the_loss(action) => Some(Panel::Loss),
        (_, Action::ToggleHeatScale | Action::ToggleBound, _) => Some(Panel::Heatmap),
        (_, _, Group::Plots) => Some(Panel::Schedule),
        (_, _, Group::Preview) => Some(Panel::Denoising),
        _ => None,
    }
}

fn is_of_the_loss(action: Action) -> bool {
    matches!(
        action,
        Action::ToggleLogY
            | Action::NextXAxis
            | Action::NextSmoothing
            | Action::LossCloser
            | Action::LossWider
            | Action::LossEarlier
            | Action::LossLater
            | Action::LossWhole
            | Action::ToggleLogX
            | Action::NextCurve
            | Action::PreviousCurve
            | Action::ReadCurves
            | Action::NextMark
            | Action::PreviousMark
            | Action::Bookmark
    )
}

/// Its help, without the name of the panel that it stands under.
fn text(state: &State, binding: &Binding) -> &'static str {
    if let Some(words) = autoencoder_words(binding.action).filter(|_| state.trains_autoencoder()) {
        return words;
    }
    let title = binding.context.map_or("", Panel::title);
    binding.help.strip_prefix(title).map_or(binding.help, |rest| rest.trim_start_matches(": "))
}

impl Entry {
    /// Is it what is searched? One character is a key, or the beginning of a word; more stand anywhere.
    pub fn is_found_by(&self, filter: &str) -> bool {
        let filter = filter.trim();
        if filter.is_empty() || self.keys.split(", ").any(|key| key == filter) {
            return true;
        }
        let (typed, text) = (filter.to_lowercase(), format!("{} {}", self.keys, self.text).to_lowercase());
        match typed.chars().count() {
            1 => text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&typed)),
            _ => text.contains(&typed),
        }
    }
}
