//! `--set … --vs --set …`: what each side sets.

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

/// The settings of each side, in their order; a side may have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides(pub Vec<Vec<String>>);

impl clap::Args for Sides {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new("set")
                    .long("set")
                    .value_name("KEY=VALUE")
                    .action(ArgAction::Append)
                    .help("Set a config key of this side, e.g. --set diffusion.schedule=linear; may be repeated"),
            )
            .arg(
                Arg::new("vs")
                    .long("vs")
                    .action(ArgAction::Append)
                    .num_args(0)
                    .default_missing_value("")
                    .required(true)
                    .help("The next side begins: what is set behind it is its own"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Sides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let places = |name: &str| matches.indices_of(name).into_iter().flatten().collect::<Vec<usize>>();
        let values = matches.get_many::<String>("set").into_iter().flatten().cloned();
        let bars = places("vs");
        let mut sides = vec![Vec::new(); bars.len() + 1];
        for (value, at) in values.zip(places("set")) {
            let side = bars.iter().filter(|bar| **bar < at).count();
            sides[side].push(value);
        }
        Ok(Self(sides))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(words: &[&str]) -> Vec<Vec<String>> {
        let command = <Sides as clap::Args>::augment_args(Command::new("race"));
        let matches = command.try_get_matches_from([&["race"], words].concat()).unwrap();
        Sides::from_arg_matches(&matches).unwrap().0
    }

    #[test]
    fn what_is_set_belongs_to_the_side_it_stands_in_and_a_side_may_be_empty() {
        assert_eq!(sides(&["--set", "a=1", "--set", "b=2", "--vs", "--set", "a=3"]), [vec!["a=1", "b=2"], vec!["a=3"]]);
        assert_eq!(sides(&["--vs", "--set=a=3"]), [vec![], vec!["a=3"]]);
        assert_eq!(sides(&["--set", "a=1", "--vs", "--vs", "--set", "a=3"]), [vec!["a=1"], vec![], vec!["a=3"]]);
        assert_eq!(sides(&["--set", "a=1", "--vs"]), [vec!["a=1"], vec![]]);
    }
}
