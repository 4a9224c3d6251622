//! Whose phone a push came to: nobody's but the recipient's, and in the end one person's for each handle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::evidence::Evidence;
use super::people::{Address, Device};
use super::registrations::{Ownership, Request, ownerships};

/// What the requests make possible, by handle.
#[derive(Debug)]
pub struct Owners(HashMap<usize, Vec<Ownership>>);

/// What should not be.
#[derive(Debug, Default)]
pub struct Found {
    /// Pushes to a phone that was somebody else's.
    pub strangers: Vec<String>,
    /// Handles at which two users were reached in the end.
    pub two_owners: Vec<String>,
    /// Registrations without effect in the end.
    pub unreached: Vec<String>,
}

/// So long after an answer does no instance act on the older state, give or take what clocks differ.
const FRESH_AFTER: u64 = 5_200;

impl Owners {
    /// By what was asked for up to some moment.
    pub fn new(asked: &[Vec<Request>], until: u64) -> Self {
        let mut owners = HashMap::<usize, Vec<Ownership>>::new();
        for group in asked {
            let before = group.partition_point(|request| request.sent <= until);
            for ownership in ownerships(&group[..before]) {
                owners.entry(ownership.handle).or_default().push(ownership);
            }
        }
        Self(owners)
    }

    fn of(&self, handle: usize) -> &[Ownership] {
        self.0.get(&handle).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the handle may have belonged to several installations within that time.
    pub fn has_changed(&self, handle: usize, from: u64, to: u64) -> bool {
        let ids: BTreeSet<usize> = self.within(handle, from, to).map(|ownership| ownership.id).collect();
        ids.len() > 1
    }

    /// What was possible at some moment of that time, or just before it.
    fn within(&self, handle: usize, from: u64, to: u64) -> impl Iterator<Item = &Ownership> {
        let is_within = move |ownership: &&Ownership| {
            ownership.from <= to && ownership.until.is_none_or(|until| until + FRESH_AFTER >= from)
        };
        self.of(handle).iter().filter(is_within)
    }

    /// Looks at every push.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Found {
        let mut found = Found::default();
        for push in &evidence.seen.accepted {
            let Some(number) = evidence.event_of(push) else { continue };
            let address = evidence.facts[number].address;
            let (is_theirs, owners) = match push.device {
                Device::Guest(handle) => {
                    let began = evidence.began(number, push).unwrap_or(push.at).min(push.at);
                    let mut owners = self.within(handle, began, push.at);
                    (owners.any(|owner| address == Address::User(owner.user)), self.of(handle))
                }
                Device::IPhone(_) | Device::Android(_) => (address.devices().contains(&push.device), [].as_slice()),
            };
            if !is_theirs {
                let story = evidence.story(number, Some(push.device), &[push]);
                found.strangers.push(format!("{story}{}", listed(owners, push.at)));
            }
        }
        for census in evidence.censuses {
            Self::judge_census(evidence, census, &mut found);
        }
        found
    }

    /// A census is a message to each user, on a process that has nothing in its memory, while nothing else happens.
    fn judge_census(evidence: &Evidence<'_>, census: &Range<usize>, found: &mut Found) {
        let began = census.clone().filter_map(|number| Some(evidence.tries_of(number).first()?.start)).min();
        let owners = Self::new(evidence.asked, began.unwrap_or_default());
        let mut reached = BTreeMap::<usize, BTreeSet<usize>>::new();
        for push in &evidence.seen.accepted {
            let number = evidence.event_of(push).filter(|number| census.contains(number));
            if let (Some(number), Device::Guest(handle)) = (number, push.device)
                && let Address::User(user) = evidence.facts[number].address
            {
                reached.entry(handle).or_default().insert(user);
            }
        }
        for (handle, users) in &reached {
            let possible = owners.of(*handle);
            let story =
                || format!("handle {handle} is pushed to for {users:?} in the end{}", listed(possible, u64::MAX));
            if users.len() > 1 {
                found.two_owners.push(story());
            }
            let is_possible = |user: &usize| possible.iter().any(|one| one.until.is_none() && one.user == *user);
            if !users.iter().all(is_possible) {
                found.strangers.push(story());
            }
        }
        for due in owners.0.values().flatten().filter(|ownership| ownership.is_certain) {
            if !reached.get(&due.handle).is_some_and(|users| users.contains(&due.user)) {
                found.unreached.push(format!("{due:?}"));
            }
        }
    }
}

/// The last ones before some moment.
fn listed(owners: &[Ownership], before: u64) -> String {
    const MOST: usize = 8;
    let mut last: Vec<&Ownership> = owners.iter().filter(|owner| owner.from <= before).collect();
    last.sort_unstable_by_key(|owner| owner.from);
    let last = last.iter().skip(last.len().saturating_sub(MOST));
    last.map(|owner| format!("\n    {owner:?}")).collect()
}
