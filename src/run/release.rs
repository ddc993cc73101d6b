//! The checkpoint before a model is given away: six questions, what is known of each, and what nobody has said.

use std::path::{Path, PathBuf};

use super::verbatim::verbatim;
use crate::config::{Config, DataConfig, NetworkKind};
use crate::data::{CARD_KEYS, CardKey, DATA_CARD, DataCard, DataError};

/// The heading of the section in a model card; the section is the last of a card.
pub const HEADING: &str = "## Responsible release";

/// What stands in the place of an answer.
pub const OPEN: &str = "to be filled in";

/// Class names that are named.
const NAMED: usize = 20;

/// One of the six.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasePart {
    pub title: &'static str,
    /// What holds for every model, or follows from the network itself.
    pub says: Vec<Saying>,
    pub entries: Vec<ReleaseEntry>,
}

/// A sentence, in plain words and in Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    pub text: String,
    pub markdown: String,
}

impl From<&str> for Saying {
    fn from(text: &str) -> Self {
        Self { text: text.into(), markdown: text.into() }
    }
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseEntry {
    /// What it is called in a model card.
    pub label: &'static str,
    pub key: CardKey,
    pub answer: Option<String>,
}

/// The six parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub parts: Vec<ReleasePart>,
    /// Where the answers come from; none where there are none.
    pub sources: Vec<String>,
    /// Why the data card could not be read.
    pub problem: Option<String>,
}

/// Titles, and the keys under each with what they are called.
const PARTS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Intended use and misuse",
        &[("intended_use", "Intended use"), ("misuse", "Not to be used for"), ("contact", "Contact")],
    ),
    ("Provenance of the data", &[("origin", "Origin"), ("collection", "Collection")]),
    ("Sector-specific cautions", &[("sector", "Sector"), ("cautions", "Cautions")]),
    ("Intellectual property of the training data", &[("licence", "Licence"), ("rights", "Rights")]),
    ("Likeness and consent", &[("people", "People in the data"), ("consent", "Consent")]),
    ("Prompt and conditioning abuse", &[("conditioning", "What can be asked for")]),
];

const MEDICAL: &str = "Medical imaging: a sample is no finding. Samples must not be used to diagnose, nor get into a patient's \
                       file or a clinical data set unmarked, and a network that was trained on scans can repeat the scan of \
                       a patient, so that it needs the consent and the review that the scans need.";
const SECTORS: &str = "Biometrics, credit, hiring, teaching and grading, policing: each has rules of its own, which hold for \
                       data that a model has made, too.";
const REPEATS: &str = "A network can repeat training images, the more so the fewer there are and the longer it trains. Look \
                       at samples beside the data before either is given away; the licence of the data holds for what is \
                       made from them.";
const STARTS: &str = "`difflab sample` also begins with a picture (`--sdedit`, `--inpaint`, `--invert`): what is made of a \
                      picture of a person is a picture of that person.";

impl Release {
    /// Of a network trained by `config` with these classes, as far as `card` answers.
    pub fn of(config: &Config, classes: &[String], card: &DataCard) -> Self {
        let part = |(title, keys): &(&'static str, &[(&'static str, &'static str)])| ReleasePart {
            title,
            says: Vec::new(),
            entries: keys.iter().filter_map(|(name, label)| entry(name, label, card)).collect(),
        };
        let mut parts: Vec<ReleasePart> = PARTS.iter().map(part).collect();
        parts[2].says = vec![MEDICAL.into(), SECTORS.into()];
        parts[3].says = vec![REPEATS.into()];
        parts[5].says = conditioning(config, classes);
        // In a field without rules of its own there is nobody to caution.
        if card.answer("sector").is_some_and(|sector| sector.starts_with("none")) {
            parts[2].entries.retain(|entry| entry.key.name != "cautions");
        }
        if !config.model.class_conditional {
            parts[5].entries.clear();
        }
        Self { parts, sources: card.sources.clone(), problem: None }
    }

