//! What runs can be filtered and sorted by: the columns of the list, and every key of the config.

use std::sync::OnceLock;

use super::listing::ListedRun;
use super::value::KeyValue;
use crate::config::{ValueKind, keys, nearest_key};

/// A column of the list of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Run,
    Name,
    Data,
    Network,
    Path,
    Target,
    Schedule,
    Step,
    Steps,
    Loss,
    HeldOut,
    Time,
    State,
    Tags,
    Note,
    Parent,
    Checkpoints,
    Snapshots,
    Written,
    ParentStep,
    Why,
    Problem,
}

impl Column {
    /// All columns, in the order of the list.
    pub const ALL: [Self; 22] = [
        Self::Run,
        Self::Name,
        Self::Data,
        Self::Network,
        Self::Path,
        Self::Target,
        Self::Schedule,
        Self::Step,
        Self::Steps,
        Self::Loss,
        Self::HeldOut,
        Self::Time,
        Self::State,
        Self::Tags,
        Self::Note,
        Self::Parent,
        Self::Checkpoints,
        Self::Snapshots,
        Self::Written,
        Self::ParentStep,
        Self::Why,
        Self::Problem,
    ];

    /// As filters write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Name => "name",
            Self::Data => "data",
            Self::Network => "network",
            Self::Path => "path",
            Self::Target => "target",
            Self::Schedule => "schedule",
            Self::Step => "step",
            Self::Steps => "steps",
            Self::Loss => "loss",
            Self::HeldOut => "val_loss",
            Self::Time => "time",
            Self::State => "state",
            Self::Tags => "tag",
            Self::Note => "note",
            Self::Parent => "parent",
            Self::Checkpoints => "checkpoints",
            Self::Snapshots => "snapshots",
            Self::Written => "written",
            Self::ParentStep => "parent_step",
            Self::Why => "why",
            Self::Problem => "problem",
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Run => "name of the run's folder",
            Self::Name => "the experiment's name",
            Self::Data => "the dataset",
            Self::Network => "kind and widths of the network",
            Self::Path => "the path from data to noise",
            Self::Target => "what the network predicts",
            Self::Schedule => "the noise schedule",
            Self::Step => "steps done",
            Self::Steps => "steps of the whole run",
            Self::Loss => "smoothed training loss",
            Self::HeldOut => "newest held-out loss",
            Self::Time => "time spent training, as in 10m or 2h",
            Self::State => "training, stopped, finished, failed, imported or unreadable",
            Self::Tags => "a tag",
            Self::Note => "words of the note",
            Self::Parent => "the run that a fork comes from",
            Self::Checkpoints => "how many checkpoints there are",
            Self::Snapshots => "how many snapshots there are",
            Self::Written => "when something was last written, as in 2026-11-27",
            Self::ParentStep => "the step that a fork begins at",
            Self::Why => "words of why it stands so: how it failed, say",
            Self::Problem => "words of what can't be read of it",
        }
    }

    /// Is it called so? By the names of CSV and JSON too, and by those of the config's keys.
    fn is_called(self, name: &str) -> bool {
        self.word() == name
            || match self {
                Self::Tags => name == "tags",
                Self::Data => name == "dataset",
                Self::HeldOut => matches!(name, "held_out" | "held_out_loss"),
                Self::Target => matches!(name, "prediction" | "prediction_type"),
                Self::Time => matches!(name, "elapsed" | "elapsed_s"),
                Self::Written => name == "last_written",
                _ => false,
            }
    }
}

/// A column, or a key of the config by its place in [`keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunField {
    Column(Column),
    Key(usize),
}

/// How the values of a field are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Number,
    /// In seconds.
    Duration,
    /// "2026-11-22T05:00:00+01:00".
    Date,
    Flag,
    /// Text; with all that it can be, where that is known.
    Word(Option<&'static [String]>),
    Words,
    List,
}

