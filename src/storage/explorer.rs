//! Walks through every schedule of operations that run side by side on one store.
//!
//! An operation runs until it asks the store for something, and waits there: what happens next is always a choice, and a list
//! of choices is a schedule that can be repeated. Two schedules that lead to the same contents, with operations that have
//! seen the same, are one from there on, so every *state* is gone on from once and the small cases can be walked through
//! to the end. In each state an operation may also be cut off, and the answer to one write of a schedule may get lost.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use chrono::{DateTime, Utc};

use crate::storage::store::{Contents, Gate, Permission, Step, Store, StoreError};

/// How an operation ended.
pub type Ended = Result<(), StoreError>;

/// Starts an operation on its own store, over contents that all share.
pub type Start<'a> = Box<dyn Fn(Arc<Store>) -> Pin<Box<dyn Future<Output = Ended>>> + 'a>;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which operation.
    pub operation: usize,
    /// Which of its steps.
    pub step: usize,
    /// How it happens.
    pub permission: Permission,
}

/// Where the steps of one operation wait.
#[derive(Debug, Default)]
struct Turnstile {
    waiting: Mutex<Waiting>,
    now: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Waiting {
    tickets: Vec<Ticket>,
    next: u64,
    taken: u64,
    /// What was seen under each key, one after the other. In which order the keys were seen makes no difference to an
    /// operation: it waits for all of what it has side by side.
    seen: BTreeMap<String, u64>,
}

#[derive(Debug, Clone)]
struct Ticket {
    number: u64,
    operation: &'static str,
    key: String,
    permission: Option<Permission>,
    waker: Waker,
}

/// One schedule on its way.
pub struct Run {
    contents: Arc<Mutex<Contents>>,
    operations: Vec<Operation>,
    /// The choices so far.
    pub choices: Vec<Choice>,
}

struct Operation {
    future: Option<Pin<Box<dyn Future<Output = Ended>>>>,
    turnstile: Arc<Turnstile>,
    ended: Option<Ended>,
    seed: u64,
}

/// A step that waits. It waits no more when whoever took it gives up.
struct Entering<'a> {
    turnstile: &'a Turnstile,
    step: Step<'a>,
    number: Option<u64>,
}

/// Whether an operation has more to do before its next step.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Future for Entering<'_> {
    type Output = Permission;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permission> {
        let mut waiting = self.turnstile.waiting.lock().unwrap();
        let number = self.number.unwrap_or(waiting.next);
        let place = waiting.tickets.iter().position(|ticket| ticket.number == number);
        let Some(place) = place else {
            waiting.next += 1;
            let (operation, key) = (self.step.operation, self.step.key.to_owned());
            waiting.tickets.push(Ticket { number, operation, key, permission: None, waker: context.waker().clone() });
            drop(waiting);
            self.number = Some(number);
            return Poll::Pending;
        };
        let Some(permission) = waiting.tickets[place].permission else {
            waiting.tickets[place].waker.clone_from(context.waker());
            return Poll::Pending;
        };
        waiting.tickets.remove(place);
        waiting.taken += 1;
        Poll::Ready(permission)
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turnstile.waiting.lock().unwrap();
        waiting.tickets.retain(|ticket| Some(ticket.number) != self.number);
    }
}

impl Gate for Turnstile {
    fn enter<'a>(&'a self, step: Step<'a>) -> Pin<Box<dyn Future<Output = Permission> + Send + 'a>> {
        Box::pin(Entering { turnstile: self, step, number: None })
    }

