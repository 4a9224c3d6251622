//! Reads an HTML chat message: the words that a person sees, and what else it holds (pictures, files, mentions).
//!
//! html5ever's tokenizer reads it, without a tree: the time is linear in the length, and nesting takes no memory but a counter for
//! each list and quotation that is open. What the tags of chat clients mean is decided here.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::attachment::{Attachment, AttachmentKind};

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HtmlMessage {
    /// Its words in one line, those of a reply before what it quotes.
    pub text: String,
    /// What it shows beside words.
    pub attachments: Vec<Attachment>,
    /// Raw ids of those whom it mentions.
    pub mentions: Vec<String>,
}

/// Reads a message.
pub fn read(html: &str) -> HtmlMessage {
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    // A script ends nothing here.
    while let TokenizerResult::Script(()) = tokenizer.feed(&input) {}
    tokenizer.end();
    tokenizer.sink.state.into_inner().finish()
}

#[derive(Default)]
struct Reader {
    state: RefCell<State>,
}

/// What was read so far.
#[derive(Default)]
struct State {
    /// The words, but for those of `quotation`.
    text: Line,
    /// The words of quotations that stand before all others: what is answered.
    quotation: Line,
    /// Quotations that are open.
    open_quotations: usize,
    /// Whether one of them is what a reply answers.
    is_reply: bool,
    /// The element that is open of those that nobody sees.
    unseen: Option<String>,
    /// Quotations within a sentence that are open.
    open_quotes: usize,
    /// Lists that are open: the number of the last item, or `None` where they have none.
    lists: Vec<Option<u32>>,
    /// The name that a mention brings along, until there are words within it.
    mentioned: Option<String>,
    attachments: Vec<Attachment>,
    mentions: Vec<String>,
}

/// Words with single spaces between them.
#[derive(Default)]
struct Line {
    text: String,
    /// Whether a space is due before the next word.
    is_apart: bool,
}

/// More than a person writes; the rest is counted as one.
const MAX_ATTACHMENTS: usize = 100;
const MAX_LISTS: usize = 16;

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.words(&text),
            Token::TagToken(tag) => {
                let raw = raw_kind(&tag);
                match tag.kind {
                    TagKind::StartTag => state.start(&tag),
                    TagKind::EndTag => state.end(&tag.name),
                }
                if let Some(raw) = raw {
                    return TokenSinkResult::RawData(raw);
                }
            }
            Token::NullCharacterToken
            | Token::CommentToken(_)
            | Token::DoctypeToken(_)
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the content of an element is read that has no words for people.
fn raw_kind(tag: &Tag) -> Option<RawKind> {
    match (tag.kind, &*tag.name) {
        (TagKind::StartTag, "script") if !tag.self_closing => Some(RawKind::ScriptData),
        (TagKind::StartTag, "style" | "xmp" | "noembed" | "noframes" | "iframe") if !tag.self_closing => {
            Some(RawKind::Rawtext)
        }
        (TagKind::StartTag, "title" | "textarea") if !tag.self_closing => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// Elements within which words may go on without a space. Between all others, words stand apart.
const INLINE: [&str; 45] = [
    "a",
    "abbr",
    "acronym",
    "at",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "data",
    "del",
    "dfn",
    "em",
    "emoji",
    "font",
    "i",
    "ins",
    "kbd",
    "label",
    "mark",
    "msft-mention",
    "nobr",
    "o:p",
    "q",
    "rb",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
    "wbr",
    "html",
    "body",
    "readonly",
    "legacyquote",
    "img",
];

/// Elements without anything for people to read.
const UNSEEN: [&str; 8] = ["script", "style", "xmp", "noembed", "noframes", "iframe", "title", "template"];

impl State {
    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if self.unseen.is_some() {
            return;
        }
        if UNSEEN.contains(&name) {
            if !tag.self_closing {
                self.unseen = Some(name.to_owned());
            }
            return self.break_line();
        }
        if !INLINE.contains(&name) {
            self.break_line();
        }
        match name {
            "blockquote" => self.open_quotation(tag),
            "ul" | "menu" if self.lists.len() < MAX_LISTS => self.lists.push(None),
            "ol" if self.lists.len() < MAX_LISTS => self.lists.push(Some(0)),
            "li" => self.begin_item(),
            "q" => {
                self.open_quotes += 1;
                self.words("“");
            }
            "img" if is_emoji(tag) => self.words(attribute(tag, "alt").unwrap_or_default()),
            "emoji" => self.words(attribute(tag, "alt").unwrap_or_default()),
            "at" | "msft-mention" => {
                self.mentioned = attribute(tag, "displaytext").map(str::to_owned);
                // Others than a raw id are numbers within the message.
                if let Some(id) = attribute(tag, "id").filter(|id| id.contains(':')) {
                    self.mentions.push(id.to_owned());
                }
            }
            _ => {
                if let Some(kind) = attachment_kind(tag) {
                    self.attach(kind, attribute(tag, "name").or_else(|| attribute(tag, "doc-name")));
                }
            }
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(unseen) = &self.unseen {
            if unseen == name {
                self.unseen = None;
            }
            return;
        }
        match name {
            "at" | "msft-mention" => {
                if let Some(name) = self.mentioned.take() {
                    self.words(&name);
                }
            }
            "q" if self.open_quotes > 0 => {
                self.open_quotes -= 1;
                self.words("”");
            }
            "blockquote" => self.close_quotation(),
            "ul" | "ol" | "menu" => drop(self.lists.pop()),
            _ => {}
        }
        if !INLINE.contains(&name) {
            self.break_line();
        }
    }

    fn words(&mut self, text: &str) {
        if self.unseen.is_some() || text.is_empty() {
            return;
        }
        if !text.trim().is_empty() {
            self.mentioned = None;
        }
        self.line().push(text);
    }

    fn break_line(&mut self) {
        self.line().is_apart = true;
    }

    fn line(&mut self) -> &mut Line {
        if self.is_quoting() { &mut self.quotation } else { &mut self.text }
    }

    /// Whether the words go behind the others.
    fn is_quoting(&self) -> bool {
        self.open_quotations > 0
    }

    /// A quotation that comes first is what a reply answers. One within a text stays where it is.
    fn open_quotation(&mut self, tag: &Tag) {
        let is_reply = attribute(tag, "itemtype").is_some_and(|kind| ends_with(kind, "/reply"));
        if self.is_quoting() || is_reply || self.text.text.is_empty() {
            self.open_quotations += 1;
            self.is_reply |= is_reply;
        }
    }

    fn close_quotation(&mut self) {
        self.open_quotations = self.open_quotations.saturating_sub(1);
    }

    fn begin_item(&mut self) {
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{number}.")
            }
            Some(None) | None => "•".to_owned(),
        };
        self.line().push(&mark);
        self.break_line();
    }

    fn attach(&mut self, kind: AttachmentKind, name: Option<&str>) {
        // What is quoted was sent before.
        if !self.is_quoting() && self.attachments.len() < MAX_ATTACHMENTS {
            self.attachments.push(Attachment::new(kind, name));
        }
    }

    fn finish(mut self) -> HtmlMessage {
        let (mut text, quotation) = (self.text.text, self.quotation.text);
        let has_own = !text.is_empty() || !self.attachments.is_empty();
        if !has_own {
            text = quotation;
        } else if !self.is_reply && !quotation.is_empty() && !text.is_empty() {
            text = format!("{text} “{quotation}”");
        }
        // Nothing but the marks of a list.
        if text.chars().all(|character| matches!(character, '•' | ' ')) {
            text.clear();
        }
        self.mentions.dedup();
        HtmlMessage { text, attachments: self.attachments, mentions: self.mentions }
    }
}

