//! What has to hold in each state of an exploration, and how the register may look at its end.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::operations::*;
use super::view::{View, claims, left_over};
use super::*;
use crate::storage::explorer::{Run, Start, hash_of};
use crate::storage::maintenance::Maintenance;
use crate::storage::store::Contents;

/// What two runs of Maintenance make of it, the real ones, some minutes later and again after that.
pub fn maintained(contents: &Contents, mut check: impl FnMut(&Contents, DateTime<Utc>)) -> Contents {
    let mut contents = contents.clone();
    for minutes in [5, 16] {
        let now = noon() + TimeDelta::minutes(minutes);
        let start: Start<'_> = Box::new(move |store| {
            let register = Arc::new(Installations::new(Arc::clone(&store), LIMITS));
            let maintenance = Maintenance::new(store, register);
            Box::pin(async move { maintenance.run(now).await.map(drop) })
        });
        let mut run = Run::start(&contents, now, vec![start]);
        let mut last = 0;
        to_the_end(&mut run, &mut |run| {
            if run.contents_hash() != last {
                last = run.contents_hash();
                check(run.contents(), now);
            }
        });
        assert!(matches!(run.ended(0).as_deref(), Some(Ok(()))), "Maintenance: {:?}", run.ended(0));
        contents = run.contents().clone();
    }
    contents
}

/// Everything that one exploration is about.
pub struct Case {
    pub before: &'static [Operation],
    pub operations: Vec<(Operation, DateTime<Utc>)>,
    pub contents: Contents,
    /// What was checked already: contents, who followed, and when.
    checked: RefCell<HashSet<u64>>,
    /// How what was maintained already looks: by its contents, and who followed.
    maintained: RefCell<HashMap<u64, End>>,
}

/// How the register looks at its end.
pub type End = View;

/// What an operation came to: it or another one happened at its time, or nothing.
pub type Way = Option<(Operation, DateTime<Utc>)>;

impl Case {
    pub fn new(before: &'static [Operation], operations: &[Operation], ahead: TimeDelta) -> Self {
        // Some minutes before, so that nothing of it is under way any more.
        let mut contents = Contents::default();
        for (index, operation) in (0..).zip(before) {
            contents = alone(&contents, *operation, noon() - TimeDelta::seconds(40 - index), |_| {});
        }
        let clock = |index: i32| noon() + ahead * index;
        let operations = (0..).zip(operations).map(|(index, operation)| (*operation, clock(index))).collect();
        Self { before, operations, contents, checked: RefCell::default(), maintained: RefCell::default() }
    }

