//! Who acts in a run: an author of events, guests, somebody who kills, and whoever else stirs.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::event_grid::EventGrid;
use super::events::Author;
use super::fleet::{Fleet, Handler};
use super::guests::{Desk, Group};
use super::people;
use super::registrations::Registrations;
use super::{Failure, Options, all};

/// Everybody who acts.
pub struct Play<'a> {
    pub options: &'a Options,
    pub fleet: Arc<Fleet>,
    pub asked: Arc<Registrations>,
    pub event_grid: Arc<EventGrid>,
    pub author: Author,
    pub groups: Vec<Group>,
    /// Held by who takes the store away, and by who starts a process: without its store none starts.
    pub store_is_there: Arc<Mutex<()>>,
    pub started: Instant,
    pub rng: Rng,
}

/// Those who stir, until the set ends.
pub type Stirring = JoinSet<Result<(), Failure>>;

impl Play<'_> {
    /// Events, registrations and kills, while `goes_on` says so of the number of events and the time since the start of
    /// the run; then what is under way comes to its end. `stir` adds to those who stir.
    pub async fn act(
        &mut self,
        tell: &impl Fn(String),
        goes_on: impl Fn(usize, Duration) -> bool,
        stir: impl FnOnce(&mut Stirring, &Self, Rng),
    ) -> Result<(), Failure> {
        let (options, started) = (self.options, self.started);
        let mut stirring = Stirring::new();
        stirring.spawn(Arc::clone(&self.fleet).watch(self.rng.fork()));
        stirring.spawn(people::start_apps(Arc::clone(&self.fleet), self.rng.fork()));
        let rng = self.rng.fork();
        stirring.spawn(self.kill_now_and_then(rng));
        let rng = self.rng.fork();
        stir(&mut stirring, self, rng);
        let (stop, stopped) = watch::channel(false);
        let mut guests = JoinSet::new();
        for group in self.groups.drain(..) {
            let (fleet, asked) = (Arc::clone(&self.fleet), Arc::clone(&self.asked));
            guests.spawn(group.come_and_go(fleet, asked, started, stopped.clone()));
        }
        let mut under_way = JoinSet::new();
        let mut told = Instant::now();
        loop {
            let goes_on = goes_on(self.author.facts.len(), started.elapsed());
            if goes_on && under_way.len() < options.batches {
                let room = options.soak.map_or_else(|| options.events - self.author.facts.len(), |_| usize::MAX);
                let batch = self.author.batch(started, room);
                under_way.spawn(Arc::clone(&self.event_grid).deliver(batch, self.rng.fork()));
                // Batches come one after the other, not all in one moment.
                sleep(options.gap.mul_f64(self.rng.f64())).await;
            } else if let Some(delivered) = under_way.join_next().await {
                delivered?;
            } else if !goes_on {
                break;
            }
            while let Some(delivered) = under_way.try_join_next() {
                delivered?;
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                let (written, seconds) = (self.author.facts.len(), started.elapsed().as_secs());
                tell(format!("{seconds} s: {written} events, {} batches under way", under_way.len()));
            }
            stop_if_ended(&mut stirring)?;
            stop_if_ended(&mut guests)?;
        }
        stop.send_replace(true);
        while let Some(group) = guests.join_next().await {
            self.groups.push(group??);
        }
        stirring.shutdown().await;
        Ok(())
    }

    /// Who is reached where in the end, before and after every guest's app has started once more.
    pub async fn take_censuses(&mut self) -> Result<Vec<Range<usize>>, Failure> {
        let mut censuses = Vec::new();
        for is_settled in [false, true] {
            if is_settled {
                self.register_all().await?;
            }
            // Another process: nothing is in its memory.
            self.fleet.kill(0).await?;
            self.fleet.restart(0).await?;
            let handler = self.fleet.of(0).ok_or("no handler is up")?;
            let first = self.author.facts.len();
            // One at a time: after many events each request takes Azurite so long that it serves no batch in time.
            for event in self.author.census(self.started) {
                self.event_grid.insist(&handler, event).await?;
            }
            censuses.push(first..self.author.facts.len());
        }
        Ok(censuses)
    }

    /// Every guest's app starts.
    async fn register_all(&mut self) -> Result<(), Failure> {
        let handler = self.fleet.any(&mut self.rng).ok_or("no handler is up")?;
        all(self.groups.iter().map(|group| group.register_all(self.desk(&handler)))).await?;
        Ok(())
    }

    /// Every guest's app starts, and nothing of guests stays registered.
    pub async fn remove_all(&self, handler: &Handler) -> Result<(), Failure> {
        all(self.groups.iter().map(|group| group.leave(self.desk(handler)))).await?;
        Ok(())
    }

    fn desk<'a>(&'a self, handler: &'a Handler) -> Desk<'a> {
        Desk { fleet: &self.fleet, handler, asked: &self.asked, started: self.started }
    }

    /// Kills one process after the other: one time in four at a moment that nobody chose, else just after a guest's request
    /// was sent to it.
    fn kill_now_and_then(&self, mut rng: Rng) -> impl Future<Output = Result<(), Failure>> + use<> {
        let (fleet, asked) = (Arc::clone(&self.fleet), Arc::clone(&self.asked));
        let (store_is_there, every) = (Arc::clone(&self.store_is_there), self.options.kill_every);
        // In a soak the first one is to live.
        let first = usize::from(self.options.soak.is_some());
        async move {
            loop {
                sleep(every.mul_f64(0.5 + rng.f64())).await;
                let mut slot = Some(rng.usize(first..fleet.size()));
                if rng.u8(..4) > 0 {
                    slot = fleet.slot_of(asked.next_sent_to().await).filter(|slot| *slot >= first);
                    sleep(Duration::from_millis(rng.u64(..4))).await;
                }
                let Some(slot) = slot else { continue };
                let store_is_there = store_is_there.lock().await;
                if !fleet.kill(slot).await? {
                    // There are no hubs left to tell further processes apart by.
                    return Ok(());
                }
                sleep(Duration::from_millis(rng.u64(..800))).await;
                fleet.restart(slot).await?;
                drop(store_is_there);
            }
        }
    }
}

fn stop_if_ended<T: 'static>(stirring: &mut JoinSet<Result<T, Failure>>) -> Result<(), Failure> {
    while let Some(ended) = stirring.try_join_next() {
        ended??;
    }
    Ok(())
}
