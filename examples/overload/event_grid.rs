//! Posts events as Event Grid does: what is not acknowledged comes again, later and later.
//! <https://learn.microsoft.com/azure/event-grid/delivery-and-retry>

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use reqwest::Client;
use serde_json::Value;
use tokio::time::{interval, sleep, sleep_until};
use tokio_util::task::TaskTracker;

use crate::Failure;
use crate::events::{Author, Events, Front, Kind};

#[derive(Debug)]
pub struct EventGrid {
    client: Client,
    url: String,
    author: Author,
    written: AtomicUsize,
    /// Events that are not acknowledged yet: a task for each request.
    pub under_way: TaskTracker,
    records: Mutex<Records>,
}

/// What came of the requests.
#[derive(Debug, Clone, Default)]
pub struct Records {
    pub acknowledged: Vec<Acknowledged>,
    /// How often each refusal was answered.
    pub refusals: BTreeMap<String, usize>,
    /// Answers that a handler should not give, the first of them.
    pub odd: Vec<String>,
    /// Events that were posted for the first time.
    pub offered: usize,
}

/// Events that were taken in the end.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledged {
    pub phase: usize,
    pub events: Events,
    pub due: Instant,
    /// How often they were refused before.
    pub refused: usize,
}

/// How many events a second there are, and of which kind.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub kind: Kind,
    pub a_second: f64,
    /// A tenth of the events come in arrays.
    pub arrays: bool,
}

/// So long does Event Grid wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long before it posts an event again. It would go on with 5 minutes, 10 and so on; this run has an end.
const WAITS: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(30), Duration::from_secs(60)];

/// The shortest wait after 503. The Functions host makes a 500 of it.
const WAIT_AFTER_503: Duration = Duration::from_secs(30);

const ARRAY: usize = 10;

enum Answer {
    Taken,
    Refused { reason: String, at_least: Duration },
    Odd(String),
}

impl EventGrid {
    pub fn new(author: Author, port: u16) -> Result<Self, Failure> {
        // The program's own client would do so.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE);
        // As the Functions host: as many connections as are needed, and none is kept for as long as the program keeps it.
        let client = client.pool_idle_timeout(Duration::from_secs(60)).build()?;
        let path = match author.front {
            Front::Functions => "EventGridTrigger",
            Front::Webhook => "webhooks/eventgrid",
        };
        let url = format!("http://127.0.0.1:{port}/{path}");
        let under_way = TaskTracker::new();
        under_way.close();
        Ok(Self { client, url, author, written: AtomicUsize::new(0), under_way, records: Mutex::default() })
    }

    pub fn records(&self) -> Records {
        self.with_records(|records| records.clone())
    }

    /// How many events were posted so far, how many are acknowledged, how many answers were refusals.
    pub fn counts(&self) -> [usize; 3] {
        self.with_records(|records| {
            let acknowledged = records.acknowledged.iter().map(|done| done.events.count).sum();
            [records.offered, acknowledged, records.refusals.values().sum()]
        })
    }

    fn with_records<T>(&self, then: impl FnOnce(&mut Records) -> T) -> T {
        then(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has that many events happen now, and posts them in one request until it is acknowledged.
    pub async fn deliver(self: Arc<Self>, phase: usize, kind: Kind, count: usize, due: Instant) {
        let first = self.written.fetch_add(count, Ordering::Relaxed);
        let events = Events { kind, first, count, happened: Utc::now() };
        self.with_records(|records| records.offered += count);
        for refused in 0.. {
            let (reason, at_least) = match self.post(events).await {
                Answer::Taken => {
                    let done = Acknowledged { phase, events, due, refused };
                    return self.with_records(|records| records.acknowledged.push(done));
                }
                Answer::Refused { reason, at_least } => (reason, at_least),
                Answer::Odd(odd) => return self.with_records(|records| records.odd.push(odd)),
            };
            let reason = if kind == Kind::Call { format!("a call: {reason}") } else { reason };
            self.with_records(|records| *records.refusals.entry(reason).or_default() += 1);
            let wait = WAITS[refused.min(WAITS.len() - 1)].max(at_least);
            sleep(wait.mul_f64(1.0 + fastrand::f64() / 2.0)).await;
        }
    }

    async fn post(&self, events: Events) -> Answer {
        let request = self.client.post(&self.url).header("aeg-event-type", "Notification");
        let request = request.header("content-type", "application/json; charset=utf-8").body(self.author.body(events));
        let answered = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
        };
        match answered.await {
            Ok((200, _)) => Answer::Taken,
            Ok((status @ (500 | 503), text)) => {
                let at_least =
                    if self.author.front == Front::Webhook && status == 503 { WAIT_AFTER_503 } else { WAITS[0] };
                Answer::Refused { reason: format!("{status}: {}", reason(&text)), at_least }
            }
            Ok((status, text)) => Answer::Odd(format!("{status}: {text}")),
            Err(error) => Answer::Odd(format!("no answer: {error:?}")),
        }
    }

    /// Posts events at these rates for so long, whether or not the last ones were answered.
    pub async fn offer(self: &Arc<Self>, phase: usize, rates: &[Rate], time: Duration) {
        let began = Instant::now();
        let mut ticks = interval(Duration::from_millis(1));
        // The events of each rate that are not due yet.
        let mut next = vec![0_usize; rates.len()];
        let mut requests = 0;
        while ticks.tick().await.into_std() < began + time {
            for (rate, next) in rates.iter().zip(&mut next) {
                loop {
                    let due = began + Duration::from_secs_f64(*next as f64 / rate.a_second);
                    if due > Instant::now() {
                        break;
                    }
                    // One request in 91 has ten events: a tenth of all.
                    requests += 1;
                    let is_array = rate.arrays && requests % (9 * ARRAY + 1) == 0;
                    let count = if is_array { ARRAY } else { 1 };
                    *next += count;
                    self.under_way.spawn(Arc::clone(self).deliver(phase, rate.kind, count, due));
                }
            }
        }
    }

    /// Posts so many messages at once.
    pub fn burst(self: &Arc<Self>, phase: usize, messages: usize) {
        let due = Instant::now();
        for _ in 0..messages {
            self.under_way.spawn(Arc::clone(self).deliver(phase, Kind::Message, 1, due));
        }
    }

    /// How many messages a second are served, when so many are posted at a time.
    pub async fn capacity(self: &Arc<Self>, phase: usize, at_a_time: usize, time: Duration) -> f64 {
        let end = tokio::time::Instant::now() + time;
        let workers: Vec<_> = (0..at_a_time)
            .map(|_| {
                let event_grid = Arc::clone(self);
                tokio::spawn(async move {
                    while tokio::time::Instant::now() < end {
                        Arc::clone(&event_grid).deliver(phase, Kind::Message, 1, Instant::now()).await;
                    }
                })
            })
            .collect();
        // The first ones fill the queue, and the last ones empty it: what is between counts.
        let quarter = time / 4;
        sleep(quarter).await;
        let before = self.counts()[1];
        sleep_until(end - quarter).await;
        let served = self.counts()[1] - before;
        for worker in workers {
            let _ = worker.await;
        }
        served as f64 / (time - 2 * quarter).as_secs_f64()
    }
}

/// Why it was refused, without how many events it was.
fn reason(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let error = &body["error"];
    let message = error.as_str().or_else(|| error["message"].as_str()).unwrap_or(text);
    message.split_once(" events failed: ").map_or(message, |(_, reason)| reason).to_owned()
}
