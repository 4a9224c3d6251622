//! One measurement: events before Maintenance, and Maintenance until nothing is left to do, with events meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, sleep, timeout};

use crate::Failure;
use crate::blobs::Requests;
use crate::driver::Answers;
use crate::events::{Author, Front};
use crate::fleet::Fleet;
use crate::hub::Hub;
use crate::options::Options;
use crate::process::{Process, cpu, cpu_of_machine, peak_memory};
use crate::report::Figures;
use crate::store::Store;
use crate::wire::Wire;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Measurement<'a> {
    pub binary: &'a Path,
    pub store: &'a Store,
    /// How many installations have not expired: so many people get events in turn.
    pub alive: usize,
    pub options: &'a Options,
}

/// So long does the Functions host wait for Maintenance.
const PATIENCE: Duration = Duration::from_secs(120);

/// An event that is refused more often was not served.
const MOST_REPEATS: u32 = 5;
const REPEATED_AFTER: Duration = Duration::from_secs(1);

/// What was counted until some time.
#[derive(Debug, Clone, Copy)]
struct Counts {
    cpu: Duration,
    cpu_of_others: Duration,
    requests: Requests,
    at: Instant,
}

impl Measurement<'_> {
    /// Measures with so many expired installations in the store.
    pub async fn run(&self, expired: usize) -> Result<Figures, Failure> {
        let fleet = Fleet { recipients: self.alive, devices: 1 };
        let hub = Hub::start(fleet, Duration::ZERO).await?;
        let process = start(self.binary, hub.port, &self.store.settings()).await?;
        let author = Arc::new(Author::new(fleet, Front::Functions));

        let counts = [self.counts(&process).await?];
        let events = Events::start(process.port, &author, self.options.rate());
        sleep(self.options.before).await;
        let before = events.end().await?;
        let memory_before = peak_memory(process.id)?;

        let counts = [counts[0], self.counts(&process).await?];
        let events = Events::start(process.port, &author, self.options.rate());
        let (mut runs, mut removed) = (Vec::new(), 0);
        loop {
            let started = Instant::now();
            let removed_now = run_maintenance(process.port).await?;
            runs.push(started.elapsed());
            removed += removed_now;
            let elapsed = counts[1].at.elapsed();
            if elapsed > self.options.limit {
                return Err(format!("stopped after {elapsed:?}: {removed} of {expired} removed in {runs:?}").into());
            }
            // A run with nothing to do is short, so it is repeated until there are enough events.
            if removed_now == 0 && (expired > 0 || elapsed > self.options.before) {
                break;
            }
        }
        let meanwhile = events.end().await?;
        let counts = [counts[0], counts[1], self.counts(&process).await?];
        let peak_memory = peak_memory(process.id)?;
        process.kill().await?;

        if removed != expired {
            return Err(format!("{removed} installations were removed, and {expired} had expired").into());
        }
        let tally = hub.tally();
        let wrong = [&before, &meanwhile].map(|answers| answers.refused + answers.undelivered).iter().sum::<usize>()
            + author.written().abs_diff(tally.pushes)
            + tally.twice
            + tally.strange;
        if wrong > 0 {
            let example = before.example.or(meanwhile.example).unwrap_or_default();
            return Err(format!("{wrong} answers or pushes were wrong: {example}").into());
        }
        let [idle, busy] = [counts[0].until(&counts[1]), counts[1].until(&counts[2])];
        // Events take as much as before. What is left is Maintenance.
        let share = meanwhile.latencies.len() as f64 / before.latencies.len() as f64;
        Ok(Figures {
            runs,
            cpu: busy.cpu.saturating_sub(idle.cpu.mul_f64(share)),
            requests: busy.requests.without(&idle.requests, share),
            memory: [memory_before, peak_memory],
            latencies: [before.latencies, meanwhile.latencies],
            other_cores: [&idle, &busy].map(|part| part.cpu_of_others.as_secs_f64() / part.took.as_secs_f64()),
        })
    }

    async fn counts(&self, process: &Process) -> Result<Counts, Failure> {
        let requests = match self.store {
            Store::Folder(_) => Requests::default(),
            Store::Azurite(blobs) => blobs.requests().await,
        };
        let mut ours = cpu(process.id)? + cpu(std::process::id())?;
        if let Store::Azurite(blobs) = self.store {
            ours += cpu(blobs.process_id())?;
        }
        let cpu_of_others = cpu_of_machine()?.saturating_sub(ours);
        Ok(Counts { cpu: cpu(process.id)?, cpu_of_others, requests, at: Instant::now() })
    }
}

