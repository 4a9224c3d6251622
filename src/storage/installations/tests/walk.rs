//! Walks through the states of a case, on all cores, and counts them.

#![expect(clippy::print_stdout, reason = "how far it is, is what a person waits for")]

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::case::{Case, End, later};
use super::operations::*;
use crate::storage::explorer::{Run, SideBySide, explore};

/// How many states of one case are walked through. Two changes that want each other's handles, and repeat each other's steps,
/// have millions.
pub fn most_states() -> usize {
    drawn("EXPLORE_STATES", if IS_FAST { 20_000 } else { 5_000 })
}

/// How much was walked through.
#[derive(Debug, Default)]
pub struct Counts {
    pub cases: AtomicUsize,
    /// Cases with more states than were walked through.
    pub cut_short: AtomicUsize,
    pub states: AtomicUsize,
    pub ends: AtomicUsize,
    pub followed: AtomicUsize,
}

/// Walks through a case. In every state what is under way may be cut off, and the followers that `follow` names come after.
pub fn walk_through(
    case: &Case,
    order: SideBySide,
    may_lose: bool,
    follow: impl Fn(u64) -> Vec<Operation>,
    counts: &Counts,
) {
    let mut judged = HashSet::new();
    let mut possible: BTreeMap<(Vec<bool>, String), Vec<End>> = BTreeMap::new();
    let (states, is_complete) = explore(case.start(), order, may_lose, most_states(), |run| {
        let hash = run.contents_hash();
        // Whoever is under way here is cut off here: that the others go on is another state.
        let is_optional: Vec<bool> = (0..case.operations.len()).map(|index| !is_done(run, index)).collect();
        if !judged.insert((hash, is_optional.clone())) {
            return;
        }
        let contents = run.contents();
        let how = || format!("{:?}, then {:?}: {:?}", case.before, case.operations, run.choices());
        case.check(contents, None, noon(), &how);
        // A person who is half forgotten has some devices and not others, until the command is run again.
        let is_forgetting = |(operation, _): &(Operation, _)| matches!(operation, Operation::Forget(_));
        if case.operations.iter().zip(&is_optional).any(|(operation, is_cut)| *is_cut && is_forgetting(operation)) {
            return;
        }
        counts.ends.fetch_add(1, Ordering::Relaxed);
        let mut judge = |end: End, follower: Option<Operation>, how: &dyn Fn() -> String| {
            let ends = possible.entry((is_optional.clone(), format!("{follower:?}")));
            let ends = ends.or_insert_with(|| case.ends(&is_optional, follower));
            assert!(ends.contains(&end), "{end:#?}\nis none of {ends:#?}\n{}", how());
        };
        judge(case.end(contents, None, &how), None, &how);
        for follower in follow(hash) {
            let how = || format!("{}, followed by {follower:?}", how());
            let followed = alone(contents, follower, later(), |run| {
                case.check(run.contents(), Some(follower), later(), &how);
            });
            judge(case.end(&followed, Some(follower), &how), Some(follower), &how);
            counts.followed.fetch_add(1, Ordering::Relaxed);
        }
    });
    counts.cases.fetch_add(1, Ordering::Relaxed);
    counts.cut_short.fetch_add(usize::from(!is_complete), Ordering::Relaxed);
    counts.states.fetch_add(states, Ordering::Relaxed);
}

pub fn is_done(run: &Run<'_>, operation: usize) -> bool {
    matches!(run.ended(operation).as_deref(), Some(Ok(())))
}

/// Runs `work` for each of the numbers, on all cores, and prints how far it is.
pub fn on_all_cores(numbers: usize, work: impl Fn(usize) + Sync) {
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
                    if number > 0 && number.is_multiple_of(numbers.div_ceil(20)) {
                        println!("{number} of {numbers} cases begun");
                    }
                    work(number);
                }
            });
        }
    });
}

/// Everything is walked through in a build that is fast enough, and a share elsewhere.
pub const IS_FAST: bool = !cfg!(debug_assertions);

/// How much is walked through: what the environment asks for, or else the default.
#[expect(clippy::disallowed_methods, reason = "a person asks for more by the environment")]
pub fn drawn(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub fn share_of<T>(cases: Vec<T>, one_of: usize) -> Vec<T> {
    cases.into_iter().step_by(if IS_FAST { 1 } else { one_of }).collect()
}
