//! Every interleaving of any two changes of the register, cut off anywhere, and what follows.
//!
//! After every single step no handle may be pushed to for two owners, and what is pushed to must be claimed. When
//! everything has come to its end, the register must be as if the changes had happened one after the other in some order, a
//! change that was cut off perhaps not at all; nothing may be left over.

#![expect(clippy::print_stdout, reason = "how much was walked through is what a person runs it for")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use futures_util::TryStreamExt;

use super::view::{View, claims, left_over};
use super::*;
use crate::explorer::{Run, SideBySide, Start, explore, hash_of};
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
    /// Whether the two are about different installations and handles.
    fn is_apart_from(self, other: Self) -> bool {
        let (Put(one), Put(other)) = (self, other) else { return false };
        one.id != other.id && ![Some(one.handle), one.voip].into_iter().flatten().any(|handle| other.has(handle))
    }

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
    while let Some((choice, _)) = run.next(SideBySide::First).first().copied() {
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

/// What an operation came to: it or another one happened at its time, or nothing.
type Way = Option<(Operation, DateTime<Utc>)>;

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
            let key = handle_key(&DeviceHandle::new(handle));
            let is_damaged = !claims.contains_key(&key) && contents.documents().any(|(other, _)| other == key);
            let owner = claims.get(&key).and_then(Option::as_deref);
            let is_claimed = is_damaged || owner == ids.first().copied();
            assert!(is_claimed, "{handle} is pushed to and not claimed\n{}", how());
        }
    }

    /// Every way in which the register may look when all is over: the operations in any order, those that were cut off
    /// perhaps not at all. A PUT that was cut off and is over by itself before Maintenance came has replaced what was there,
    /// and nothing else.
    fn ends(&self, is_optional: &[bool], followed_by: Option<Operation>) -> Vec<End> {
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

    /// Every choice of what the operations may have come to.
    fn possible(&self, is_optional: &[bool]) -> Vec<Vec<Way>> {
        let mut possible = vec![Vec::new()];
        for ((operation, now), is_optional) in self.operations.iter().zip(is_optional) {
            let mut ways = vec![Some((*operation, *now))];
            if *is_optional {
                ways.push(None);
                if let Put(Form { id, ends_after: Some(_), .. }) = operation {
                    ways.push(Some((Delete(id), *now)));
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

    /// How the register looks after Maintenance, which agrees with itself.
    fn end(&self, contents: &Contents, followed_by: Option<Operation>, how: &dyn Fn() -> String) -> End {
        let contents = maintained(contents, |contents, now| self.check(contents, followed_by, now, how));
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

/// How much was walked through.
#[derive(Debug, Default)]
struct Counts {
    cases: AtomicUsize,
    states: AtomicUsize,
    ends: AtomicUsize,
    followed: AtomicUsize,
}

/// Walks through a case. In every state what is under way may be cut off, and the followers that `follow` names come after.
fn walk_through(
    case: &Case,
    order: SideBySide,
    lost_answers: usize,
    follow: impl Fn(u64) -> Vec<Operation>,
    counts: &Counts,
) {
    let starts = case.starts();
    let (mut checked, mut judged) = (HashSet::new(), HashSet::new());
    let mut possible: BTreeMap<(Vec<bool>, String), Vec<End>> = BTreeMap::new();
    let states = explore(&case.contents, noon(), &starts, order, lost_answers, |run| {
        let contents = run.contents();
        let hash = hash_of(&contents);
        let how = || format!("{:?}, then {:?}: {:?}", case.before, case.operations, run.choices);
        if checked.insert(hash) {
            case.check(&contents, None, noon(), &how);
        }
        // Whoever is under way here is cut off here: that the others go on is another state.
        let is_optional: Vec<bool> = (0..starts.len()).map(|index| !matches!(run.ended(index), Some(Ok(())))).collect();
        if !judged.insert((hash, is_optional.clone())) {
            return;
        }
        counts.ends.fetch_add(1, Ordering::Relaxed);
        let mut judge = |end: End, follower: Option<Operation>, how: &dyn Fn() -> String| {
            let ends = possible.entry((is_optional.clone(), format!("{follower:?}")));
            let ends = ends.or_insert_with(|| case.ends(&is_optional, follower));
            assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how());
        };
        judge(case.end(&contents, None, &how), None, &how);
        for follower in follow(hash) {
            let how = || format!("{}, followed by {follower:?}", how());
            let followed = alone(&contents, follower, later(), |run| {
                case.check(&run.contents(), Some(follower), later(), &how);
            });
            judge(case.end(&followed, Some(follower), &how), Some(follower), &how);
            counts.followed.fetch_add(1, Ordering::Relaxed);
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

/// Everything is walked through in a build that is fast enough, and a share elsewhere.
const IS_FAST: bool = !cfg!(debug_assertions);

/// How many cases are drawn.
#[expect(clippy::disallowed_methods, reason = "a person asks for more by the environment")]
fn drawn(name: &str) -> usize {
    let default = if IS_FAST { 100_000 } else { 100 };
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn share_of<T>(cases: Vec<T>, one_of: usize) -> Vec<T> {
    cases.into_iter().step_by(if IS_FAST { 1 } else { one_of }).collect()
}

#[test]
fn one_change_cut_off_anywhere_is_healed_by_any_other() {
    let counts = Counts::default();
    let cases = BEFORE.iter().flat_map(|before| OPERATIONS.map(|operation| (*before, operation)));
    let cases = share_of(cases.collect(), 40);
    on_all_cores(cases.len(), |number| {
        let (before, operation) = cases[number];
        let case = Case::new(before, &[operation], TimeDelta::zero());
        walk_through(&case, SideBySide::Any, 1, |_| OPERATIONS.to_vec(), &counts);
    });
    println!("one change: {counts:?}");
}

#[test]
fn any_two_changes_in_any_order_cut_off_anywhere_leave_one_owner() {
    let counts = Counts::default();
    let mut cases = Vec::new();
    for before in BEFORE {
        for (index, one) in OPERATIONS.into_iter().enumerate() {
            for other in &OPERATIONS[index..] {
                let pair = [one, *other];
                cases.extend(CLOCKS.map(|ahead| (before, pair, ahead, SideBySide::First, 0)));
                cases.push((before, pair, TimeDelta::zero(), SideBySide::Last, 0));
                cases.push((before, pair, TimeDelta::zero(), SideBySide::First, 1));
            }
        }
    }
    let cases = share_of(cases, 1801);
    on_all_cores(cases.len(), |number| {
        let (before, operations, ahead, order, lost_answers) = cases[number];
        let case = Case::new(before, &operations, ahead);
        // One of the others follows, each state by another one.
        let follow = |state: u64| {
            let follower = OPERATIONS[(state % OPERATIONS.len() as u64) as usize];
            if lost_answers == 0 && state.is_multiple_of(8) { vec![follower] } else { Vec::new() }
        };
        walk_through(&case, order, lost_answers, follow, &counts);
    });
    println!("two changes: {counts:?}");
}

#[test]
fn any_three_changes_at_random_leave_one_owner() {
    let counts = Counts::default();
    on_all_cores(drawn("EXPLORE_TRIPLES"), |seed| {
        let mut rng = Rng::with_seed(seed as u64);
        let operations = [(); 3].map(|()| OPERATIONS[rng.usize(..OPERATIONS.len())]);
        let ahead = CLOCKS[rng.usize(..CLOCKS.len())];
        let case = Case::new(BEFORE[rng.usize(..BEFORE.len())], &operations, ahead);
        let mut run = Run::start(&case.contents, noon(), &case.starts());
        let mut cut_off = [(); 3].map(|()| rng.usize(..60));
        let how = |run: &Run| format!("seed {seed}: {:?}, then {:?}: {:?}", case.before, case.operations, run.choices);
        loop {
            let next: Vec<_> = run.next(SideBySide::Any);
            let next: Vec<_> = next.into_iter().filter(|(choice, _)| cut_off[choice.operation] > 0).collect();
            let Some((mut choice, is_write)) = rng.choice(next) else { break };
            if is_write && rng.u8(..50) == 0 {
                choice.permission = Permission::Repeated;
            }
            cut_off[choice.operation] -= 1;
            run.take(choice);
            case.check(&run.contents(), None, noon(), &|| how(&run));
        }
        counts.states.fetch_add(run.choices.len(), Ordering::Relaxed);
        counts.cases.fetch_add(1, Ordering::Relaxed);
        let end = case.end(&run.contents(), None, &|| how(&run));
        // In every order: that takes longer than the rest.
        if seed.is_multiple_of(20) {
            counts.ends.fetch_add(1, Ordering::Relaxed);
            let is_optional: Vec<bool> = (0..3).map(|index| !matches!(run.ended(index), Some(Ok(())))).collect();
            let ends = case.ends(&is_optional, None);
            assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how(&run));
        }
    });
    println!("three changes: {counts:?}");
}

#[test]
fn a_damaged_document_is_mended_by_whoever_changes_what_it_is_about() {
    let (damaged, mended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cases = BEFORE.iter().flat_map(|before| OPERATIONS.map(|operation| (*before, operation)));
    let cases = share_of(cases.collect(), 7);
    on_all_cores(cases.len(), |number| {
        let (before, operation) = cases[number];
        let case = Case::new(before, &[operation], TimeDelta::zero());
        let keys: Vec<String> = case.contents.documents().map(|(key, _)| key.to_owned()).collect();
        for (key, damage) in keys.iter().flat_map(|key| [(key, &b""[..]), (key, b"{\"v\":1,\"w\":\"0\",\"inst")]) {
            if key.starts_with("expiring/") {
                continue;
            }
            let how = || format!("{before:?}, {key} damaged, then {operation:?}");
            let mut contents = case.contents.clone();
            contents.set_raw(key, damage, noon() - TimeDelta::minutes(1));
            let contents = alone(&contents, operation, noon(), |run| case.check(&run.contents(), None, noon(), &how));
            damaged.fetch_add(1, Ordering::Relaxed);
            if contents.documents().all(|(_, document)| document != damage) {
                mended.fetch_add(1, Ordering::Relaxed);
                let (end, ends) = (case.end(&contents, None, &how), case.ends(&[false], None));
                assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how());
            }
        }
    });
    println!("damaged: {damaged:?}, mended by the next change: {mended:?}");
    assert!(mended.into_inner() > damaged.into_inner() / 3);
}
