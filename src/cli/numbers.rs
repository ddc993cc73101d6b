//! Numbers on the command line: a negative one is a value and no flag, NaN and infinity are none, and what
//! can't be read is told without the words of a parser.

use std::any::TypeId;

use clap::Command;

/// The command, its options that take numbers taking negative ones (`--at -1`), and its subcommands alike.
pub fn understood(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let kind = arg.get_value_parser().type_id();
        if arg.get_long().is_none() {
            return arg;
        }
        if kind == TypeId::of::<f64>() {
            return arg.allow_hyphen_values(true).value_parser(finite);
        }
        let whole = [TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>(), TypeId::of::<i64>()];
        let pair = TypeId::of::<(u64, u64)>();
        if whole.iter().chain([&pair]).any(|of| kind == *of) { arg.allow_hyphen_values(true) } else { arg }
    });
    command.mut_subcommands(understood)
}

/// A number that is one.
fn finite(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err("a finite number is needed".into()),
        Err(_) => Err("that is not a number".into()),
    }
}

/// clap's message, with the standard library's words for numbers in plain ones.
pub fn plain(message: &str) -> String {
    let whole = match message.contains("value '-") {
        true => "a whole number is needed, 0 or more",
        false => "a whole number is needed",
    };
    let mut text = message.to_string();
    for (jargon, words) in [
        ("invalid digit found in string", whole),
        ("cannot parse integer from empty string", "a whole number is needed"),
        ("number too large to fit in target type", "that number is too large"),
        ("number too small to fit in target type", "that number is too small"),
    ] {
        text = text.replace(jargon, words);
    }
    // "0 is not in 1..=1000": the range as people write it.
    match text.split_once(" is not in ") {
        Some((before, after)) => {
            let (range, rest) = after.split_once('\n').unwrap_or((after, ""));
            let (least, most) = range.split_once("..").unwrap_or((range, ""));
            let most = most.trim_start_matches('=');
            let endless = most.is_empty() || most.parse::<u64>().is_ok_and(|most| most >= u64::from(u32::MAX));
            let range = if endless { format!("{least} or more") } else { format!("{least} to {most}") };
            format!("{before} is not possible, only {range}\n{rest}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[arg(long, value_delimiter = ',')]
        at: Vec<i64>,
        #[arg(long)]
        scale: Option<f64>,
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10))]
        num: Option<u64>,
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        images: Option<u64>,
        #[arg(long)]
        seed: Option<u64>,
        #[arg(long)]
        quiet: bool,
    }

    fn read(line: &str) -> Result<Program, String> {
        use clap::CommandFactory;
        let words = std::iter::once("x").chain(line.split_whitespace());
        let matches = understood(Program::command()).try_get_matches_from(words).map_err(|e| plain(&e.to_string()))?;
        Ok(Program::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn negative_numbers_are_values() {
        let read = read("--at -1,5,-20 --scale -1.5 --quiet").unwrap();
        assert_eq!((read.at, read.scale, read.quiet), (vec![-1, 5, -20], Some(-1.5), true));
    }

    #[test]
    fn what_is_no_number_is_told_in_plain_words() {
        for (line, words) in [
            ("--seed -1", "'-1' for '--seed <SEED>': a whole number is needed, 0 or more"),
            ("--seed 1e400", "a whole number is needed"),
            ("--seed 99999999999999999999", "that number is too large"),
            ("--num 0", "0 is not possible, only 1 to 10"),
            ("--num -3", "'-3'"),
            ("--images 0", "0 is not possible, only 1 or more"),
            ("--scale nan", "a finite number is needed"),
            ("--scale -inf", "a finite number is needed"),
            ("--scale 1e999", "a finite number is needed"),
            ("--scale many", "that is not a number"),
            ("--scale --quiet", "that is not a number"),
        ] {
            let said = read(line).unwrap_err();
            assert!(said.contains(words), "{line}: {said}");
        }
    }
}
