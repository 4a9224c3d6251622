//! Every interleaving of any two changes of the register, cut off anywhere, and what follows.
//!
//! After every single step no handle may be pushed to for two owners, and what is pushed to must be claimed. When
//! everything has come to its end, the register must be as if the changes had happened one after the other in some order, a
//! change that was cut off perhaps not at all; nothing may be left over.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use futures_util::TryStreamExt;

use super::view::{View, claims, left_over};
use super::*;
use crate::explorer::{Run, Start, explore};
use crate::maintenance::Maintenance;
use crate::store::{Contents, Permission};

/// One change of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Put(Form),
    Delete(&'static str),
    Maintenance,
}

/// What is PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    id: &'static str,
    user: &'static str,
    number: Option<&'static str>,
    handle: &'static str,
    voip: Option<&'static str>,
    /// Seconds from its PUT to its end.
    ends_after: Option<i64>,
}

use Operation::{Delete, Put};

const USERS: [&str; 3] = ["u0", "u1", "u2"];
const NUMBER: &str = "15551234567";
const G: &str = "handle-g";
const H: &str = "handle-h";
const K: &str = "handle-k";
const V: &str = "handle-v";

/// Two devices of a user or number at most.
const LIMITS: Limits = Limits { per_user: 2, per_number: 2, time_to_live: TimeDelta::days(60) };

/// How far the second operation's clock is ahead.
const CLOCKS: [TimeDelta; 3] = [TimeDelta::zero(), TimeDelta::milliseconds(1), TimeDelta::minutes(-2)];

const fn form(id: &'static str, user: &'static str, handle: &'static str) -> Form {
    Form { id, user, number: None, handle, voip: None, ends_after: None }
}

const fn put(id: &'static str, user: &'static str, handle: &'static str) -> Operation {
    Put(form(id, user, handle))
}

const fn with_voip(form: Form) -> Form {
    Form { voip: Some(V), ..form }
}

const fn with_number(form: Form) -> Form {
    Form { number: Some(NUMBER), ..form }
}

/// What there is before: nothing, one or two devices, a user who has as many as may be, handles for calls, a number.
const BEFORE: [&[Operation]; 6] = [
    &[],
    &[put("x", "u0", G)],
    &[put("x", "u0", G), put("y", "u1", H)],
    &[put("x", "u0", G), put("y", "u0", H)],
    &[Put(with_voip(with_number(form("x", "u0", G)))), put("y", "u1", H)],
    &[Put(Form { ends_after: Some(60), ..form("x", "u0", G) }), put("y", "u0", H)],
];

/// Every kind of change: the same again, another handle, another user, another's handle, handles for calls, a number, an
/// end, a third device of a user, a deletion, Maintenance.
const OPERATIONS: [Operation; 15] = [
    put("x", "u0", G),
    put("x", "u0", H),
    put("x", "u1", G),
    put("x", "u1", H),
    put("y", "u0", G),
    put("y", "u1", G),
    put("y", "u2", H),
    put("z", "u0", K),
    Put(with_voip(form("x", "u0", K))),
    Put(with_voip(form("y", "u1", G))),
    Put(with_number(form("x", "u1", G))),
    Put(Form { ends_after: Some(60), ..form("y", "u1", G) }),
    Delete("x"),
    Delete("y"),
    Operation::Maintenance,
];

fn recipients() -> Vec<Recipient> {
    let users = USERS.map(|user| Recipient::User(UserId::new(user)));
    let number = Recipient::Number(PhoneNumber::from_digits_of(NUMBER).unwrap());
    users.into_iter().chain([number]).collect()
}

/// The moment at which everything happens, unless it happens later.
fn noon() -> DateTime<Utc> {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

impl Form {
    fn installation(self, now: DateTime<Utc>) -> Installation {
        let number = self.number.and_then(PhoneNumber::from_digits_of);
        Installation {
            phone_numbers: number.into_iter().collect(),
            voip_handle: self.voip.map(DeviceHandle::new),
            expires_at: self.ends_after.map(|seconds| now + TimeDelta::seconds(seconds)),
            ..installation(self.id, self.user, self.handle)
        }
    }

    fn has(&self, handle: &str) -> bool {
        self.handle == handle || self.voip == Some(handle)
    }

    fn recipients(&self) -> Vec<Recipient> {
        self.installation(noon()).recipients()
    }
}

impl Operation {
    fn start(self, now: DateTime<Utc>) -> Start<'static> {
        Box::new(move |store| {
            let register = Installations::new(store, LIMITS);
            Box::pin(async move {
                match self {
                    Put(form) => register.put(&form.installation(noon()), now).await.map(drop),
                    Delete(id) => register.delete(id, now).await,
                    Self::Maintenance => look_through(&register, now).await,
                }
            })
        })
    }
}

