//! Messages of chat clients, and hostile ones.

use super::*;

#[test]
fn words_are_read_as_a_person_sees_them() {
    for (html, text) in [
        ("<p>Hello <b>world</b></p>", "Hello world"),
        ("<div>one</div><div>two<br/>three</div>", "one two three"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &#128075;&nbsp;&amp;lt;", "1 < 2 && 3 > 2 👋 &lt;"),
        ("a < b and c > d", "a < b and c > d"),
        ("<style>p { color: red }</style>seen<script>alert('<b>')</script>", "seen"),
        ("<title>no</title>seen", "seen"),
        ("cut <b", "cut"),
        ("one<!-- <b>no</b> > -->two<!-- <p>", "onetwo"),
        ("wo<b>r</b>d <i>and</i> <u>more</u>", "word and more"),
        ("<p><a title=\"a>b\" href=\"https://x.example\">link</a></p>", "link"),
        ("<h4>Title</h4><p>text</p>", "Title text"),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", "a b c"),
        ("<dl><dt>term</dt><dd>meaning</dd></dl><section>s</section><unknown>u</unknown>v", "term meaning s u v"),
        ("<ul><li>one</li><li>two</li></ul>after", "• one • two after"),
        ("<ol><li>one<ul><li>sub</li></ul></li><li>two</li></ol>", "1. one • sub 2. two"),
        ("<ul><li></li></ul>", ""),
        ("run <code>ls&nbsp;-l</code>:<pre>a\n  b</pre>", "run ls -l: a b"),
        ("she said <q>yes</q>.", "she said “yes”."),
        (
            "<p>well done <img alt=\"😀\" itemtype=\"http://schema.skype.com/Emoji\" src=\"x\"> see you</p>",
            "well done 😀 see you",
        ),
        ("<emoji id=\"1f389\" alt=\"🎉\" title=\"Party\"></emoji>", "🎉"),
        ("<p><at id=\"0\">Dana</at>&nbsp;please look</p>", "Dana please look"),
        ("Hi <msft-mention id=\"8:acs:1\" displayText=\"Ada\"></msft-mention>!", "Hi Ada!"),
        ("Hi <msft-mention id=\"8:acs:1\" displayText=\"Ada\">Ada L</msft-mention>!", "Hi Ada L!"),
        ("<msft-mention id=\"8:acs:1\" displayText=\"<b>Ada</b>\"> </msft-mention>", "<b>Ada</b>"),
        ("&amp;lt;b&amp;gt; \u{0}nul", "&lt;b&gt; nul"),
    ] {
        assert_eq!(read(html).text, text, "{html}");
    }
}

#[test]
fn a_reply_says_the_answer_and_a_quotation_within_a_text_stays_there() {
    let reply =
        "<blockquote itemtype=\"http://schema.skype.com/Reply\"><strong>Sam</strong><p>earlier</p></blockquote>";
    for (html, text) in [
        (format!("{reply}<p>answer</p>"), "answer"),
        (format!("{reply}{reply}<p>answer</p>"), "answer"),
        (reply.to_owned(), "Sam earlier"),
        ("<blockquote>earlier</blockquote>answer".to_owned(), "answer “earlier”"),
        ("<blockquote>a<blockquote>b</blockquote>c</blockquote>answer".to_owned(), "answer “a b c”"),
        ("<blockquote>alone</blockquote>".to_owned(), "alone"),
        ("see: <blockquote>words</blockquote> ok".to_owned(), "see: words ok"),
        ("</blockquote></ul></q>x".to_owned(), "x"),
    ] {
        assert_eq!(read(&html).text, text, "{html}");
    }
    let picture = read(&format!("{reply}<img src=\"x.png\">"));
    assert_eq!((picture.text.as_str(), picture.attachments.len()), ("", 1), "the answer is a picture");
    let quoted = read("<blockquote><img src=\"x.png\"></blockquote>nice");
    assert_eq!((quoted.text.as_str(), quoted.attachments.len()), ("nice", 0), "the picture was sent before");
}

#[test]
fn what_is_no_words_is_known_by_its_kind() {
    use AttachmentKind::{Audio, Card, File, Gif, Location, Picture, Video};
    for (html, kind) in [
        ("<p><img alt=\"image\" src=\"https://x/y.png?a=1\" itemscope=\"png\"></p>", Picture),
        ("<img src=\"https://x/y.GIF\">", Gif),
        ("<img itemtype=\"http://schema.skype.com/Giphy\" src=\"x\">", Gif),
        ("<video src=\"x\">no video</video>", Video),
        ("<audio controls>To hear it, go to <a href=\"https://x\">x</a></audio>", Audio),
        ("<picture><source srcset=\"y.webp\"><img src=\"y.png\" alt=\"a lake\"></picture>", Picture),
        ("<svg><text>lake</text></svg>", Picture),
        ("<attachment id=\"08a182fe\"></attachment>", File),
        ("<URIObject type=\"Picture.1\">To view this photo, go to: <a href=\"https://x\">x</a></URIObject>", Picture),
        ("<URIObject type=\"SWIFT.1\"></URIObject>", Card),
        ("<location latitude=\"1\"></location>", Location),
    ] {
        let HtmlMessage { text, attachments, .. } = read(html);
        let found: Vec<_> = attachments.into_iter().map(|attachment| attachment.kind).collect();
        assert_eq!((text.as_str(), found), ("", vec![kind]), "{html}");
        assert_eq!(read(&format!("{html} look")).text, "look", "{html}");
    }
    assert!(read("<img width=\"1\" height=\"1\" src=\"https://count.example\">").attachments.is_empty());
    assert_eq!(read("<attachment name=\"report.pdf\">").attachments[0].name.as_deref(), Some("report.pdf"));
}

#[test]
fn those_who_are_mentioned_are_known_by_their_raw_ids() {
    let html = "<at id=\"0\">Dana</at><msft-mention id=\"8:acs:1\"></msft-mention><at id=\"8:orgid:2\">Bo</at>";
    assert_eq!(read(html).mentions, ["8:acs:1", "8:orgid:2"]);
    let reply = "<blockquote><at id=\"8:acs:1\">Ada</at> look</blockquote><p><at id=\"8:acs:2\">Bo</at> did</p>";
    assert_eq!(read(reply).mentions, ["8:acs:2"], "who is mentioned in what a reply quotes was told before");
}

#[test]
fn hostile_texts_are_read_in_linear_time_and_leave_no_markup() {
    let long = 200_000;
    for html in [
        "<".repeat(1 << 20),
        "<div>".repeat(long / 5) + "x" + &"</div>".repeat(long / 6),
        "<p title='".to_owned() + &"<b>".repeat(long / 3),
        "<b\0>\0".repeat(long / 5),
        "<b>\u{202e}\u{2066}</b>".repeat(long / 13),
        "<b>".repeat(long / 3) + "x",
        "<blockquote>".repeat(long / 12) + "x",
        "<ul><li>".repeat(long / 8) + "x",
        "<a href=\"".to_owned() + &"x".repeat(long),
        "<!--".repeat(long / 4),
        "&".repeat(long),
        "<img src=x>".repeat(long / 11),
        "<msft-mention displayText=\"a\">".repeat(long / 30),
        format!("<a {}>x", "b=c ".repeat(long / 40)),
    ] {
        let message = read(&html);
        assert!(!message.text.contains("<b") && !message.text.contains("href"), "{}", &html[..20]);
        assert!(!message.text.contains('\0'), "{}", &html[..20]);
        assert!(message.attachments.len() <= MAX_ATTACHMENTS);
    }
}
