//! One operation of an exploration, as a machine: run once for each list of responses, and known from then on.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::{OperationResult, Start, hash_of};
use crate::storage::store::{Gate, Request, Response, Store, StoreError};

/// An operation, as far as it was seen: where it goes on to by which answer.
pub(super) struct Machine<'a> {
    start: Start<'a>,
    seed: u64,
    pub(super) places: Vec<Place>,
    ways: HashMap<(usize, usize, u64), usize>,
    /// The operation itself, and at which place it stands.
    running: Option<(usize, Running)>,
}

/// Where an operation waits, or ended.
pub(super) struct Place {
    /// From which place it came here, by the answer to which step.
    before: Option<(usize, usize, Response)>,
    pub(super) waiting: Vec<Request>,
    pub(super) ended: Option<Rc<OperationResult>>,
    /// What was answered under each key, one after the other. In which order the keys were asked for makes no difference to
    /// an operation: it waits for all of what it has side by side.
    answered: BTreeMap<Rc<str>, u64>,
    /// All that an operation does from here depends on this.
    pub(super) hash: u64,
}

/// An operation under way.
struct Running {
    future: Pin<Box<dyn Future<Output = OperationResult>>>,
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
    fn go_on(&mut self, seed: u64) -> Option<OperationResult> {
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
    pub(super) fn new(start: Start<'a>, seed: u64) -> Self {
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
        ended: Option<OperationResult>,
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
    pub(super) fn follow(&mut self, place: usize, step: usize, response: Response) -> usize {
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
