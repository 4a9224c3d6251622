//! Which Event Grid subjects are handled.
//!
//! ACS writes `/phonenumber/1555…` where its documentation's filter example says `phonenumber/1555`, so one leading
//! slash, ASCII case and a `+` in front of digits make no difference here. What an event is about is decided in `event`.
//! <https://learn.microsoft.com/azure/event-grid/event-schema-communication-services>

/// The subject prefixes of the setting `SUBJECT_PREFIXES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFilter {
    prefixes: Vec<String>,
}

impl SubjectFilter {
    /// Reads a comma-separated list; `None` when it names no prefix at all.
    pub fn parse(list: &str) -> Option<Self> {
        let prefixes = list.split(',').map(|prefix| normalized(prefix.trim()).collect::<String>());
        let prefixes: Vec<_> = prefixes.filter(|prefix| !prefix.is_empty()).collect();
        (!prefixes.is_empty()).then_some(Self { prefixes })
    }

    /// Whether the subject starts with one of the prefixes.
    pub fn accepts(&self, subject: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let mut subject = normalized(subject);
            prefix.chars().all(|character| subject.next() == Some(character))
        })
    }

    /// How the accepted ones begin among the subjects that begin with `start`: none if none of these is accepted.
    pub fn starts_within(&self, start: &str) -> Vec<String> {
        let plain: String = normalized(start).collect();
        let within = self.prefixes.iter().filter_map(|prefix| match prefix.strip_prefix(&plain) {
            Some(rest) => Some(format!("{start}{rest}")),
            None => plain.starts_with(prefix.as_str()).then(|| start.to_owned()),
        });
        within.collect()
    }
}

/// Without one leading slash, in lower case, and without each `+` that stands before a digit or at the end (where a
/// prefix was cut in front of the digits).
fn normalized(subject: &str) -> impl Iterator<Item = char> {
    let subject = subject.strip_prefix('/').unwrap_or(subject);
    let is_dropped =
        |at: usize, character| character == '+' && subject.as_bytes().get(at + 1).is_none_or(u8::is_ascii_digit);
    let kept = subject.char_indices().filter(move |(at, character)| !is_dropped(*at, *character));
    kept.map(|(_, character)| character.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What makes no difference replaced or removed, step by step.
    fn plainly_normalized(subject: &str) -> String {
        let mut text = subject.strip_prefix('/').unwrap_or(subject).to_ascii_lowercase();
        for digit in '0'..='9' {
            text = text.replace(&format!("+{digit}"), &digit.to_string());
        }
        text.strip_suffix('+').map(str::to_owned).unwrap_or(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_subject_is_accepted_when_it_starts_with_a_prefix_in_the_same_form(
            prefix in "[/+1aAÉ]{1,3}",
            subject in "[/+1aAÉ]{0,6}",
        ) {
            let expected = plainly_normalized(&subject).starts_with(&plainly_normalized(&prefix));
            let accepts = SubjectFilter::parse(&prefix).map(|filter| filter.accepts(&subject));
            prop_assert_eq!(accepts, (!plainly_normalized(&prefix).is_empty()).then_some(expected));
        }
    }

    #[test]
    fn slash_case_and_plus_make_no_difference_on_either_side() {
        for prefix in ["phonenumber/1555", "/phonenumber/1555", "PhoneNumber/+1555", " /phonenumber/+1555 "] {
            let filter = SubjectFilter::parse(prefix).unwrap();
            for subject in ["phonenumber/15550000", "/phonenumber/15550000", "/PHONENUMBER/+15550000"] {
                assert!(filter.accepts(subject), "{prefix} should accept {subject}");
            }
            for subject in ["phonenumber/1666", "//phonenumber/15550000", "thread/phonenumber/1555", ""] {
                assert!(!filter.accepts(subject), "{prefix} should not accept {subject}");
            }
        }
    }

    #[test]
    fn a_prefix_cut_after_its_plus_still_matches() {
        assert!(SubjectFilter::parse("phonenumber/+").unwrap().accepts("/phonenumber/15550000"));
    }

    #[test]
    fn any_of_several_prefixes_is_enough() {
        let filter = SubjectFilter::parse("phonenumber/,,thread/").unwrap();
        assert!(filter.accepts("thread/19:x@thread.v2/sender/8:acs:a/recipient/8:acs:b"));
        assert!(!filter.accepts("caller/8:acs:a/recipient/8:acs:b"));
    }

    #[test]
    fn it_tells_how_the_accepted_subjects_begin_among_others() {
        let filter = SubjectFilter::parse("phonenumber/+1555,Phone,thread/").unwrap();
        assert_eq!(filter.starts_within("/phonenumber/"), ["/phonenumber/1555", "/phonenumber/"]);
        assert_eq!(filter.starts_within("/caller/"), [""; 0]);
    }

    #[test]
    fn a_list_without_a_prefix_is_none() {
        assert_eq!(SubjectFilter::parse(" , / "), None);
    }
}
