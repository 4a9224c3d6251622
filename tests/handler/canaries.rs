//! Canaries: values that were planted, such as handles, numbers and texts, and a search for them in what a program wrote, in
//! whatever form they may have got there. The handler's tests and the chaos run share it.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Values that must be in nothing that is written.
#[derive(Debug, Default, Clone)]
pub struct Canaries {
    planted: BTreeSet<String>,
    /// Ids and types of events, which stand in their lines whatever somebody made them of.
    told: BTreeSet<String>,
}

/// Canaries in all their forms, ready for many searches.
#[derive(Debug)]
pub struct Net {
    automaton: AhoCorasick,
    forms: Vec<Form>,
}

#[derive(Debug, Clone, Copy)]
struct Form {
    name: &'static str,
    bound: Bound,
}

/// Where a form counts: a short one only where chance makes it improbable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Anywhere,
    /// No letter or digit stands before or after it.
    Word,
    /// Nor a colon: it would be part of a longer time.
    TimeOfDay,
    /// No letter or digit stands before it, and it is no part of a GUID: of a million of those some begin like a hash.
    Beginning,
}

/// Shorter values are words of any line.
const SHORTEST: usize = 5;
/// Shorter values count as words only.
const SHORTEST_ANYWHERE: usize = 10;
/// The first digits of a hash that are looked for.
const HASH_DIGITS: usize = 8;
/// The same of base64, whose characters hold more.
const HASH_CHARACTERS: usize = 12;

/// Members of an installation that are words of its language, and no values of its user.
const WORDS_OF_INSTALLATIONS: [&str; 8] =
    ["installationId", "platform", "app", "os", "locale", "content", "android", "days"];
/// The same of an event's data, with what may stand in a line: ids of messages and calls, and times.
const WORDS_OF_EVENTS: [&str; 11] = [
    "kind",
    "type",
    "cloud",
    "role",
    "deliveryStatus",
    "messageId",
    "correlationId",
    "transactionId",
    "metadataVersion",
    "reason",
    "status",
];

impl Canaries {
    /// A value, and those parts of it that would tell as much.
    pub fn plant(&mut self, value: &str) {
        // The user of a raw id, and a number without its sign.
        let user = value.rsplit_once('_').map(|(_, user)| user).filter(|user| user.len() >= 12);
        let number = value.strip_prefix("4:").unwrap_or(value).strip_prefix('+');
        let (head, tail) = (value.get(..16), value.len().checked_sub(16).and_then(|start| value.get(start..)));
        // Of a handle; of a text its first words.
        let parts = [head, tail]
            .into_iter()
            .flatten()
            .filter(|part| value.len() >= 32 && part.chars().collect::<BTreeSet<_>>().len() >= 6);
        self.planted.extend(
            [Some(value), user, number].into_iter().flatten().filter(|part| is_telling(part)).map(str::to_owned),
        );
        self.planted.extend(parts.map(str::to_owned));
    }

    /// Whatever an installation says of its user.
    pub fn plant_installation(&mut self, installation: &Value) {
        self.plant_all(installation, &WORDS_OF_INSTALLATIONS);
    }

