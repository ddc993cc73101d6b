//! Text from anywhere as Markdown that shows just that.

/// A name or an answer: nothing in it is markup, and an address in it is a link to itself.
pub fn verbatim(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("http://").into_iter().chain(rest.find("https://")).min() {
        let (before, from) = rest.split_at(at);
        let address = address(from);
        out += &words(before);
        out += &match address.split_once("//") {
            // In angle brackets every character is its own.
            Some((_, place)) if !place.is_empty() => format!("<{address}>"),
            _ => words(address),
        };
        rest = &from[address.len()..];
    }
    out + &words(rest)
}

/// The address that `text` begins with, without what belongs to the sentence around it.
fn address(text: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"|\\`".contains(c);
    let mut address = &text[..text.find(ends).unwrap_or(text.len())];
    loop {
        let open = |open: char, close: char| address.matches(close).count() > address.matches(open).count();
        let outside = |c: char| match c {
            ')' => open('(', ')'),
            ']' => open('[', ']'),
            c => ".,;:!?'*".contains(c),
        };
        match address.strip_suffix(outside) {
            Some(shorter) => address = shorter,
            None => return address,
        }
    }
}

fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut chars, mut before) = (text.chars().peekable(), ' ');
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // Within a word it is no markup.
            '_' if before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric()) => out.push('_'),
            '|' | '[' | ']' | '*' | '_' | '`' | '\\' | '$' | '~' | '#' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    /// What a reader of the Markdown sees in a list, and where its links lead.
    fn seen(markdown: &str) -> (String, Vec<String>) {
        let (mut text, mut links) = (String::new(), Vec::new());
        for event in Parser::new_ext(&format!("- **a**: {markdown}\n"), Options::ENABLE_TABLES) {
            match event {
                Event::Text(words) => text += &words,
                Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.into_string()),
                Event::Start(Tag::List(_) | Tag::Item | Tag::Strong | Tag::Paragraph) | Event::End(TagEnd::Link) => {}
                Event::End(TagEnd::List(_) | TagEnd::Item | TagEnd::Strong | TagEnd::Paragraph) => {}
                other => text += &format!("{other:?}"),
            }
        }
        (text.strip_prefix("a: ").unwrap_or(&text).to_string(), links)
    }

    #[test]
    fn names_are_shown_as_they_are() {
        assert_eq!(verbatim("a|b"), r"a\|b");
        assert_eq!(verbatim("[l](x) **b** `c` <img>\n&amp;"), r"\[l\](x) \*\*b\*\* \`c\` &lt;img> &amp;amp;");
        assert_eq!(verbatim("日本 ✓ T-shirt"), "日本 ✓ T-shirt");
        assert_eq!(verbatim("two_moons _a_"), r"two_moons \_a\_");
    }

    #[test]
    fn an_address_leads_where_it_says() {
        let (text, links) = seen(&verbatim(
            "see [ethics](https://a.org/x_(y)_z*), <https://b.org/?q=1&r=[2]>, http:// and (http://c.org/d|e).",
        ));
        assert_eq!(
            text,
            "see [ethics](https://a.org/x_(y)_z*), <https://b.org/?q=1&r=[2]>, http:// and (http://c.org/d|e)."
        );
        assert_eq!(links, ["https://a.org/x_(y)_z", "https://b.org/?q=1&r=[2]", "http://c.org/d"]);
    }

    proptest! {
        #[test]
        fn any_text_is_seen_as_it_is(text in r"[a-c]([a-c \[\]()<>|*_`\\$~&#!:/.]|https://){0,20}[a-c]") {
            let one_space = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(seen(&verbatim(&one_space)).0, one_space);
        }
    }
}
