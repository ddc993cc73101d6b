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
    fn a_tag_is_shown_as_it_is_written() {
        assert_eq!(
            escaped("<script>a && 'b'</script>\u{1b}"),
            "&lt;script&gt;a &amp;&amp; &#39;b&#39;&lt;/script&gt;\\u{1b}"
        );
    }
}
