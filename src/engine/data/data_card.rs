//! `data-card.toml`: what a person knows of data that others have to know before a model made of them is given away.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::home::expanded;
use super::shown::{shown_path, shown_text};
use super::{DataError, bundled_card};
use crate::config::DataConfig;
use crate::process::plain_file;

/// The file, beside the data or in a run folder.
pub const DATA_CARD: &str = "data-card.toml";

/// Letters that an answer may have.
const LONGEST: usize = 4000;

/// A key of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardKey {
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
}

const fn key(name: &'static str, asks: &'static str) -> CardKey {
    CardKey { name, asks }
}

/// Every key, in the order in which they are asked.
pub const CARD_KEYS: [CardKey; 12] = [
    key("intended_use", "what is the model for, and for whom?"),
    key("misuse", "what must it not be used for?"),
    key("origin", "where do the data come from?"),
    key("collection", "how, when and by whom were they collected and chosen?"),
    key("sector", "do they come from a field with rules of its own, such as medicine?"),
    key("cautions", "what must a user in that field know, and who has reviewed it?"),
    key("licence", "under which licence are the data?"),
    key("rights", "who holds the rights, and what do they ask of models and samples?"),
    key("people", "are people in the data: faces, bodies, voices, handwriting, names?"),
    key("consent", "what have these people agreed to?"),
    key("conditioning", "what can be asked of the model, and how could that be abused?"),
    key("contact", "whom does one write to about this model?"),
];

/// Answers to [`CARD_KEYS`]; a key without one is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataCard {
    answers: BTreeMap<&'static str, String>,
    /// Where the answers come from, in words; none where there are none.
    pub sources: Vec<String>,
}

impl DataCard {
    /// What is known of the data that a config names: answers of the file beside them go before those that difflab has of
    /// its bundled data.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of(config: &DataConfig) -> Result<Self, DataError> {
        let known = Self::bundled(config);
        Ok(match Self::place(config).map(|path| Self::read(&path)).transpose()?.flatten() {
            Some(own) => own.over(known),
            None => known,
        })
    }

    /// What difflab knows of bundled data; nothing of others.
    pub fn bundled(config: &DataConfig) -> Self {
        // A drawing of the user's own.
        let own = config.dataset == "picture" && !config.path.is_empty();
        let answers = bundled_card::answers(&config.dataset).filter(|_| !own);
        let sources = answers.map(|_| format!("what is known of {}, which difflab bundles", config.dataset));
        let answers = answers.unwrap_or_default().iter().map(|(key, answer)| (*key, answer.to_string()));
        Self { answers: answers.collect(), sources: sources.into_iter().collect() }
    }

    /// Where the card of the data lies that a config names; `None` for bundled data, which have no place of their own.
    pub fn place(config: &DataConfig) -> Option<PathBuf> {
        let path = PathBuf::from(expanded(&config.path));
        match path.as_os_str().is_empty() {
            true => None,
            false if path.is_dir() => Some(path.join(DATA_CARD)),
            false => Some(path.with_file_name(DATA_CARD)),
        }
    }

    /// The card in a file; `None` where there is none.
    ///
    /// # Errors
    /// A file that can't be read, is no TOML, has a key that no card has (the nearest is named), or an answer that is no
    /// text or longer than 4,000 letters.
    pub fn read(path: &Path) -> Result<Option<Self>, DataError> {
        let text = match plain_file::read_text(path) {
            Ok(text) => text,
            // A folder of data may be a file in another, or gone.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(DataError::Unreadable { path: shown_path(path), reason: error.to_string() }),
        };
        let answers = parsed(&text, &shown_path(path))?;
        Ok(Some(Self { answers, sources: vec![shown_path(path)] }))
    }

    /// These answers, and where there is none that of `other`.
    pub fn over(mut self, other: Self) -> Self {
        for (key, answer) in other.answers {
            self.answers.entry(key).or_insert(answer);
        }
        self.sources.extend(other.sources);
        self
    }

    /// The answer to a key.
    pub fn answer(&self, key: &str) -> Option<&str> {
        self.answers.get(key).map(String::as_str)
    }

    /// A file of it, with the questions, and what is open as comments to fill in.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# What others have to know before a model made of these data is given away.\n");
        for CardKey { name, asks } in CARD_KEYS {
            text += &format!("\n# {asks}\n");
            text += &match self.answer(name) {
                Some(answer) => format!("{name} = {}\n", toml::Value::from(answer)),
                None => format!("# {name} = \"\"\n"),
            };
        }
        text
    }
}

/// Copies the card at `from` to `to`, as it stands; nothing where there is none.
///
/// # Errors
/// When it can't be written, as the system says it.
pub fn copy_card(from: &Path, to: &Path) -> std::io::Result<()> {
    match plain_file::read_text(from) {
        Ok(text) => fs::write(to, text),
        Err(_) => Ok(()),
    }
}

