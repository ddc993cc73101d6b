//! `:beside`: settings of a run side by side, as a person types them.
//!
//! | line | panes |
//! |---|---|
//! | `beside sampler=ddim \| sampler=unipc steps=50 \| weights=raw` | three: `\|` parts them |
//! | `beside guidance_scale=0,1,3` | three: commas part the values of a key |
//! | `beside steps=50` | two: the run as it is set, and with 50 steps |
//! | `beside` | none: back to the film |
//!
//! The keys are those of `[sample]` by their own names, and `weights` (ema, raw) and `step` (one that is kept).

use crate::config::{self, Key};

/// Most panes: more are too small.
pub const MOST_PANES: usize = 4;

/// The word that begins the line.
const WORD: &str = "beside";
const SECTION: &str = "sample";
pub(super) const WEIGHTS: &str = "weights";
pub(super) const STEP: &str = "step";
/// As the panel calls it.
const SCALE: (&str, &str) = ("w", "guidance_scale");
/// All panes have as many samples.
const NUM: &str = "num";

/// What one pane has otherwise than the run as it is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaneSettings {
    /// Keys of `[sample]` by their own names, with their values as typed.
    pub set: Vec<(String, String)>,
    pub raw: Option<bool>,
    pub step: Option<u64>,
}

/// What follows the word, where the line is one of settings side by side.
pub fn after_the_word(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix(WORD)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// The panes of a line, without its first word; none where it has nothing else.
///
/// # Errors
/// Which pane and which setting can't be, and why.
pub fn panes(rest: &str) -> Result<Vec<PaneSettings>, String> {
    if rest.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parts = between_bars(rest);
    let mut all = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let several = parts.len() > 1;
        let of = if several { format!("pane {}, ", i + 1) } else { String::new() };
        all.extend(panes_of(part).map_err(|(given, why)| format!("{of}`{given}`: {why}"))?);
    }
    if all.len() == 1 {
        // One is held against the run as it is set.
        all.insert(0, PaneSettings::default());
    }
    if all.len() > MOST_PANES {
        return Err(format!("that makes {} panes, and {MOST_PANES} fit side by side: leave some out", all.len()));
    }
    Ok(all)
}

/// The panes of one part: commas make several. Of what can't be, the setting and why.
fn panes_of(part: &str) -> Result<Vec<PaneSettings>, (String, String)> {
    let mut all = vec![PaneSettings::default()];
    for given in config::assignments(part).into_iter().filter(|given| !given.is_empty()) {
        let wrong = |why: String| (given.to_string(), why);
        let Some((name, values)) = given.split_once('=') else {
            return Err(wrong(format!("there is no `=`; write it as in sampler=ddim, and {} between panes", '|')));
        };
        let values = config::words_between_commas(values);
        if values.is_empty() {
            return Err(wrong("there is no value behind the `=`".into()));
        }
        let name = own_name(name).map_err(wrong)?;
        let mut with = Vec::with_capacity(all.len() * values.len());
        for pane in &all {
            for value in &values {
                let mut pane: PaneSettings = pane.clone();
                pane.put(&name, value).map_err(wrong)?;
                with.push(pane);
            }
        }
        // The message counts them; no more of them are made than it takes to see that they are too many.
        with.truncate(100);
        all = with;
    }
    Ok(all)
}

impl PaneSettings {
    fn put(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            WEIGHTS => match value {
                "raw" => self.raw = Some(true),
                "ema" | "EMA" => self.raw = Some(false),
                _ => return Err(format!("weights are raw or ema (averaged), not {value}")),
            },
            STEP => match value.parse() {
                Ok(step) => self.step = Some(step),
                Err(_) => return Err(format!("a step is a whole number, not {value}")),
            },
            _ => {
                self.set.retain(|(known, _)| known != name);
                self.set.push((name.to_string(), value.to_string()));
            }
        }
        Ok(())
    }

    /// Its settings as a label has them: each of `names`, with `value_of` for what it leaves as it is.
    pub fn label(&self, names: &[String], value_of: impl Fn(&str) -> String) -> Vec<String> {
        let one = |name: &String| match name.as_str() {
            WEIGHTS => if self.raw == Some(true) { "raw" } else { "EMA" }.to_string(),
            STEP => String::new(),
            name => in_words(name, value_of(name).trim_matches('"')),
        };
        names.iter().map(one).filter(|word| !word.is_empty()).collect()
    }
}