    fn seen(&self, key: &str, hash: u64) {
        let mut waiting = self.waiting.lock().unwrap();
        let seen = waiting.seen.entry(key.to_owned()).or_default();
        *seen = hash_of(&(*seen, hash));
    }

    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

impl Run {
    /// Starts the operations on a copy of `contents`, by a backend whose clock shows `now`.
    pub fn start(contents: &Contents, now: DateTime<Utc>, starts: &[Start<'_>]) -> Self {
        // What is drawn differs from what was drawn before.
        let salt = hash_of(contents);
        let contents = Arc::new(Mutex::new(contents.clone()));
        let operations = starts.iter().enumerate().map(|(index, start)| {
            let turnstile = Arc::new(Turnstile { now, ..Turnstile::default() });
            let gate = Arc::clone(&turnstile) as Arc<dyn Gate>;
            let store = Arc::new(Store::gated(Arc::clone(&contents), gate));
            Operation { future: Some(start(store)), turnstile, ended: None, seed: hash_of(&(salt, index)) }
        });
        let mut run = Self { operations: operations.collect(), contents, choices: Vec::new() };
        (0..run.operations.len()).for_each(|index| run.go_on(index));
        run
    }

    /// Takes one step.
    pub fn take(&mut self, choice: Choice) {
        let turnstile = &self.operations[choice.operation].turnstile;
        {
            let ticket = &mut turnstile.waiting.lock().unwrap().tickets[choice.step];
            ticket.permission = Some(choice.permission);
            ticket.waker.wake_by_ref();
        }
        self.choices.push(choice);
        self.go_on(choice.operation);
    }

    fn go_on(&mut self, index: usize) {
        let operation = &mut self.operations[index];
        let Some(future) = &mut operation.future else { return };
        // What an operation draws depends on what it did, and not on the others.
        let taken = operation.turnstile.waiting.lock().unwrap().taken;
        fastrand::seed(hash_of(&(operation.seed, taken)));
        let woken = Arc::new(Woken(true.into()));
        while woken.0.swap(false, Ordering::Relaxed) {
            let waker = Waker::from(Arc::clone(&woken));
            if let Poll::Ready(ended) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                operation.ended = Some(ended);
                operation.future = None;
                return;
            }
        }
        let waiting = operation.turnstile.waiting.lock().unwrap();
        let is_held_up = waiting.tickets.iter().all(|ticket| ticket.permission.is_none());
        assert!(is_held_up && !waiting.tickets.is_empty(), "operation {index} waits for nothing of the store");
    }

    /// How the operation ended; `None` when it was cut off or is under way.
    pub fn ended(&self, index: usize) -> Option<&Ended> {
        self.operations[index].ended.as_ref()
    }

    /// Every next step, and whether it writes.
    pub fn next(&self, order: SideBySide) -> Vec<(Choice, bool)> {
        let mut next = Vec::new();
        for (operation, under_way) in self.operations.iter().enumerate() {
            if under_way.future.is_some() {
                let waiting = under_way.turnstile.waiting.lock().unwrap();
                let step = |(step, ticket): (usize, &Ticket)| {
                    let is_write = matches!(ticket.operation, "put" | "delete");
                    (Choice { operation, step, permission: Permission::Granted }, is_write)
                };
                let mut steps = waiting.tickets.iter().enumerate().map(step);
                match order {
                    SideBySide::Any => next.extend(steps),
                    SideBySide::First => next.extend(steps.take(1)),
                    SideBySide::Last => next.extend(steps.next_back()),
                }
            }
        }
        next
    }

    /// What the store holds now.
    pub fn contents(&self) -> Contents {
        self.contents.lock().unwrap().clone()
    }

    fn state(&self, has_lost: bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.contents.lock().unwrap().hash(&mut hasher);
        has_lost.hash(&mut hasher);
        for operation in &self.operations {
            let waiting = operation.turnstile.waiting.lock().unwrap();
            (&waiting.seen, operation.future.is_some()).hash(&mut hasher);
            for ticket in &waiting.tickets {
                (ticket.operation, &ticket.key).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// Walks through every state that the operations can come to, and calls `visit` in each; `lost_answers` is how many writes
/// of a schedule may happen twice. Returns how many states there are.
pub fn explore(
    contents: &Contents,
    now: DateTime<Utc>,
    starts: &[Start<'_>],
    order: SideBySide,
    lost_answers: usize,
    mut visit: impl FnMut(&Run),
) -> usize {
    let is_lost = |choice: &Choice| choice.permission == Permission::Repeated;
    let mut known = HashSet::new();
    let mut schedules: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(schedule) = schedules.pop() {
        let mut run = Run::start(contents, now, starts);
        schedule.into_iter().for_each(|choice| run.take(choice));
        loop {
            let lost = run.choices.iter().filter(|choice| is_lost(choice)).count();
            if !known.insert(run.state(lost > 0)) {
                break;
            }
            visit(&run);
            let mut choices: Vec<Choice> = Vec::new();
            for (choice, is_write) in run.next(order) {
                choices.push(choice);
                if is_write && lost < lost_answers {
                    choices.push(Choice { permission: Permission::Repeated, ..choice });
                }
            }
            let Some(last) = choices.pop() else { break };
            schedules.extend(choices.into_iter().map(|choice| {
                let mut schedule = run.choices.clone();
                schedule.push(choice);
                schedule
            }));
            run.take(last);
        }
    }
    known.len()
}

/// A hash that is the same in every run.
pub fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
