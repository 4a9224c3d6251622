//! What a run comes to: who was served, who was served twice and why, and what should not have happened.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use super::Options;
use super::event_grid::TryResult;
use super::events::Kind;
use super::evidence::{Class, Evidence, Pushes};
use super::owners::Found;
use super::people::Device;
use super::registrations::Request;
use super::searcher::Searched;
use super::soak::Soak;
use super::witness::Acceptance;

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
    owners: Found,
    grown: Vec<String>,
    searched: Searched,
}

impl Verdict {
    pub fn of(
        options: &Options,
        took: Duration,
        evidence: &Evidence<'_>,
        searched: Searched,
        soak: Option<&Soak>,
    ) -> Self {
        let mut verdict = Self { searched, ..Self::default() };
        let pushes = evidence.pushes(&mut verdict.odd);
        verdict.describe(options, took, evidence);
        verdict.judge_tries(evidence);
        verdict.judge_absence(evidence, &pushes);
        verdict.judge_doubles(evidence, &pushes);
        verdict.judge_ids(evidence, &pushes);
        verdict.judge_order(evidence, &pushes);
        verdict.owners = evidence.owners.judge(evidence);
        verdict.say("values planted", &verdict.searched.planted.clone());
        verdict.say("KiB written and answered, searched for them", &(verdict.searched.bytes / 1024));
        if let Some(soak) = soak {
            verdict.head.extend(soak.rows());
            verdict.grown = soak.grown();
        }
        verdict
    }

    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.violations().iter().all(|(_, found)| found.is_empty())
    }

    fn violations(&self) -> [(&'static str, &[String]); 11] {
        [
            ("lost", &self.lost),
            ("doubles, unexplained", &self.unexplained),
            ("doubles with another collapse id or tag", &self.misplaced),
            ("pushes for a call that was served already", &self.rung_again),
            ("outdated versions pushed though the ledger knew", &self.outdated),
            ("answers that no handler should give", &self.odd),
            ("pushes to a phone of somebody else", &self.owners.strangers),
            ("handles with two owners in the end", &self.owners.two_owners),
            ("registrations without effect in the end", &self.owners.unreached),
            ("personal words or secrets in what was written", &self.searched.caught),
            ("what grew", &self.grown),
        ]
    }

    fn say(&mut self, name: &str, value: &impl ToString) {
        self.head.push((name.to_owned(), value.to_string()));
    }

    fn describe(&mut self, options: &Options, took: Duration, evidence: &Evidence<'_>) {
        let Evidence { facts, incarnations, seen, .. } = evidence;
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
        let requests: Vec<&Request> = evidence.asked.iter().flatten().collect();
        self.say("changes of guests' registrations", &requests.len());
        let unanswered = requests.iter().filter(|request| request.answered.is_none()).count();
        self.say("  without an answer, or answered 503", &unanswered);
        self.say("requests at the hub", &seen.counts.values().sum::<usize>());
        for (ended, count) in &seen.counts {
            self.say(&format!("  {ended}"), count);
        }
        let heard = seen.accepted.iter().filter(|push| evidence.was_heard(push)).count();
        self.say("acceptances that their sender logged", &heard);
    }

    fn judge_tries(&mut self, evidence: &Evidence<'_>) {
        let (mut failed, mut broken, mut all) = (0, 0, 0);
        let mut outcomes = BTreeMap::<String, usize>::new();
        for number in 0..evidence.facts.len() {
            for attempt in evidence.tries_of(number) {
                all += 1;
                match &attempt.result {
                    TryResult::Acknowledged { outcome, reason } => {
                        let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
                        *outcomes.entry(format!("{outcome}{reason}")).or_default() += 1;
                    }
                    TryResult::Failed => failed += 1,
                    TryResult::Broken(error) => {
                        broken += 1;
                        if !evidence.was_killed(attempt) {
                            self.odd.push(format!("e{number}: {error} without a kill: {attempt:?}"));
                        }
                    }
                    TryResult::Odd(answer) => self.odd.push(format!("e{number}: {answer}")),
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
            let said = incarnation.said.lock().unwrap_or_else(PoisonError::into_inner);
            self.odd.extend(said.panics.iter().cloned());
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
                match newer.iter().find(|newer| evidence.was_known_as_handled(**newer, *number, older)) {
                    Some(newer) => {
                        let newer = evidence.story(*newer, None, &[]);
                        let story = evidence.story(*number, Some(older.device), &[older]);
                        self.outdated.push(format!("{story}\n  {newer}"));
                    }
                    None => soon += 1,
                }
            }
        }
        self.say("chat messages pushed after their own edit or deletion", &soon);
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
