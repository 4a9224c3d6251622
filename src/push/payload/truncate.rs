//! Truncates texts so that a payload keeps its limit: the body first, then the title, each at a grapheme border.

use std::borrow::Cow;
use std::io;

use unicode_segmentation::UnicodeSegmentation;

use super::{MAX_PAYLOAD_BYTES, PayloadTooLarge};
use crate::notifications::Wording;
use crate::notifications::bidi::{self, Open};

const ELLIPSIS: &str = "…";

/// The limit of a further data member: all of them together leave room for title and body.
const MAX_DATA_VALUE_BYTES: usize = 256;

/// The same of a name for the app.
const MAX_NAME_BYTES: usize = 128;

/// Renders the wording, shortened as far as needed. `render` has to write each of its texts once, as a JSON string.
pub fn truncate_to_limit(wording: &Wording, render: impl Fn(&Wording) -> Vec<u8>) -> Result<Vec<u8>, PayloadTooLarge> {
    let mut wording = Cow::Borrowed(wording);
    if wording.data.iter().any(|(_, value)| value.is_empty() || escaped_len(value) > MAX_DATA_VALUE_BYTES) {
        let data = &mut wording.to_mut().data;
        data.retain(|(_, value)| !value.is_empty());
        data.iter_mut().for_each(|(_, value)| truncate(value, MAX_DATA_VALUE_BYTES));
    }
    if [&wording.sender, &wording.topic].into_iter().any(|name| escaped_len(name) > MAX_NAME_BYTES) {
        let Wording { sender, topic, .. } = wording.to_mut();
        [sender, topic].into_iter().for_each(|name| truncate(name, MAX_NAME_BYTES));
    }
    let whole = render(&wording);
    if whole.len() <= MAX_PAYLOAD_BYTES {
        return Ok(whole);
    }
    let texts: usize = wording.texts().map(|text| escaped_len(text)).sum();
    let mut left = MAX_PAYLOAD_BYTES.checked_sub(whole.len().saturating_sub(texts)).ok_or(PayloadTooLarge)?;
    // Each may use what those before it left.
    for text in wording.to_mut().texts_mut() {
        truncate(text, left);
        left -= escaped_len(text);
    }
    let truncated = render(&wording);
    if truncated.len() <= MAX_PAYLOAD_BYTES { Ok(truncated) } else { Err(PayloadTooLarge) }
}

/// Truncates `text` so that, as JSON and with an ellipsis if something was removed, it takes at most `limit` bytes. What is open
/// where it is cut is closed. Empty if not even the ellipsis fits.
fn truncate(text: &mut String, limit: usize) {
    if escaped_len(text) <= limit {
        return;
    }
    let Some(limit) = limit.checked_sub(ELLIPSIS.len()) else { return text.clear() };
    let (mut used, mut open) = (0, Open::default());
    let (mut passed, mut end, mut closing) = (0, 0, String::new());
    for grapheme in text.graphemes(true) {
        used += escaped_len(grapheme);
        if used > limit {
            break;
        }
        passed += grapheme.len();
        grapheme.chars().for_each(|character| open.pass(character));
        if used + open.depth() * bidi::CONTROL_BYTES <= limit {
            (end, closing) = (passed, open.closing().collect());
        }
    }
    text.truncate(end);
    text.push_str(ELLIPSIS);
    text.push_str(&closing);
}