    /// Of the run in `run`: its own data card, or else that beside its data, over what difflab knows of bundled data. A
    /// card that can't be read is told in [`Self::problem`].
    pub fn of_run(run: &Path, config: &Config, classes: &[String]) -> Self {
        match card_of_run(run, &config.data) {
            Ok(card) => Self::of(config, classes, &card),
            Err(error) => {
                let known = DataCard::bundled(&config.data);
                Self { problem: Some(error.to_string()), ..Self::of(config, classes, &known) }
            }
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &ReleaseEntry> {
        self.parts.iter().flat_map(|part| &part.entries)
    }

    /// Keys without an answer.
    pub fn open(&self) -> Vec<&'static str> {
        self.entries().filter(|entry| entry.answer.is_none()).map(|entry| entry.key.name).collect()
    }

    /// The section of a model card.
    pub fn markdown(&self) -> String {
        let mut text =
            format!("{HEADING}\n\nSix things to settle before this model or its samples are given to others.");
        let open = self.open();
        text += &match open.len() {
            0 => " All are answered.".to_string(),
            n => format!(
                " {n} of {} answers {} **{OPEN}**: `difflab card RUN` says how.",
                self.entries().count(),
                if n == 1 { "is" } else { "are" }
            ),
        };
        if !self.sources.is_empty() {
            text += &format!(" Answers come from {}.", verbatim(&self.sources.join(", and ")));
        }
        text += "\n";
        if let Some(problem) = &self.problem {
            text += &format!("\nThe data card could not be read: {}\n", verbatim(problem));
        }
        for (number, part) in (1..).zip(&self.parts) {
            text += &format!("\n### {number}. {}\n\n", part.title);
            for ReleaseEntry { label, key, answer } in &part.entries {
                text += &match answer {
                    Some(answer) => format!("- **{label}**: {}\n", verbatim(answer)),
                    None => format!("- **{label}**: **{OPEN}** (`{}`: {})\n", key.name, key.asks),
                };
            }
            for says in &part.says {
                text += &format!("- {}\n", says.markdown);
            }
        }
        text
    }
}

/// `readme`, a model card, with its last section as it is now; one that has none gets it.
pub fn with_release(readme: &str, release: &Release) -> String {
    let before = match readme.strip_prefix(HEADING) {
        Some(_) => "",
        None => readme.split_once(&format!("\n{HEADING}\n")).map_or(readme, |(before, _)| before),
    };
    let gap = if before.is_empty() { "" } else { "\n\n" };
    format!("{}{gap}{}", before.trim_end(), release.markdown())
}

/// The data card that counts for a run: its own, else that beside the data; over what is known of bundled data.
///
/// # Errors
/// A card that can't be read: see [`DataCard::read`].
pub fn card_of_run(run: &Path, data: &DataConfig) -> Result<DataCard, DataError> {
    match DataCard::read(&own_card(run))? {
        Some(own) => Ok(own.over(DataCard::bundled(data))),
        None => DataCard::of(data),
    }
}

/// Where a run's own data card lies.
pub fn own_card(run: &Path) -> PathBuf {
    run.join(DATA_CARD)
}

fn entry(name: &str, label: &'static str, card: &DataCard) -> Option<ReleaseEntry> {
    let key = CARD_KEYS.into_iter().find(|key| key.name == name)?;
    Some(ReleaseEntry { label, key, answer: card.answer(name).map(str::to_string) })
}

/// What the network can be asked for, from the network itself.
fn conditioning(config: &Config, classes: &[String]) -> Vec<Saying> {
    let takes = |classes: String| {
        format!("The network takes no text, but one of {classes}; guidance makes samples more like their class.")
    };
    let mut says = vec![match config.model.class_conditional {
        true => Saying { text: takes(named(classes, str::to_string)), markdown: takes(named(classes, verbatim)) },
        false => "The network takes neither text nor a class: nothing can be asked of it in words.".into(),
    }];
    if config.model.kind == NetworkKind::Unet {
        says.push(STARTS.into());
    }
    says
}

/// "3 classes (cat, dog, owl)", each name as `written`.
fn named(classes: &[String], written: impl Fn(&str) -> String) -> String {
    let count = match classes.len() {
        0 => return "its classes".into(),
        1 => "1 class".to_string(),
        n => format!("{n} classes"),
    };
    let shown: Vec<String> = classes.iter().take(NAMED).map(|name| written(name)).collect();
    let more = if classes.len() > NAMED { ", …" } else { "" };
    format!("{count} ({}{more})", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(dataset: &str, path: &str) -> Config {
        let mut config = Config::default();
        (config.data.dataset, config.data.path) = (dataset.into(), path.into());
        config
    }

    #[test]
    fn every_key_of_a_data_card_has_its_place_in_one_of_six_parts() {
        let placed: Vec<&str> = PARTS.iter().flat_map(|(_, keys)| keys.iter().map(|(key, _)| *key)).collect();
        assert_eq!((PARTS.len(), placed.len()), (6, CARD_KEYS.len()));
        assert!(CARD_KEYS.iter().all(|key| placed.contains(&key.name)));
        let release = Release::of(&config("images", "x"), &[], &DataCard::default());
        assert_eq!(release.open().len(), CARD_KEYS.len() - usize::from(!Config::default().model.class_conditional));
    }

    #[test]
    fn bundled_data_leave_open_what_nobody_knows_and_medical_imaging_is_always_named() {
        let conditional = |dataset: &str| {
            let mut config = config(dataset, "");
            config.model.class_conditional = true;
            config
        };
        let mnist = conditional("mnist");
        let release = Release::of(&mnist, &["0".into(), "1".into()], &DataCard::of(&mnist.data).unwrap());
        assert_eq!(release.open(), ["contact", "consent"]);
        let text = release.markdown();
        for part in ["2 of 11 answers are **to be filled in**", "CC BY-SA 3.0", "Medical imaging", "2 classes (0, 1)"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(
            text.contains("- **Consent**: **to be filled in** (`consent`: what have these people agreed to?)"),
            "{text}"
        );
        assert_eq!((1..=6).filter(|n| text.contains(&format!("### {n}. "))).count(), 6);
        let moons = config("two_moons", "");
        assert_eq!(Release::of(&moons, &[], &DataCard::of(&moons.data).unwrap()).open(), ["contact"]);
    }

    #[test]
    fn a_run_s_own_card_counts_and_a_broken_one_is_told() {
        let (run, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = config("images", data.path().to_str().unwrap());
        fs::write(data.path().join(DATA_CARD), "people = \"beside\"").unwrap();
        let people = || {
            Release::of_run(run.path(), &config, &[]).entries().find(|e| e.key.name == "people").unwrap().answer.clone()
        };
        assert_eq!(people().as_deref(), Some("beside"));
        fs::write(own_card(run.path()), "people = \"own\"").unwrap();
        assert_eq!(people().as_deref(), Some("own"));
        fs::write(own_card(run.path()), "peple = \"own\"").unwrap();
        let release = Release::of_run(run.path(), &config, &[]);
        assert!(release.problem.as_ref().unwrap().contains("did you mean `people`"));
        assert!(release.markdown().contains("could not be read") && people().is_none());
    }

    #[test]
    fn names_and_answers_are_shown_as_they_are() {
        let mut config = config("images", "x");
        config.model.class_conditional = true;
        let run = tempfile::tempdir().unwrap();
        fs::write(own_card(run.path()), "origin = \"[a|b](c) <d>\"\nrights = \"https://e.org/f_(g)\"").unwrap();
        let card = card_of_run(run.path(), &config.data).unwrap();
        let release = Release::of(&config, &["a|b".into(), "<i>".into(), "[x](y)".into()], &card);
        let text = release.markdown();
        for part in [
            r"3 classes (a\|b, &lt;i>, \[x\](y))",
            r"- **Origin**: \[a\|b\](c) &lt;d>",
            "- **Rights**: <https://e.org/f_(g)>",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(release.parts[5].says[0].text.contains("3 classes (a|b, <i>, [x](y))"));
    }

    #[test]
    fn the_section_is_put_in_the_place_of_the_old_one() {
        let release = Release::of(&config("mnist", ""), &[], &DataCard::default());
        let once = with_release("# run\n\ntext\n", &release);
        assert!(once.starts_with("# run\n\ntext\n\n## Responsible release\n"), "{once}");
        assert_eq!(with_release(&once, &release), once);
        assert_eq!(with_release(&release.markdown(), &release), release.markdown());
    }
}
