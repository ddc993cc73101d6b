//! Words of a command line, as they have to be typed.

/// A word as a shell takes it: in quotes where it needs them.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+,:%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_quotes_are_kept_together() {
        assert_eq!((shell_word("runs/a"), shell_word("my runs/a")), ("runs/a".into(), "'my runs/a'".into()));
        assert_eq!((shell_word("it's"), shell_word("")), (r"'it'\''s'".into(), "''".into()));
    }
}
