//! Event Grid subjects: which ones are wanted.
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
        let prefixes: Vec<String> =
            list.split(',').map(|prefix| normalized(prefix.trim())).filter(|prefix| !prefix.is_empty()).collect();
        (!prefixes.is_empty()).then_some(Self { prefixes })
    }

    /// Whether the subject starts with one of the prefixes.
    pub fn accepts(&self, subject: &str) -> bool {
        let subject = normalized(subject);
        self.prefixes.iter().any(|prefix| subject.starts_with(prefix))
    }
}

/// Without one leading slash, in lower case, and without each `+` that stands before a digit or at the end (where a
/// prefix was cut in front of the digits).
fn normalized(subject: &str) -> String {
    let subject = subject.strip_prefix('/').unwrap_or(subject);
    let mut rest = subject.chars().peekable();
    let mut text = String::with_capacity(subject.len());
    while let Some(character) = rest.next() {
        if character == '+' && rest.peek().is_none_or(char::is_ascii_digit) {
            continue;
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_list_without_a_prefix_is_none() {
        assert_eq!(SubjectFilter::parse(" , / "), None);
    }
}