    /// Whatever an event says of people; an array of events is taken as well, and the text of either.
    pub fn plant_event(&mut self, event: &Value) {
        match event {
            Value::Array(events) => events.iter().for_each(|event| self.plant_event(event)),
            Value::Object(event) => {
                let told = ["id", "eventType", "type"].iter().filter_map(|name| event.get(*name)?.as_str());
                self.told.extend(told.map(str::to_owned));
                event.get("data").into_iter().for_each(|data| self.plant_all(data, &WORDS_OF_EVENTS));
            }
            // An event as text; or none, and somebody's.
            Value::String(text) => match serde_json::from_str(text) {
                Ok(event @ (Value::Array(_) | Value::Object(_))) => self.plant_event(&event),
                Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => self.plant(text),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The keys among settings, and whatever stands where one belongs.
    pub fn plant_settings(&mut self, settings: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) {
        for (name, value) in settings {
            let (name, value) = (name.as_ref().to_ascii_uppercase(), value.as_ref());
            if name.ends_with("_KEY") {
                value.split(',').for_each(|key| self.plant(key.trim()));
            }
            let is_secret = name.ends_with("CONNECTION_STRING") || name == "AZUREWEBJOBSSTORAGE";
            // Two values that errors name, as what would be right.
            if is_secret && !value.contains('…') && value != "UseDevelopmentStorage=true" {
                // Whole: parts of it are in every connection string.
                self.planted.extend(Some(value.trim()).filter(|value| is_telling(value)).map(str::to_owned));
            }
            self.plant_keys(value);
        }
    }

    /// The keys and signatures within a text.
    pub fn plant_keys(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        for (mark, ends) in [("key=", &[';', '"', '\''][..]), ("sig=", &[';', '"', '\'', '&'])] {
            for (at, _) in lower.match_indices(mark) {
                let key = text.get(at + mark.len()..).and_then(|rest| rest.split(ends).next());
                self.plant(key.unwrap_or_default().trim());
            }
        }
    }

    /// The device handles of an installation.
    pub fn plant_handles(&mut self, installation: &Value) {
        let handles = ["pushChannel", "voipPushChannel"].iter().filter_map(|name| installation.get(*name)?.as_str());
        handles.for_each(|handle| self.plant(handle));
    }

    fn plant_all(&mut self, value: &Value, words: &[&str]) {
        match value {
            // The clock shows such times, too.
            Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok_and(is_near) => {}
            Value::String(text) => {
                self.plant(text);
                // JSON within a text, such as the files of a message.
                if let Ok(inner @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str(text) {
                    self.plant_all(&inner, words);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.plant_all(value, words)),
            Value::Object(members) => {
                let is_word = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
                members.iter().filter(|(name, _)| !is_word(name)).for_each(|(_, value)| self.plant_all(value, words));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.planted.len()
    }

    /// All forms of all values.
    pub fn net(&self) -> Net {
        let is_told = |value: &&String| self.told.iter().any(|told| told.contains(value.as_str()));
        let planted = self.planted.iter().filter(|value| !is_told(value));
        let mut forms: Vec<(String, Form)> = planted.flat_map(|value| forms(value)).collect();
        forms.retain(|(pattern, _)| !pattern.is_empty());
        let patterns = forms.iter().map(|(pattern, _)| pattern);
        let automaton =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(patterns);
        let automaton = automaton.unwrap_or_else(|error| panic!("{error}"));
        Net { automaton, forms: forms.iter().map(|(_, form)| *form).collect() }
    }
}

impl Net {
    /// The first form of a canary in a text, with the line that holds it.
    pub fn caught(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let found = self.automaton.find_overlapping_iter(bytes).find(|found| {
            let before = found.start().checked_sub(1).and_then(|before| bytes.get(before));
            match self.forms[found.pattern().as_usize()].bound {
                Bound::Anywhere => true,
                Bound::Beginning => !is_part(before) && !is_in_guid(bytes, found.start()),
                Bound::TimeOfDay => {
                    let is_part = |byte: Option<&u8>| is_part(byte) || byte == Some(&b':');
                    !is_part(before) && !is_part(bytes.get(found.end()))
                }
                Bound::Word => !is_part(before) && !is_part(bytes.get(found.end())),
            }
        })?;
        let begin = bytes[..found.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end =
            bytes[found.end()..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| found.end() + at);
        let [value, line] = [found.range(), begin..end].map(|range| String::from_utf8_lossy(&bytes[range]));
        Some(format!("{value} ({}) in: {line}", self.forms[found.pattern().as_usize()].name))
    }
}

/// Whether it is more than any word.
fn is_telling(value: &str) -> bool {
    value.len() >= SHORTEST && value.chars().collect::<BTreeSet<_>>().len() >= 3
}

/// The forms in which a value may get into a line.
fn forms(value: &str) -> Vec<(String, Form)> {
    let length = value.len();
    let bound = match length {
        SHORTEST_ANYWHERE.. => Bound::Anywhere,
        _ if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') => Bound::TimeOfDay,
        _ => Bound::Word,
    };
    let mut forms = vec![(value.to_owned(), Form { name: "plain", bound })];
    let mut add = |pattern: String, name, bound| forms.push((pattern, Form { name, bound }));
    let json =
        |text: &str| serde_json::to_string(text).map(|json| json[1..json.len() - 1].to_owned()).unwrap_or_default();
    let ascii: String = value
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let escaped = [
        (json(value), "JSON-escaped"),
        (json(&json(value)), "JSON-escaped twice"),
        (json(value).replace('/', "\\/"), "JSON-escaped"),
        (ascii, "JSON-escaped"),
        (value.escape_debug().to_string(), "escaped for Debug"),
        (urlencoding::encode(value).into_owned(), "URL-encoded"),
        (value.replace(' ', "+"), "URL-encoded"),
    ];
    for (pattern, name) in escaped.into_iter().filter(|(pattern, _)| pattern != value) {
        add(pattern, name, bound);
    }
    if length >= SHORTEST {
        add(hex(value.as_bytes()), "in hexadecimal digits", Bound::Anywhere);
        (0..3).flat_map(|shift| base64(value.as_bytes(), shift)).for_each(|pattern| {
            let bound = if pattern.len() < SHORTEST_ANYWHERE { Bound::Word } else { Bound::Anywhere };
            add(pattern, "base64", bound);
        });
    }
    for text in BTreeSet::from([value.to_owned(), value.to_ascii_lowercase(), format!("+{value}")]) {
        let hash = Sha256::digest(&text);
        add(hex(&hash)[..HASH_DIGITS].to_owned(), "SHA-256, its first digits", Bound::Beginning);
        add(hex(&hash)[..2 * HASH_DIGITS].to_owned(), "SHA-256", Bound::Anywhere);
        add(guid(&hex(&hash)), "SHA-256 as a GUID", Bound::Anywhere);
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            add(engine.encode(hash)[..HASH_CHARACTERS].to_owned(), "SHA-256 in base64", Bound::Anywhere);
        }
    }
    forms
}

/// Whether a time is over, or less than a day away.
fn is_near(time: chrono::DateTime<chrono::FixedOffset>) -> bool {
    time < chrono::Utc::now() + chrono::TimeDelta::days(1)
}

/// The first digits of a hash in the groups of a GUID.
fn guid(digits: &str) -> String {
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]).join("-")
}

/// Whether the first or the last group of a GUID begins there.
fn is_in_guid(text: &[u8], at: usize) -> bool {
    let is_guid = |text: &[u8]| {
        text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    [Some(at), at.checked_sub(24)].into_iter().flatten().any(|at| text.get(at..at + 36).is_some_and(is_guid))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What of a value's base64 is the same whatever surrounds it, when `shift` bytes stand before it in its group of three.
fn base64(value: &[u8], shift: usize) -> Vec<String> {
    let shifted = [vec![0; shift], value.to_vec()].concat();
    let (first, last) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
    let part = |encoded: String| encoded.get(first..last).map(str::to_owned).filter(|part| part.len() >= 8);
    let engines = [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD].map(|engine| engine.encode(&shifted));
    BTreeSet::from(engines).into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_form_and_nothing_where_there_is_none() {
        let mut canaries = Canaries::default();
        let value = "Grüße / \"an\" 15551234567?>";
        canaries.plant(value);
        canaries.plant("Alice");
        let net = canaries.net();
        let hash = Sha256::digest(value);
        let inner = BASE64_STANDARD_NO_PAD.encode(format!("x{value}y"));
        for leak in [
            format!("text={value}."),
            format!("{value:?}"),
            serde_json::json!({ "text": value }).to_string(),
            serde_json::json!([serde_json::json!({ "text": value }).to_string()]).to_string(),
            format!("?q={}", urlencoding::encode(value)),
            BASE64_STANDARD_NO_PAD.encode(value),
            BASE64_URL_SAFE_NO_PAD.encode(value),
            inner,
            format!("key={}", hex(&hash)),
            format!("key {}", &hex(&hash)[..8]),
            format!("key {}", &hex(&hash)[..12].to_uppercase()),
            BASE64_STANDARD_NO_PAD.encode(hash),
            BASE64_URL_SAFE_NO_PAD.encode(hash)[..16].to_owned(),
            hex(value.as_bytes()),
            guid(&hex(&hash)),
            "from Alice".to_owned(),
            format!("{:?}", &hex(&Sha256::digest("Alice"))[..16]),
        ] {
            assert!(net.caught(&format!("one line\n{leak}\nanother")).is_some(), "{leak}");
        }
        for line in ["malices", "the hub answered 404", "", "Gruesse an 1555", &"0".repeat(64)] {
            assert_eq!(net.caught(line), None);
        }
        // Two ids that begin by chance as a hash does.
        let digits = &hex(&hash)[..HASH_DIGITS];
        for id in [format!("{digits}-0000-4000-8000-000000000000"), format!("00000000-0000-4000-8000-{digits}0000")] {
            assert_eq!(net.caught(&id), None);
        }
    }

    #[test]
    fn what_installations_events_and_settings_say_of_people_is_planted() {
        let mut canaries = Canaries::default();
        canaries.plant_installation(&serde_json::json!({
            "userId": "8:acs:user-one", "platform": "fcmv1", "pushChannel": "handle-one", "phoneNumbers": ["+15550000001"],
            "quietHours": {"timeZone": "Pacific/Chatham", "windows": [{"days": ["mon"], "from": "21:43", "to": "06:58"}]},
            "snoozeUntil": "2099-08-07T06:05:04Z", "mutedThreads": [{"id": "19:muted", "until": "2098-01-01T00:00:00Z"}],
        }));
        canaries.plant_event(&serde_json::json!([{"id": "e1", "data": {
            "messageBody": "a text", "incomingCallContext": "a.context", "from": {"kind": "communicationUser", "rawId": "8:acs:a"},
            "metadata": {"fileSharingMetadata": "[{\"name\":\"diagnosis.pdf\"}]"}, "messageId": "message-one",
        }}]));
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        canaries.plant_settings([
            setting("HUB", "Endpoint=sb://n/;sharedaccesskey=hub-key;EntityPath=hub"),
            setting("ADMIN_KEY", "first-key, other-key"),
            setting("AzureWebJobsStorage", "a-key-that-stands-alone"),
            setting("STORE", "https://a.blob.core.windows.net/?sv=2021&sig=signature%3D&sp=rl"),
        ]);
        assert_eq!(canaries.len(), 20);
        let net = canaries.net();
        for told in [
            "8:acs:user-one",
            "handle-one",
            "15550000001",
            "Pacific/Chatham",
            "21:43",
            "06:58",
            "2099-08-07T06:05:04Z",
            "19:muted",
            "2098-01-01T00:00:00Z",
            "a text",
            "a.context",
            "8:acs:a",
            "diagnosis.pdf",
            "hub-key",
            "first-key",
            "other-key",
            "a-key-that-stands-alone",
            "signature%3D",
        ] {
            assert!(net.caught(&format!("({told})")).is_some(), "{told}");
        }
        for word in ["fcmv1", "communicationUser", "message-one", "mon", "e1", "sb://n/"] {
            assert_eq!(net.caught(word), None);
        }
    }
}
