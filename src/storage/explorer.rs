//! Walks through every schedule of operations that run side by side on one store.
//!
//! An operation runs until it asks the store for something, and waits there: what happens next is always a choice, and a list
//! of choices is a schedule that can be repeated. What an operation does depends on nothing but the answers that it got. So
//! each operation is run once for each list of answers, and is a machine of *places* from then on; a schedule is a walk
//! through the machines' places and the store's contents. Two schedules that lead to the same contents, with operations that
//! were answered the same, are one from there on, so every *state* is gone on from once and the small cases can be walked
//! through to the end. In each state an operation may also be cut off, and the answer to one write may get lost.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use chrono::{DateTime, Utc};
use fastrand::Rng;

use crate::storage::store::{Contents, Gate, Request, Response, Store, StoreError};

/// How an operation ended.
pub type Ended = Result<(), StoreError>;

/// Starts an operation on a store.
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

/// An operation, as far as it was seen: where it goes on to by which answer.
struct Machine<'a> {
    start: Start<'a>,
    seed: u64,
    places: Vec<Place>,
    ways: HashMap<(usize, usize, u64), usize>,
    /// The operation itself, and at which place it stands.
    running: Option<(usize, Running)>,
}

/// Where an operation waits, or ended.
struct Place {
    /// From which place it came here, by the answer to which step.
    before: Option<(usize, usize, Response)>,
    waiting: Vec<Request>,
    ended: Option<Rc<Ended>>,
    /// What was answered under each key, one after the other. In which order the keys were asked for makes no difference to
    /// an operation: it waits for all of what it has side by side.
    answered: BTreeMap<Rc<str>, u64>,
    /// All that an operation does from here depends on this.
    hash: u64,
}

/// An operation under way.
struct Running {
    future: Pin<Box<dyn Future<Output = Ended>>>,
    turnstile: Arc<Turnstile>,
    taken: usize,
}

/// Where the steps of one operation wait.
#[derive(Debug, Default)]
struct Turnstile(Mutex<Vec<Ticket>>);

#[derive(Debug)]
struct Ticket {
    number: usize,
    request: Request,
    response: Option<Response>,
    waker: Waker,
}

/// A step that waits. It waits no more when whoever took it gives up.
struct Entering<'a> {
    turnstile: &'a Turnstile,
    request: Option<Request>,
    number: usize,
}

/// Whether an operation has more to do before its next step.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Future for Entering<'_> {
    type Output = Result<Response, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.turnstile.0.lock().unwrap();
        if let Some(request) = self.request.take() {
            let number = waiting.last().map_or(0, |ticket| ticket.number + 1);
            waiting.push(Ticket { number, request, response: None, waker: context.waker().clone() });
            drop(waiting);
            self.number = number;
            return Poll::Pending;
        }
        let index = waiting.iter().position(|ticket| ticket.number == self.number).unwrap();
        if waiting[index].response.is_none() {
            waiting[index].waker.clone_from(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(Ok(waiting.remove(index).response.unwrap()))
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        if self.request.is_none() {
            self.turnstile.0.lock().unwrap().retain(|ticket| ticket.number != self.number);
        }
    }
}

impl Gate for Turnstile {
    fn answer<'a>(
        &'a self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, StoreError>> + Send + 'a>> {
        Box::pin(Entering { turnstile: self, request: Some(request), number: 0 })
    }
}

impl Running {
    fn answer(&mut self, step: usize, response: Response) {
        let mut waiting = self.turnstile.0.lock().unwrap();
        waiting[step].response = Some(response);
        waiting[step].waker.wake_by_ref();
        drop(waiting);
        self.taken += 1;
    }

    /// Runs until it waits again; how it ended otherwise.
    fn go_on(&mut self, seed: u64) -> Option<Ended> {
        // What an operation draws depends on what it did, and not on the others.
        fastrand::seed(hash_of(&(seed, self.taken)));
        let woken = Arc::new(Woken(true.into()));
        while woken.0.swap(false, Ordering::Relaxed) {
            let waker = Waker::from(Arc::clone(&woken));
            if let Poll::Ready(ended) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(ended);
            }
        }
        let waiting = self.turnstile.0.lock().unwrap();
        let is_held_up = waiting.iter().all(|ticket| ticket.response.is_none());
        assert!(is_held_up && !waiting.is_empty(), "an operation waits for nothing of the store");
        None
    }

    fn waiting(&self) -> Vec<Request> {
        self.turnstile.0.lock().unwrap().iter().map(|ticket| ticket.request.clone()).collect()
    }
}

impl<'a> Machine<'a> {
    fn new(start: Start<'a>, seed: u64) -> Self {
        let mut machine = Self { start, seed, places: Vec::new(), ways: HashMap::new(), running: None };
        let mut running = machine.started();
        let ended = running.go_on(seed);
        machine.add(None, BTreeMap::new(), running, ended);
        machine
    }

    fn started(&self) -> Running {
        let turnstile = Arc::new(Turnstile::default());
        let store = Arc::new(Store::gated(Arc::clone(&turnstile) as Arc<dyn Gate>));
        Running { future: (self.start)(store), turnstile, taken: 0 }
    }

    fn add(
        &mut self,
        before: Option<(usize, usize, Response)>,
        answered: BTreeMap<Rc<str>, u64>,
        running: Running,
        ended: Option<Ended>,
    ) -> usize {
        let waiting = if ended.is_some() { Vec::new() } else { running.waiting() };
        let mut hasher = DefaultHasher::new();
        (&answered, ended.is_some()).hash(&mut hasher);
        waiting.iter().for_each(|request| request.add_to(&mut hasher));
        let place = self.places.len();
        self.running = ended.is_none().then_some((place, running));
        self.places.push(Place { before, waiting, ended: ended.map(Rc::new), answered, hash: hasher.finish() });
        place
    }

    /// Where it goes on to from a place when a step is answered.
    fn follow(&mut self, place: usize, step: usize, response: Response) -> usize {
        let mut hasher = DefaultHasher::new();
        response.add_to(&mut hasher, true);
        let way = (place, step, hasher.finish());
        if let Some(next) = self.ways.get(&way) {
            return *next;
        }
        let mut running = self.at(place);
        running.answer(step, response.clone());
        let ended = running.go_on(self.seed);
        let request = &self.places[place].waiting[step];
        let mut answered = self.places[place].answered.clone();
        let last = answered.entry(request.key().into()).or_default();
        let mut hasher = DefaultHasher::new();
        last.hash(&mut hasher);
        request.add_to(&mut hasher);
        response.add_to(&mut hasher, false);
        *last = hasher.finish();
        let next = self.add(Some((place, step, response)), answered, running, ended);
        self.ways.insert(way, next);
        next
    }

    /// The operation itself, at that place.
    fn at(&mut self, place: usize) -> Running {
        if let Some((at, running)) = self.running.take()
            && at == place
        {
            return running;
        }
        let mut answers = Vec::new();
        let mut next = &self.places[place].before;
        while let Some((before, step, response)) = next {
            answers.push((*step, response.clone()));
            next = &self.places[*before].before;
        }
        let mut running = self.started();
        assert!(running.go_on(self.seed).is_none());
        for (step, response) in answers.into_iter().rev() {
            running.answer(step, response);
            assert!(running.go_on(self.seed).is_none());
        }
        running
    }
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
    pub fn ended(&self, operation: usize) -> Option<Rc<Ended>> {
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
