//! Filters, on runs that were made for them.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::run::catalogue::listing::Catalogue;
use crate::run::catalogue::test_runs::{make, read};
use crate::run::notes::Notes;

fn place() -> (tempfile::TempDir, Catalogue) {
    let place = tempfile::tempdir().unwrap();
    let cosine = ["name=mnist", "train.learning_rate=0.001", "model.block_out_channels=8,16"];
    let old = make(place.path(), "a-cosine", &cosine, 20, "stop");
    let linear = ["name=mnist", "diffusion.schedule=linear", "train.learning_rate=0.01", "train.steps=30000"];
    make(place.path(), "b-linear", &linear, 200, "preview");
    make(place.path(), "c-flow", &["diffusion.path=flow", "train.learning_rate=0.1"], 0, "finish");
    Notes::change(&old, |notes| {
        notes.tags.extend(["old".into(), "Good".into()]);
        notes.note = "Too much guidance".into();
    })
    .unwrap();
    fs::create_dir(place.path().join("d-broken")).unwrap();
    fs::write(place.path().join("d-broken/config.toml"), "x = 1").unwrap();
    let catalogue = read(place.path());
    (place, catalogue)
}

/// The first letters of the runs that are shown.
fn shown(catalogue: &Catalogue, line: &str) -> String {
    let filter = Filter::parse(line).unwrap_or_else(|error| panic!("{}\n{error}", error.pointed(line)));
    catalogue.runs().iter().filter(|run| filter.admits(run)).map(|run| &run.summary.run[..1]).collect()
}

#[test]
fn a_line_shows_what_it_says() {
    let (_place, catalogue) = place();
    for (line, runs) in [
        ("", "abcd"),
        ("   ", "abcd"),
        ("mnist", "ab"),
        ("MNIST cosine", "a"),
        ("-mnist", "cd"),
        ("-flow -broken", "ab"),
        ("--flow", "c"),
        ("!linear", "acd"),
        ("not linear", "acd"),
        ("\"a-cos\"", "a"),
        ("\"lr>1\"", ""),
        ("schedule=cosine", "a"),
        ("schedule=linear,cosine", "ab"),
        ("schedule!=linear,cosine", "cd"),
        ("schedule=none", "cd"),
        ("schedule:lin", "b"),
        ("diffusion.schedule=cosine", "ac"),
        ("path=flow", "c"),
        ("lr>1e-3", "bc"),
        ("lr>=1e-3", "abc"),
        ("lr > 1e-3 lr < 0.05", "b"),
        ("lr=0.01,0.1", "bc"),
        ("-lr=0.01", "acd"),
        ("learning_rate<=1e-2", "ab"),
        ("train.learning_rate=1e-3", "a"),
        ("step>=20 step<0.1k", "a"),
        ("steps=30k", "b"),
        ("val_loss<0.12", "b"),
        ("val_loss=none", "cd"),
        ("val_loss!=none", "ab"),
        ("loss<1", "ab"),
        ("tag:old", "a"),
        ("-tag:old", "bcd"),
        ("tag:good", "a"),
        ("tag:goo", ""),
        ("tags=old,new", "a"),
        ("tag=none", "bcd"),
        ("note:GUIDANCE", "a"),
        ("note:\"much guidance\"", "a"),
        ("state=training", ""),
        ("state=failed,finished", "bc"),
        ("time>10s", "ab"),
        ("time>1m", "b"),
        ("time<=0", "cd"),
        ("block_out_channels=8,16", "a"),
        ("block_out_channels=[8, 16]", "a"),
        ("block_out_channels=8-16", "a"),
        ("network:8-16", "a"),
        ("class_conditional=yes", ""),
        ("class_conditional=false", "abc"),
        ("written>=2001", "abcd"),
        ("written<2000-01", ""),
        ("checkpoints=1", "abc"),
        ("cosine or flow", "ac"),
        ("mnist cosine or flow", "ac"),
        ("mnist and (cosine or flow)", "a"),
        ("mnist and cosine", "a"),
        ("MNIST AND NOT cosine", "b"),
        ("cosine OR flow", "ac"),
        ("LOSS<1 STATE=stopped", "a"),
        ("dataset=mnist elapsed_s>1m last_written>=2001", "b"),
        ("prediction=v_prediction -problem:unknown", "abc"),
        ("problem!=none", "d"),
        ("why=none", "acd"),
        ("parent_step>1", ""),
        ("mnist -(cosine or flow)", "b"),
        ("-(schedule=linear or tag:old)", "cd"),
        ("( ( (flow) ) )", "c"),
        ("or", ""),
        ("run=a-cosine", "a"),
        ("run=a", ""),
    ] {
        if line == "or" {
            assert!(Filter::parse(line).is_err());
            continue;
        }
        assert_eq!(shown(&catalogue, line), runs, "{line}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (line, part, words) in [
        ("mnist num=5", "num", "`num` could be `preview.num` or `sample.num`; write which"),
        ("shedule=linear", "shedule", "did you mean `schedule`"),
        ("nothing-here=3", "nothing-here", "in quotes all of it is a word"),
        ("schedule=cosinus", "cosinus", "there are linear, scaled_linear, cosine"),
        ("state=runing", "runing", "there are training, stopped"),
        ("a lr>many", "many", "`learning_rate` is a number, as in learning_rate>1e-3"),
        ("lr>inf", "inf", "is a number"),
        ("schedule>1", "schedule>", "write schedule=… or schedule!=…"),
        ("time>10", "10", "its unit, as in time>90s"),
        ("written=yesterday", "yesterday", "is a date"),
        ("written>=2026-11-99", "2026-11-99", "there is no date 2026-11-99"),
        ("written<2026-13-45T99:99", "2026-13-45T99:99", "there is no date"),
        ("mid_attention=maybe", "maybe", "true or false"),
        ("block_out_channels=8,x", "8,x", "a list of numbers"),
        ("lr>1,2", "1,2", "one value is enough"),
        ("lr>", "", "a value belongs behind lr>"),
        ("lr> ", "", "a value belongs behind lr>"),
        ("=3", "=", "a key belongs before this sign"),
        ("a \"b", "\"", "this quote is not closed"),
        ("(a or b", "(", "this bracket is not closed"),
        ("a)", ")", "closes none"),
        ("a or", "", "something is missing here"),
        ("()", "", "something is missing here"),
        ("-", "", "left out"),
        ("a and", "", "something is missing here"),
    ] {
        let error = Filter::parse(line).unwrap_err();
        assert_eq!(line.get(error.at.clone()), Some(part), "{line}: {error}");
        assert!(error.message.contains(words), "{line}: {error}");
    }
}

#[test]
fn brackets_are_not_endless() {
    let deep = |n: usize| Filter::parse(&("(".repeat(n) + "a" + &")".repeat(n)));
    assert!(deep(30).is_ok());
    assert!(deep(100_000).unwrap_err().message.contains("too many"));
    assert!(Filter::parse(&("-".repeat(100_000) + "a")).is_ok());
}

/// A line and what it means, made together.
fn line() -> impl Strategy<Value = (String, Model)> {
    let term = prop_oneof![
        prop::sample::select(vec!["mnist", "cosine", "flow", "x"])
            .prop_map(|word| (word.to_string(), Model::Name(word))),
        (prop::sample::select(vec!["<", "<=", ">", ">=", "=", "!="]), prop::sample::select(vec![0.001, 0.01, 0.5]))
            .prop_map(|(sign, rate)| (format!("lr{sign}{rate}"), Model::Rate(sign, rate))),
    ];
    term.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|(line, model)| (format!("-({line})"), Model::Not(Box::new(model)))),
            (inner.clone(), inner.clone(), prop::sample::select(vec![" ", " and ", "  "]))
                .prop_map(|((a, x), (b, y), and)| (format!("({a}{and}{b})"), Model::And(Box::new(x), Box::new(y)))),
            (inner.clone(), inner)
                .prop_map(|((a, x), (b, y))| (format!("({a} or {b})"), Model::Or(Box::new(x), Box::new(y)))),
        ]
    })
}

