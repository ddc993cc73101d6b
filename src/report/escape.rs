//! Text out of files, made fit for a page: names of runs and classes, notes and paths may hold anything.

use crate::data::shown_text;

/// Text between tags or in an attribute in double quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in shown_text(text).chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

/// A name, which may break behind what joins its words where a line is too short for it.
pub fn breakable(name: &str) -> String {
    ['_', '/', '=']
        .into_iter()
        .fold(name.to_string(), |name, joint| name.replace(joint, &format!("{joint}{BREAK}")))
        .split(BREAK)
        .map(escaped)
        .collect::<Vec<_>>()
        .join("<wbr>")
}

/// Where a name may break, until it is escaped: no name holds it as it is.
const BREAK: char = '\u{0}';

/// A sentence, in which what stands between backticks is code.
pub fn prose(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    let mut html = String::new();
    for (i, part) in parts.iter().enumerate() {
        // One without its other half is a backtick.
        html += &match (i % 2 == 1, i + 1 == parts.len()) {
            (true, false) => format!("<code>{part}</code>"),
            (true, true) => format!("`{part}"),
            _ => part.clone(),
        };
    }
    html
}

/// JSON inside a script element: nothing in it can end the element.
pub fn json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json as value;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_written_is_markup_and_json_stays_what_it_was(text: String) {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            let written = json(&value!({ "name": &text }));
            prop_assert!(!written.contains(['<', '>', '&']));
            let read: serde_json::Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read["name"].as_str(), Some(&*text));
        }
    }

    #[test]
    fn backticks_make_code_and_long_names_break_where_their_words_end() {
        assert_eq!(prose("try `lr < 1`, or `x"), "try <code>lr &lt; 1</code>, or `x");
        assert_eq!(prose("``"), "<code></code>");
        assert_eq!(breakable("guidance_scale=3/<b>"), "guidance_<wbr>scale=<wbr>3/<wbr>&lt;b&gt;");
    }

    #[test]
    fn a_tag_is_shown_as_it_is_written() {
        assert_eq!(
            escaped("<script>a && 'b'</script>\u{1b}"),
            "&lt;script&gt;a &amp;&amp; &#39;b&#39;&lt;/script&gt;\\u{1b}"
        );
    }
}