/// The settings that any pane has otherwise.
pub fn names(panes: &[PaneSettings]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for pane in panes {
        let set = pane.set.iter().map(|(name, _)| name.as_str());
        let weights = pane.raw.map(|_| WEIGHTS);
        for name in set.chain(weights) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
    }
    names
}

/// "w 3", "50 steps", "η 0.5", "karras": short, and clear beside the others.
fn in_words(name: &str, value: &str) -> String {
    // 3.0 is 3.
    let value = value.strip_suffix(".0").unwrap_or(value);
    match name {
        "guidance_scale" => format!("w {value}"),
        "steps" => format!("{value} steps"),
        "eta" => format!("η {value}"),
        "sampler" | "spacing" => value.to_string(),
        name => format!("{name} {value}"),
    }
}

/// The dotted path of a setting's key.
pub fn path(name: &str) -> String {
    format!("{SECTION}.{name}")
}

/// A setting's own name, of what is typed before the `=`.
pub(super) fn own_name(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let name = match typed.split_once('.') {
        Some((SECTION, name)) => name,
        Some(("preview", "steps")) => "steps",
        Some((section, _)) => {
            return Err(format!("[{section}] belongs to training; a trained network takes the keys of [{SECTION}]"));
        }
        None if typed == SCALE.0 => SCALE.1,
        None => typed,
    };
    if name == NUM {
        return Err("every pane has as many samples: they are to be compared".into());
    }
    if [WEIGHTS, STEP].contains(&name) || config::keys().iter().any(|key| key.path == path(name)) {
        return Ok(name.to_string());
    }
    let closeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let nearest = settings().max_by(|a, b| closeness(a).total_cmp(&closeness(b)));
    let nearest = nearest.filter(|known| closeness(known) >= 0.5);
    Err(match nearest {
        Some(known) => format!("there is no setting `{name}`: did you mean `{known}`?"),
        None => format!("there is no setting `{name}` of sampling"),
    })
}

/// The names of all settings.
fn settings() -> impl Iterator<Item = &'static str> {
    sample_keys().map(Key::name).chain([WEIGHTS, STEP])
}

pub(super) fn sample_keys() -> impl Iterator<Item = &'static Key> {
    config::keys().iter().filter(|key| key.section() == SECTION && key.name() != NUM)
}

/// The parts between bars, outside of quotes and brackets.
fn between_bars(line: &str) -> Vec<&str> {
    let ends: Vec<usize> = bars(line).into_iter().chain([line.len()]).collect();
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    starts.zip(&ends).map(|(start, end)| line.get(start..*end).unwrap_or_default()).collect()
}

