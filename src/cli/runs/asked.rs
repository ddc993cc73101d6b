//! Columns beside the usual ones: keys of the config that runs are filtered and sorted by.

use crate::run::catalogue::{Column, FieldValue, ListedRun, RunField};

/// A column that somebody asked for, with its cells.
pub struct AskedColumn {
    pub title: &'static str,
    pub cells: Vec<String>,
}

/// Those of `asked` that the table has no column for: keys of the config that runs are filtered and sorted by.
pub fn asked_columns(runs: &[&ListedRun], asked: &[RunField]) -> Vec<AskedColumn> {
    let known = |field: &RunField| match field {
        RunField::Key(_) => false,
        RunField::Column(column) => {
            use Column::{Name, Parent, ParentStep, Problem, Snapshots, Why};
            !matches!(column, Name | Parent | ParentStep | Snapshots | Why | Problem)
        }
    };
    let column = |field: &RunField| AskedColumn {
        title: field.shortest(),
        cells: runs.iter().map(|run| value(field.of(run))).collect(),
    };
    asked.iter().filter(|field| !known(field)).map(column).collect()
}

/// A value as a config writes it; empty where there is none.
fn value(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::None => String::new(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Word(word) => word.into(),
        FieldValue::Words(words) => words.join(" "),
        FieldValue::List(list) => format!("{list:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_a_config_writes_them() {
        assert_eq!(value(FieldValue::List(&[8.0, 16.0])), "[8.0, 16.0]");
        assert_eq!(value(FieldValue::Number(0.001)), "0.001");
        assert_eq!(value(FieldValue::None), "");
    }

    #[test]
    fn what_has_a_column_gets_no_other() {
        let named = |names: &[&str]| names.iter().map(|name| RunField::named(name).unwrap()).collect::<Vec<_>>();
        let titles = |names: &[&str]| asked_columns(&[], &named(names)).iter().map(|c| c.title).collect::<Vec<_>>();
        assert_eq!(
            titles(&["val_loss", "lr", "state", "parent", "batch_size"]),
            ["learning_rate", "parent", "batch_size"]
        );
    }
}