fn parsed(text: &str, file: &str) -> Result<BTreeMap<&'static str, String>, DataError> {
    // Windows editors like to begin files with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let refuse = |at: usize, problem: String| {
        let line = 1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        Err(DataError::Unfit { problem: format!("{file}:{line}: {problem}") })
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let reason = error.message().trim().replace('\n', " ");
            return refuse(error.span().map_or(0, |span| span.start), format!("not valid TOML: {reason}"));
        }
    };
    let mut answers = BTreeMap::new();
    for (name, value) in table.get_ref() {
        let at = name.span().start;
        let Some(known) = CARD_KEYS.iter().find(|known| known.name == name.get_ref()) else {
            return refuse(at, unknown(name.get_ref()));
        };
        let DeValue::String(answer) = value.get_ref() else {
            return refuse(at, format!("`{}` must be text in quotes: {}", known.name, known.asks));
        };
        if answer.chars().count() > LONGEST {
            return refuse(
                at,
                format!("`{}` has more than {LONGEST} letters; say it shorter, or name a document", known.name),
            );
        }
        // Nothing said is nothing answered.
        let answer = shown_text(answer.trim()).split_whitespace().collect::<Vec<_>>().join(" ");
        if !answer.is_empty() {
            answers.insert(known.name, answer);
        }
    }
    Ok(answers)
}

fn unknown(name: &str) -> String {
    let closeness = |known: &&CardKey| strsim::normalized_damerau_levenshtein(name, known.name);
    let nearest = CARD_KEYS.iter().max_by(|a, b| closeness(a).total_cmp(&closeness(b))).map_or("", |known| known.name);
    let all: Vec<&str> = CARD_KEYS.iter().map(|known| known.name).collect();
    format!("unknown key `{}`; did you mean `{nearest}`? A data card has {}", shown_text(name), all.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(text: &str) -> Result<BTreeMap<&'static str, String>, String> {
        parsed(text, "data-card.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known() {
        let said = answers("origin = \"a\"\n\nlicense = \"MIT\"\n").unwrap_err();
        assert!(said.starts_with("data-card.toml:3: unknown key `license`; did you mean `licence`?"), "{said}");
        let said = answers("people = false").unwrap_err();
        assert!(said.contains("`people` must be text in quotes"), "{said}");
        assert!(answers("[origin]\nx = \"y\"").unwrap_err().contains("text in quotes"));
        assert!(answers("origin = ").unwrap_err().contains("not valid TOML"));
        let long = format!("origin = \"{}\"", "x".repeat(LONGEST + 1));
        assert!(answers(&long).unwrap_err().contains("4000 letters"));
    }

    #[test]
    fn answers_are_one_paragraph_and_nothing_is_no_answer() {
        let read = answers("\u{feff}origin = \"\"\"\n two\n\nlines \u{1b}[2J\"\"\"\nlicence = '  '\n");
        // TOML itself has no control characters.
        assert!(read.unwrap_err().contains("not valid TOML"));
        let read = answers("origin = \"\"\"\n two\n\nlines \\u001b[2J\"\"\"\nlicence = '  '\n").unwrap();
        assert_eq!(read.get("origin").map(String::as_str), Some("two lines \\u{1b}[2J"));
        assert!(!read.contains_key("licence"));
    }

    #[test]
    fn own_answers_go_before_those_of_bundled_data_and_what_nobody_knows_is_open() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(DATA_CARD), "licence = \"mine\"\n").unwrap();
        let config =
            DataConfig { dataset: "mnist".into(), path: dir.path().display().to_string(), ..DataConfig::default() };
        let card = DataCard::of(&config).unwrap();
        assert_eq!(card.answer("licence"), Some("mine"));
        assert!(card.answer("origin").unwrap().contains("NIST"));
        assert_eq!((card.answer("consent"), card.sources.len()), (None, 2));
        let own = DataConfig { dataset: "images".into(), ..config };
        assert_eq!(DataCard::of(&own).unwrap().answer("origin"), None);
        // Of a file its folder.
        let file = DataConfig { path: dir.path().join("x.npz").display().to_string(), ..own.clone() };
        assert_eq!(DataCard::place(&file), DataCard::place(&own));
        let drawing = DataConfig { dataset: "picture".into(), path: "nowhere/cat.png".into(), ..own };
        assert_eq!(DataCard::of(&drawing).unwrap(), DataCard::default());
    }

    proptest! {
        #[test]
        fn any_text_is_a_card_or_a_sentence_and_a_written_card_is_read_back(text: String, answer in "[^\\p{C}]{1,60}") {
            if let Err(said) = answers(&text) {
                prop_assert!(said.starts_with("data-card.toml:"));
            }
            let answer = answer.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assume!(!answer.is_empty() && shown_text(&answer) == answer);
            let card = DataCard { answers: BTreeMap::from([("origin", answer)]), sources: Vec::new() };
            prop_assert_eq!(answers(&card.to_toml()).unwrap(), card.answers);
        }
    }
}
