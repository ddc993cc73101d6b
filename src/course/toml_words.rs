//! What TOML's reader has to say of a value, in words for those who write stations.

/// The reader's own words, and ours.
const WORDS: [(&str, &str); 13] = [
    ("unknown variant ", "there is no "),
    ("invalid type: ", "here stands "),
    ("invalid value: ", "here stands "),
    ("invalid length ", "here is a list of length "),
    ("integer `", "the number `"),
    ("floating point `", "the number `"),
    ("string \"", "the text \""),
    ("boolean `", "the value `"),
    ("expected a sequence", "expected a list, in [ ]"),
    ("expected an array of length ", "expected a list of length "),
    ("expected a string", "expected a text, in quotes"),
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected f64", "expected a number"),
];

/// The message, in our words.
pub fn in_words(message: &str) -> String {
    let message = message.trim().replace('\n', " ").replace("expected u64", "expected usize");
    WORDS.iter().fold(message, |message, (theirs, ours)| message.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::course::Station;

    #[test]
    fn values_of_the_wrong_kind_are_told_in_plain_words() {
        let said = |lines: &str| {
            let head = "id = \"a\"\ntitle = \"A\"\nconfig = \"mnist-quick\"\ntext = \"Words.\"\n";
            let refused = Station::read(&format!("{head}{lines}\n"), "my.toml", Path::new("")).unwrap_err();
            refused.to_string()
        };
        let task = |line: &str| said(&format!("[[task]]\nkind = \"x_t\"\n{line}"));
        let deed = |deed: &str| said(&format!("[[task]]\nkind = \"action\"\ndone = {{ {deed} }}"));
        assert_eq!(said("set = 3"), "my.toml:5: here stands the number `3`, expected a list, in [ ]");
        assert_eq!(task("range = [5]"), "my.toml:7: here is a list of length 1, expected a list of length 2");
        assert_eq!(task("tolerance = \"a\""), "my.toml:7: here stands the text \"a\", expected a number");
        assert_eq!(task("hint = true"), "my.toml:7: here stands the value `true`, expected a text, in quotes");
        assert!(deed("frames = 5.5").ends_with("here stands the number `5.5`, expected a whole number, 0 or more"));
        assert!(deed("steps = [5], after_step = -1").ends_with("`-1`, expected a whole number, 0 or more"));
        assert!(deed("sampler = [\"dim\"]").contains("there is no `dim`, expected one of `ddpm`, "));
    }
}
