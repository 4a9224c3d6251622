//! Reads the text of an HTML chat message. Not a parser of documents: chat clients write a few inline tags.

/// The text without tags, its entities decoded and its white space folded. Linear in the length of `html`.
pub fn to_text(html: &str) -> String {
    // ASCII lower case keeps every offset.
    let lower = html.to_ascii_lowercase();
    let mut text = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|offset| at + offset) {
        text.push_str(&html[at..open]);
        at = open + 1;
        if html[at..].starts_with("!--") {
            at = html[at..].find("-->").map_or(html.len(), |offset| at + offset + 3);
            continue;
        }
        if !starts_tag(&html[at..]) {
            text.push('<');
            continue;
        }
        let Some(close) = html[at..].find('>').map(|offset| at + offset) else {
            at = html.len();
            break;
        };
        let tag = &lower[at..close];
        let name = tag_name(tag);
        at = close + 1;
        if breaks_line(name) {
            text.push(' ');
        }
        if let "script" | "style" = name
            && !tag.starts_with('/')
        {
            at = lower[at..].find(&format!("</{name}")).map_or(html.len(), |offset| at + offset);
        }
    }
    text.push_str(&html[at..]);
    let decoded = htmlize::unescape(text);
    decoded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A `<` begins a tag only before a letter, `/` or `!`; elsewhere it is text.
fn starts_tag(rest: &str) -> bool {
    rest.starts_with(|character: char| character.is_ascii_alphabetic() || character == '/' || character == '!')
}

fn tag_name(tag: &str) -> &str {
    let name = tag.trim_start_matches('/');
    let end = name.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(name.len());
    &name[..end]
}

/// Whether words on both sides of the tag stand apart.
fn breaks_line(name: &str) -> bool {
    matches!(
        name,
        "br" | "p"
            | "div"
            | "li"
            | "ul"
            | "ol"
            | "tr"
            | "td"
            | "table"
            | "blockquote"
            | "pre"
            | "hr"
            | "h1"
            | "h2"
            | "h3"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_entities_are_decoded_once() {
        for (html, text) in [
            ("<p>Hello <b>world</b></p>", "Hello world"),
            ("<div>one</div><div>two<br/>three</div>", "one two three"),
            ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &#128075;&nbsp;&amp;lt;", "1 < 2 && 3 > 2 👋 &lt;"),
            ("a < b and c > d", "a < b and c > d"),
            ("<style>p { color: red }</style>seen<script>alert('<b>')</script>", "seen"),
            ("cut <b", "cut"),
            ("one<!-- <b>no</b> > -->two<!-- <p>", "onetwo"),
            ("<img src=\"https://x/y.png\" alt=\"\">", ""),
            ("wo<b>r</b>d", "word"),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }
}
