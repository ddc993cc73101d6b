//! Counts and numbers as people write them.

/// "60,000". `n` is a whole number, of whichever unsigned type.
pub fn thousands(n: impl std::fmt::Display) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is numbered from 0, after its name: "the classes 0 to 9"; of one, "one class, 0".
pub fn numbered(one: &str, several: &str, last: usize) -> String {
    if last == 0 { format!("one {one}, 0") } else { format!("the {several} 0 to {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_range() {
        assert_eq!(numbered("class", "classes", 9), "the classes 0 to 9");
        assert_eq!(numbered("class", "classes", 0), "one class, 0");
        assert_eq!(thousands(60_000), "60,000");
    }
}
