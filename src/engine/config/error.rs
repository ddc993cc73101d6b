//! What can be wrong with a config.

/// A config that can't be used: the user's to mend, so the program ends with exit code 2.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The file is there, but can't be read.
    #[error("cannot read the config {path}: {reason}")]
    Unreadable { path: String, reason: String },

    /// Neither a shipped config nor a file.
    #[error(
        "there is no config named `{name}`, shipped or as a file; did you mean `{nearest}`? Shipped: {shipped}. \
         A path to a .toml file works as well"
    )]
    NotFound { name: String, nearest: String, shipped: String },

    /// Not TOML.
    #[error("{at}: not valid TOML: {reason}")]
    Syntax { at: String, reason: String },

    /// A key that the schema doesn't have.
    #[error("{at}: unknown key `{key}`; did you mean `{nearest}`? `difflab --help-config` lists every key")]
    UnknownKey { at: String, key: String, nearest: String },

    /// A known key with a value of the wrong type or outside its list of choices.
    #[error("{at}: `{key}` must be {expected}, not {found}")]
    WrongType { at: String, key: String, expected: String, found: String },

    /// A `--set` that isn't KEY=VALUE, or whose key the command doesn't take; `example` is one that it does.
    #[error("`--set {given}`: {problem}; write --set KEY=VALUE, e.g. --set {example}")]
    Override { given: String, problem: String, example: &'static str },

    /// A key without its section that several sections have.
    #[error("{given}: `{name}` could be {keys}; write it in full")]
    Ambiguous { given: String, name: String, keys: String },

    /// Two keys that say the same thing.
    #[error(
        "{at}: `train.steps` and `train.epochs` are both given, and each says how long to train; leave one of them out"
    )]
    TwoLengths { at: String },

    /// A value of the right type with which nothing can run.
    #[error("`{key} = {value}` is impossible: {problem}")]
    Impossible { key: String, value: String, problem: String },

    /// Written by a newer difflab.
    #[error(
        "{at}: this config has format version {found}, and this difflab reads up to version {newest}; \
         use a newer difflab"
    )]
    Newer { at: String, found: i64, newest: u32 },
}

impl ConfigError {
    /// The same, with an example that the command at hand takes.
    pub fn with_example(self, example: &'static str) -> Self {
        match self {
            Self::Override { given, problem, .. } => Self::Override { given, problem, example },
            other => other,
        }
    }
}