impl Line {
    fn push(&mut self, words: &str) {
        self.is_apart |= words.starts_with(char::is_whitespace);
        for word in words.split_whitespace() {
            if self.is_apart && !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.is_apart = true;
        }
        // Words that end without a space go on in the next text.
        if !words.trim().is_empty() {
            self.is_apart = words.ends_with(char::is_whitespace);
        }
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let value = tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)?;
    Some(value).filter(|value| !value.trim().is_empty())
}

fn ends_with(text: &str, end: &str) -> bool {
    text.to_ascii_lowercase().ends_with(end)
}

fn contains(tag: &Tag, name: &str, part: &str) -> bool {
    attribute(tag, name).is_some_and(|value| value.to_ascii_lowercase().contains(part))
}

/// An image that stands for a character.
fn is_emoji(tag: &Tag) -> bool {
    ["emoji", "emoticon"].iter().any(|word| contains(tag, "itemtype", word) || contains(tag, "class", word))
}

/// What an element shows that is no words.
fn attachment_kind(tag: &Tag) -> Option<AttachmentKind> {
    Some(match &*tag.name {
        // A picture of one point is for counting.
        "img" if attribute(tag, "width") == Some("1") && attribute(tag, "height") == Some("1") => return None,
        "img"
            if contains(tag, "itemtype", "giphy")
                || attribute(tag, "src").is_some_and(|src| ends_with(src, ".gif")) =>
        {
            AttachmentKind::Gif
        }
        "img" | "picture" | "svg" => AttachmentKind::Picture,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        "location" => AttachmentKind::Location,
        "attachment" | "object" | "embed" => AttachmentKind::File,
        // Skype's element for everything.
        "uriobject" if contains(tag, "type", "picture") => AttachmentKind::Picture,
        "uriobject" if contains(tag, "type", "video") => AttachmentKind::Video,
        "uriobject" if contains(tag, "type", "audio") => AttachmentKind::Audio,
        "uriobject" if contains(tag, "type", "swift") => AttachmentKind::Card,
        "uriobject" => AttachmentKind::File,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
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
            ("<audio controls></audio>", Audio),
            ("<attachment id=\"08a182fe\"></attachment>", File),
            ("<URIObject type=\"Picture.1\"></URIObject>", Picture),
            ("<URIObject type=\"SWIFT.1\"></URIObject>", Card),
            ("<location latitude=\"1\"></location>", Location),
        ] {
            let found: Vec<_> = read(html).attachments.into_iter().map(|attachment| attachment.kind).collect();
            assert_eq!(found, [kind], "{html}");
        }
        assert!(read("<img width=\"1\" height=\"1\" src=\"https://count.example\">").attachments.is_empty());
        assert_eq!(read("<attachment name=\"report.pdf\">").attachments[0].name.as_deref(), Some("report.pdf"));
    }

    #[test]
    fn those_who_are_mentioned_are_known_by_their_raw_ids() {
        let html = "<at id=\"0\">Dana</at><msft-mention id=\"8:acs:1\"></msft-mention><at id=\"8:orgid:2\">Bo</at>";
        assert_eq!(read(html).mentions, ["8:acs:1", "8:orgid:2"]);
    }

    #[test]
    fn hostile_texts_are_read_in_linear_time_and_leave_no_markup() {
        let long = 200_000;
        for html in [
            "<".repeat(long),
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
            assert!(message.attachments.len() <= MAX_ATTACHMENTS);
        }
    }
}
