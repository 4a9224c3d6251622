//! A string of JSON, borrowed where it holds no escapes. Half a surrogate pair in it counts as U+FFFD.
//!
//! An escape stands for any 16 bits, so JSON can write what no Rust string holds: `"\ud83d"`, as apps do that cut an emoji
//! in two. `serde_json` hands such strings over as bytes only, in WTF-8. <https://simonsapin.github.io/wtf-8>

use std::borrow::Cow;
use std::str::Utf8Error;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a string says. `None` for other values.
pub fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    // What is raw was found to be JSON, so that between quotation marks only escapes are left to be read.
    match raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|text| !text.contains('\\')) {
        Some(text) => Some(Cow::Borrowed(text)),
        None => serde_json::from_str(raw.get()).ok().map(|Text(text)| text),
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Bytes<'a>", bound(deserialize = "'de: 'a"))]
struct Text<'a>(Cow<'a, str>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Bytes<'a>(#[serde(borrow)] Cow<'a, [u8]>);

impl<'a> TryFrom<Bytes<'a>> for Text<'a> {
    type Error = Utf8Error;

    fn try_from(Bytes(bytes): Bytes<'a>) -> Result<Self, Utf8Error> {
        Ok(Self(match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(str::from_utf8(bytes)?),
            Cow::Owned(mut bytes) => {
                replace_half_pairs(&mut bytes);
                Cow::Owned(String::from_utf8(bytes).map_err(|error| error.utf8_error())?)
            }
        }))
    }
}

/// In WTF-8, U+D800 to U+DFFF are three bytes that begin so, and nothing else does. U+FFFD has three as well.
fn replace_half_pairs(bytes: &mut [u8]) {
    for at in 2..bytes.len() {
        let half = &mut bytes[at - 2..=at];
        if matches!(half, [0xed, 0xa0..=0xbf, _]) {
            half.copy_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<Cow<'_, str>> {
        text_of(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn only_strings_with_escapes_are_copied() {
        assert!(matches!(text(r#""안녕""#), Some(Cow::Borrowed("안녕"))));
        assert_eq!(text(r#""a\n\u00e9\ud83d\ude00""#).unwrap(), "a\né😀");
        assert_eq!([text("7"), text("null"), text("[104, 105]"), text("{}")], [const { None }; 4]);
    }

    #[test]
    fn each_half_of_a_surrogate_pair_becomes_one_replacement_character() {
        for (json, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00""#, "\u{fffd}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\ude00\ude00""#, "😀\u{fffd}"),
            (r#""\ud83da\uD800\n\udfff""#, "\u{fffd}a\u{fffd}\n\u{fffd}"),
            (r#""\ud83d 한\ud7ff\ue000""#, "\u{fffd} 한\u{d7ff}\u{e000}"),
        ] {
            assert_eq!(text(json).unwrap(), expected, "{json}");
        }
    }
}
