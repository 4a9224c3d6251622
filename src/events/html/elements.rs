//! What the elements of chat clients' HTML mean.

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind};

use crate::events::attachment::AttachmentKind;

/// Elements within which words may go on without a space. Between all others, words stand apart.
pub const INLINE: [&str; 45] = [
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
pub const UNSEEN: [&str; 8] = ["script", "style", "xmp", "noembed", "noframes", "iframe", "title", "template"];

/// Elements whose content is for programs that cannot show them.
pub const FALLBACK: [&str; 6] = ["video", "audio", "object", "picture", "svg", "uriobject"];

/// How the content of an element is read that has no words for people.
pub fn raw_kind(tag: &Tag) -> Option<RawKind> {
    match (tag.kind, &*tag.name) {
        (TagKind::StartTag, "script") if !tag.self_closing => Some(RawKind::ScriptData),
        (TagKind::StartTag, "style" | "xmp" | "noembed" | "noframes" | "iframe") if !tag.self_closing => {
            Some(RawKind::Rawtext)
        }
        (TagKind::StartTag, "title" | "textarea") if !tag.self_closing => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// The value of an attribute that is not blank.
pub fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let value = tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)?;
    Some(value).filter(|value| !value.trim().is_empty())
}

/// Whether a text ends so, in any case.
pub fn ends_with(text: &str, end: &str) -> bool {
    text.to_ascii_lowercase().ends_with(end)
}

fn contains(tag: &Tag, name: &str, part: &str) -> bool {
    attribute(tag, name).is_some_and(|value| value.to_ascii_lowercase().contains(part))
}

/// An image that stands for a character.
pub fn is_emoji(tag: &Tag) -> bool {
    ["emoji", "emoticon"].iter().any(|word| contains(tag, "itemtype", word) || contains(tag, "class", word))
}

/// What an element shows that is no words.
pub fn attachment_kind(tag: &Tag) -> Option<AttachmentKind> {
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
