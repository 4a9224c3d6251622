//! The scanner beside `serde_json`, over documents that are nearly right.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;

/// The members of an object as `serde_json` finds them.
#[derive(Debug, PartialEq)]
struct Expected(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Expected;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expected, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Expected(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn members(document: &str) -> Option<Members<'_>> {
    object_at(document, &[], None).map(|object| object.members)
}

fn is_value(document: &str) -> bool {
    let mut scanner = Scanner { document, at: 0, closing: Vec::new() };
    scanner.value().is_some() && scanner.token().is_none()
}

/// Whether both say the same of a document.
fn compare(document: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(is_value(document), serde_json::from_str::<&RawValue>(document).is_ok());
    let found = members(document);
    let owned = |members: &Members<'_>| {
        members.iter().map(|(name, value)| (name.clone().into_owned(), value.get().to_owned())).collect()
    };
    prop_assert_eq!(found.as_ref().map(owned).map(Expected), serde_json::from_str(document).ok());
    for (_, value) in found.iter().flatten() {
        prop_assert_eq!(value.text().map(Cow::into_owned), serde_json::from_str::<String>(value.get()).ok());
    }
    Ok(())
}

/// Documents with something of everything, spaces included.
fn documents() -> impl Strategy<Value = String> {
    let words = select(&["null", "true", "false", "0", "-0", "17", "-1.50", "2e7", "10.25E+3", "1e-9"][..]);
    let strings =
        select(&[r#""""#, r#""text""#, r#""a\"\\\/\b\f\n\r\tz""#, r#""\u00e9\uD83D\ude00""#, r#""\ud800""#][..]);
    let long = "[a-z안é👍 ]{0,40}".prop_map(|text| format!("\"{text}\""));
    let spaces = || select(&["", "", "", " ", "\n\t\r "][..]);
    let leaves = prop_oneof![words.prop_map(str::to_owned), strings.clone().prop_map(str::to_owned), long];
    let values = leaves.prop_recursive(5, 48, 6, move |values| {
        let names = prop_oneof![4 => select(&[r#""id""#, r#""data""#][..]), 1 => strings.clone()];
        let member = (spaces(), names, spaces(), values.clone());
        let member = member.prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
        let element = (spaces(), values, spaces()).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        prop_oneof![
            2 => proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => proptest::collection::vec(element, 0..6).prop_map(|elements| format!("[{}]", elements.join(","))),
        ]
    });
    (spaces(), values, spaces()).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
}

/// Where to change a document, how many characters to leave out there, and what to put in.
fn changes() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    let characters: Vec<char> = "{}[]\",:\\/ue0123456789.-+E abfntrls\n\t\r\0\u{1f}\u{7f}é안👍".chars().collect();
    let put_in = proptest::collection::vec(select(characters), 0..3).prop_map(String::from_iter);
    proptest::collection::vec((any::<Index>(), 0..3_usize, put_in), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_serde_json_accepts_is_accepted_and_found_alike(document in documents(), changes in changes()) {
        let mut characters: Vec<char> = document.chars().collect();
        for (place, left_out, put_in) in changes {
            let start = place.index(characters.len() + 1);
            let end = (start + left_out).min(characters.len());
            characters.splice(start..end, put_in.chars());
        }
        compare(&String::from_iter(characters))?;
    }

    #[test]
    fn bytes_without_sense_are_judged_alike(document in r#"[{}\[\]",:\\ue019.\-+ntrfals \n]{0,12}"#) {
        compare(&document)?;
    }

    #[test]
    fn the_end_of_a_string_is_found_wherever_it_stands(
        before in "[ -~é안\u{80}-\u{ff}]{0,20}",
        special in select(&["\"", "\\", "\0", "\u{1f}", " ", "!", "#", "\u{7f}", "[", "]"][..]),
        after in "[ -~é안\"]{0,20}",
    ) {
        compare(&format!("\"{before}{special}{after}"))?;
        compare(&format!("{{\"{before}\":\"{special}{after}\"}}"))?;
    }
}

#[test]
fn values_of_any_depth_are_passed() {
    const DEPTH: usize = 200_000;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let inside = if open == "[" { "" } else { "1" };
        let deep = format!("{}{inside}{}", open.repeat(DEPTH), close.repeat(DEPTH));
        let document = format!(r#"{{"unread":{deep},"id":"1"}}"#);
        assert_eq!(members(&document).unwrap()[1].1.get(), r#""1""#);
        assert!(members(&document.replacen(close, "", 1)).is_none());
        assert!(!is_value(&open.repeat(DEPTH)));
    }
}