/// What was counted within some time.
#[derive(Debug)]
struct Part {
    cpu: Duration,
    cpu_of_others: Duration,
    requests: Requests,
    took: Duration,
}

impl Counts {
    fn until(&self, later: &Self) -> Part {
        Part {
            cpu: later.cpu - self.cpu,
            cpu_of_others: later.cpu_of_others.saturating_sub(self.cpu_of_others),
            requests: later.requests.without(&self.requests, 1.0),
            took: later.at - self.at,
        }
    }
}

/// Starts the program with a hub and a store.
pub async fn start(binary: &Path, hub_port: u16, store: &[(&'static str, String)]) -> Result<Process, Failure> {
    let hub = format!("Endpoint=http://127.0.0.1:{hub_port}/;SharedAccessKeyName=load;SharedAccessKey=a2V5");
    let mut command = Command::new(binary);
    command.env_clear().envs(store.iter().map(|(name, value)| (name, value)));
    command.env("NOTIFICATION_HUB_CONNECTION_STRING", hub).env("NOTIFICATION_HUB_NAME", "load");
    command.env("FUNCTIONS_CUSTOMHANDLER_PORT", "0");
    Process::start(command).await
}

/// Invokes Maintenance as the host's timer does. Returns how many installations it removed.
async fn run_maintenance(port: u16) -> Result<usize, Failure> {
    let body = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}}).to_string();
    let request = format!(
        "POST /Maintenance HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut wire = Wire::connect(port).await?;
    let answer = timeout(PATIENCE, wire.exchange(request.as_bytes())).await??;
    let invocation: Value = serde_json::from_slice(answer.body)?;
    let line: Value = serde_json::from_str(invocation["Logs"][0].as_str().unwrap_or_default())
        .map_err(|_| format!("{}{invocation}", answer.head))?;
    let removed = line["maintenance"]["installations"].as_u64();
    Ok(removed.ok_or_else(|| format!("no number of installations in {line}"))?.try_into()?)
}

/// Events at a steady rate, each on a connection of its own, so that none waits for another one's answer.
#[derive(Debug)]
struct Events {
    is_over: Arc<AtomicBool>,
    answers: JoinHandle<Result<Answers, Failure>>,
}

impl Events {
    fn start(port: u16, author: &Arc<Author>, rate: u32) -> Self {
        let (is_over, author) = (Arc::new(AtomicBool::new(false)), Arc::clone(author));
        let answers = tokio::spawn(post(port, author, rate, Arc::clone(&is_over)));
        Self { is_over, answers }
    }

    async fn end(self) -> Result<Answers, Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        self.answers.await?
    }
}

async fn post(port: u16, author: Arc<Author>, rate: u32, is_over: Arc<AtomicBool>) -> Result<Answers, Failure> {
    let (mut under_way, mut answers) = (JoinSet::new(), Answers::default());
    let mut times = interval(Duration::from_secs(1) / rate);
    while !is_over.load(Ordering::Relaxed) {
        let due = times.tick().await.into_std();
        let author = Arc::clone(&author);
        under_way.spawn(async move {
            let event = author.chat();
            let mut repeats = 0;
            loop {
                let (mut wire, mut answers) = (Wire::connect(port).await?, Answers::default());
                let latency = answers.exchange(&mut wire, &event, due).await?;
                answers.latencies.push(latency);
                // What was refused comes again, as from Event Grid, and its latency is that of all tries.
                if answers.refused == 0 || repeats == MOST_REPEATS {
                    return Ok::<_, Failure>(answers);
                }
                repeats += 1;
                sleep(REPEATED_AFTER).await;
            }
        });
    }
    while let Some(answered) = under_way.join_next().await {
        answers.add(answered??);
    }
    Ok(answers)
}