/// Byte offsets of the bars.
pub(super) fn bars(line: &str) -> Vec<usize> {
    let (mut at, mut quote) = (Vec::new(), None);
    let mut before = ' ';
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            // As elsewhere in a line, a quote counts where a value can begin.
            (None, '"' | '\'') if matches!(before, '=' | ',' | '[') => quote = Some(c),
            (None, '|') => at.push(i),
            (None, _) => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Result<Vec<PaneSettings>, String> {
        panes(after_the_word(line).unwrap())
    }

    fn told(line: &str) -> Vec<String> {
        let one = |pane: &PaneSettings| {
            let set = pane.set.iter().map(|(name, value)| format!("{name}={value}"));
            let weights = pane.raw.map(|raw| format!("weights={}", if raw { "raw" } else { "ema" }));
            set.chain(weights).chain(pane.step.map(|step| format!("step={step}"))).collect::<Vec<_>>().join(" ")
        };
        read(line).unwrap().iter().map(one).collect()
    }

    #[test]
    fn bars_part_panes_commas_part_values_and_one_is_held_against_the_run() {
        assert_eq!(told("beside guidance_scale=0 | guidance_scale=3"), ["guidance_scale=0", "guidance_scale=3"]);
        let three = told("beside sampler=ddim | sampler=unipc steps=50 | weights=raw");
        assert_eq!(three, ["sampler=ddim", "sampler=unipc steps=50", "weights=raw"]);
        assert_eq!(told("beside w=0,1, 3"), ["guidance_scale=0", "guidance_scale=1", "guidance_scale=3"]);
        assert_eq!(told("beside sample.steps=50"), ["", "steps=50"]);
        assert_eq!(told("beside weights=ema,raw step=300"), ["weights=ema step=300", "weights=raw step=300"]);
        assert_eq!(told("beside |eta=1"), ["", "eta=1"]);
        assert_eq!(told("beside guidance_interval=[0,1],[0.2, 0.7]").len(), 2);
        assert_eq!(told("beside negative_class=\"a|b\"").len(), 2);
        assert!(told("beside").is_empty() && told("  beside  ").is_empty());
        assert!(after_the_word("besides").is_none() && after_the_word("bes").is_none());
    }

    #[test]
    fn what_cannot_be_is_pointed_at() {
        let said = |line: &str| read(line).unwrap_err();
        assert_eq!(
            said("beside samplr=ddim | eta=1"),
            "pane 1, `samplr=ddim`: there is no setting `samplr`: did you mean `sampler`?"
        );
        assert!(said("beside eta=1 | weigths=raw").starts_with("pane 2, `weigths=raw`: "));
        assert!(said("beside weights=mean").contains("raw or ema"));
        assert!(said("beside steps").contains("no `=`"));
        assert!(said("beside steps=").contains("no value"));
        assert!(said("beside num=4,9").contains("as many samples"));
        assert!(said("beside train.batch_size=4").contains("belongs to training"));
        assert!(said("beside step=now").contains("whole number"));
        assert!(said("beside steps=1,2,3,4,5").contains("5 panes, and 4 fit"));
        assert!(said("beside eta=0 | eta=0 | eta=0 | eta=0 |").contains("5 panes"));
    }

    #[test]
    fn labels_name_what_any_pane_has_otherwise() {
        let panes = read("beside sampler=ddim | w=3 | weights=raw").unwrap();
        let names = names(&panes);
        assert_eq!(names, ["sampler", "guidance_scale", "weights"]);
        let value = |name: &str| if name == "sampler" { "\"ddpm\"".into() } else { "3.0".to_string() };
        assert_eq!(panes[1].label(&names, value), ["ddpm", "w 3", "EMA"]);
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(text in "(beside)?[ a-z=|,\\[\\]\"'0-9.=éß]{0,40}") {
            if let Some(Ok(panes)) = after_the_word(&text).map(panes) {
                prop_assert!(panes.len() <= MOST_PANES && panes.len() != 1);
            }
        }

        #[test]
        fn what_is_typed_as_settings_is_read_as_such(
            panes in prop::collection::vec(prop::collection::vec((0usize..6, 1u32..99), 0..4), 2..5)
        ) {
            let names = ["steps", "eta", "guidance_scale", "rho", "s_churn", "step"];
            let part = |set: &Vec<(usize, u32)>| {
                set.iter().map(|(name, value)| format!("{}={value}", names[*name])).collect::<Vec<_>>().join(" ")
            };
            let line = panes.iter().map(part).collect::<Vec<_>>().join(" | ");
            prop_assume!(!line.trim().is_empty());
            let read = super::panes(&line).unwrap();
            prop_assert_eq!(read.len(), panes.len());
            for (read, typed) in read.iter().zip(&panes) {
                for (name, value) in &read.set {
                    let last = typed.iter().rfind(|(known, _)| names[*known] == name).unwrap();
                    prop_assert_eq!(value, &last.1.to_string());
                }
            }
        }
    }
}
