//! HTML chat messages.

use std::time::{Duration, Instant};

use crate::events::html::{HtmlMessage, read};

/// How long a message is made for which the time is measured.
const LONG: usize = 32 * 1024;

/// Some hundred times what it takes.
const LONGEST: Duration = Duration::from_secs(5);

/// As HTML, as a plain text, and repeated.
pub fn check(data: &[u8]) {
    let Ok(html) = str::from_utf8(data) else { return };
    let HtmlMessage { text, attachments, .. } = read(html);
    assert!(text.len() <= 8 * html.len(), "{} bytes of {}", text.len(), html.len());
    assert!(attachments.len() <= 100);
    assert_eq!(text, text.split_whitespace().collect::<Vec<_>>().join(" "), "single spaces between words");
    // Nothing but an entity, the value of an attribute, a field's content, or what is left out behind another `<` can put it
    // before a letter.
    let lower = html.to_ascii_lowercase();
    if !["&", "=", "<textarea", "<<", "\0"].iter().any(|other| lower.contains(other)) {
        let after = text.split('<').skip(1);
        assert_eq!(after.filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())).count(), 0, "{text:?}");
    }
    assert_plain(html);
    // One of 16: it takes longer than all the rest.
    if !html.is_empty() && html.len().is_multiple_of(16) {
        let long = html.repeat(LONG / html.len());
        let began = Instant::now();
        read(&long);
        assert!(began.elapsed() < LONGEST, "{} bytes took {:?}", long.len(), began.elapsed());
    }
}

/// A text without markup says the same words.
fn assert_plain(text: &str) {
    if text.contains(['\0', '\u{feff}', '\r', '•']) {
        return;
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(read(&escaped).text, words.join(" "));
}
