//! Everything that was observed in a run, and what follows from it. A double counts as explained only by evidence: of the
//! emulator, of the invocations, or of the log lines in which a handler names the answers that it got.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::PoisonError;

use super::event_grid::{Try, TryResult};
use super::events::{Fact, Kind};
use super::fleet::Incarnation;
use super::owners::Owners;
use super::people::Device;
use super::registrations::Request;
use super::witness::{Acceptance, Pushed, Testimony};

#[derive(Debug)]
pub struct Evidence<'a> {
    pub facts: &'a [Fact],
    pub incarnations: &'a [Incarnation],
    pub seen: &'a Testimony,
    /// What was asked of the register, by group of guests.
    pub asked: &'a [Vec<Request>],
    /// The events of each census.
    pub censuses: &'a [Range<usize>],
    pub owners: Owners,
    /// The event that tells of a message's deletion.
    deletions: HashMap<usize, usize>,
    tries: &'a HashMap<usize, Vec<Try>>,
    /// The tracking ids of all answers that a handler got.
    heard: HashSet<String>,
}

/// Why a device got an event twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The process that sent it was killed before it answered the invocation.
    InFlightAtAKill,
    /// The hub accepted, and its answer never came to the sender, or when it had given the attempt up.
    AnswerLost,
    /// It was delivered and acknowledged; another event of its batch failed, and the batch went to another process.
    SiblingOfAFailedEvent,
    /// The process said meanwhile that the store did not take in time who was served.
    LedgerNotWritten,
    /// Meanwhile the handle became that of another installation.
    RegisteredAnew,
}

/// The pushes of each event to each device, in the order in which they were sent, as far as that is known.
pub type Pushes<'a> = HashMap<(usize, Device), Vec<&'a Acceptance>>;

/// A call is worth nothing after it.
const CALL_LIVES: u64 = 30_000;

/// An event that is younger is not held against the markers of edits and deletions, give or take what clocks differ.
const MARKERS_READ_AFTER: u64 = 5_200;

/// Between two readings of one moment.
const SLACK: u64 = 50;

/// Within it a line that a process wrote is read.
const LINES_READ_WITHIN: u64 = 2_000;

impl Class {
    pub const ALL: [Self; 5] = [
        Self::InFlightAtAKill,
        Self::AnswerLost,
        Self::SiblingOfAFailedEvent,
        Self::LedgerNotWritten,
        Self::RegisteredAnew,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::InFlightAtAKill => "in flight at a kill",
            Self::AnswerLost => "answer lost after the request was written",
            Self::SiblingOfAFailedEvent => "sibling of a failed event",
            Self::LedgerNotWritten => "the store did not take the ledger in time",
            Self::RegisteredAnew => "the phone was set up anew between them",
        }
    }
}

impl<'a> Evidence<'a> {
    pub fn new(
        facts: &'a [Fact],
        tries: &'a HashMap<usize, Vec<Try>>,
        incarnations: &'a [Incarnation],
        seen: &'a Testimony,
        heard: Vec<String>,
        asked: &'a [Vec<Request>],
        censuses: &'a [Range<usize>],
    ) -> Self {
        let mut heard = HashSet::from_iter(heard);
        for incarnation in incarnations {
            heard.extend(incarnation.said.lock().unwrap_or_else(PoisonError::into_inner).heard.iter().cloned());
        }
        let deletions = facts.iter().enumerate().filter(|(_, fact)| fact.kind == Kind::Deleted);
        let deletions = deletions.filter_map(|(number, fact)| Some((fact.message?.0, number))).collect();
        let owners = Owners::new(asked, u64::MAX);
        Self { facts, incarnations, seen, asked, censuses, owners, deletions, tries, heard }
    }

    /// The event that a push tells of.
    pub fn event_of(&self, push: &Acceptance) -> Option<usize> {
        let number = match push.pushed {
            Pushed::Event(number) => Some(number),
            Pushed::Deletion(message) => self.deletions.get(&message).copied(),
        };
        number.filter(|number| *number < self.facts.len())
    }

