//! One chaos run from start to verdict: a store, a hub with faults, handler processes, people whose devices come and go,
//! an Event Grid, and somebody who kills.
//!
//! What happens is drawn from a seed, so a run can be repeated; when it happens is up to the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::try_join_all;
use notification_hubs_emulator::{Action, Emulator, Fault, HubOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

#[expect(dead_code, reason = "its log and key are for the measurement of Maintenance")]
mod azurite;
// The handler's tests look for the same in the same way.
#[path = "../../tests/handler/canaries.rs"]
#[allow(dead_code, reason = "the handler's tests plant whole events and installations")]
mod canaries;
mod event_grid;
mod events;
mod evidence;
mod fleet;
mod guests;
mod owners;
mod people;
mod registrations;
mod searcher;
mod verdict;
mod witness;

use azurite::Azurite;
use event_grid::EventGrid;
use events::Author;
use evidence::Evidence;
use fleet::Fleet;
use guests::Group;
use registrations::Registrations;
use verdict::Verdict;
use witness::Witness;

/// Why a run came to no verdict.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where the handlers keep what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A folder.
    File,
    /// Azurite, which the run starts.
    Azurite,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The handler's program.
    pub program: PathBuf,
    /// Whether the handlers are webhooks, which Event Grid calls itself.
    pub webhook: bool,
    /// What the handlers share.
    pub store: StoreKind,
    /// How many events.
    pub events: usize,
    /// How many handlers at a time.
    pub processes: usize,
    /// From which everything is drawn.
    pub seed: u64,
    /// Percent of requests that the hub never answers; it takes half of them.
    pub stalls: u8,
    /// Percent of requests that the hub takes and answers late: half of them in time, half of them too late.
    pub late: u8,
    /// `DELIVERY_DEADLINE_SECONDS`.
    pub deadline: Duration,
    /// How many batches are under way at a time.
    pub batches: usize,
    /// How long it is from one kill to the next, about.
    pub kill_every: Duration,
}

impl Options {
    /// As many faults as in the worst of days, with the deadline that handlers have by default.
    pub fn long(program: PathBuf, seed: u64) -> Self {
        Self {
            program,
            webhook: false,
            store: StoreKind::File,
            events: 10_000,
            processes: 4,
            seed,
            stalls: 10,
            late: 10,
            deadline: Duration::from_secs(20),
            batches: 300,
            kill_every: Duration::from_secs(10),
        }
    }

    /// Over in less than a minute, wherever tests run: a stall costs the whole of the shortest deadline, so there are few.
    pub fn short(program: PathBuf, seed: u64) -> Self {
        Self {
            events: 600,
            processes: 3,
            stalls: 2,
            late: 2,
            deadline: Duration::from_secs(5),
            batches: 20,
            kill_every: Duration::from_millis(1500),
            ..Self::long(program, seed)
        }
    }
}

/// A hub's attempt never takes longer than this, whatever the deadline.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(8);

/// Runs it all. `tell` is told how far it is, every few seconds.
pub async fn run(options: &Options, tell: impl Fn(String)) -> Result<Verdict, Failure> {
    let folder = tempfile::tempdir()?;
    let azurite = match options.store {
        StoreKind::File => None,
        StoreKind::Azurite => Some(Azurite::start().await?),
    };
    let store = match &azurite {
        None => vec![("STORE", format!("file:{}", folder.path().display()))],
        Some(azurite) => azurite.settings(),
    };

    let started = Instant::now();
    let hub = Emulator::start(notification_hubs_emulator::Options { hubs: hubs(), ..Default::default() }).await?;
    let witness = Witness::watch(hub.subscribe());
    let keys = [store, vec![("NOTIFICATION_HUB_CONNECTION_STRING", hub.connection_string())]].concat();
    let (searcher, search) = searcher::start(&keys);
    let fleet = Arc::new(Fleet::start(options, &keys, folder.path(), started, searcher.clone()).await?);
    let mut rng = Rng::with_seed(options.seed);
    people::settle_in(&fleet).await?;
    add_faults(&hub, options);

    // Those who stir end with the set.
    let mut stirring = JoinSet::new();
    stirring.spawn(Arc::clone(&fleet).watch(Rng::with_seed(options.seed)));
    stirring.spawn(people::start_apps(Arc::clone(&fleet), rng.fork()));
    let asked = Arc::new(Registrations::new(guests::GROUPS));
    stirring.spawn(kill_now_and_then(Arc::clone(&fleet), Arc::clone(&asked), options.kill_every, rng.fork()));
    let (stop, stopped) = watch::channel(false);
    let mut guests = JoinSet::new();
    for number in 0..guests::GROUPS {
        let group = Group::new(number, rng.fork());
        guests.spawn(group.come_and_go(Arc::clone(&fleet), Arc::clone(&asked), started, stopped.clone()));
    }

    let event_grid = Arc::new(EventGrid::new(Arc::clone(&fleet), started, options.webhook));
    let mut author = Author::new(rng.fork());
    let mut under_way = JoinSet::new();
    let mut told = Instant::now();
    while author.facts.len() < options.events || !under_way.is_empty() {
        if author.facts.len() < options.events && under_way.len() < options.batches {
            let room = options.events - author.facts.len();
            let batch = author.batch(started, room);
            under_way.spawn(Arc::clone(&event_grid).deliver(batch, rng.fork()));
            // Batches come one after the other, not all in one moment.
            sleep(Duration::from_millis(rng.u64(1..20))).await;
        } else if let Some(delivered) = under_way.join_next().await {
            delivered?;
        }
        while let Some(delivered) = under_way.try_join_next() {
            delivered?;
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let (written, seconds) = (author.facts.len(), started.elapsed().as_secs());
            tell(format!("{seconds} s: {written} events, {} batches under way", under_way.len()));
        }
        stop_if_ended(&mut stirring)?;
        stop_if_ended(&mut guests)?;
    }
    stop.send_replace(true);
    let mut groups = Vec::new();
    while let Some(group) = guests.join_next().await {
        groups.push(group??);
    }
    stirring.shutdown().await;

    // Who is reached where in the end, before and after every guest's app has started once more.
    hub.clear_faults();
    let mut censuses = Vec::new();
    for is_settled in [false, true] {
        if is_settled {
            let handler = fleet.any(&mut rng).ok_or("no handler is up")?;
            all(groups.iter().map(|group| group.register_all(&fleet, &handler, &asked, started))).await?;
        }
        // Another process: nothing is in its memory.
        fleet.kill(0).await?;
        fleet.restart(0).await?;
        let handler = fleet.of(0).ok_or("no handler is up")?;
        let first = author.facts.len();
        for batch in author.census(started).chunks(20) {
            event_grid.insist(&handler, batch).await?;
        }
        censuses.push(first..author.facts.len());
    }
    let took = started.elapsed();
    let incarnations = fleet.stop().await?;
    hub.stop().await;
    let seen = witness.testimony().await?;
    searcher.end();
    let searched = search.result().await?;
    let (tries, heard) = (event_grid.tries(), event_grid.heard());
    let asked = asked.requests();
    let evidence = Evidence::new(&author.facts, &tries, &incarnations, &seen, heard, &asked, &censuses);
    Ok(Verdict::of(options, took, &evidence, searched))
}

