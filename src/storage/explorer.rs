//! Walks through every schedule of operations that run side by side on one store.
//!
//! An operation runs until it asks the store for something, and waits there: what happens next is always a choice, and a list
//! of choices is a schedule that can be repeated. What an operation does depends on nothing but the answers that it got. So
//! each operation is run once for each list of answers, and is a machine of *places* from then on; a schedule is a walk
//! through the machines' places and the store's contents. Two schedules that lead to the same contents, with operations that
//! were answered the same, are one from there on, so every *state* is gone on from once and the small cases can be walked
//! through to the end. In each state an operation may also be cut off, and the answer to one write may get lost.

use std::cell::RefCell;
use std::collections::HashSet;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fastrand::Rng;

use crate::storage::store::{Contents, Store, StoreError};

mod machine;

use machine::Machine;

/// How an operation ended.
pub type OperationResult = Result<(), StoreError>;

/// Starts an operation on a store.
pub type Start<'a> = Box<dyn Fn(Arc<Store>) -> Pin<Box<dyn Future<Output = OperationResult>>> + 'a>;

/// In which order an operation takes the steps that it has side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideBySide {
    /// The one that waits for longest is next.
    First,
    /// The one that came last is next.
    Last,
    /// In every order.
    Any,
}

/// What happens next: one operation's waiting step, counted from the first that it waits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Which operation.
    pub operation: usize,
    /// Which of its steps.
    pub step: usize,
    /// Whether it happens twice, as the answer to the first was lost: the second meets the result of the first.
    pub is_repeated: bool,
}

/// One schedule on its way.
#[derive(Clone)]
pub struct Run<'a> {
    machines: Rc<[RefCell<Machine<'a>>]>,
    now: DateTime<Utc>,
    /// Where each operation is, in its machine.
    places: Vec<usize>,
    contents: Rc<Contents>,
    contents_hash: u64,
    has_lost: bool,
    last: Option<Rc<Taken>>,
}

/// The choices so far, the last one first.
struct Taken {
    choice: Choice,
    before: Option<Rc<Self>>,
}

impl<'a> Run<'a> {
    /// Starts the operations on a copy of `contents`, by a backend whose clock shows `now`.
    pub fn start(contents: &Contents, now: DateTime<Utc>, starts: Vec<Start<'a>>) -> Self {
        // What is drawn differs from what was drawn before.
        let contents_hash = hash_of(contents);
        let machines = starts.into_iter().enumerate();
        let machines = machines.map(|(index, start)| Machine::new(start, hash_of(&(contents_hash, index))).into());
        let machines: Rc<[_]> = machines.collect();
        Self {
            places: vec![0; machines.len()],
            machines,
            now,
            contents: Rc::new(contents.clone()),
            contents_hash,
            has_lost: false,
            last: None,
        }
    }

    /// Takes one step.
    pub fn take(&mut self, choice: Choice) {
        let Choice { operation, step, is_repeated } = choice;
        let mut machine = self.machines[operation].borrow_mut();
        let request = &machine.places[self.places[operation]].waiting[step];
        let response = if request.is_write() {
            let contents = Rc::make_mut(&mut self.contents);
            let mut response = contents.answer(request, self.now);
            if is_repeated {
                response = contents.answer(request, self.now);
            }
            self.contents_hash = hash_of(contents);
            response
        } else {
            self.contents.look(request)
        };
        self.places[operation] = machine.follow(self.places[operation], step, response);
        self.has_lost |= is_repeated;
        self.last = Some(Rc::new(Taken { choice, before: self.last.take() }));
    }

    /// The choices so far.
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let mut last = &self.last;
        while let Some(taken) = last {
            choices.push(taken.choice);
            last = &taken.before;
        }
        choices.reverse();
        choices
    }

    /// How the operation ended; `None` when it was cut off or is under way.
    pub fn ended(&self, operation: usize) -> Option<Rc<OperationResult>> {
        self.machines[operation].borrow().places[self.places[operation]].ended.clone()
    }

    /// Every next step, and whether it writes.
    pub fn next(&self, order: SideBySide) -> Vec<(Choice, bool)> {
        let mut next = Vec::new();
        for (operation, machine) in self.machines.iter().enumerate() {
            let machine = machine.borrow();
            let waiting = machine.places[self.places[operation]].waiting.iter().enumerate();
            let mut steps =
                waiting.map(|(step, request)| (Choice { operation, step, is_repeated: false }, request.is_write()));
            match order {
                SideBySide::Any => next.extend(steps),
                SideBySide::First => next.extend(steps.take(1)),
                SideBySide::Last => next.extend(steps.next_back()),
            }
        }
        next
    }

    /// What the store holds now.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What the store holds now, as a hash.
    pub const fn contents_hash(&self) -> u64 {
        self.contents_hash
    }

    fn state(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.contents_hash, self.has_lost).hash(&mut hasher);
        for (machine, place) in self.machines.iter().zip(&self.places) {
            machine.borrow().places[*place].hash.hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Walks through the states that the operations can come to, `most` of them at random where there are more, and calls `visit`
/// in each; where `may_lose` is said, the answer to one write of a schedule may get lost. Returns how many states there are,
/// and whether these are all.
pub fn explore(
    start: Run<'_>,
    order: SideBySide,
    may_lose: bool,
    most: usize,
    mut visit: impl FnMut(&Run<'_>),
) -> (usize, bool) {
    let mut rng = Rng::with_seed(1);
    let mut known = HashSet::from([start.state()]);
    let mut visited = 0;
    let mut runs = vec![start];
    while !runs.is_empty() {
        if visited == most {
            return (visited, false);
        }
        let run = runs.swap_remove(rng.usize(..runs.len()));
        visit(&run);
        visited += 1;
        for (choice, is_write) in run.next(order) {
            let lost = (is_write && may_lose && !run.has_lost).then_some(Choice { is_repeated: true, ..choice });
            for choice in [Some(choice), lost].into_iter().flatten() {
                let mut next = run.clone();
                next.take(choice);
                if known.insert(next.state()) {
                    runs.push(next);
                }
            }
        }
    }
    (visited, true)
}

/// A hash that is the same in every run.
pub fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
