//! The soak: traffic for half an hour, kills, a hub that fails, a store that comes and goes. After five minutes, at half time
//! and in the end everything comes to rest, and the process that nobody killed and the store must be the same each time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use acs_push::{Config, Handler};
use chrono::{TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tokio::time::sleep;

use super::Failure;
use super::fleet::Fleet;
use super::play::{Play, Stirring};

/// What was there at the moments of rest.
#[derive(Debug)]
pub struct Soak {
    early: Snapshot,
    /// When the program remembers as many events and messages as it ever does, so that more memory would be for something else.
    middle: Snapshot,
    late: Snapshot,
    absences: u64,
}

/// What is there at a moment of rest.
#[derive(Debug)]
struct Snapshot {
    rss_kib: u64,
    /// Of the process, and of the store by kind.
    counts: BTreeMap<String, u64>,
}

/// When the first snapshot is taken.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// Twice as long as a client keeps an idle connection, for it looks for these only now and then.
const REST: Duration = Duration::from_secs(190);

/// Memory may be more by this part of it: an allocator keeps pages.
const MOST_GROWTH: f64 = 0.1;

/// Longer than ledger, markers, dead letters and traces are kept, and shorter than an installation lives.
const MUCH_LATER: TimeDelta = TimeDelta::days(8);

impl Soak {
    pub async fn run(
        play: &mut Play<'_>,
        store: &Path,
        length: Duration,
        tell: &impl Fn(String),
    ) -> Result<Self, Failure> {
        let absences = Arc::new(AtomicU64::new(0));
        let mut snapshots = Vec::new();
        for end in [EARLY, length / 2, length] {
            let absences = Arc::clone(&absences);
            play.act(
                tell,
                |_, since_the_start| since_the_start < end,
                |stirring: &mut Stirring, play, rng| {
                    let store_is_there = Arc::clone(&play.store_is_there);
                    stirring.spawn(come_and_go(store.to_owned(), store_is_there, absences, rng));
                    stirring.spawn(maintain(Arc::clone(&play.fleet)));
                },
            )
            .await?;
            tell(format!("{} s: everything comes to rest", play.started.elapsed().as_secs()));
            snapshots.push(Snapshot::take(play, store).await?);
        }
        let [early, middle, late] = <[Snapshot; 3]>::try_from(snapshots).map_err(|_| "not three snapshots")?;
        let absences = absences.load(Ordering::Relaxed);
        Ok(Self { early, middle, late, absences })
    }

    /// The snapshots, for the table.
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![
            ("times that the store was away".to_owned(), self.absences.to_string()),
            ("after five minutes, at half time, in the end".to_owned(), String::new()),
            ("  RSS in KiB".to_owned(), self.all(|snapshot| snapshot.rss_kib)),
        ];
        rows.extend(self.names().map(|name| (format!("  {name}"), self.all(|snapshot| snapshot.count(name)))));
        rows
    }

    /// What was more, or less, in the end.
    pub fn grown(&self) -> Vec<String> {
        let mut grown = Vec::new();
        if self.late.rss_kib as f64 > self.middle.rss_kib as f64 * (1.0 + MOST_GROWTH) {
            grown.push(format!("RSS in KiB: {}", self.all(|snapshot| snapshot.rss_kib)));
        }
        let changed = self.names().filter(|name| self.late.count(name) != self.early.count(name));
        grown.extend(changed.map(|name| format!("{name}: {}", self.all(|snapshot| snapshot.count(name)))));
        grown
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.early.counts.keys().chain(self.late.counts.keys().filter(|name| !self.early.counts.contains_key(*name)))
    }

    fn all(&self, of: impl Fn(&Snapshot) -> u64) -> String {
        [&self.early, &self.middle, &self.late].map(|snapshot| of(snapshot).to_string()).join(", ")
    }
}

