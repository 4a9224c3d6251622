//! A hub's response: status and headers, after an empty line the body, and after another line `--payload--` what was sent.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{NOW, assert_one_line};
use crate::notifications::device::Platform;
use crate::push::hub::response::HubResponse;
use crate::push::hub::retry::{MAX_RETRY_AFTER, Retry};

/// What it means, when it is sent again, and what is told of it.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (response, payload) = text.split_once("\n--payload--\n").unwrap_or((&text, ""));
    let (head, body) = response.split_once("\n\n").unwrap_or((response, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse().ok()).and_then(|status| StatusCode::from_u16(status).ok());
    let Some(status) = status else { return };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    let response = HubResponse::from_head(status, &headers, || NOW).with_body(body.as_bytes());
    assert!(response.retry_after.is_none_or(|wait| wait <= MAX_RETRY_AFTER));
    assert!(response.tracking_id.as_deref().is_none_or(is_tracking_id), "{:?}", response.tracking_id);
    for is_batch in [false, true] {
        let error = response.error(is_batch, Platform::Apns);
        assert_eq!(error.is_none(), [200, 201].contains(&status.as_u16()), "{status}");
        let Some(error) = error else { continue };
        assert_one_line(&error.to_string());
        for attempts in 1..=40 {
            let longest = MAX_RETRY_AFTER.max(Duration::from_secs(8));
            assert!(!matches!(error.retry(attempts, 0.999), Retry::After(wait) if wait > longest));
        }
    }
    if let Some(detail) = response.detail(payload.as_bytes()) {
        assert_detail(&detail, payload);
    }
}

/// A GUID, and a suffix such as `_G4`: nothing else is logged for one.
fn is_tracking_id(id: &str) -> bool {
    let (guid, suffix) = id.split_once('_').unwrap_or((id, "G1"));
    let groups: Vec<usize> = guid.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && guid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && (1..=4).contains(&suffix.len())
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Words of a sentence, none of which is a number, an identifier or a longer word of the payload.
fn assert_detail(detail: &str, payload: &str) {
    assert!(detail.chars().count() <= 200, "{detail}");
    let payload = payload.to_ascii_lowercase();
    let is_of_payload = |word: &str| payload.split(|c: char| !c.is_ascii_alphabetic() && c != '-').any(|w| w == word);
    for word in detail.split(' ').filter(|word| *word != "…") {
        if let Some(code) = word.strip_prefix("SubCode=") {
            assert!(code.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{detail}");
            continue;
        }
        let bare = word.trim_matches(|c: char| ".,;:()!?".contains(c)).to_ascii_lowercase();
        assert!(bare.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{word:?} in {detail}");
        // The longest of the service's own words.
        assert!(bare.len() <= "notification".len() || !is_of_payload(&bare), "{word:?} is of the payload");
    }
}
