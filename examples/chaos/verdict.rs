//! What a run comes to: who was served, who was served twice and why, and what should not have happened. A double counts
//! as explained only by evidence: of the emulator, or of the invocation that the first push belonged to.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use super::Options;
use super::event_grid::{Came, Try};
use super::events::{Fact, Kind};
use super::fleet::Incarnation;
use super::people::Device;
use super::witness::{Acceptance, Pushed, Testimony};

/// Everything that was observed.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub options: &'a Options,
    pub facts: &'a [Fact],
    pub tries: &'a HashMap<usize, Vec<Try>>,
    pub incarnations: &'a [Incarnation],
    pub seen: &'a Testimony,
    pub took: Duration,
}

/// Why a device got an event twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The process that sent it was killed before it answered the invocation.
    InFlightAtAKill,
    /// The hub accepted, and the connection was reset before the answer.
    AnswerLost,
    /// The hub accepted when the sender's time was over.
    AnswerTooLate,
    /// It was delivered and acknowledged; another event of its batch failed, and the batch went to another process.
    SiblingOfAFailedEvent,
    /// The process said that the store did not take in time who was served.
    LedgerNotWritten,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    head: Vec<(String, String)>,
    doubles: BTreeMap<Class, usize>,
    /// Each with what is known of it.
    lost: Vec<String>,
    unexplained: Vec<String>,
    misplaced: Vec<String>,
    rung_again: Vec<String>,
    outdated: Vec<String>,
    odd: Vec<String>,
}

type Pushes<'a> = HashMap<(usize, Device), Vec<&'a Acceptance>>;

/// A call is worth nothing after it.
const CALL_LIVES: u64 = 30_000;

/// An event that is younger is not held against the markers of edits and deletions, give or take what clocks differ.
const MARKERS_READ_AFTER: u64 = 5_200;

/// Between two readings of one moment.
const SLACK: u64 = 50;

/// Of the deadline, kept by the handler for its ledger.
const KEPT_FOR_LEDGER: u64 = 2_000;

impl Class {
    const ALL: [Self; 5] = [
        Self::InFlightAtAKill,
        Self::AnswerLost,
        Self::AnswerTooLate,
        Self::SiblingOfAFailedEvent,
        Self::LedgerNotWritten,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::InFlightAtAKill => "in flight at a kill",
            Self::AnswerLost => "answer lost after the request was written",
            Self::AnswerTooLate => "answer came when the deadline was over",
            Self::SiblingOfAFailedEvent => "sibling of a failed event",
            Self::LedgerNotWritten => "the store did not take the ledger in time",
        }
    }
}

