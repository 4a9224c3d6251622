//! Reads an HTML chat message: the words that a person sees, and what else it holds (pictures, files, mentions).
//!
//! html5ever's tokenizer reads it, without a tree: the time is linear in the length, and nesting takes no memory but a counter for
//! each list and quotation that is open. What the tags of chat clients mean is decided here.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::attachment::{Attachment, AttachmentKind};

mod elements;
#[cfg(test)]
mod tests;

use elements::{FALLBACK, INLINE, UNSEEN, attachment_kind, attribute, ends_with, is_emoji, raw_kind};

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
    /// The element that is open of those whose content nobody sees.
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
                // Others than a raw id are numbers within the message. Who is mentioned in a quotation was told before.
                if let Some(id) = attribute(tag, "id").filter(|id| id.contains(':') && !self.is_quoting()) {
                    self.mentions.push(id.to_owned());
                }
            }
            _ => {
                if let Some(kind) = attachment_kind(tag) {
                    self.attach(kind, attribute(tag, "name").or_else(|| attribute(tag, "doc-name")));
                    if FALLBACK.contains(&name) && !tag.self_closing {
                        self.unseen = Some(name.to_owned());
                    }
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

    fn finish(self) -> HtmlMessage {
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
