//! A model card, which is Markdown, as part of a page. What it says may come from anywhere: nothing in it is markup, a
//! link or a picture of its own; where a link leads is told in words.

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

use crate::data::shown_text;

/// The Markdown as HTML; headings are two levels below the page's own.
pub fn html(markdown: &str) -> String {
    let markdown = shown_text(markdown);
    // Where the link that is open leads, unless its own words say so.
    let mut leads = None;
    let events = Parser::new_ext(&markdown, Options::ENABLE_TABLES).filter_map(|event| match event {
        // HTML is text like other text.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) => {
            leads = (!matches!(link_type, LinkType::Autolink | LinkType::Email)).then(|| format!(" ({dest_url})"));
            None
        }
        Event::End(TagEnd::Link | TagEnd::Image) => leads.take().map(|place| Event::Text(place.into())),
        Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => None,
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            Some(Event::Start(Tag::Heading { level: below(level), id: None, classes, attrs }))
        }
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(below(level)))),
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    // The one table of a model card has no head.
    out.replace("<table>", "<div class=\"scroll\"><table>")
        .replace("</table>", "</table></div>")
        .replace("<thead><tr><th></th><th></th></tr></thead>", "")
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_markup_and_html_links_and_pictures_are_text() {
        let out = html(
            "# a <script>alert(1)</script>\n\n| | |\n|---|---|\n| b | **c** |\n\n<img src=x onerror=y>\n\n\
                        [d](javascript:e) ![f](http://g)\n\n```sh\nh < i\n```\n",
        );
        assert!(out.contains("<h3>a &lt;script&gt;alert(1)&lt;/script&gt;</h3>"), "{out}");
        assert!(out.contains("<strong>c</strong>") && out.contains("h &lt; i") && !out.contains("thead"), "{out}");
        assert!(out.contains("<p>d (javascript:e) f (http://g)</p>"), "{out}");
        assert!(html("<https://a.org/b_c>").contains("<p>https://a.org/b_c</p>"));
        for bad in ["<script", "<img", "<a ", "href"] {
            assert!(!out.contains(bad), "{bad} in {out}");
        }
    }
}