impl Verdict {
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let mut verdict = Self::default();
        let pushes = evidence.pushes(&mut verdict.odd);
        verdict.describe(evidence);
        verdict.judge_tries(evidence);
        verdict.judge_absence(evidence, &pushes);
        verdict.judge_doubles(evidence, &pushes);
        verdict.judge_ids(evidence, &pushes);
        verdict.judge_order(evidence, &pushes);
        verdict
    }

    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.violations().iter().all(|(_, found)| found.is_empty())
    }

    fn violations(&self) -> [(&'static str, &[String]); 6] {
        [
            ("lost", &self.lost),
            ("doubles, unexplained", &self.unexplained),
            ("doubles with another collapse id or tag", &self.misplaced),
            ("pushes for a call that was served already", &self.rung_again),
            ("outdated versions pushed though the ledger knew", &self.outdated),
            ("answers that no handler should give", &self.odd),
        ]
    }

    fn say(&mut self, name: &str, value: &impl ToString) {
        self.head.push((name.to_owned(), value.to_string()));
    }

    fn describe(&mut self, evidence: &Evidence<'_>) {
        let Evidence { options, facts, incarnations, seen, took, .. } = evidence;
        let count = |kinds: &[Kind]| facts.iter().filter(|fact| kinds.contains(&fact.kind)).count();
        let kills = incarnations.iter().filter(|incarnation| incarnation.killed_at.is_some()).count();
        self.say("seed", &options.seed);
        self.say("store", &format!("{:?}", options.store).to_lowercase());
        self.say("handler processes", &options.processes);
        self.say("seconds", &took.as_secs());
        self.say("events", &facts.len());
        self.say("  SMS", &count(&[Kind::Sms]));
        self.say("  chat messages", &count(&[Kind::Received]));
        self.say("  their edits and deletions", &count(&[Kind::Edited, Kind::Deleted]));
        self.say("  calls", &count(&[Kind::Call]));
        self.say("kills (SIGKILL)", &kills);
        self.say("requests at the hub", &seen.counts.values().sum::<usize>());
        for (ended, count) in &seen.counts {
            self.say(&format!("  {ended}"), count);
        }
    }

    fn judge_tries(&mut self, evidence: &Evidence<'_>) {
        let (mut failed, mut broken, mut all) = (0, 0, 0);
        let mut outcomes = BTreeMap::<String, usize>::new();
        for number in 0..evidence.facts.len() {
            for attempt in evidence.tries_of(number) {
                all += 1;
                match &attempt.came {
                    Came::Acknowledged { outcome, reason } => {
                        let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
                        *outcomes.entry(format!("{outcome}{reason}")).or_default() += 1;
                    }
                    Came::Failed => failed += 1,
                    Came::Broken(error) => {
                        broken += 1;
                        if !evidence.was_killed(attempt) {
                            self.odd.push(format!("e{number}: {error} without a kill: {attempt:?}"));
                        }
                    }
                    Came::Odd(answer) => self.odd.push(format!("e{number}: {answer}")),
                }
            }
            if evidence.served(number).is_none() {
                self.lost.push(evidence.story(number, None, &[]));
            }
        }
        self.say("events delivered by Event Grid, with repeats", &all);
        self.say("  in invocations answered 500", &failed);
        self.say("  in invocations broken by a kill", &broken);
        for (outcome, count) in outcomes {
            self.say(&format!("  {outcome}"), &count);
        }
        for incarnation in evidence.incarnations {
            let complaints = incarnation.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            self.odd.extend(complaints.iter().filter(|line| line.contains("panicked")).cloned());
        }
    }

    fn judge_absence(&mut self, evidence: &Evidence<'_>, pushes: &Pushes<'_>) {
        let (mut reached, mut expired, mut superseded, mut lost) = (0, 0, 0, 0);
        for (number, fact) in evidence.facts.iter().enumerate() {
            for device in fact.address.devices() {
                if pushes.contains_key(&(number, device)) {
                    reached += 1;
                } else if evidence.has_expired(number) {
                    expired += 1;
                } else if evidence.is_superseded(number, device, pushes) {
                    superseded += 1;
                } else {
                    lost += 1;
                    self.lost.push(evidence.story(number, Some(device), &[]));
                }
            }
        }
        self.say("devices of residents, over all events", &(reached + expired + superseded + lost));
        self.say("  reached", &reached);
        self.say("  call expired after 30 s", &expired);
        self.say("  chat message edited or deleted meanwhile", &superseded);
    }

    fn judge_doubles(&mut self, evidence: &Evidence<'_>, pushes: &Pushes<'_>) {
        for ((number, device), accepted) in pushes {
            for (index, double) in accepted.iter().enumerate().skip(1) {
                let before = accepted.iter().take(index);
                // Each push before it would have had to prevent it; the last one names the class.
                let excuses: Option<Vec<Class>> = before.map(|first| evidence.excuse(*number, first, double)).collect();
                match excuses.and_then(|excuses| excuses.last().copied()) {
                    Some(class) => *self.doubles.entry(class).or_default() += 1,
                    None => self.unexplained.push(evidence.story(*number, Some(*device), accepted)),
                }
                if evidence.is_after_service(*number, double) {
                    self.rung_again.push(evidence.story(*number, Some(*device), accepted));
                }
            }
        }
    }

    /// Whatever is shown of one SMS or chat message replaces whatever was shown of it before.
    fn judge_ids(&mut self, evidence: &Evidence<'_>, pushes: &Pushes<'_>) {
        let mut ids = HashMap::<(Option<usize>, usize), &String>::new();
        for ((number, device), accepted) in pushes {
            let fact = &evidence.facts[*number];
            if fact.kind == Kind::Call {
                continue;
            }
            // An SMS is its own message.
            let message = fact.message.map_or((None, *number), |(message, _)| (Some(message), 0));
            for acceptance in accepted {
                let same = acceptance.replaces.as_ref().is_some_and(|id| *ids.entry(message).or_insert(id) == id);
                if !same {
                    self.misplaced.push(evidence.story(*number, Some(*device), accepted));
                }
            }
        }
    }

    /// Older versions of a chat message, pushed after newer ones.
    fn judge_order(&mut self, evidence: &Evidence<'_>, pushes: &Pushes<'_>) {
        let mut versions = HashMap::<(usize, Device), Vec<(usize, i64, &Acceptance)>>::new();
        for ((number, device), accepted) in pushes {
            let Some((message, version)) = evidence.facts[*number].message else { continue };
            let all = versions.entry((message, *device)).or_default();
            all.extend(accepted.iter().map(|acceptance| (*number, version, *acceptance)));
        }
        let mut soon = 0;
        for all in versions.into_values() {
            for (number, version, older) in &all {
                let newer = all.iter().filter(|(_, other, newer)| other > version && newer.at < older.at);
                let newer: Vec<usize> = newer.map(|(newer, ..)| *newer).collect();
                if newer.is_empty() {
                    continue;
                }
                if newer.iter().any(|newer| evidence.was_known_as_handled(*newer, *number, older)) {
                    self.outdated.push(evidence.story(*number, Some(older.device), &[older]));
                } else {
                    soon += 1;
                }
            }
        }
        self.say("chat messages pushed after their own edit or deletion", &soon);
    }
}

