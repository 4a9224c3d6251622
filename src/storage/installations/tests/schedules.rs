//! Every interleaving of any two changes of the register, cut off anywhere, and what follows.
//!
//! After every single step no handle may be pushed to for two owners, and what is pushed to must be claimed. When
//! everything has come to its end, the register must be as if the changes had happened one after the other in some order, a
//! change that was cut off perhaps not at all; nothing may be left over.

#![expect(clippy::print_stdout, reason = "how much was walked through is what a person runs it for")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;

use super::case::{Case, later, maintained};
use super::operations::*;
use super::operations::{G, H};
use super::view::{View, left_over};
use super::walk::{Counts, IS_FAST, drawn, is_done, most_states, on_all_cores, share_of, walk_through};
use super::*;
use crate::storage::explorer::{Run, SideBySide, explore};
use crate::storage::store::Contents;
#[test]
fn one_change_cut_off_anywhere_is_healed_by_any_other() {
    let counts = Counts::default();
    let cases = BEFORE.iter().flat_map(|before| OPERATIONS.map(|operation| (*before, operation)));
    let cases = share_of(cases.collect(), 40);
    on_all_cores(cases.len(), |number| {
        let (before, operation) = cases[number];
        let case = Case::new(before, &[operation], TimeDelta::zero());
        walk_through(&case, SideBySide::Any, true, |_| OPERATIONS.to_vec(), &counts);
    });
    println!("one change: {counts:?}");
}

const THIRD: &str = "w";

/// The same PUT by a third phone.
fn of_a_third(operation: Operation) -> Operation {
    let Put(form) = operation else { panic!("{operation:?} is no PUT") };
    Put(Form { id: THIRD, ..form })
}

/// Maintenance finishes a PUT minutes after it was cut off, when its handle may have had another owner.
#[test]
fn what_was_cut_off_does_not_come_back_once_another_had_its_handle() {
    let counts = Counts::default();
    let put_and_put = [
        (put("x", "u0", H), put("y", "u2", H), H),
        (Put(with_voip(form("x", "u0", K))), Put(with_voip(form("y", "u1", G))), V),
    ];
    let mut cases = Vec::new();
    for before in BEFORE {
        for (one, other, handle) in put_and_put {
            cases.extend([Delete("y"), put("y", "u2", "handle-l")].map(|then| (before, one, [other, then], handle)));
        }
    }
    let cases = share_of(cases, 5);
    on_all_cores(cases.len(), |number| {
        let (before, operation, followers, handle) = cases[number];
        let case = Case::new(before, &[operation], TimeDelta::zero());
        let mut judged = HashSet::new();
        let (states, _) = explore(case.start(), SideBySide::Any, true, most_states(), |run| {
            if !judged.insert(run.contents_hash()) {
                return;
            }
            let how = || format!("{before:?}, then {operation:?}: {:?}, then {followers:?}", run.choices());
            let [other, then] = followers;
            let contents = alone(run.contents(), other, later(), |_| {});
            let left = alone(&contents, then, later() + TimeDelta::seconds(1), |_| {});
            // A third PUT wants it then, and is cut off anywhere, or does not begin.
            let third = later() + TimeDelta::seconds(2);
            let mut cut_off = HashMap::from([(0, left.clone())]);
            alone(&left, of_a_third(other), third, |run| {
                cut_off.entry(run.contents_hash()).or_insert_with(|| run.contents().clone());
            });
            for contents in cut_off.into_values() {
                let contents = maintained(&contents, |_, _| {});
                let view = View::of(&contents, &recipients(), LIMITS.time_to_live, noon() + TimeDelta::minutes(16));
                let owners = view.handles().remove(handle).unwrap_or_default();
                assert!(owners.iter().all(|(id, _)| *id == THIRD), "{handle} has come back: {owners:?}\n{}", how());
                let left = left_over(&contents, &view);
                assert!(left.is_empty(), "{left:?} is left over\n{}", how());
            }
            counts.followed.fetch_add(1, Ordering::Relaxed);
        });
        counts.states.fetch_add(states, Ordering::Relaxed);
    });
    println!("cut off, and too late: {counts:?}");
    assert!(counts.followed.into_inner() > 100);
}

