//! What happens in a run: its capacity is measured, then it has a calm time, too much, and time to recover.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use crate::Failure;
use crate::event_grid::{EventGrid, Rate};
use crate::events::{Author, Front, Kind};
use crate::fleet::Fleet;
use crate::hub::Hub;
use crate::options::{Amount, Options};
use crate::process::{self, Process};
use crate::program;
use crate::report::Findings;
use crate::wire::Wire;

/// The times that the table has columns for; what came before them has no column.
pub const PHASES: [&str; 3] = ["calm", "overload", "recovery"];
const CALM: usize = 0;
const OVERLOAD: usize = 1;
const RECOVERY: usize = 2;
const BEFORE: usize = 3;

const FLEET: Fleet = Fleet { recipients: 1000, devices: 1 };

/// Messages at a time while the capacity is measured: more than go to the hub, and fewer than are refused.
const AT_A_TIME: usize = 192;
const MEASURED: Duration = Duration::from_secs(6);
const CALM_FOR: Duration = Duration::from_secs(10);
const CALLS_A_SECOND: f64 = 20.0;

/// What is not delivered by then is lost.
const LONGEST_RECOVERY: Duration = Duration::from_secs(420);

/// Memory by time.
pub type Memory = Vec<(Instant, f64)>;

pub async fn run(options: &Options) -> Result<Findings, Failure> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => program::build()?,
    };
    let (hub, folder) = (Hub::start(FLEET, options.hub_delay).await?, tempfile::tempdir()?);
    let mut command = Command::new(binary);
    command.env_clear().envs([
        ("NOTIFICATION_HUB_NAME", "load".to_owned()),
        ("STORE", format!("file:{}", folder.path().display())),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0".to_owned()),
        ("LISTEN", "127.0.0.1:0".to_owned()),
        (
            "NOTIFICATION_HUB_CONNECTION_STRING",
            format!("Endpoint=http://127.0.0.1:{}/;SharedAccessKeyName=load;SharedAccessKey=a2V5", hub.port),
        ),
    ]);
    let front = if options.webhook { Front::Webhook } else { Front::Functions };
    if options.webhook {
        command.args(["serve", "--webhook"]);
    }
    let process = Process::start(command).await?;
    FLEET.register(&mut Wire::connect(process.port).await?).await?;
    let memory = Arc::<Mutex<Memory>>::default();
    let watch = watch(process.id, Arc::clone(&memory));
    let event_grid = Arc::new(EventGrid::new(Author::new(FLEET, front, options.text_kib), process.port)?);

    eprintln!("measuring the capacity");
    let capacity = event_grid.capacity(BEFORE, AT_A_TIME, MEASURED).await;
    event_grid.under_way.wait().await;
    let calm = [Rate { kind: Kind::Message, a_second: capacity / 4.0, arrays: true }, calls()];
    let mut began = vec![Instant::now()];
    let progress = progress(Arc::clone(&event_grid), process.id);
    event_grid.offer(CALM, &calm, CALM_FOR).await;

    began.push(Instant::now());
    match options.amount {
        Amount::Rate { times, seconds } => {
            let messages = Rate { kind: Kind::Message, a_second: capacity * f64::from(times), arrays: true };
            event_grid.offer(OVERLOAD, &[messages, calls()], Duration::from_secs(seconds.into())).await;
        }
        Amount::Burst(messages) => event_grid.burst(OVERLOAD, messages),
    }

    began.push(Instant::now());
    loop {
        event_grid.offer(RECOVERY, &calm, Duration::from_secs(5)).await;
        let waiting = event_grid.under_way.len();
        // As many as the calm rate has under way by itself, and a few.
        let usual = (capacity * options.hub_delay.as_secs_f64()) as usize / 4 + 20;
        if (began[RECOVERY].elapsed() >= CALM_FOR && waiting <= usual) || began[RECOVERY].elapsed() > LONGEST_RECOVERY {
            break;
        }
    }
    let _ = timeout(LONGEST_RECOVERY.saturating_sub(began[RECOVERY].elapsed()), event_grid.under_way.wait()).await;
    began.push(Instant::now());
    sleep(Duration::from_secs(5)).await;
    progress.abort();
    watch.abort();
    let peak = process::peak_memory(process.id)?;
    process.kill().await?;
    let memory = memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Findings { capacity, began, records: event_grid.records(), pushes: hub.pushes(), memory, peak })
}

fn calls() -> Rate {
    Rate { kind: Kind::Call, a_second: CALLS_A_SECOND, arrays: false }
}

/// Notes the memory of the process ten times a second.
fn watch(process: u32, memory: Arc<Mutex<Memory>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(100));
        while let Ok(now) = process::memory(process) {
            memory.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), now));
            ticks.tick().await;
        }
    })
}

/// Tells how it goes every five seconds.
fn progress(event_grid: Arc<EventGrid>, process: u32) -> JoinHandle<()> {
    let began = Instant::now();
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_secs(5));
        loop {
            ticks.tick().await;
            let [offered, taken, refusals] = event_grid.counts();
            let memory = process::memory(process).unwrap_or_default();
            let seconds = began.elapsed().as_secs();
            eprintln!("{seconds:>4} s: {offered} events offered, {taken} taken, {refusals} refusals, {memory:.1} MiB");
        }
    })
}
