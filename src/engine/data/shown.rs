//! Names from the file system, made fit to be shown.

use std::path::Path;

/// Is this a character that moves the cursor, colours text or turns its direction round?
fn unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A name without characters that would act on the terminal: each stands there by its number, `\u{1b}`.
pub fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match unfit(c) {
            true => text.extend(c.escape_unicode()),
            false => text.push(c),
        }
    }
    text
}

/// A text of several lines, likewise: its line ends and tabs stay.
pub fn shown_text(text: &str) -> String {
    text.split_inclusive(['\n', '\t']).fold(String::with_capacity(text.len()), |mut all, part| {
        let (words, end) = match part.strip_suffix(['\n', '\t']) {
            Some(words) => part.split_at(words.len()),
            None => (part, ""),
        };
        all += &shown(words);
        all + end
    })
}

/// A path, likewise.
pub fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_the_terminal_stands_there_by_its_number() {
        assert_eq!(shown("cat\u{1b}[31m\n"), "cat\\u{1b}[31m\\u{a}");
        assert_eq!(shown("abc\u{202e}gnp.exe"), "abc\\u{202e}gnp.exe");
        assert_eq!(shown("Äpfel & Birnen 猫"), "Äpfel & Birnen 猫");
        assert_eq!(shown_text("a\tb\n\u{1b}c\n"), "a\tb\n\\u{1b}c\n");
        assert_eq!(shown_text("a\r"), "a\\u{d}");
    }
}