/// Each process has hubs of its own on one emulator: who sent a request stands in its path.
fn hubs() -> Vec<HubOptions> {
    let voip = |name| HubOptions { bundle_id: Some("com.example.app.voip".to_owned()), ..HubOptions::new(name) };
    let pair = |incarnation| [HubOptions::new(fleet::hub(incarnation)), voip(fleet::voip_hub(incarnation))];
    (0..fleet::MOST_INCARNATIONS).flat_map(pair).collect()
}

/// Each meets so many of a hundred requests that those before it let pass.
fn add_faults(hub: &Emulator, options: &Options) {
    let too_late = ATTEMPT_LIMIT.min(options.deadline) + Duration::from_secs(1);
    let in_time = options.deadline / 8;
    let late = |delay: Duration| {
        Fault::action(Action::AcceptThenDelay).delay_ms(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
    };
    let halves = |percent| (percent / 2, percent - percent / 2);
    let (stalls_taken, stalls) = halves(options.stalls);
    let (too_late_percent, late_percent) = halves(options.late);
    for (fault, percent) in [
        // Two pauses that the process as a whole keeps, one short and one long: ten percent together.
        (Fault::status(429).retry_after("0.1"), 9),
        (Fault::status(429).retry_after("1"), 1),
        (Fault::status(503), 10),
        (Fault::action(Action::ResetBeforeBody), 5),
        (Fault::action(Action::ResetAfterBody), 5),
        (Fault::action(Action::AcceptThenReset), 10),
        (Fault::action(Action::Stall), stalls),
        (Fault::action(Action::AcceptThenStall), stalls_taken),
        (late(too_late), too_late_percent),
        (late(in_time), late_percent),
    ] {
        hub.add_fault(fault.always().percent(percent));
    }
}

/// Kills one process after the other: one time in four at a moment that nobody chose, else just after a guest's request was
/// sent to it.
async fn kill_now_and_then(
    fleet: Arc<Fleet>,
    asked: Arc<Registrations>,
    every: Duration,
    mut rng: Rng,
) -> Result<(), Failure> {
    loop {
        sleep(every.mul_f64(0.5 + rng.f64())).await;
        let mut slot = Some(rng.usize(..fleet.size()));
        if rng.u8(..4) > 0 {
            slot = fleet.slot_of(asked.next_sent_to().await);
            sleep(Duration::from_millis(rng.u64(..4))).await;
        }
        let Some(slot) = slot else { continue };
        if !fleet.kill(slot).await? {
            // There are no hubs left to tell further processes apart by.
            return Ok(());
        }
        sleep(Duration::from_millis(rng.u64(..800))).await;
        fleet.restart(slot).await?;
    }
}

fn stop_if_ended<T: 'static>(stirring: &mut JoinSet<Result<T, Failure>>) -> Result<(), Failure> {
    while let Some(ended) = stirring.try_join_next() {
        ended??;
    }
    Ok(())
}

/// All of them, or the first failure.
async fn all<T>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, Failure>>>,
) -> Result<Vec<T>, Failure> {
    try_join_all(futures).await
}

/// Milliseconds since the start of the run, the clock of all evidence.
fn since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