impl Evidence<'_> {
    fn pushes(&self, odd: &mut Vec<String>) -> Pushes<'_> {
        let deletions: HashMap<usize, usize> = self
            .facts
            .iter()
            .enumerate()
            .filter(|(_, fact)| fact.kind == Kind::Deleted)
            .filter_map(|(number, fact)| Some((fact.message?.0, number)))
            .collect();
        let mut pushes = Pushes::new();
        for acceptance in &self.seen.accepted {
            let number = match acceptance.pushed {
                Pushed::Event(number) => Some(number),
                Pushed::Deletion(message) => deletions.get(&message).copied(),
            };
            match number.filter(|number| *number < self.facts.len()) {
                Some(number) => pushes.entry((number, acceptance.device)).or_default().push(acceptance),
                None => odd.push(format!("a push for no event: {acceptance:?}")),
            }
        }
        pushes.values_mut().for_each(|accepted| accepted.sort_by_key(|acceptance| acceptance.at));
        pushes
    }

    fn tries_of(&self, number: usize) -> &[Try] {
        self.tries.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The try that ended the event.
    fn served(&self, number: usize) -> Option<&Try> {
        self.tries_of(number).iter().find(|attempt| matches!(attempt.came, Came::Acknowledged { .. }))
    }

    /// The try that a push belongs to.
    fn try_of(&self, number: usize, push: &Acceptance) -> Option<&Try> {
        let own = self.tries_of(number).iter().filter(|attempt| attempt.incarnation == push.incarnation);
        own.filter(|attempt| attempt.start <= push.at + SLACK).max_by_key(|attempt| attempt.start)
    }

    fn was_killed(&self, attempt: &Try) -> bool {
        self.incarnations[attempt.incarnation].killed_at.is_some_and(|killed_at| killed_at <= attempt.end + SLACK)
    }

    fn has_expired(&self, number: usize) -> bool {
        let fact = &self.facts[number];
        let is_old = |attempt: &Try| attempt.end + SLACK >= fact.at + CALL_LIVES;
        fact.kind == Kind::Call && self.served(number).is_some_and(is_old)
    }

    /// Whether the handler said that a newer version was handled, and the device did get a newer one.
    fn is_superseded(&self, number: usize, device: Device, pushes: &Pushes<'_>) -> bool {
        let said = self.served(number).is_some_and(|attempt| match &attempt.came {
            Came::Acknowledged { reason, .. } => reason == "version_handled" || reason == "message_deleted",
            Came::Failed | Came::Broken(_) | Came::Odd(_) => false,
        });
        let Some((message, version)) = self.facts[number].message else { return false };
        let is_newer = |fact: &Fact| fact.message.is_some_and(|(other, newer)| other == message && newer > version);
        // Changes come after what they change.
        let later = self.facts.iter().enumerate().skip(number).filter(|(_, fact)| is_newer(fact));
        said && later.into_iter().any(|(newer, _)| pushes.contains_key(&(newer, device)))
    }

    /// Why the first push did not prevent the second.
    fn excuse(&self, number: usize, first: &Acceptance, second: &Acceptance) -> Option<Class> {
        if first.answer_lost {
            return Some(Class::AnswerLost);
        }
        let attempt = self.try_of(number, first)?;
        match &attempt.came {
            Came::Broken(_) => self.was_killed(attempt).then_some(Class::InFlightAtAKill),
            Came::Failed => {
                let deadline = u64::try_from(self.options.deadline.as_millis()).unwrap_or(u64::MAX) - KEPT_FOR_LEDGER;
                let met_deadline = attempt.end - attempt.start + SLACK >= deadline
                    && first.settled + SLACK >= attempt.start + deadline;
                if met_deadline {
                    return Some(Class::AnswerTooLate);
                }
                let complaints = &self.incarnations[attempt.incarnation].complaints;
                let complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
                (!complaints.is_empty()).then_some(Class::LedgerNotWritten)
            }
            Came::Acknowledged { .. } => {
                let fact = &self.facts[number];
                let again = self.try_of(number, second)?;
                let is_marked = matches!(fact.kind, Kind::Edited | Kind::Deleted)
                    && again.start >= attempt.end
                    && again.start >= fact.at + MARKERS_READ_AFTER;
                let unknown = first.incarnation != second.incarnation && fact.kind != Kind::Call && !is_marked;
                unknown.then_some(Class::SiblingOfAFailedEvent)
            }
            Came::Odd(_) => None,
        }
    }

    /// Whether a call was sent by an invocation that began after it was served.
    fn is_after_service(&self, number: usize, push: &Acceptance) -> bool {
        let served = self.served(number).map(|attempt| attempt.end);
        let began = self.try_of(number, push).map(|attempt| attempt.start);
        self.facts[number].kind == Kind::Call && served.zip(began).is_some_and(|(served, began)| began >= served)
    }

    /// Whether the ledger said that `newer` was handled when `older` was looked up, and was asked for it.
    fn was_known_as_handled(&self, newer: usize, older: usize, push: &Acceptance) -> bool {
        let Some(began) = self.try_of(older, push).map(|attempt| attempt.start) else { return false };
        let handled = self.served(newer).is_some_and(|attempt| attempt.end <= began);
        handled && began >= self.facts[older].at + MARKERS_READ_AFTER
    }

    /// All that is known, for who has to find out.
    fn story(&self, number: usize, device: Option<Device>, pushes: &[&Acceptance]) -> String {
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

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubles = Class::ALL.map(|class| {
            let count = self.doubles.get(&class).copied().unwrap_or_default();
            (format!("doubles, {}", class.name()), count.to_string())
        });
        let violations = self.violations();
        let broken = violations.iter().map(|(name, found)| ((*name).to_owned(), found.len().to_string()));
        for (name, value) in self.head.iter().cloned().chain(doubles).chain(broken) {
            writeln!(f, "{name:<62} {value:>20}")?;
        }
        for (name, found) in violations {
            for story in found.iter().take(10) {
                writeln!(f, "\n{name}: {story}")?;
            }
        }
        Ok(())
    }
}
