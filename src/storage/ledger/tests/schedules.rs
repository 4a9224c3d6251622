//! Every interleaving of what two or three processes do about one event, or one message, cut off anywhere.

#![expect(clippy::print_stdout, reason = "how much was walked through is what a person runs it for")]

use std::cell::RefCell;
use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::*;
use crate::storage::explorer::{Run, SideBySide, Start, explore};
use crate::storage::store::Contents;

/// What a process does about an event, or a message.
#[derive(Debug, Clone, Copy)]
enum Operation {
    /// Reads who was served, serves those of these devices that were not, all but the last so many, and writes it down.
    Serve(&'static [&'static str], usize),
    /// Writes down that a version was handled.
    Handle(MessageVersion),
}

use Operation::{Handle, Serve};

const fn version(version: i64) -> MessageVersion {
    MessageVersion { deleted: false, version: Some(version) }
}

const DELETION: MessageVersion = MessageVersion { deleted: true, version: None };

const OPERATIONS: [Operation; 7] = [
    Serve(&["x", "y"], 0),
    Serve(&["x", "y"], 1),
    Serve(&["y", "z"], 0),
    Handle(version(1)),
    Handle(version(2)),
    Handle(UNNUMBERED),
    Handle(DELETION),
];

/// What was there before: nothing, or a document that was cut off.
const BEFORE: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"{\"v\":1,\"w\":\"0\",\"sett")];

fn noon() -> DateTime<Utc> {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

fn event() -> EventKey {
    EventKey::new(&Fingerprint::of(&["source"]), "id", "user/u0")
}

fn message() -> MessageKey<'static> {
    MessageKey::new("thread", "message", "user/u0")
}

impl Operation {
    fn start(self) -> Start<'static> {
        Box::new(move |store| {
            Box::pin(async move {
                let ledger = Ledger::new(Arc::clone(&store));
                match self {
                    Serve(devices, failed) => {
                        let key = event();
                        let before = ledger.read(&key).await?;
                        let reached = devices.iter().take(devices.len() - failed).map(|device| (*device).to_owned());
                        let settled = reached.filter(|device| !before.settled.contains(device)).collect();
                        let entry = Entry { settled, delivered: true, complete: failed == 0, ..Entry::default() };
                        add(&store, &key.in_store(), &entry).await
                    }
                    Handle(version) => write_if_newer(&store, &message().in_store(), version).await,
                }
            })
        })
    }
}

/// What a process that starts now reads.
fn read(contents: &Contents) -> (Entry, Option<MessageVersion>) {
    let found = Rc::new(RefCell::new((Entry::default(), None)));
    let start: Start<'_> = Box::new(|store| {
        let found = Rc::clone(&found);
        Box::pin(async move {
            let ledger = Ledger::new(store);
            let entry = ledger.read(&event()).await?;
            let version = ledger.read_version(message()).await?;
            found.replace((entry, version));
            Ok(())
        })
    });
    let mut run = Run::start(contents, noon(), vec![start]);
    while let Some((choice, _)) = run.next(SideBySide::First).first().copied() {
        run.take(choice);
    }
    assert!(matches!(run.ended(0).as_deref(), Some(Ok(()))), "{:?}", run.ended(0));
    found.take()
}

/// Walks through the operations side by side, the answer to one write lost or none. In each state, whoever is under way may
/// be cut off. Returns how many states there are.
fn walk_through(before: Option<&[u8]>, operations: &[Operation], may_lose: bool) -> usize {
    let mut contents = Contents::default();
    if let Some(damaged) = before {
        contents.set_raw(&event().in_store(), damaged, noon());
        contents.set_raw(&message().in_store(), damaged, noon());
    }
    let starts = operations.iter().map(|operation| operation.start()).collect();
    let start = Run::start(&contents, noon(), starts);
    let (states, is_complete) = explore(start, SideBySide::Any, may_lose, usize::MAX, |run| {
        let how = || format!("{before:?}, then {operations:?}: {:?}", run.choices());
        let (entry, handled) = read(run.contents());
        for (index, operation) in operations.iter().enumerate() {
            let Some(ended) = run.ended(index) else { continue };
            assert!(ended.is_ok(), "{ended:?}\n{}", how());
            match operation {
                Serve(devices, failed) => {
                    let mut reached = devices.iter().take(devices.len() - failed);
                    let is_known = reached.all(|device| entry.settled.contains(*device));
                    assert!(is_known, "who was served is not known: {entry:?}\n{}", how());
                    assert!(entry.delivered && (entry.complete || *failed > 0), "{entry:?}\n{}", how());
                }
                // A version without a number says nothing about others.
                Handle(version) if *version == UNNUMBERED => {}
                Handle(version) => {
                    let is_known = handled.is_some_and(|handled| version.is_superseded_by(handled));
                    assert!(is_known, "{version:?} is not known: {handled:?}\n{}", how());
                }
            }
        }
        let is_of_somebody = |device: &String| {
            operations.iter().any(|operation| matches!(operation, Serve(devices, _) if devices.contains(&&**device)))
        };
        assert!(entry.settled.iter().all(is_of_somebody), "{entry:?}\n{}", how());
    });
    assert!(is_complete);
    states
}

#[test]
fn who_was_served_and_what_was_handled_stays_known_in_any_order_cut_off_anywhere() {
    let (mut cases, mut states) = (0, 0);
    for before in BEFORE {
        for (index, one) in OPERATIONS.into_iter().enumerate() {
            for other in &OPERATIONS[index..] {
                states += walk_through(before, &[one, *other], true);
                cases += 1;
            }
        }
    }
    println!("ledger, two processes: {cases} cases, {states} states");
}

#[test]
fn three_processes_that_serve_one_event_lose_nobody() {
    // With lost answers there are six times as many states: too many for a build for debugging.
    let may_lose = !cfg!(debug_assertions);
    let mut states = 0;
    for before in BEFORE {
        states += walk_through(before, &OPERATIONS[..3], may_lose);
        states += walk_through(before, &OPERATIONS[3..6], may_lose);
        states += walk_through(before, &OPERATIONS[4..], may_lose);
    }
    println!("ledger, three processes: {states} states");
}
