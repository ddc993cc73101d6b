//! Names out of files in prose and formulas: of classes, data, folders. What has a meaning in prose, Markdown or LaTeX is held
//! as a character of Unicode's private use until it is shown, and stands there as it is in the name.

/// Characters with a meaning; the nth is held as U+E000 + n.
const MEANT: &str = r"$\{}|`*_[]<>&~#^%!-";
const FIRST: u32 = 0xE000;

/// A name out of files, fit to stand in prose and tables.
pub fn given(name: &str) -> String {
    let held = |c: char| match MEANT.chars().position(|meant| meant == c) {
        Some(nth) => char::from_u32(FIRST + nth as u32).unwrap_or(c),
        None if meant(c).is_some() => char::REPLACEMENT_CHARACTER,
        None if c.is_control() => ' ',
        None => c,
    };
    name.chars().map(held).collect()
}

/// The same as a symbol of a formula.
pub fn given_symbol(name: &str) -> String {
    format!(r"\text{{{}}}", given(name))
}

/// The character that is held as `c`, if one is.
fn meant(c: char) -> Option<char> {
    let nth = (c as u32).checked_sub(FIRST)?;
    MEANT.chars().nth(nth as usize)
}

/// Does any name in `text` hold a character with a meaning?
pub fn is_held(text: &str) -> bool {
    text.chars().any(|c| meant(c).is_some())
}

/// Names as they are, for whoever knows neither Markdown nor LaTeX.
pub fn as_they_are(text: &str) -> String {
    text.chars().map(|c| meant(c).unwrap_or(c)).collect()
}

/// Names as Markdown that shows them as they are.
pub fn in_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match meant(c) {
            Some('<') => out.push_str("&lt;"),
            Some('&') => out.push_str("&amp;"),
            // It means something in formulas alone.
            Some('-') => out.push('-'),
            Some(meant) => out.extend(['\\', meant]),
            None => out.push(c),
        }
    }
    out
}

/// Names as LaTeX that shows them as they are, within `\text{…}`.
pub fn in_latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match meant(c) {
            Some('\\') => out.push_str(r"}\backslash\text{"),
            Some('^') => out.push_str(r"}\hat{\ }\text{"),
            Some('~') => out.push_str(r"}\sim\text{"),
            Some('|') => out.push_str(r"}\vert\text{"),
            Some(meant @ ('$' | '{' | '}' | '_' | '&' | '#' | '%')) => out.extend(['\\', meant]),
            Some(meant) => out.push(meant),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser};

    use super::*;
    use crate::explain::latex::{unicode, unicode_within};

    /// What a reader of the Markdown sees, if it is words alone.
    fn seen(markdown: &str) -> String {
        let word = |event| match event {
            Event::Text(text) => text.into_string(),
            Event::Start(_) | Event::End(_) => String::new(),
            other => format!("<{other:?}>"),
        };
        Parser::new(markdown).map(word).collect()
    }

    proptest! {
        #[test]
        fn a_name_is_shown_as_it_is_on_a_terminal_and_in_markdown(name in r"[a-c0-9$\\{}|`*_\[\]<>&~#^%!()-]{1,12}") {
            let held = given(&name);
            prop_assert!(!held.contains(['$', '\\', '`', '|', '<']));
            prop_assert_eq!(&unicode_within(&format!("“{held}”")), &format!("“{name}”"));
            prop_assert_eq!(&unicode(&given_symbol(&name)), &name);
            prop_assert_eq!(&seen(&format!("“{}”", in_markdown(&held))), &format!("“{name}”"));
        }
    }

    #[test]
    fn names_change_no_formula_and_no_private_letter_becomes_another() {
        assert_eq!(in_latex(&given_symbol("my_cats $1 {x}")), r"\text{my\_cats \$1 \{x\}}");
        assert_eq!(in_latex(&given_symbol(r"a\b|c")), r"\text{a}\backslash\text{b}\vert\text{c}");
        assert_eq!(as_they_are(&given("\u{e000}\n")), "\u{fffd} ");
    }
}
