//! The handler processes: started, killed, started anew. Each life of a process is an incarnation with a number of its
//! own, and with hubs of its own by which the witness tells who sent what.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::searcher::Searcher;
use super::{Failure, Options, all, since};

/// What a process says when the store does not take what it writes.
const COMPLAINTS: [&str; 3] = ["the store did not answer", "the store's folder cannot be used", "may be pushed twice"];

/// As many pairs of hubs does the emulator have.
pub const MOST_INCARNATIONS: usize = 1000;

#[derive(Debug)]
pub struct Fleet {
    program: PathBuf,
    webhook: bool,
    folder: PathBuf,
    settings: Vec<(&'static str, String)>,
    client: Client,
    started: Instant,
    searcher: Searcher,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The process of each slot that is up.
    slots: Vec<Option<Process>>,
    incarnations: Vec<Incarnation>,
    /// Those who read what the processes write.
    listening: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    handler: Handler,
}

/// Where a process is reached.
#[derive(Debug, Clone)]
pub struct Handler {
    pub incarnation: usize,
    pub address: String,
}

/// What is known of one life of a process.
#[derive(Debug, Default, Clone)]
pub struct Incarnation {
    /// Milliseconds since the start of the run.
    pub killed_at: Option<u64>,
    pub said: Arc<Mutex<Said>>,
}

/// What a process wrote that matters to the verdict.
#[derive(Debug, Default)]
pub struct Said {
    pub panics: Vec<String>,
    /// When it said that the store did not take something, in milliseconds since the start of the run.
    pub store_complaints: Vec<u64>,
    /// The tracking ids of answers that it got, as the log lines of events in failed invocations name them.
    pub heard: Vec<String>,
}

pub fn hub(incarnation: usize) -> String {
    format!("hub{incarnation}")
}

pub fn voip_hub(incarnation: usize) -> String {
    format!("voip{incarnation}")
}

/// Whose hub it is.
pub fn owner(hub: &str) -> Option<usize> {
    hub.strip_prefix("hub").or_else(|| hub.strip_prefix("voip"))?.parse().ok()
}

impl Fleet {
    pub async fn start(
        options: &Options,
        keys: &[(&'static str, String)],
        folder: &Path,
        started: Instant,
        searcher: Searcher,
    ) -> Result<Self, Failure> {
        let mut settings = keys.to_vec();
        settings.push(("DELIVERY_DEADLINE_SECONDS", options.deadline.as_secs().to_string()));
        // Stalls hold many a request up, and it is not the gate that is put to the test.
        settings.push(("HUB_MAX_IN_FLIGHT", "1000".to_owned()));
        // Every line there is, to be searched.
        settings.push(("RUST_LOG", "trace".to_owned()));
        settings.push(("FUNCTIONS_CUSTOMHANDLER_PORT", "0".to_owned()));
        settings.push(("LISTEN", "127.0.0.1:0".to_owned()));
        // The client wants a provider of TLS even for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fleet = Self {
            program: options.program.clone(),
            webhook: options.webhook,
            folder: folder.to_owned(),
            settings,
            client: Client::builder().no_proxy().build()?,
            started,
            searcher,
            kept: Mutex::default(),
        };
        fleet.lock().slots.resize_with(options.processes, || None);
        all((0..options.processes).map(|slot| fleet.restart(slot))).await?;
        Ok(fleet)
    }

    pub fn size(&self) -> usize {
        self.lock().slots.len()
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// Asks for `Status`, and webhooks for their metrics, which are searched as well.
    pub async fn watch(self: Arc<Self>, mut rng: Rng) -> Result<(), Failure> {
        let paths = if self.webhook { &["api/status", "metrics"][..] } else { &["api/status"] };
        loop {
            sleep(Duration::from_millis(rng.u64(200..1000))).await;
            let Some(handler) = self.any(&mut rng) else { continue };
            for path in paths {
                let asked = self.client.get(format!("{}/{path}", handler.address)).send().await;
                // A broken connection is the trace of a kill.
                let Ok(answer) = asked else { continue };
                let status = answer.status().as_u16();
                if status != 200 {
                    return Err(format!("{path} was answered with {status}").into());
                }
                self.searcher.hear(&answer.text().await.unwrap_or_default());
            }
        }
    }

    /// One of those that are up.
    pub fn any(&self, rng: &mut Rng) -> Option<Handler> {
        let kept = self.lock();
        let up: Vec<&Handler> = kept.slots.iter().flatten().map(|process| &process.handler).collect();
        rng.choice(up).cloned()
    }

    /// The one of a slot, if it is up.
    pub fn of(&self, slot: usize) -> Option<Handler> {
        self.lock().slots.get(slot)?.as_ref().map(|process| process.handler.clone())
    }

    /// The id of a slot's process, if it is up.
    pub fn process_id(&self, slot: usize) -> Option<u32> {
        self.lock().slots.get(slot)?.as_ref()?.child.id()
    }

    /// The slot of an incarnation that is up.
    pub fn slot_of(&self, incarnation: usize) -> Option<usize> {
        let kept = self.lock();
        kept.slots
            .iter()
            .position(|process| process.as_ref().is_some_and(|process| process.handler.incarnation == incarnation))
    }

    /// One that is up and not that one.
    pub fn other(&self, than: usize, rng: &mut Rng) -> Option<Handler> {
        let kept = self.lock();
        let up = kept.slots.iter().flatten().map(|process| &process.handler);
        let others: Vec<&Handler> = up.filter(|handler| handler.incarnation != than).collect();
        rng.choice(others).cloned()
    }

    /// Kills the process of a slot with SIGKILL, unless there could be no other after it.
    pub async fn kill(&self, slot: usize) -> Result<bool, Failure> {
        let killed_at = since(self.started);
        let process = {
            let mut kept = self.lock();
            if kept.incarnations.len() >= MOST_INCARNATIONS {
                return Ok(false);
            }
            let Some(process) = kept.slots.get_mut(slot).and_then(Option::take) else { return Ok(true) };
            kept.incarnations[process.handler.incarnation].killed_at = Some(killed_at);
            process
        };
        let mut child = process.child;
        if let Some(ended) = child.try_wait()? {
            return Err(format!("a handler ended by itself: {ended}").into());
        }
        child.kill().await?;
        Ok(true)
    }

    /// Starts a process for a slot that has none, on a free port, which it tells in its first line.
    pub async fn restart(&self, slot: usize) -> Result<(), Failure> {
        let incarnation = {
            let mut kept = self.lock();
            kept.incarnations.push(Incarnation::default());
            kept.incarnations.len() - 1
        };
        let mut command = Command::new(&self.program);
        if self.webhook {
            command.args(["serve", "--webhook"]);
        }
        command.env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("NOTIFICATION_HUB_NAME", hub(incarnation)).env("NOTIFICATION_HUB_VOIP_NAME", voip_hub(incarnation));
        command.current_dir(&self.folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let stderr = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        let mut line = String::new();
        timeout(Duration::from_secs(30), stdout.read_line(&mut line)).await??;
        self.searcher.hear(&line);
        let port = line.split("127.0.0.1:").nth(1).ok_or_else(|| format!("no port in {line:?}"))?;
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        let mut kept = self.lock();
        let said = &kept.incarnations[incarnation].said;
        // Read all the while: a full pipe would hold the process up.
        let searcher = &self.searcher;
        let listening = [
            tokio::spawn(listen(stdout, Arc::clone(said), self.started, searcher.clone())),
            tokio::spawn(listen(stderr, Arc::clone(said), self.started, searcher.clone())),
        ];
        kept.listening.extend(listening);
        let handler = Handler { incarnation, address: format!("http://127.0.0.1:{port}") };
        kept.slots[slot] = Some(Process { child, handler });
        Ok(())
    }

    /// Ends all processes; tells what is known of every incarnation.
    pub async fn stop(&self) -> Result<Vec<Incarnation>, Failure> {
        let processes: Vec<Process> = self.lock().slots.iter_mut().filter_map(Option::take).collect();
        for mut process in processes {
            if let Some(ended) = process.child.try_wait()? {
                return Err(format!("a handler ended by itself: {ended}").into());
            }
            process.child.kill().await?;
        }
        // What was written last is read, too.
        let listening = std::mem::take(&mut self.lock().listening);
        for ended in listening {
            ended.await?;
        }
        Ok(self.lock().incarnations.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tracking ids in the log line of an event; none in any other line.
pub fn tracking_ids(line: &str) -> Vec<String> {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    let ids = line["tracking"].as_array().into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

async fn listen(
    mut stream: BufReader<impl AsyncRead + Unpin>,
    said: Arc<Mutex<Said>>,
    started: Instant,
    searcher: Searcher,
) {
    let mut bytes = Vec::new();
    // The last line may be cut off by a kill.
    while matches!(stream.read_until(b'\n', &mut bytes).await, Ok(1..)) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        searcher.hear(&line);
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if line.starts_with('{') {
            said.heard.extend(tracking_ids(&line));
        } else if line.contains("panicked") {
            said.panics.push(line);
        } else if COMPLAINTS.iter().any(|words| line.contains(words)) {
            said.store_complaints.push(since(started));
        }
    }
}
