//! Cuts texts so that a payload keeps its limit: the body first, then the title, each at a grapheme border.

use unicode_segmentation::UnicodeSegmentation;

use super::{LIMIT, PayloadTooLarge};

const ELLIPSIS: &str = "…";

/// Renders with both texts, shortened as far as needed. `render` has to write each text once, as a JSON string.
pub fn fit(title: &str, body: &str, render: impl Fn(&str, &str) -> String) -> Result<String, PayloadTooLarge> {
    let whole = render(title, body);
    if whole.len() <= LIMIT {
        return Ok(whole);
    }
    let fixed = whole.len() - escaped_len(title) - escaped_len(body);
    let for_both = LIMIT.checked_sub(fixed).ok_or(PayloadTooLarge)?;
    // The title may take all there is; the body takes what is left.
    let title = cut(title, for_both);
    let body = cut(body, for_both - escaped_len(&title));
    let fitted = render(&title, &body);
    if fitted.len() <= LIMIT { Ok(fitted) } else { Err(PayloadTooLarge) }
}

/// The longest beginning of `text` that, as JSON and with an ellipsis when something is missing, takes at most `limit`
/// bytes. Nothing at all where not even the ellipsis fits.
fn cut(text: &str, limit: usize) -> String {
    if escaped_len(text) <= limit {
        return text.to_owned();
    }
    let Some(limit) = limit.checked_sub(ELLIPSIS.len()) else { return String::new() };
    let mut used = 0;
    let mut end = 0;
    for grapheme in text.graphemes(true) {
        used += escaped_len(grapheme);
        if used > limit {
            break;
        }
        end += grapheme.len();
    }
    format!("{}{ELLIPSIS}", &text[..end])
}

/// The bytes that `text` takes inside a JSON string as `serde_json` writes it.
fn escaped_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(title: &str, body: &str) -> String {
        serde_json::to_string(&serde_json::json!({ "title": title, "body": body })).unwrap()
    }

    fn texts(payload: &str) -> (String, String) {
        let value: serde_json::Value = serde_json::from_str(payload).unwrap();
        (value["title"].as_str().unwrap().to_owned(), value["body"].as_str().unwrap().to_owned())
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(texts(&fit("t", "b", render).unwrap()), ("t".to_owned(), "b".to_owned()));
    }

    #[test]
    fn the_body_is_cut_at_a_grapheme_and_the_title_kept() {
        for unit in ["a", "👨‍👩‍👧‍👦", "e\u{301}\u{302}", "안", "\u{5e9}", "\"", "\\", "\0", "\n", "\u{7f}", "🇫🇷"]
        {
            let original = unit.repeat(100_000 / unit.len());
            let fitted = fit("title", &original, render).unwrap();
            let (title, body) = texts(&fitted);
            assert!(
                fitted.len() <= LIMIT && fitted.len() > LIMIT - escaped_len(unit) - 3,
                "{unit:?}: {}",
                fitted.len()
            );
            assert_eq!(title, "title");
            let shown = body.strip_suffix(ELLIPSIS).unwrap();
            assert!(original.starts_with(shown));
            assert_eq!(shown.len() % unit.len(), 0, "{unit:?} was cut in the middle");
        }
    }

    #[test]
    fn a_title_too_long_by_itself_is_cut_after_the_body_is_gone() {
        let (title, body) = texts(&fit(&"t".repeat(5000), "body", render).unwrap());
        assert!(title.ends_with(ELLIPSIS) && title.len() > 4000);
        assert_eq!(body, "");
    }

    #[test]
    fn a_fixed_part_over_the_limit_is_an_error() {
        let fixed = "f".repeat(LIMIT + 1);
        assert_eq!(fit("t", "b", |title, body| format!("{fixed}{title}{body}")), Err(PayloadTooLarge));
    }
}
