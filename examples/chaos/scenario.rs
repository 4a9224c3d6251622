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
mod play;
mod registrations;
mod searcher;
mod soak;
mod verdict;
mod witness;

use azurite::Azurite;
use event_grid::EventGrid;
use events::Author;
use evidence::Evidence;
use fleet::Fleet;
use guests::Group;
use play::Play;
use registrations::Registrations;
use soak::Soak;
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
    /// How long it is from one batch to the next, at most.
    pub gap: Duration,
    /// Goes on for so long, whatever `events` says, and one process has to be after it what it was after five minutes.
    pub soak: Option<Duration>,
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
            gap: Duration::from_millis(20),
            soak: None,
        }
    }

    /// Traffic that the machine serves easily, for so long.
    pub fn soak(self, length: Duration) -> Self {
        Self { soak: Some(length), gap: Duration::from_millis(400), ..self }
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
    let store_folder = folder.path().join("store");
    if options.soak.is_some() {
        soak::place(&store_folder)?;
    }
    let store = match &azurite {
        None => vec![("STORE", format!("file:{}", store_folder.display()))],
        Some(azurite) => azurite.settings(),
    };

    let started = Instant::now();
    let hub = Emulator::start(notification_hubs_emulator::Options { hubs: hubs(), ..Default::default() }).await?;
    let witness = Witness::watch(hub.subscribe());
    let keys = [store, vec![("NOTIFICATION_HUB_CONNECTION_STRING", hub.connection_string())]].concat();
    let (searcher, search) = searcher::start(&keys);
    let fleet = Arc::new(Fleet::start(options, &keys, folder.path(), started, searcher.clone()).await?);
    people::settle_in(&fleet).await?;
    add_faults(&hub, options);

    let mut rng = Rng::with_seed(options.seed);
    let mut play = Play {
        options,
        event_grid: Arc::new(EventGrid::new(Arc::clone(&fleet), started, options.webhook)),
        asked: Arc::new(Registrations::new(guests::GROUPS)),
        author: Author::new(rng.fork()),
        groups: (0..guests::GROUPS).map(|number| Group::new(number, rng.fork())).collect(),
        store_is_there: Arc::default(),
        fleet,
        started,
        rng,
    };
    let soak = match options.soak {
        None => {
            play.act(&tell, |events, _| events < options.events, |_, _, _| {}).await?;
            None
        }
        Some(length) => Some(Soak::run(&mut play, &store_folder, length, &tell).await?),
    };

    hub.clear_faults();
    let censuses = play.take_censuses().await?;
    let Play { fleet, event_grid, asked, author, .. } = play;
    let took = started.elapsed();
    let incarnations = fleet.stop().await?;
    hub.stop().await;
    let seen = witness.testimony().await?;
    searcher.end();
    let searched = search.result().await?;
    let (tries, heard) = (event_grid.tries(), event_grid.heard());
    let asked = asked.requests();
    let evidence = Evidence::new(&author.facts, &tries, &incarnations, &seen, heard, &asked, &censuses);
    Ok(Verdict::of(options, took, &evidence, searched, soak.as_ref()))
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
