//! Each check on the seeds of the fuzzer, on the sample events, and on changed ones.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// One change of an input.
#[derive(Debug, Clone)]
enum Edit {
    /// Other bytes at a place.
    Put(Index, Vec<u8>),
    /// Bytes more at a place.
    Insert(Index, Vec<u8>),
    /// Fewer of them.
    Remove(Index, usize),
    /// A piece several times.
    Repeat(Index, usize, usize),
}

/// Pieces that mean something to one reader or another.
const PIECES: [&str; 24] = [
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "1e999",
    "<",
    "</p>",
    "&lt;",
    ";",
    "=",
    "\n",
    "\r\n",
    "\0",
    "\u{202e}",
    "é",
    "👨‍👩‍👧‍👦",
    "{{ text }}",
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let piece = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    let edit = prop_oneof![
        (any::<Index>(), piece.clone()).prop_map(|(at, bytes)| Edit::Put(at, bytes)),
        (any::<Index>(), piece).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1..40_usize, 1..200_usize).prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
    ];
    prop::collection::vec(edit, 1..6)
}

fn edited(seed: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for edit in edits {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let end = |at: usize, length: usize| (at + length).min(bytes.len());
        match edit {
            Edit::Put(at, piece) => {
                let at = place(at);
                bytes.splice(at..end(at, piece.len()), piece.iter().copied());
            }
            Edit::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.iter().copied());
            }
            Edit::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..end(at, *length));
            }
            Edit::Repeat(at, length, times) => {
                let at = place(at);
                let piece = bytes[at..end(at, *length)].repeat(*times);
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect()
}

/// The seeds of a target, of which each holds, and as many changed ones.
fn holds(target: &str, cases: u32, with_events: bool) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = files(root.join("fuzz/seeds").join(target));
    if with_events {
        paths.extend(files(root.join("tests/events")));
    }
    assert!(paths.len() >= 2);
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    seeds.iter().for_each(|seed| check(seed));
    let strategy = (any::<Index>(), edits());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&strategy, |(seed, edits)| {
            check(&edited(&seeds[seed.index(seeds.len())], &edits));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{target}: {failure}"));
}

#[test]
fn a_connection_string_gives_an_address_and_a_key_or_an_error_without_them() {
    holds("connection_strings", 300, false);
}

#[test]
fn a_hubs_feedback_gives_the_handles_that_stand_in_it_in_whatever_pieces_it_comes() {
    holds("feedback", 200, false);
}

#[test]
fn html_gives_words_without_tags() {
    holds("html", 1000, false);
}

#[test]
fn a_response_of_a_hub_gives_one_decision_and_no_word_of_the_payload() {
    holds("hub_response", 1000, false);
}

#[test]
fn an_invocation_gives_one_outcome_for_each_event() {
    holds("invocation", 100, true);
}

#[test]
fn a_notifications_file_gives_mistakes_with_their_lines_or_payloads() {
    holds("notifications_file", 200, false);
}

#[test]
fn an_event_gives_payloads_within_the_limit() {
    holds("payloads", 200, true);
}

#[test]
fn a_put_gives_an_installation_that_is_found_or_names_its_faults() {
    holds("put_request", 300, false);
}

#[test]
fn a_document_of_keys_gives_no_key_that_it_does_not_hold() {
    holds("signing_keys", 50, false);
}

#[test]
fn a_token_is_accepted_only_if_it_is_right() {
    holds("token", 100, false);
}

#[test]
fn a_request_to_the_webhook_gets_no_further_than_its_key_allows() {
    holds("webhook_request", 200, false);
}