/// What a run has in a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    None,
    Number(f64),
    Flag(bool),
    Word(&'a str),
    Words(&'a [String]),
    List(&'a [f64]),
}

impl RunField {
    /// The field that a person calls so: a column; a key by its dotted path; by its own name where one key alone has it;
    /// or by the first letters of its words, as `lr` for `learning_rate`, where they are one key's alone.
    ///
    /// # Errors
    /// A sentence: which it could be, or what is near.
    pub fn named(name: &str) -> Result<Self, String> {
        // No key has a capital letter.
        let lower = name.to_ascii_lowercase();
        let name = lower.as_str();
        if let Some(column) = Column::ALL.into_iter().find(|column| column.is_called(name)) {
            return Ok(Self::Column(column));
        }
        let which = |fits: &dyn Fn(usize) -> bool| (0..keys().len()).filter(|&i| fits(i)).collect::<Vec<_>>();
        // The keys of an autoencoder, which are called like others, need their section.
        let those = |fits: &dyn Fn(usize) -> bool| {
            let (stage, others): (Vec<_>, Vec<_>) =
                which(fits).into_iter().partition(|&i| keys()[i].section() == "autoencoder");
            if others.is_empty() { stage } else { others }
        };
        let by_path = which(&|i| keys()[i].path == name);
        let by_name = those(&|i| keys()[i].name() == name);
        let by_letters = those(&|i| keys()[i].has_initials(name));
        let found = [by_path, by_name, by_letters].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        match found[..] {
            [key] => Ok(Self::Key(key)),
            [] => Err(format!("there is no key or column `{name}`; did you mean `{}`?", nearest(name))),
            _ => {
                let paths: Vec<String> = found.iter().map(|&i| format!("`{}`", keys()[i].path)).collect();
                let (last, rest) = paths.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
                Err(format!("`{name}` could be {} or {last}; write which", rest.join(", ")))
            }
        }
    }

    /// The shortest name that means it.
    pub fn shortest(self) -> &'static str {
        match self {
            Self::Column(column) => column.word(),
            Self::Key(key) => shortest_of_keys()[key],
        }
    }

    /// What it is, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Column(column) => column.about(),
            Self::Key(key) => keys()[key].about(),
        }
    }

    pub fn kind(self) -> FieldKind {
        let key = match self {
            Self::Key(key) => &keys()[key],
            Self::Column(column) => match column {
                Column::Step
                | Column::Steps
                | Column::Loss
                | Column::HeldOut
                | Column::Checkpoints
                | Column::Snapshots
                | Column::ParentStep => return FieldKind::Number,
                Column::Time => return FieldKind::Duration,
                Column::Written => return FieldKind::Date,
                Column::Tags => return FieldKind::Words,
                Column::State => return FieldKind::Word(Some(states())),
                Column::Path => key_of("diffusion.path"),
                Column::Target => key_of("diffusion.prediction_type"),
                Column::Schedule => key_of("diffusion.schedule"),
                Column::Run
                | Column::Name
                | Column::Data
                | Column::Network
                | Column::Note
                | Column::Parent
                | Column::Why
                | Column::Problem => return FieldKind::Word(None),
            },
        };
        match &key.kind {
            ValueKind::Integer | ValueKind::Float => FieldKind::Number,
            ValueKind::Bool => FieldKind::Flag,
            ValueKind::Text => FieldKind::Word(None),
            ValueKind::Choice(words) => FieldKind::Word(Some(words)),
            ValueKind::IntegerList | ValueKind::FloatList => FieldKind::List,
        }
    }

    /// What `run` has there. Texts that are empty, losses that were not measured and what can't be read are nothing.
    pub fn of(self, run: &ListedRun) -> FieldValue<'_> {
        let summary = &run.summary;
        let column = match self {
            Self::Key(key) => {
                return match run.values.as_ref().map(|values| values.at(key)) {
                    None => FieldValue::None,
                    Some(KeyValue::Number(number)) => FieldValue::Number(*number),
                    Some(KeyValue::Flag(flag)) => FieldValue::Flag(*flag),
                    Some(KeyValue::Word(word)) => text(word),
                    Some(KeyValue::List(list)) => FieldValue::List(list),
                };
            }
            Self::Column(column) => column,
        };
        let number = |value: Option<f64>| value.map_or(FieldValue::None, FieldValue::Number);
        match column {
            Column::Run => text(&summary.run),
            Column::Name => text(&summary.name),
            Column::Data => text(&summary.dataset),
            Column::Network => text(&summary.network),
            Column::Path => text(&summary.path),
            Column::Target => text(&summary.target),
            Column::Schedule => text(&summary.schedule),
            Column::Step => number(summary.step.map(|step| step as f64)),
            Column::Steps => number(summary.steps.map(|steps| steps as f64)),
            Column::Loss => number(summary.loss),
            Column::HeldOut => number(summary.val_loss),
            Column::Time => FieldValue::Number(summary.elapsed_s),
            Column::State => FieldValue::Word(summary.state.word()),
            Column::Tags => FieldValue::Words(&summary.tags),
            Column::Note => text(&summary.note),
            Column::Parent => text(summary.parent.as_ref().map_or("", |parent| &parent.run)),
            Column::Checkpoints => FieldValue::Number(summary.checkpoints.len() as f64),
            Column::Snapshots => FieldValue::Number(summary.snapshots as f64),
            Column::Written => text(&summary.last_written),
            Column::ParentStep => number(summary.parent.as_ref().map(|parent| parent.step as f64)),
            Column::Why => text(summary.why.as_deref().unwrap_or_default()),
            Column::Problem => text(summary.problem.as_deref().unwrap_or_default()),
        }
    }
}