/// What Maintenance does about the register, one note after the other: side by side they are too many schedules.
async fn look_through(register: &Installations, now: DateTime<Utc>) -> Result<(), StoreError> {
    for kind in ["pending", "expiring", "installations"] {
        let listed: Vec<_> = register.store.list(kind).try_collect().await?;
        for listed in listed {
            match kind {
                "pending" => register.look_at_pending(&listed, now).await?,
                "expiring" => register.look_at_expiring(&listed, now).await?,
                _ => register.look_at_old(&listed, now).await?,
            };
        }
    }
    Ok(())
}

/// Runs one operation by itself, checking every step.
fn alone(contents: &Contents, operation: Operation, now: DateTime<Utc>, mut check: impl FnMut(&Run)) -> Contents {
    let mut run = Run::start(contents, now, &[operation.start(now)]);
    to_the_end(&mut run, &mut check);
    assert!(matches!(run.ended(0), Some(Ok(()))), "{operation:?}: {:?}", run.ended(0));
    run.contents()
}

fn to_the_end(run: &mut Run, check: &mut impl FnMut(&Run)) {
    while let Some((choice, _)) = run.next().first().copied() {
        run.take(choice);
        check(run);
    }
}

/// What two runs of Maintenance make of it, the real ones, some minutes later and again after that.
fn maintained(contents: &Contents, mut check: impl FnMut(&Contents, DateTime<Utc>)) -> Contents {
    let mut contents = contents.clone();
    for minutes in [5, 16] {
        let now = noon() + TimeDelta::minutes(minutes);
        let start: Start<'_> = Box::new(move |store| {
            let register = Arc::new(Installations::new(Arc::clone(&store), LIMITS));
            let maintenance = Maintenance::new(store, register);
            Box::pin(async move { maintenance.run(now).await.map(drop) })
        });
        let mut run = Run::start(&contents, now, &[start]);
        to_the_end(&mut run, &mut |run| check(&run.contents(), now));
        assert!(matches!(run.ended(0), Some(Ok(()))), "Maintenance: {:?}", run.ended(0));
        contents = run.contents();
    }
    contents
}

/// Everything that one exploration is about.
struct Case {
    before: &'static [Operation],
    operations: Vec<(Operation, DateTime<Utc>)>,
    contents: Contents,
}

/// How the register looks at its end.
type End = View;

impl Case {
    fn new(before: &'static [Operation], operations: &[Operation], ahead: TimeDelta) -> Self {
        // Some minutes before, so that nothing of it is under way any more.
        let mut contents = Contents::default();
        for (index, operation) in (0..).zip(before) {
            contents = alone(&contents, *operation, noon() - TimeDelta::seconds(40 - index), |_| {});
        }
        let clock = |index: i32| noon() + ahead * index;
        let operations = (0..).zip(operations).map(|(index, operation)| (*operation, clock(index))).collect();
        Self { before, operations, contents }
    }

    fn starts(&self) -> Vec<Start<'static>> {
        self.operations.iter().map(|(operation, now)| operation.start(*now)).collect()
    }

    /// Whether the forms of this case allow what is pushed to.
    fn check(&self, contents: &Contents, followed_by: Option<Operation>, now: DateTime<Utc>, how: &dyn Fn() -> String) {
        let view = View::of(contents, &recipients(), LIMITS.time_to_live, now);
        let all = self.before.iter().copied().chain(self.operations.iter().map(|(operation, _)| *operation));
        let forms = all.chain(followed_by).filter_map(|operation| match operation {
            Put(form) => Some(form),
            Delete(_) | Operation::Maintenance => None,
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
            let owner = claims.get(&handle_key(&DeviceHandle::new(handle))).map(String::as_str);
            assert_eq!(owner, ids.first().copied(), "{handle} is pushed to and not claimed\n{}", how());
        }
    }

    /// Every way in which the register may look when all is over: the operations in any order, those that were cut off
    /// perhaps not at all.
    fn ends(&self, is_optional: &[bool], followed_by: Option<Operation>) -> Vec<End> {
        let mut ends = Vec::new();
        for order in orders(self.operations.len()) {
            for included in 0..1_u32 << order.len() {
                let is_included = |index: &usize| included & (1 << index) != 0;
                if !(0..order.len()).all(|index| is_optional[index] || is_included(&index)) {
                    continue;
                }
                let mut contents = self.contents.clone();
                for index in order.iter().filter(|index| is_included(index)) {
                    let (operation, now) = self.operations[*index];
                    contents = alone(&contents, operation, now, |_| {});
                }
                if let Some(operation) = followed_by {
                    contents = alone(&contents, operation, later(), |_| {});
                }
                let end = self.end(&contents, &|| "one after the other".to_owned());
                if !ends.contains(&end) {
                    ends.push(end);
                }
            }
        }
        ends
    }

    /// How the register looks after Maintenance, which agrees with itself.
    fn end(&self, contents: &Contents, how: &dyn Fn() -> String) -> End {
        let contents = maintained(contents, |contents, now| self.check(contents, None, now, how));
        let now = noon() + TimeDelta::minutes(16);
        let view = View::of(&contents, &recipients(), LIMITS.time_to_live, now);
        assert_eq!(view.pushed, view.shown, "left is pushed to, right is shown\n{}", how());
        let left = left_over(&contents, &view);
        assert!(left.is_empty(), "{left:?} is left over\n{}", how());
        view
    }
}