/// How many bytes `text` takes as JSON, between its quotation marks.
fn escaped_len(text: &str) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, text).expect("a text always serializes");
    length.0 - 2
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::LocalizableText;

    /// A payload of nothing but the two texts.
    fn truncated(title: &str, body: &str) -> (usize, String, String) {
        let render = |wording: &Wording| {
            let text = |line: &LocalizableText| line.text().unwrap_or_default().to_owned();
            serde_json::to_vec(&[text(&wording.title), text(&wording.body)]).unwrap()
        };
        let line = |text: &str| LocalizableText::Text(text.to_owned());
        let wording = Wording { title: line(title), body: line(body), ..Wording::default() };
        let payload = truncate_to_limit(&wording, render).unwrap();
        let [title, body]: [String; 2] = serde_json::from_slice(&payload).unwrap();
        (payload.len(), title, body)
    }

    #[test]
    fn texts_within_the_limit_are_not_changed() {
        assert_eq!(truncated("t", "b"), (9, "t".to_owned(), "b".to_owned()));
    }

    #[test]
    fn the_body_is_cut_at_a_grapheme_and_the_title_kept() {
        for unit in ["a", "👨‍👩‍👧‍👦", "e\u{301}\u{302}", "안", "\u{5e9}", "\"", "\\", "\0", "\n", "\u{7f}", "🇫🇷"]
        {
            let original = unit.repeat(100_000 / unit.len());
            let (length, title, body) = truncated("title", &original);
            assert!(
                length <= MAX_PAYLOAD_BYTES && length > MAX_PAYLOAD_BYTES - escaped_len(unit) - 3,
                "{unit:?}: {length}"
            );
            assert_eq!(title, "title");
            let shown = body.strip_suffix(ELLIPSIS).unwrap();
            assert!(original.starts_with(shown));
            assert_eq!(shown.len() % unit.len(), 0, "{unit:?} was cut in the middle");
        }
    }

    #[test]
    fn what_is_open_where_a_text_is_cut_is_closed_within_the_limit() {
        for begin in ["\u{2068}\u{202e}", "\u{2068}", "\u{2068}\u{202e}".repeat(300).as_str()] {
            let original = bidi::balanced(format!("{begin}{}", "abc ".repeat(2000)));
            let (length, _, body) = truncated("title", &original);
            assert!(length <= MAX_PAYLOAD_BYTES && length > MAX_PAYLOAD_BYTES - 8, "{length}");
            assert!(body.contains(ELLIPSIS) && body.ends_with('\u{2069}'), "{body:?}");
            assert_eq!(bidi::balanced(body.clone()), body);
        }
        // Nothing but such characters: half of it is what closes the rest.
        let (length, _, body) = truncated("title", &bidi::balanced("\u{202e}".repeat(5000)));
        assert!(length <= MAX_PAYLOAD_BYTES && bidi::balanced(body.clone()) == body, "{length}");
    }

    #[test]
    fn a_member_and_a_name_have_limits_of_their_own_though_all_of_it_would_fit() {
        let shown = |wording: &Wording| {
            let render = |wording: &Wording| {
                let [value, sender, topic] = [&wording.data[0].1, &wording.sender, &wording.topic];
                serde_json::to_vec(&[value, sender, topic]).unwrap()
            };
            let rendered = truncate_to_limit(wording, render).unwrap();
            serde_json::from_slice::<[String; 3]>(&rendered).unwrap()
        };
        let usual = Wording {
            data: vec![("preview".to_owned(), "d".repeat(256))],
            sender: "s".repeat(128),
            topic: "t".repeat(128),
            ..Wording::default()
        };
        let whole = shown(&usual);
        assert_eq!(whole, [usual.data[0].1.clone(), usual.sender.clone(), usual.topic.clone()]);
        let cut = |letter: &str, limit: usize| letter.repeat(limit - ELLIPSIS.len()) + ELLIPSIS;
        let long = |length| vec![("preview".to_owned(), "d".repeat(length))];
        assert_eq!(
            shown(&Wording { data: long(257), ..usual.clone() }).each_ref(),
            [&cut("d", 256), &whole[1], &whole[2]]
        );
        assert_eq!(
            shown(&Wording { sender: "s".repeat(129), ..usual.clone() }).each_ref(),
            [&whole[0], &cut("s", 128), &whole[2]]
        );
        assert_eq!(
            shown(&Wording { topic: "t".repeat(129), ..usual.clone() }).each_ref(),
            [&whole[0], &whole[1], &cut("t", 128)]
        );
    }

    #[test]
    fn a_title_over_the_limit_is_cut_and_the_body_is_empty() {
        let (_, title, body) = truncated(&"t".repeat(5000), "body");
        assert!(title.ends_with(ELLIPSIS) && title.len() > 4000);
        assert_eq!(body, "");
    }

    #[test]
    fn a_fixed_part_over_the_limit_is_an_error() {
        let fixed = vec![b'f'; MAX_PAYLOAD_BYTES + 1];
        assert_eq!(truncate_to_limit(&Wording::default(), |_| fixed.clone()), Err(PayloadTooLarge));
        // Texts that are not written do not count for less.
        let wording = Wording { title: LocalizableText::Text("t".repeat(MAX_PAYLOAD_BYTES)), ..Wording::default() };
        assert_eq!(truncate_to_limit(&wording, |_| fixed.clone()), Err(PayloadTooLarge));
    }
}