#[test]
fn one_that_is_gone_takes_no_place_of_a_user_who_has_as_many_as_may_be() {
    let counts = Counts::default();
    on_all_cores(1, |_| {
        let case = Case::new(BEFORE[3], &[Delete("y")], TimeDelta::zero());
        walk_through(&case, SideBySide::Any, true, |_| vec![put("z", "u0", K)], &counts);
    });
    assert!(counts.followed.into_inner() > 0);
}

#[test]
fn a_put_by_a_clock_that_is_behind_is_as_new_as_what_it_replaces_where_a_user_has_too_many() {
    let counts = Counts::default();
    on_all_cores(2, |number| {
        let later = [Put(with_voip(form("x", "u0", K))), put("z", "u0", K)];
        let case = Case::new(BEFORE[3], &[put("z", "u0", K), later[number]], CLOCKS[2]);
        walk_through(&case, SideBySide::First, false, |_| Vec::new(), &counts);
    });
    assert!(counts.ends.into_inner() > 100);
}

#[test]
fn puts_of_one_moment_that_want_one_handle_or_have_one_id_come_to_an_end() {
    let counts = Counts::default();
    let pairs = [[put("y", "u1", H), put("z", "u2", H)], [put("x", "u0", H), put("x", "u1", K)]];
    on_all_cores(pairs.len(), |number| {
        let case = Case::new(BEFORE[0], &pairs[number], TimeDelta::zero());
        walk_through(&case, SideBySide::First, false, |_| Vec::new(), &counts);
    });
    println!("one moment: {counts:?}");
    // Two that ask for each other's revision for ever have ever more states.
    assert_eq!(counts.cut_short.into_inner(), 0);
}

#[test]
fn a_phone_that_moves_or_registers_again_while_another_takes_its_handle_loses_no_other_one() {
    let counts = Counts::default();
    let takes = put("y", "u1", G);
    let pairs = [put("x", "u0", H), put("x", "u1", G)].map(|other| [takes, other]);
    let cases: Vec<_> = pairs.iter().flat_map(|pair| CLOCKS.map(|ahead| (pair, ahead))).collect();
    on_all_cores(cases.len(), |number| {
        let (pair, ahead) = cases[number];
        walk_through(&Case::new(BEFORE[1], pair, ahead), SideBySide::First, false, |_| Vec::new(), &counts);
    });
    println!("a handle is taken: {counts:?}");
}

#[test]
fn any_two_changes_in_any_order_cut_off_anywhere_leave_one_owner() {
    let counts = Counts::default();
    let mut cases = Vec::new();
    for before in BEFORE {
        for (index, one) in OPERATIONS.into_iter().enumerate() {
            for other in &OPERATIONS[index..] {
                let pair = [one, *other];
                cases.extend(CLOCKS.map(|ahead| (before, pair, ahead, SideBySide::First, false)));
                cases.push((before, pair, TimeDelta::zero(), SideBySide::Last, false));
                cases.push((before, pair, TimeDelta::zero(), SideBySide::First, true));
            }
        }
    }
    let cases = share_of(cases, 1801);
    on_all_cores(cases.len(), |number| {
        let (before, operations, ahead, order, may_lose) = cases[number];
        let case = Case::new(before, &operations, ahead);
        // One of the others follows, each state by another one.
        let follow = |state: u64| {
            let follower = OPERATIONS[(state % OPERATIONS.len() as u64) as usize];
            if !may_lose && state.is_multiple_of(8) { vec![follower] } else { Vec::new() }
        };
        walk_through(&case, order, may_lose, follow, &counts);
    });
    println!("two changes: {counts:?}");
}