impl Snapshot {
    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    async fn take(play: &mut Play<'_>, store: &Path) -> Result<Self, Failure> {
        for slot in 0..play.fleet.size() {
            if play.fleet.of(slot).is_none() {
                play.fleet.restart(slot).await?;
            }
        }
        let handler = play.fleet.of(0).ok_or("no handler is up")?;
        play.remove_all(&handler).await?;
        sleep(REST).await;
        let pid = play.fleet.process_id(0).ok_or("no handler is up")?;
        let mut counts = BTreeMap::from([
            ("open files of the process".to_owned(), entries(&format!("/proc/{pid}/fd"))?),
            ("threads".to_owned(), entries(&format!("/proc/{pid}/task"))?),
        ]);
        let rss_kib = rss_kib(&fs::read_to_string(format!("/proc/{pid}/status"))?).ok_or("no VmRSS")?;
        let status = play.fleet.client().get(format!("{}/api/status", handler.address)).send().await?.text().await?;
        let status: Value = serde_json::from_str(&status)?;
        counts.insert("tasks".to_owned(), status["tasks"].as_u64().ok_or("no tasks in Status")?);
        // Of a copy: what a clock of another day writes would meet what comes next.
        let folder = tempfile::tempdir()?;
        let copied = folder.path().join("store");
        copy(store, &copied)?;
        // What the first run finishes or removes has traces, which are over for the second.
        for time in [MUCH_LATER, MUCH_LATER + TimeDelta::minutes(15)] {
            maintain_after(&copied, time).await?;
        }
        for kind in fs::read_dir(&copied)? {
            let kind = kind?;
            counts.insert(format!("store: {}", kind.file_name().to_string_lossy()), files(&kind.path())?);
        }
        Ok(Self { rss_kib, counts })
    }
}

fn entries(folder: &str) -> io::Result<u64> {
    Ok(fs::read_dir(folder)?.count() as u64)
}

fn files(path: &Path) -> io::Result<u64> {
    if !path.is_dir() {
        return Ok(1);
    }
    fs::read_dir(path)?.map(|entry| files(&entry?.path())).sum()
}

/// Copies a folder and what is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to)? } else { fs::copy(&from, &to).map(drop)? }
    }
    Ok(())
}

fn rss_kib(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// What Maintenance does after that time.
async fn maintain_after(store: &Path, time: TimeDelta) -> Result<(), Failure> {
    let store = format!("file:{}", store.display());
    let config = Config::from_vars([
        ("STORE", store.as_str()),
        (
            "NOTIFICATION_HUB_CONNECTION_STRING",
            "Endpoint=http://127.0.0.1:9/;SharedAccessKeyName=n;SharedAccessKey=a2V5",
        ),
        ("NOTIFICATION_HUB_NAME", "none"),
    ])?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let handler = Handler::new(&config)?.with_clock(move || Utc::now() + time);
    let serving = tokio::spawn(handler.serve(listener, async {
        let _ = stopped.await;
    }));
    let client = reqwest::Client::builder().no_proxy().build()?;
    run_maintenance(&client, &format!("http://{address}")).await?;
    let _ = stop.send(());
    serving.await?;
    Ok(())
}

async fn run_maintenance(client: &reqwest::Client, address: &str) -> Result<(), Failure> {
    let body = json!({"Data": {"timer": {}}, "Metadata": {"sys": {"MethodName": "Maintenance"}}}).to_string();
    let answer = client.post(format!("{address}/Maintenance")).body(body).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    if status.is_success() { Ok(()) } else { Err(format!("Maintenance was answered {status}: {text}").into()) }
}

/// What the host's timer does, more often.
async fn maintain(fleet: Arc<Fleet>) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(0);
    loop {
        sleep(Duration::from_secs(60)).await;
        if let Some(handler) = fleet.any(&mut rng) {
            // It may be killed meanwhile, or the store is away.
            let _ = run_maintenance(fleet.client(), &handler.address).await;
        }
    }
}

/// The store is away for some seconds now and then.
async fn come_and_go(
    store: PathBuf,
    store_is_there: Arc<Mutex<()>>,
    absences: Arc<AtomicU64>,
    mut rng: Rng,
) -> Result<(), Failure> {
    loop {
        sleep(Duration::from_secs(rng.u64(30..90))).await;
        let _is_away = store_is_there.lock().await;
        let absence = Absence::begin(&store)?;
        absences.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(rng.u64(2..8))).await;
        drop(absence);
    }
}

/// A file is where the store's folder was, until this is dropped.
struct Absence {
    store: PathBuf,
}

/// The store's place is a link, so that it goes and comes in one step.
pub fn place(store: &Path) -> io::Result<()> {
    fs::create_dir(store.with_extension("folder"))?;
    fs::write(store.with_extension("none"), "")?;
    link(store, "folder")
}

fn link(store: &Path, to: &str) -> io::Result<()> {
    let new = store.with_extension("new");
    std::os::unix::fs::symlink(store.with_extension(to), &new)?;
    fs::rename(new, store)
}

impl Absence {
    fn begin(store: &Path) -> io::Result<Self> {
        link(store, "none")?;
        Ok(Self { store: store.to_owned() })
    }
}

impl Drop for Absence {
    fn drop(&mut self) {
        link(&self.store, "folder").expect("a link can be made where one is");
    }
}