/// When an operation follows that comes after the others.
fn later() -> DateTime<Utc> {
    noon() + TimeDelta::seconds(1)
}

fn orders(n: usize) -> Vec<Vec<usize>> {
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

fn hash_of(contents: &Contents) -> u64 {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    hasher.finish()
}

/// How much was walked through.
#[derive(Debug, Default)]
struct Counts {
    cases: AtomicUsize,
    states: AtomicUsize,
    cut_off: AtomicUsize,
    followed: AtomicUsize,
}

/// Walks through a case: every interleaving; in every state each operation cut off, and after it any other one.
fn walk_through(case: &Case, followers: &[Operation], counts: &Counts) {
    let starts = case.starts();
    let mut known = HashSet::new();
    let mut possible: BTreeMap<(Vec<bool>, usize), Vec<End>> = BTreeMap::new();
    let how = |run: &Run, what: &str| format!("{:?}, then {:?}{what}: {:?}", case.before, case.operations, run.choices);
    let mut judge = |contents: &Contents, optional: Vec<bool>, how: &dyn Fn() -> String| {
        let key = |follower| (hash_of(contents), optional.clone(), follower);
        if known.insert(key(0)) {
            let ends = possible.entry((optional.clone(), 0)).or_insert_with(|| case.ends(&optional, None));
            let end = case.end(contents, how);
            assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how());
        }
        for (number, follower) in (1..).zip(followers) {
            if !known.insert(key(number)) {
                continue;
            }
            counts.followed.fetch_add(1, Ordering::Relaxed);
            let how = || format!("{}, followed by {follower:?}", how());
            let followed = alone(contents, *follower, later(), |run| {
                case.check(&run.contents(), Some(*follower), later(), &how);
            });
            let ends = possible.entry((optional.clone(), number)).or_insert_with(|| case.ends(&optional, Some(*follower)));
            let end = case.end(&followed, &how);
            assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how());
        }
    };
    let states = explore(&case.contents, noon(), &starts, 1, |run| {
        case.check(&run.contents(), None, noon(), &|| how(run, ""));
        let under_way: Vec<usize> = (0..starts.len()).filter(|index| run.is_under_way(*index)).collect();
        if under_way.is_empty() {
            let optional = (0..starts.len()).map(|index| !matches!(run.ended(index), Some(Ok(())))).collect();
            judge(&run.contents(), optional, &|| how(run, ""));
        }
        for cut_off in under_way.into_iter().filter(|index| run.has_begun(*index)) {
            let mut rest = Run::start(&case.contents, noon(), &starts);
            run.choices.iter().for_each(|choice| rest.take(*choice));
            rest.cut_off(cut_off);
            let how = || how(run, &format!(", {cut_off} cut off"));
            to_the_end(&mut rest, &mut |rest| case.check(&rest.contents(), None, noon(), &how));
            counts.cut_off.fetch_add(1, Ordering::Relaxed);
            let optional = (0..starts.len()).map(|index| !matches!(rest.ended(index), Some(Ok(())))).collect();
            judge(&rest.contents(), optional, &how);
        }
    });
    counts.cases.fetch_add(1, Ordering::Relaxed);
    counts.states.fetch_add(states, Ordering::Relaxed);
}

/// Runs `work` for each of the numbers, on all cores.
fn on_all_cores(numbers: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                // Maintenance's time limit belongs to a runtime, whose clock stands still here.
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let _entered = runtime.enter();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers {
                        break;
                    }
                    work(number);
                }
            });
        }
    });
}

#[test]
fn any_two_changes_in_any_order_cut_off_anywhere_leave_one_owner() {
    let counts = Counts::default();
    let mut cases = Vec::new();
    for before in BEFORE {
        for (index, one) in OPERATIONS.into_iter().enumerate() {
            for other in &OPERATIONS[index..] {
                cases.extend(CLOCKS.map(|ahead| (before, [one, *other], ahead)));
            }
        }
    }
    on_all_cores(cases.len(), |number| {
        let (before, operations, ahead) = cases[number];
        walk_through(&Case::new(before, &operations, ahead), &[], &counts);
    });
    println!("{counts:?}");
}