    pub fn pushes(&self, odd: &mut Vec<String>) -> Pushes<'_> {
        let mut pushes = Pushes::new();
        for acceptance in &self.seen.accepted {
            match self.event_of(acceptance) {
                Some(number) => pushes.entry((number, acceptance.device)).or_default().push(acceptance),
                None => odd.push(format!("a push for no event: {acceptance:?}")),
            }
        }
        for ((number, _), accepted) in &mut pushes {
            accepted.sort_by_key(|push| self.sent_by(*number, push));
        }
        pushes
    }

    /// When it was sent at the latest: no sending outlives its invocation.
    fn sent_by(&self, number: usize, push: &Acceptance) -> u64 {
        self.try_of(number, push).map_or(push.at, |attempt| push.at.min(attempt.end))
    }

    pub fn tries_of(&self, number: usize) -> &[Try] {
        self.tries.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The try that ended the event.
    pub fn served(&self, number: usize) -> Option<&Try> {
        self.tries_of(number).iter().find(|attempt| matches!(attempt.result, TryResult::Acknowledged { .. }))
    }

    /// The try that a push belongs to.
    fn try_of(&self, number: usize, push: &Acceptance) -> Option<&Try> {
        let own = self.tries_of(number).iter().filter(|attempt| attempt.incarnation == push.incarnation);
        own.filter(|attempt| attempt.start <= push.at + SLACK).max_by_key(|attempt| attempt.start)
    }

    /// When the invocation began that it belongs to.
    pub fn began(&self, number: usize, push: &Acceptance) -> Option<u64> {
        self.try_of(number, push).map(|attempt| attempt.start)
    }

    pub fn was_killed(&self, attempt: &Try) -> bool {
        self.incarnations[attempt.incarnation].killed_at.is_some_and(|killed_at| killed_at <= attempt.end + SLACK)
    }

    pub fn has_expired(&self, number: usize) -> bool {
        let fact = &self.facts[number];
        let is_old = |attempt: &Try| attempt.end + SLACK >= fact.at + CALL_LIVES;
        fact.kind == Kind::Call && self.served(number).is_some_and(is_old)
    }

    /// Whether the handler said that a newer version was handled, and the device did get a newer one.
    pub fn is_superseded(&self, number: usize, device: Device, pushes: &Pushes<'_>) -> bool {
        let said = self.served(number).is_some_and(|attempt| match &attempt.result {
            TryResult::Acknowledged { reason, .. } => reason == "version_handled" || reason == "message_deleted",
            TryResult::Failed | TryResult::Broken(_) | TryResult::Odd(_) => false,
        });
        let Some((message, version)) = self.facts[number].message else { return false };
        let is_newer = |fact: &Fact| fact.message.is_some_and(|(other, newer)| other == message && newer > version);
        // Changes come after what they change.
        let later = self.facts.iter().enumerate().skip(number).filter(|(_, fact)| is_newer(fact));
        said && later.into_iter().any(|(newer, _)| pushes.contains_key(&(newer, device)))
    }

    /// Why the first push did not prevent the second.
    pub fn excuse(&self, number: usize, first: &Acceptance, second: &Acceptance) -> Option<Class> {
        let attempt = self.try_of(number, first)?;
        self.excuse_of_attempt(number, attempt, first, second).or_else(|| {
            // Who was served is known by installation.
            let Device::Guest(handle) = first.device else { return None };
            self.owners.has_changed(handle, attempt.start, second.at).then_some(Class::RegisteredAnew)
        })
    }

    fn excuse_of_attempt(
        &self,
        number: usize,
        attempt: &Try,
        first: &Acceptance,
        second: &Acceptance,
    ) -> Option<Class> {
        // A request may lie unread at the hub for longer than its sender waits: then the later one is read first.
        let was_waiting = |other: &Try| other.incarnation == second.incarnation && other.start <= first.at;
        let is_overtaken = || self.tries_of(number).iter().any(was_waiting);
        match &attempt.result {
            TryResult::Broken(_) => self.was_killed(attempt).then_some(Class::InFlightAtAKill),
            TryResult::Failed | TryResult::Acknowledged { .. }
                if !self.was_heard(first) || (!self.was_heard(second) && is_overtaken()) =>
            {
                Some(Class::AnswerLost)
            }
            TryResult::Acknowledged { .. } if self.was_unknown(number, attempt, first, second) => {
                Some(Class::SiblingOfAFailedEvent)
            }
            TryResult::Failed | TryResult::Acknowledged { .. } => {
                self.missed_the_store(attempt).then_some(Class::LedgerNotWritten)
            }
            TryResult::Odd(_) => None,
        }
    }

    /// Whether the process that sent the second push had no way to know of the first one, which was acknowledged.
    fn was_unknown(&self, number: usize, attempt: &Try, first: &Acceptance, second: &Acceptance) -> bool {
        let fact = &self.facts[number];
        let is_marked = |again: &Try| {
            matches!(fact.kind, Kind::Edited | Kind::Deleted)
                && again.start >= attempt.end
                && again.start >= fact.at + MARKERS_READ_AFTER
        };
        first.incarnation != second.incarnation
            && fact.kind != Kind::Call
            && self.try_of(number, second).is_some_and(|again| !is_marked(again))
    }

    /// Whether the sender got the answer.
    pub fn was_heard(&self, push: &Acceptance) -> bool {
        push.tracking_id.as_ref().is_some_and(|id| self.heard.contains(id))
    }

    /// Whether the process said during an invocation that the store does not take what it writes.
    fn missed_the_store(&self, attempt: &Try) -> bool {
        let said = self.incarnations[attempt.incarnation].said.lock().unwrap_or_else(PoisonError::into_inner);
        said.store_complaints.iter().any(|at| (attempt.start..=attempt.end + LINES_READ_WITHIN).contains(at))
    }

    /// Whether a call was sent by an invocation that began after it was served. Only of a push whose answer was heard is it
    /// known which invocation it belongs to.
    pub fn is_after_service(&self, number: usize, push: &Acceptance) -> bool {
        let recorded = |attempt: &&Try| !self.missed_the_store(attempt);
        let served = self.served(number).filter(recorded).map(|attempt| attempt.end);
        let began = self.try_of(number, push).map(|attempt| attempt.start);
        let is_call = self.facts[number].kind == Kind::Call;
        is_call && self.was_heard(push) && served.zip(began).is_some_and(|(served, began)| began >= served)
    }

    /// Whether the ledger said that `newer` was handled when `older` was looked up, and was asked for it.
    pub fn was_known_as_handled(&self, newer: usize, older: usize, push: &Acceptance) -> bool {
        let Some(began) = self.try_of(older, push).map(|attempt| attempt.start) else { return false };
        let is_marked = |attempt: &Try| attempt.end <= began && !self.missed_the_store(attempt);
        let handled = self.was_heard(push) && self.served(newer).is_some_and(is_marked);
        handled && began >= self.facts[older].at + MARKERS_READ_AFTER
    }

    /// All that is known, for who has to find out.
    pub fn story(&self, number: usize, device: Option<Device>, pushes: &[&Acceptance]) -> String {
        let fact = &self.facts[number];
        let mut story = format!("e{number} {fact:?} for {device:?}");
        for attempt in self.tries_of(number) {
            let killed_at = self.incarnations[attempt.incarnation].killed_at;
            story.push_str(&format!("\n    {attempt:?}, process killed at {killed_at:?}"));
        }
        for push in pushes {
            story.push_str(&format!("\n    {push:?}"));
        }
        story
    }
}