#[derive(Clone, Debug)]
enum Model {
    Name(&'static str),
    Rate(&'static str, f64),
    Not(Box<Model>),
    And(Box<Model>, Box<Model>),
    Or(Box<Model>, Box<Model>),
}

impl Model {
    fn admits(&self, name: &str, experiment: &str, rate: Option<f64>) -> bool {
        let holds = |model: &Self| model.admits(name, experiment, rate);
        match self {
            Self::Name(word) => name.contains(word) || experiment.contains(word),
            Self::Rate(sign, wanted) => match (rate, *sign) {
                (None, sign) => sign == "!=",
                (Some(rate), "<") => rate < *wanted,
                (Some(rate), "<=") => rate <= *wanted,
                (Some(rate), ">") => rate > *wanted,
                (Some(rate), ">=") => rate >= *wanted,
                (Some(rate), "=") => rate == *wanted,
                (Some(rate), _) => rate != *wanted,
            },
            Self::Not(part) => !holds(part),
            Self::And(a, b) => holds(a) && holds(b),
            Self::Or(a, b) => holds(a) || holds(b),
        }
    }
}

#[test]
fn whatever_is_combined_means_what_its_parts_mean() {
    let (_place, catalogue) = place();
    let mut runner = proptest::test_runner::TestRunner::default();
    let checked = runner.run(&line(), |(line, model)| {
        let filter = Filter::parse(&line).map_err(|error| TestCaseError::fail(format!("{line}: {error}")))?;
        for run in catalogue.runs() {
            let rate = run.values.as_ref().map(|values| values.number("train.learning_rate"));
            let expected = model.admits(&run.summary.run, &run.summary.name, rate);
            prop_assert_eq!(filter.admits(run), expected, "{} on {}", line, run.summary.run);
        }
        Ok(())
    });
    checked.unwrap();
}

proptest! {
    #[test]
    fn no_line_panics_and_an_error_has_its_place_in_the_line(line: String) {
        if let Err(error) = Filter::parse(&line) {
            prop_assert!(line.get(error.at.clone()).is_some(), "{:?}", error);
            let _ = error.pointed(&line);
        }
    }

    #[test]
    fn no_line_of_signs_panics(line in "[a-z=<>!~:,()\\[\\]\" ü0-9.-]{0,40}") {
        if let Err(error) = Filter::parse(&line) {
            prop_assert!(line.get(error.at.clone()).is_some() && !error.message.is_empty());
        }
    }
}

#[test]
fn a_line_tells_what_it_asks_for_each_once() {
    let fields = |line: &str| {
        let fields = Filter::parse(line).unwrap().fields();
        fields.into_iter().map(RunField::shortest).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields("mnist (lr>1e-3 or -schedule=cosine) not lr<1 tag:good"), "learning_rate schedule tag");
    assert_eq!(fields("two moons"), "");
}