    /// All operations at their beginning.
    pub fn start(&self) -> Run<'static> {
        let starts = self.operations.iter().map(|(operation, now)| operation.start(*now)).collect();
        Run::start(&self.contents, noon(), starts)
    }

    /// Whether the forms of this case allow what is pushed to.
    pub fn check(
        &self,
        contents: &Contents,
        followed_by: Option<Operation>,
        now: DateTime<Utc>,
        how: &dyn Fn() -> String,
    ) {
        let is_new = self.checked.borrow_mut().insert(hash_of(&(contents, followed_by, now)));
        if !is_new {
            return;
        }
        let view = View::of(contents, &recipients(), LIMITS.time_to_live, now);
        let all = self.before.iter().copied().chain(self.operations.iter().map(|(operation, _)| *operation));
        let forms = all.chain(followed_by).filter_map(|operation| match operation {
            Put(form) => Some(form),
            Delete(_) | Operation::Maintenance | Operation::Forget(_) | Operation::Report(_) => None,
        });
        let forms: Vec<Form> = forms.collect();
        let claims = claims(contents);
        for (handle, owners) in view.handles() {
            let ids: BTreeSet<&str> = owners.iter().map(|(id, _)| *id).collect();
            let has_them_all = |form: &Form| {
                let recipients = form.recipients();
                form.has(handle) && owners.iter().all(|(_, owner)| recipients.contains(owner))
            };
            let is_one = ids.len() == 1 && forms.iter().any(has_them_all);
            assert!(is_one, "{} has two owners: {owners:?}\n{}", handle, how());
            let key = handle_key(&DeviceHandle::new(handle));
            let is_damaged = !claims.contains_key(&key) && contents.documents().any(|(other, _)| other == key);
            let owner = claims.get(&key).and_then(Option::as_deref);
            let is_claimed = is_damaged || owner == ids.first().copied();
            assert!(is_claimed, "{handle} is pushed to and not claimed\n{}", how());
        }
    }

    /// Every way in which the register may look when all is over: the operations in any order, those that were cut off
    /// perhaps not at all. A PUT that was cut off and is over by itself before Maintenance came, or whose user was forgotten,
    /// has replaced what was there, and nothing else.
    pub fn ends(&self, is_optional: &[bool], followed_by: Option<Operation>) -> Vec<End> {
        let mut ends = Vec::new();
        for chosen in self.possible(is_optional) {
            for order in orders(chosen.len()) {
                let mut contents = self.contents.clone();
                for (operation, now) in order.iter().filter_map(|index| chosen[*index]) {
                    contents = alone(&contents, operation, now, |_| {});
                }
                let mut add = |contents: &Contents| {
                    let how = || format!("one after the other: {chosen:?}, {order:?}");
                    let end = self.end(contents, followed_by, &how);
                    if !ends.contains(&end) {
                        ends.push(end);
                    }
                };
                let Some(follower) = followed_by else {
                    add(&contents);
                    continue;
                };
                add(&alone(&contents, follower, later(), |_| {}));
                // What was cut off may come to its end after something that has nothing to do with it.
                let last = order.last().filter(|last| is_optional[**last]).and_then(|last| chosen[*last]);
                if let Some((last, now)) = last.filter(|(last, _)| last.is_apart_from(follower)) {
                    let mut contents = self.contents.clone();
                    for (operation, now) in order[..order.len() - 1].iter().filter_map(|index| chosen[*index]) {
                        contents = alone(&contents, operation, now, |_| {});
                    }
                    let contents = alone(&contents, follower, later(), |_| {});
                    add(&alone(&contents, last, now, |_| {}));
                }
            }
        }
        ends
    }

    /// Whether one of `ends` is this one but for devices of a recipient who had too many for a moment: of three changes, one
    /// may have made room for another that the third one replaced.
    pub fn is_one_after_room_was_made(&self, end: &End, ends: &[End]) -> bool {
        let is_crowded = |recipient: &Recipient| {
            let all = self.before.iter().chain(self.operations.iter().map(|(operation, _)| operation));
            let ids = all.filter_map(|operation| match operation {
                Put(form) if form.recipients().contains(recipient) => Some(form.id),
                Put(_) | Delete(_) | Operation::Maintenance | Operation::Forget(_) | Operation::Report(_) => None,
            });
            ids.collect::<BTreeSet<_>>().len() > LIMITS.per_user
        };
        ends.iter().any(|other| {
            let mut lost = other.shown.difference(&end.shown);
            end.shown.is_subset(&other.shown) && lost.all(|(recipient, ..)| is_crowded(recipient))
        })
    }

    /// Every choice of what the operations may have come to.
    pub fn possible(&self, is_optional: &[bool]) -> Vec<Vec<Way>> {
        let mut possible = vec![Vec::new()];
        for ((operation, now), is_optional) in self.operations.iter().zip(is_optional) {
            let mut ways = vec![Some((*operation, *now))];
            if *is_optional {
                ways.push(None);
                if let Put(form) = operation
                    && (form.ends_after.is_some() || self.forgets_someone_of(form))
                {
                    ways.push(Some((Delete(form.id), *now)));
                }
            }
            let longer = |before: &Vec<_>| {
                let before = before.clone();
                ways.clone().into_iter().map(move |way| [before.clone(), vec![way]].concat())
            };
            possible = possible.iter().flat_map(longer).collect();
        }
        possible
    }

    fn forgets_someone_of(&self, form: &Form) -> bool {
        let all = recipients();
        let forgotten = self.operations.iter().filter_map(|(operation, _)| match operation {
            Operation::Forget(index) => Some(&all[*index]),
            Put(_) | Delete(_) | Operation::Maintenance | Operation::Report(_) => None,
        });
        forgotten.into_iter().any(|recipient| form.recipients().contains(recipient))
    }

    /// How the register looks after Maintenance, which agrees with itself.
    pub fn end(&self, contents: &Contents, followed_by: Option<Operation>, how: &dyn Fn() -> String) -> End {
        let hash = hash_of(&(contents, followed_by));
        if let Some(end) = self.maintained.borrow().get(&hash) {
            return end.clone();
        }
        let contents = maintained(contents, |contents, now| self.check(contents, followed_by, now, how));
        let now = noon() + TimeDelta::minutes(16);
        let view = View::of(&contents, &recipients(), LIMITS.time_to_live, now);
        assert_eq!(view.pushed, view.shown, "left is pushed to, right is shown\n{}", how());
        let left = left_over(&contents, &view);
        assert!(left.is_empty(), "{left:?} is left over\n{}", how());
        self.maintained.borrow_mut().insert(hash, view.clone());
        view
    }
}

/// When an operation follows that comes after the others.
pub fn later() -> DateTime<Utc> {
    noon() + TimeDelta::seconds(1)
}

pub fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(n - 1);
    let longer = |order: &Vec<usize>| {
        let insert = |place| {
            let mut order = order.clone();
            order.insert(place, n - 1);
            order
        };
        (0..n).map(insert).collect::<Vec<_>>()
    };
    shorter.iter().flat_map(longer).collect()
}
