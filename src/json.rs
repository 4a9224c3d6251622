//! Writes JSON objects whose shape the code knows, byte for byte as `serde_json` would. Whose JSON it is does not belong here.
//!
//! Every event's payloads and log line are written here, so texts are looked through eight bytes at a time and copied in
//! runs. A log line travels as JSON in a string of JSON: an object can be written into a string at once.

use crate::fields::from_special;

/// An object that is being written. Its names need no escapes.
pub struct Object<'a> {
    json: &'a mut Vec<u8>,
    /// Whether it stands in a string, where its own quotation marks and backslashes need escapes.
    is_in_text: bool,
}

/// Punctuation with quotation marks: for an object, and for one in a string.
type Mark = [&'static str; 2];

const BEFORE: Mark = ["\"", r#"\""#];
const BEHIND_NAME: Mark = [r#"":"#, r#"\":"#];
const FROM_NAME_TO_TEXT: Mark = [r#"":""#, r#"\":\""#];
const BEHIND_TEXT: Mark = [r#"","#, r#"\","#];

/// The JSON of an object, whose members `write` writes. Up to `usual` bytes it need not grow.
pub fn object(usual: usize, write: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut json = Vec::with_capacity(usual);
    Object { json: &mut json, is_in_text: false }.braced(write);
    json
}

/// Appends a string that holds the JSON of such an object.
pub fn append_object_in_text(json: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    json.push(b'"');
    Object { json, is_in_text: true }.braced(write);
    json.push(b'"');
}

/// How many bytes `text` takes between its quotation marks.
pub fn escaped_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

impl Object<'_> {
    /// A text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.mark(FROM_NAME_TO_TEXT);
        self.characters(text);
        self.mark(BEHIND_TEXT);
    }

    /// A text, if there is one.
    pub fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A text, or `null`.
    pub fn text_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => {
                self.name(name);
                self.mark(BEHIND_NAME);
                self.json.extend_from_slice(b"null,");
            }
        }
    }

    /// An array of texts, if there are any.
    pub fn texts(&mut self, name: &str, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        self.name(name);
        self.mark(BEHIND_NAME);
        self.json.push(b'[');
        for text in texts {
            self.mark(BEFORE);
            self.characters(text);
            self.mark(BEHIND_TEXT);
        }
        self.close(b']');
        self.json.push(b',');
    }

    /// A number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.mark(BEHIND_NAME);
        self.digits(number);
        self.json.push(b',');
    }

    /// A number as a text, with its unit behind it.
    pub fn number_text(&mut self, name: &str, number: u64, unit: &'static str) {
        self.name(name);
        self.mark(FROM_NAME_TO_TEXT);
        self.digits(number);
        self.json.extend_from_slice(unit.as_bytes());
        self.mark(BEHIND_TEXT);
    }

    /// An object, whose members `write` writes.
    pub fn object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        self.mark(BEHIND_NAME);
        self.braced(write);
        self.json.push(b',');
    }

    fn braced(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        self.json.push(b'{');
        write(self);
        self.close(b'}');
    }

    /// Puts a bracket where the comma behind the last value stands.
    fn close(&mut self, bracket: u8) {
        match self.json.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.json.push(bracket),
        }
    }

    /// A name, but for the quotation mark behind it.
    fn name(&mut self, name: &str) {
        debug_assert!(from_special(name.as_bytes()).is_empty(), "{name:?} needs escapes");
        self.mark(BEFORE);
        self.json.extend_from_slice(name.as_bytes());
    }

    #[inline]
    fn mark(&mut self, [plain, in_text]: Mark) {
        // Two calls, each with a text of a known length.
        if self.is_in_text {
            self.json.extend_from_slice(in_text.as_bytes());
        } else {
            self.json.extend_from_slice(plain.as_bytes());
        }
    }

    fn characters(&mut self, text: &str) {
        let mut left = text.as_bytes();
        loop {
            let special = from_special(left);
            self.json.extend_from_slice(&left[..left.len() - special.len()]);
            let [first, rest @ ..] = special else { break };
            self.escaped(*first);
            left = rest;
        }
    }

    /// A character that may not stand in a text as it is. Few texts have any, so it stands apart.
    #[inline(never)]
    fn escaped(&mut self, character: u8) {
        let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
        let by_number = [b'\\', b'u', b'0', b'0', hex(character >> 4), hex(character & 0xf)];
        let escape: &[u8] = match character {
            b'"' => br#"\""#,
            b'\\' => br"\\",
            b'\n' => br"\n",
            b'\r' => br"\r",
            b'\t' => br"\t",
            0x08 => br"\b",
            0x0c => br"\f",
            _ => &by_number,
        };
        for byte in escape {
            if self.is_in_text && matches!(byte, b'"' | b'\\') {
                self.json.push(b'\\');
            }
            self.json.push(*byte);
        }
    }

    fn digits(&mut self, number: u64) {
        if number >= 10 {
            self.digits(number / 10);
        }
        self.json.push(b'0' + (number % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Texts with something to escape at any place, beside characters of any length.
    fn texts() -> impl Strategy<Value = String> {
        let special = prop_oneof![Just('"'), Just('\\'), proptest::char::range('\0', '\u{1f}')];
        let pieces =
            prop_oneof![2 => "[ -~é안👍\u{7f}]{0,12}", 1 => special.prop_map(String::from), 1 => any::<String>()];
        proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_object_is_what_serde_json_makes_of_it_also_in_a_string(
            text in texts(),
            array in proptest::collection::vec(texts(), 1..4),
            number: u64,
        ) {
            // By name, as it is there.
            let same = json!({
                "array": array, "inner": {"empty": {}, "text": text}, "none": null, "number": number, "small": 7, "some": text,
                "text": text, "unit": format!("{number}s"),
            });
            let write = |object: &mut Object<'_>| {
                object.texts("absent", &[]);
                object.optional_text("absent", None);
                object.texts("array", &array);
                object.object("inner", |inner| {
                    inner.object("empty", |_| ());
                    inner.optional_text("text", Some(&text));
                });
                object.text_or_null("none", None);
                object.number("number", number);
                object.number("small", 7);
                object.text_or_null("some", Some(&text));
                object.text("text", &text);
                object.number_text("unit", number, "s");
            };
            let written = String::from_utf8(object(0, write)).unwrap();
            prop_assert_eq!(&written, &same.to_string());
            let mut in_text = Vec::new();
            append_object_in_text(&mut in_text, write);
            prop_assert_eq!(String::from_utf8(in_text).unwrap(), json!(written).to_string());
        }
    }

    #[test]
    fn every_character_below_the_space_is_escaped_like_serde_json_does() {
        let all: String = (0..=0x80).map(char::from).collect();
        let written = object(0, |object| object.text("all", &all));
        assert_eq!(written, serde_json::to_vec(&json!({ "all": all })).unwrap());
        assert_eq!(written.len(), r#"{"all":""}"#.len() + escaped_len(&all));
    }
}