#[test]
fn any_three_changes_at_random_leave_one_owner() {
    let counts = Counts::default();
    on_all_cores(drawn("EXPLORE_TRIPLES", if IS_FAST { 100_000 } else { 100 }), |seed| {
        let mut rng = Rng::with_seed(seed as u64);
        let operations = [(); 3].map(|()| OPERATIONS[rng.usize(..OPERATIONS.len())]);
        let ahead = CLOCKS[rng.usize(..CLOCKS.len())];
        let case = Case::new(BEFORE[rng.usize(..BEFORE.len())], &operations, ahead);
        let mut run = case.start();
        let mut cut_off = [(); 3].map(|()| rng.usize(..60));
        let how = |run: &Run<'_>| {
            let (before, operations) = (case.before, &case.operations);
            format!("seed {seed}: {before:?}, then {operations:?}: {:?}", run.choices())
        };
        loop {
            let next: Vec<_> = run.next(SideBySide::Any);
            let next: Vec<_> = next.into_iter().filter(|(choice, _)| cut_off[choice.operation] > 0).collect();
            let Some((mut choice, is_write)) = rng.choice(next) else { break };
            if is_write && rng.u8(..50) == 0 {
                choice.is_repeated = true;
            }
            cut_off[choice.operation] -= 1;
            run.take(choice);
            case.check(run.contents(), None, noon(), &|| how(&run));
        }
        counts.states.fetch_add(run.choices().len(), Ordering::Relaxed);
        counts.cases.fetch_add(1, Ordering::Relaxed);
        let end = case.end(run.contents(), None, &|| how(&run));
        // In every order: that takes longer than the rest.
        if seed.is_multiple_of(20) {
            counts.ends.fetch_add(1, Ordering::Relaxed);
            let is_optional: Vec<bool> = (0..3).map(|index| !is_done(&run, index)).collect();
            let ends = case.ends(&is_optional, None);
            let is_one = case.is_one_after_room_was_made(&end, &ends);
            assert!(is_one, "{end:#?}\nis none of {ends:#?}\n{}", how(&run));
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
            let contents = alone(&contents, operation, noon(), |run| case.check(run.contents(), None, noon(), &how));
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

#[test]
fn a_person_is_forgotten_before_or_after_any_other_change() {
    let counts = Counts::default();
    let mut cases = Vec::new();
    for before in BEFORE {
        for recipient in [0, 1, 3] {
            for other in OPERATIONS {
                let pair = [Operation::Forget(recipient), other];
                cases.push((before, pair, SideBySide::First));
                cases.push((before, pair, SideBySide::Last));
            }
        }
    }
    let cases = share_of(cases, 181);
    on_all_cores(cases.len(), |number| {
        let (before, operations, order) = cases[number];
        let case = Case::new(before, &operations, TimeDelta::zero());
        walk_through(&case, order, false, |_| Vec::new(), &counts);
    });
    println!("forgotten: {counts:?}");
    assert!(counts.ends.into_inner() > 0);
}

#[test]
fn a_dead_handle_is_removed_before_or_after_any_other_change() {
    let counts = Counts::default();
    let mut cases = Vec::new();
    for before in BEFORE {
        for handle in [G, H, V] {
            for other in OPERATIONS {
                let pair = [Operation::Report(handle), other];
                cases.push((before, pair, SideBySide::First));
                cases.push((before, pair, SideBySide::Last));
            }
        }
    }
    let cases = share_of(cases, 61);
    on_all_cores(cases.len(), |number| {
        let (before, operations, order) = cases[number];
        let case = Case::new(before, &operations, TimeDelta::zero());
        walk_through(&case, order, false, |_| Vec::new(), &counts);
    });
    println!("reported as dead: {counts:?}");
    assert!(counts.ends.into_inner() > 0);
}

#[test]
fn no_document_holds_a_value_of_who_was_forgotten_whatever_happened_before() {
    let (held, forgotten) = (AtomicUsize::new(0), AtomicUsize::new(0));
    on_all_cores(BEFORE.len(), |number| {
        let before = BEFORE[number];
        for operation in OPERATIONS {
            let case = Case::new(before, &[operation], TimeDelta::zero());
            let contents = alone(&case.contents, operation, noon(), |_| {});
            for (index, recipient) in recipients().iter().enumerate() {
                let value = format!("\"{}\"", recipient.as_str());
                let holding = |contents: &Contents| {
                    let texts =
                        contents.documents().map(|(_, document)| String::from_utf8_lossy(document).into_owned());
                    texts.filter(|text| text.contains(&value)).collect::<Vec<_>>()
                };
                held.fetch_add(usize::from(!holding(&contents).is_empty()), Ordering::Relaxed);
                let after = alone(&contents, Operation::Forget(index), noon() + TimeDelta::seconds(1), |_| {});
                let how = || format!("{before:?}, {operation:?}, then {recipient:?} is forgotten");
                assert_eq!(holding(&after), Vec::<String>::new(), "{}", how());
                // Maintenance leaves nothing over.
                drop(case.end(&after, None, &how));
                forgotten.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    println!("forgotten: {forgotten:?}, of whom something was held: {held:?}");
    assert!(held.into_inner() > 100);
}