fn text(text: &str) -> FieldValue<'_> {
    if text.is_empty() { FieldValue::None } else { FieldValue::Word(text) }
}

/// For each key its own name where that means it, else its path. Found out once: completions ask for all of them.
fn shortest_of_keys() -> &'static [&'static str] {
    static SHORTEST: OnceLock<Vec<&'static str>> = OnceLock::new();
    SHORTEST.get_or_init(|| {
        let shortest = |(i, key): (usize, &'static crate::config::Key)| match RunField::named(key.name()) {
            Ok(RunField::Key(meant)) if meant == i => key.name(),
            _ => key.path.as_str(),
        };
        keys().iter().enumerate().map(shortest).collect()
    })
}

fn key_of(path: &str) -> &'static crate::config::Key {
    keys().iter().find(|key| key.path == path).unwrap_or(&keys()[0])
}

fn states() -> &'static [String] {
    static STATES: OnceLock<Vec<String>> = OnceLock::new();
    STATES.get_or_init(|| super::state::RunState::ALL.map(|state| state.word().to_string()).into())
}

/// The column or key that looks most like `name`.
fn nearest(name: &str) -> &'static str {
    let columns = Column::ALL.into_iter().map(Column::word);
    let score = |word: &str| strsim::normalized_damerau_levenshtein(name, word);
    match columns.max_by(|a, b| score(a).total_cmp(&score(b))) {
        Some(column) if score(column) >= 0.6 => column,
        _ => nearest_key(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Result<&'static str, String> {
        RunField::named(name).map(|field| match field {
            RunField::Column(column) => column.word(),
            RunField::Key(key) => keys()[key].path.as_str(),
        })
    }

    #[test]
    fn columns_come_first_then_paths_then_names_of_one_key_alone() {
        assert_eq!(named("lr"), Ok("train.learning_rate"));
        assert_eq!(named("learning_rate"), Ok("train.learning_rate"));
        assert_eq!(named("train.steps"), Ok("train.steps"));
        assert_eq!(named("steps"), Ok("steps"));
        assert_eq!(named("schedule"), Ok("schedule"));
        assert_eq!(named("seed"), Ok("seed"));
        assert_eq!(named("tags"), Ok("tag"));
        assert_eq!((named("LOSS"), named("Train.Learning_Rate")), (Ok("loss"), Ok("train.learning_rate")));
        assert_eq!(named("mgn"), Ok("train.max_grad_norm"));
        let said = named("bs").unwrap_err();
        assert_eq!(said, "`bs` could be `diffusion.beta_start` or `train.batch_size`; write which");
        let said = named("enabled_").unwrap_err();
        assert!(said.contains("did you mean `preview.enabled`"), "{said}");
        assert!(named("val_los").unwrap_err().contains("`val_loss`"));
        let said = named("num").unwrap_err();
        assert_eq!(said, "`num` could be `preview.num` or `sample.num`; write which");
        assert!(named("").is_err());
    }

    #[test]
    fn every_field_is_meant_by_its_shortest_name_and_says_what_it_is() {
        // A key without a section whose name a column has is in that column.
        let own = (0..keys().len()).filter(|&i| Column::ALL.iter().all(|column| column.word() != keys()[i].path));
        for field in Column::ALL.into_iter().map(RunField::Column).chain(own.map(RunField::Key)) {
            let shortest = field.shortest();
            assert_eq!(RunField::named(shortest), Ok(field), "{shortest}");
            assert!(!field.about().is_empty(), "{shortest}");
        }
    }

    #[test]
    fn words_of_columns_are_the_schemas() {
        for (column, word) in [(Column::Path, "vp"), (Column::Target, "epsilon"), (Column::Schedule, "linear")] {
            let FieldKind::Word(Some(words)) = RunField::Column(column).kind() else { panic!("{column:?}") };
            assert!(words.iter().any(|known| known == word), "{column:?}");
        }
    }
}
