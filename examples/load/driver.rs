//! Posts events to a target, as many at a time as there are connections: the next one when one was answered (closed
//! loop), or each when it is due (open loop). An event that is due while all connections are taken waits, and its latency
//! counts from when it was due: so a queue shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Failure;
use crate::events::Author;
use crate::process;
use crate::wire::Wire;

/// What is posted where.
#[derive(Debug, Clone)]
pub struct Load {
    pub port: u16,
    pub author: Arc<Author>,
    pub amount: Amount,
    pub connections: usize,
    /// Events a second; `None` is the closed loop.
    pub rate: Option<u32>,
    /// Whether calls come among the chat messages.
    pub calls: bool,
    /// The process whose memory is told on the way.
    pub watched: Option<u32>,
}

/// How much a round is.
#[derive(Debug, Clone, Copy)]
pub enum Amount {
    Seconds(u32),
    Events(usize),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Answers {
    /// One for each chat message.
    pub latencies: Vec<Duration>,
    /// One for each call.
    pub calls: Vec<Duration>,
    pub took: Duration,
    /// Answers that are not 200.
    pub refused: usize,
    /// Answers of 200 that say of another outcome than `delivered`.
    pub undelivered: usize,
    /// The first of either.
    pub example: Option<String>,
}

/// Whose turn it is, and when.
#[derive(Debug)]
struct Turns {
    started: Instant,
    taken: AtomicUsize,
    events: usize,
    ends_at: Option<Instant>,
    pace: Option<Pace>,
}

/// A permit for each event that is due.
#[derive(Debug, Clone)]
struct Pace {
    due: Arc<Semaphore>,
    rate: u32,
}

/// So long does Event Grid wait.
const PATIENCE: Duration = Duration::from_secs(30);
const CALLS_EVERY: Duration = Duration::from_millis(50);
const MILESTONE: usize = 50_000;

/// How a delivered event reads within the answer: its log line as a text to the Functions host, and the plain word to Event Grid.
const DELIVERED: [&[u8]; 2] = [br#"\"outcome\":\"delivered\""#, br#""outcome":"delivered""#];

impl Load {
    pub async fn run(&self) -> Result<Answers, Failure> {
        let turns = Arc::new(Turns::new(self.amount, self.rate));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            workers.spawn(self.clone().chats(Arc::clone(&turns)));
        }
        let over = Arc::new(AtomicBool::new(false));
        let calls = self.calls.then(|| tokio::spawn(self.clone().calls(Arc::clone(&over))));
        let mut all = Answers::default();
        while let Some(answers) = workers.join_next().await {
            all.add(answers??);
        }
        all.took = turns.started.elapsed();
        over.store(true, Ordering::Relaxed);
        if let Some(calls) = calls {
            all.add(calls.await??);
        }
        Ok(all)
    }

    async fn chats(self, turns: Arc<Turns>) -> Result<Answers, Failure> {
        let (mut wire, mut answers) = (Wire::connect(self.port).await?, Answers::default());
        while let Some((index, due)) = turns.next().await {
            let latency = answers.exchange(&mut wire, &self.author.chat(), due).await?;
            answers.latencies.push(latency);
            if let Some(process) = self.watched.filter(|_| (index + 1).is_multiple_of(MILESTONE)) {
                println!("after {:>9} events: {:.1} MiB", index + 1, process::memory(process)?);
            }
        }
        Ok(answers)
    }

    /// Each call comes on a connection of its own, so that none waits here for the one before it.
    async fn calls(self, over: Arc<AtomicBool>) -> Result<Answers, Failure> {
        let (mut under_way, mut answers) = (JoinSet::new(), Answers::default());
        let mut times = tokio::time::interval(CALLS_EVERY);
        while !over.load(Ordering::Relaxed) {
            let due = times.tick().await.into_std();
            under_way.spawn(self.clone().call(due));
        }
        while let Some(call) = under_way.join_next().await {
            answers.add(call??);
        }
        Ok(answers)
    }

    async fn call(self, due: Instant) -> Result<Answers, Failure> {
        let (mut wire, mut answers) = (Wire::connect(self.port).await?, Answers::default());
        let latency = answers.exchange(&mut wire, &self.author.call(), due).await?;
        answers.calls.push(latency);
        Ok(answers)
    }
}

impl Answers {
    /// Posts one event; returns how long after `due` it was answered.
    pub async fn exchange(&mut self, wire: &mut Wire, request: &[u8], due: Instant) -> Result<Duration, Failure> {
        let answer = timeout(PATIENCE, wire.exchange(request)).await.map_err(|_| "no answer in 30 seconds")??;
        let latency = due.elapsed();
        let has = |words: &[u8]| answer.body.windows(words.len()).any(|bytes| bytes == words);
        let is_delivered = || DELIVERED.iter().any(|words| has(words));
        let count = match answer.status() {
            200 if is_delivered() => return Ok(latency),
            200 => &mut self.undelivered,
            _ => &mut self.refused,
        };
        *count += 1;
        self.example.get_or_insert_with(|| format!("{}{}", answer.head, String::from_utf8_lossy(answer.body)));
        Ok(latency)
    }

    /// What was wrong among them, to be told of all rounds together.
    pub fn take_wrong(&mut self) -> Self {
        let (refused, undelivered) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.undelivered));
        Self { refused, undelivered, example: self.example.take(), ..Self::default() }
    }

    /// Adds what came of others.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.calls.extend(other.calls);
        self.refused += other.refused;
        self.undelivered += other.undelivered;
        self.example = self.example.take().or(other.example);
    }
}

impl Turns {
    fn new(amount: Amount, rate: Option<u32>) -> Self {
        let started = Instant::now();
        let (events, ends_at) = match (amount, rate) {
            (Amount::Events(events), _) => (events, None),
            (Amount::Seconds(seconds), Some(rate)) => (seconds as usize * rate as usize, None),
            (Amount::Seconds(seconds), None) => (usize::MAX, Some(started + Duration::from_secs(seconds.into()))),
        };
        let pace = rate.map(|rate| Pace::start(started, rate, events));
        Self { started, taken: AtomicUsize::new(0), events, ends_at, pace }
    }

    /// The next event's number in this run, and since when it is due; `None` after the last.
    async fn next(&self) -> Option<(usize, Instant)> {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        if index >= self.events || self.ends_at.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        let Some(pace) = &self.pace else { return Some((index, Instant::now())) };
        pace.due.acquire().await.expect("it is never closed").forget();
        Some((index, self.started + pace.after(index)))
    }
}

impl Pace {
    /// A thread of its own keeps time: the runtime's timer knows milliseconds only.
    fn start(started: Instant, rate: u32, events: usize) -> Self {
        let pace = Self { due: Arc::new(Semaphore::new(0)), rate };
        let clock = pace.clone();
        thread::spawn(move || {
            for index in 0..events {
                thread::sleep((started + clock.after(index)).saturating_duration_since(Instant::now()));
                clock.due.add_permits(1);
            }
        });
        pace
    }

    fn after(&self, index: usize) -> Duration {
        Duration::from_secs_f64(index as f64 / f64::from(self.rate))
    }
}
