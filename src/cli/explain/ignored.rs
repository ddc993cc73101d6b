//! Flags that were given and change nothing of what is explained: said, not passed over.

use super::args::Args;
use crate::explain::Topic;

/// A flag, whether it was given, and the topics that it changes.
type Flag = (&'static str, fn(&Args) -> bool, &'static [Topic]);

const FLAGS: [Flag; 5] = [
    (
        "--at",
        |args| args.at.is_some(),
        &[Topic::Forward, Topic::Time, Topic::Loss, Topic::Bound, Topic::SamplingStep, Topic::Guidance, Topic::Plane],
    ),
    (
        "--image",
        |args| args.image.is_some(),
        &[Topic::Forward, Topic::Loss, Topic::SamplingStep, Topic::Guidance, Topic::Plane, Topic::Data],
    ),
    ("--pixel", |args| args.pixel.is_some(), &[Topic::Forward, Topic::Loss, Topic::SamplingStep, Topic::Guidance]),
    (
        "--checkpoint",
        |args| args.checkpoint.is_some(),
        &[Topic::Loss, Topic::TrainingStep, Topic::SamplingStep, Topic::Guidance, Topic::Plane],
    ),
    (
        "--accept-data",
        |args| args.accept_data,
        &[
            Topic::Forward,
            Topic::Loss,
            Topic::TrainingStep,
            Topic::SamplingStep,
            Topic::Guidance,
            Topic::Plane,
            Topic::Data,
        ],
    ),
];

/// A sentence for each flag that changes nothing of `topic`.
pub fn ignored(args: &Args, topic: Topic) -> Vec<String> {
    let idle = FLAGS.iter().filter(|(_, given, topics)| given(args) && !topics.contains(&topic));
    let words = |(flag, _, topics): &(&str, fn(&Args) -> bool, &[Topic])| {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name()).collect();
        let (last, rest) = names.split_last().map_or(("", &[][..]), |(last, rest)| (*last, rest));
        format!("{flag} has no effect on {}: it is for {} and {last}", topic.name(), rest.join(", "))
    };
    idle.map(words).collect()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    fn said(line: &str) -> Vec<String> {
        let command = Args::augment_args(Command::new("explain"));
        let matches = command.get_matches_from(std::iter::once("explain").chain(line.split_whitespace()));
        let args = Args::from_arg_matches(&matches).unwrap();
        ignored(&args, args.topic.unwrap())
    }

    #[test]
    fn a_flag_that_changes_nothing_is_named_with_the_topics_that_it_changes() {
        let said_of_step = said("training-step --at 500 --image 3 --pixel 1,1 --run x --checkpoint 4");
        assert_eq!(said_of_step.len(), 3, "{said_of_step:?}");
        assert_eq!(
            said_of_step[0],
            "--at has no effect on training-step: it is for forward, time, loss, bound, sampling-step, guidance and plane"
        );
        assert!(said_of_step[1].starts_with("--image has no effect"), "{said_of_step:?}");
        assert_eq!(said("time --at 3 --image 0 --run x --checkpoint 3 --accept-data").len(), 3);
        assert_eq!(said("loss --at 3 --image 2 --pixel 1,1 --run x --checkpoint 3 --accept-data"), [""; 0]);
        assert_eq!(said("data --image 2"), [""; 0]);
    }
}
