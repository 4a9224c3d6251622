//! Characters that change the direction of what follows them: in a name or a text of somebody else, they end where it ends.
//!
//! As in Signal, a text that has some is isolated from what stands around it, and what it leaves open is closed. Those that
//! close what it did not open are left out: they would end the isolation. <https://www.unicode.org/reports/tr9/>

use std::borrow::Cow;

/// Closes an embedding or an override.
const PDF: char = '\u{202c}';
/// Isolates by the direction of the first letter.
const FSI: char = '\u{2068}';
/// Closes an isolate, and whatever was opened in it.
const PDI: char = '\u{2069}';

/// How many bytes each of them takes.
pub const CONTROL_BYTES: usize = 3;

/// What is open at a place in a text: the characters that close it, the last one first.
#[derive(Debug, Default)]
pub struct Open(Vec<char>);

/// The text, isolated if it has such characters, each of its lines by itself: all that is open ends with the line.
pub fn isolated(text: &str) -> Cow<'_, str> {
    if !has_controls(text) {
        return Cow::Borrowed(text);
    }
    let mut isolated = String::with_capacity(text.len() + 8 * CONTROL_BYTES);
    for line in text.split_inclusive(ends_line) {
        if !has_controls(line) {
            isolated.push_str(line);
            continue;
        }
        let words = line.trim_end_matches(ends_line);
        isolated.push(FSI);
        push_balanced(&mut isolated, words);
        isolated.push(PDI);
        isolated.push_str(&line[words.len()..]);
    }
    Cow::Owned(isolated)
}

/// The text with everything closed that it opens.
pub fn balanced(text: String) -> String {
    if !has_controls(&text) {
        return text;
    }
    let mut balanced = String::with_capacity(text.len() + 8 * CONTROL_BYTES);
    for line in text.split_inclusive(ends_line) {
        let words = line.trim_end_matches(ends_line);
        push_balanced(&mut balanced, words);
        balanced.push_str(&line[words.len()..]);
    }
    balanced
}

fn push_balanced(balanced: &mut String, line: &str) {
    let mut open = Open::default();
    for character in line.chars() {
        open.push_before(character, balanced);
    }
    balanced.extend(open.closing());
}

impl Open {
    /// Adds a character to a text, with what has to be closed before it. One that closes nothing is left out.
    fn push_before(&mut self, character: char, text: &mut String) {
        match character {
            PDF if self.0.last() != Some(&PDF) => {}
            PDI => {
                if let Some(opened) = self.0.iter().rposition(|closing| *closing == PDI) {
                    text.extend(self.0.drain(opened..).rev());
                }
            }
            _ => {
                self.pass(character);
                text.push(character);
            }
        }
    }

    /// Goes on over a character of a balanced text.
    pub fn pass(&mut self, character: char) {
        match character {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => self.0.push(PDF),
            '\u{2066}'..=FSI => self.0.push(PDI),
            PDF | PDI => drop(self.0.pop()),
            _ if ends_line(character) => self.0.clear(),
            _ => {}
        }
    }

    /// What closes all that is open.
    pub fn closing(&self) -> impl Iterator<Item = char> + '_ {
        self.0.iter().rev().copied()
    }

    /// How many characters that takes.
    pub fn depth(&self) -> usize {
        self.0.len()
    }
}

fn has_controls(text: &str) -> bool {
    !text.is_ascii() && text.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..=PDI))
}

/// What Unicode calls a paragraph separator, class B.
fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a line closes all that it opens, in order, and nothing else.
    fn is_balanced(line: &str) -> bool {
        let mut closing = Vec::new();
        let in_order = line.chars().all(|character| match character {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => {
                closing.push('\u{202c}');
                true
            }
            '\u{2066}' | '\u{2067}' | '\u{2068}' => {
                closing.push('\u{2069}');
                true
            }
            '\u{202c}' | '\u{2069}' => closing.pop() == Some(character),
            _ => true,
        });
        in_order && closing.is_empty()
    }

    fn without_controls(text: &str) -> String {
        text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).collect()
    }

    #[test]
    fn what_is_open_is_closed_and_what_closes_too_much_is_left_out() {
        for (text, expected) in [
            ("Alice", "Alice"),
            ("\u{5d0}\u{5d1}", "\u{5d0}\u{5d1}"),
            ("a\u{202e}b", "\u{2068}a\u{202e}b\u{202c}\u{2069}"),
            ("a\u{2067}\u{202b}b", "\u{2068}a\u{2067}\u{202b}b\u{202c}\u{2069}\u{2069}"),
            // A name that ends the isolation and then turns what follows.
            ("\u{202c}\u{2069}\u{202e}b", "\u{2068}\u{202e}b\u{202c}\u{2069}"),
            ("\u{2066}\u{202a}a\u{2069}b", "\u{2068}\u{2066}\u{202a}a\u{202c}\u{2069}b\u{2069}"),
            ("\u{202a}15551234567\u{202c}", "\u{2068}\u{202a}15551234567\u{202c}\u{2069}"),
            // A line's end ends all that is open.
            (
                "\u{2066}a\n\u{202e}b\u{2069}\r\nc",
                "\u{2068}\u{2066}a\u{2069}\u{2069}\n\u{2068}\u{202e}b\u{202c}\u{2069}\r\nc",
            ),
        ] {
            assert_eq!(isolated(text), expected, "{text:?}");
        }
        assert_eq!(balanced("x\u{202e}b\u{2069}".to_owned()), "x\u{202e}b\u{202c}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_a_text_holds_it_ends_as_it_began(text in "[a\u{5d0}\n\u{85}\u{202a}-\u{202e}\u{2066}-\u{2069}]{0,20}") {
            for changed in [isolated(&text).into_owned(), balanced(text.clone())] {
                prop_assert!(changed.split(ends_line).all(is_balanced), "{text:?}: {changed:?}");
                prop_assert_eq!(without_controls(&changed), without_controls(&text));
                prop_assert_eq!(balanced(changed.clone()), changed.clone());
            }
        }
    }
}
