//! The hub's own words for a refusal, without what may come from the event or the device.

use std::collections::BTreeSet;

/// The most that is kept.
const MAX_CHARS: usize = 200;
/// No word of the service's is longer; a device handle is.
const MAX_WORD_BYTES: usize = 20;
const LEFT_OUT: &str = "…";

/// Words of the service's own sentences. They say nothing of a message that also has them.
const COMMON_WORDS: &str = "a an and are be been characters credentials cannot code could device digit does error expired \
    failed for format found from given handle has header hub in invalid is it json length message missing more must no not \
    notification of on one only or payload platform provided push registration request required send service size specified \
    supplied supported tag the this to token too unsupported value was were with";

/// The `Detail` of a response's body. Quotations, numbers, identifiers and words that stand in `payload` are left out.
pub fn detail(body: &str, payload: &[u8]) -> Option<String> {
    let (_, detail) = body.split_once("<Detail>")?;
    let detail = detail.split("</Detail>").next()?.split("TrackingId:").next()?;
    // Of three parts the middle one is quoted.
    let unquoted = detail.split(['"', '\'', '`']).enumerate();
    let parts = unquoted.map(|(index, part)| if index % 2 == 0 { part } else { LEFT_OUT });
    let text: String = parts.collect::<Vec<_>>().join(" ").chars().take(MAX_CHARS).collect();
    let of_payload = words_of(&String::from_utf8_lossy(payload));
    let mut told: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let word = if is_the_services(word, &of_payload) { word } else { LEFT_OUT };
        if word != LEFT_OUT || told.last() != Some(&LEFT_OUT) {
            told.push(word);
        }
    }
    let told = told.join(" ");
    let told = told.trim_end_matches(['.', ' ']);
    told.bytes().any(|byte| byte.is_ascii_alphabetic()).then(|| told.to_owned())
}

fn is_the_services(word: &str, of_payload: &BTreeSet<String>) -> bool {
    if let Some(code) = word.strip_prefix("SubCode=") {
        let digits = code.trim_end_matches('.');
        return digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    }
    let bare = word.trim_matches(|character: char| ".,;:()!?".contains(character));
    let is_word = !bare.is_empty() && bare.len() <= MAX_WORD_BYTES;
    let is_word = is_word && bare.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let bare = bare.to_ascii_lowercase();
    is_word && (COMMON_WORDS.split_whitespace().any(|common| common == bare) || !of_payload.contains(&bare))
}

/// All words of a text, in lower case.
fn words_of(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphabetic() && character != '-');
    words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = br#"{"aps":{"alert":{"title":"Alice","body":"Is the surprise one for more?"}}}"#;

    fn told(text: &str) -> Option<String> {
        let end = "..TrackingId:e409d189-6580-4cea-9087-d1817f32d609_G18,TimeStamp:6/19/2018 11:57:33 AM";
        detail(&format!("<Error><Code>400</Code><Detail>{text}{end}</Detail></Error>"), PAYLOAD)
    }

    #[test]
    fn the_services_own_words_are_kept() {
        for sentence in [
            "One or more characters in device token is not a hexadecimal digit",
            "SubCode=40000. The supplied notification payload is invalid",
        ] {
            assert_eq!(told(sentence).as_deref(), Some(sentence));
        }
        assert_eq!(detail("", PAYLOAD), None);
        assert_eq!(told(""), None);
    }

    #[test]
    fn handles_numbers_quotations_and_words_of_the_payload_are_left_out() {
        for (sentence, expected) in [
            ("Token 00fc13adff785122b4ad28809a342098 is invalid", "Token … is invalid"),
            ("Token fGw0qy4TQfmX8Kp2:APA91bHun is invalid", "Token … is invalid"),
            ("Token abcdefabcdefabcdefabcdef is invalid", "Token … is invalid"),
            ("No number 15551234567 or +1555 here", "No number … or … here"),
            ("Unexpected value 'dinner for two' in alert", "Unexpected value … in …"),
            ("Cannot read: Alice, surprise!", "Cannot read: …"),
            ("User 8:acs:1b5cc06b-f352_0008 é", "User …"),
            ("SubCode=Alice said no", "… said no"),
            ("SubCode=4000é said no", "… said no"),
        ] {
            assert_eq!(told(sentence).as_deref(), Some(expected));
        }
    }
}
