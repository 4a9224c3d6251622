//! What is measured: the relay or the handler, with a hub of its own and events of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::Failure;
use crate::driver::{Amount, Answers, Load};
use crate::events::{Author, Front};
use crate::fleet::Fleet;
use crate::hub::{Hub, Tally};
use crate::options::Options;
use crate::process::{self, Process};
use crate::wire::Wire;

/// A program that takes events.
#[derive(Debug)]
pub struct Target {
    program: PathBuf,
    arguments: Vec<String>,
    settings: Vec<(&'static str, String)>,
    fleet: Fleet,
    hub: Hub,
    author: Arc<Author>,
    /// What it answered so far that it should not have.
    wrong: Answers,
}

/// One round.
#[derive(Debug)]
pub struct Round {
    pub answers: Answers,
    /// CPU time of the target.
    pub cpu: Duration,
    /// CPU time of everything that is no part of the benchmark.
    pub foreign: Duration,
}

/// What went wrong in all rounds together; all of it is 0 when nothing did.
#[derive(Debug)]
pub struct Faults {
    pub counts: [(&'static str, usize); 5],
    /// The first answer that was wrong.
    pub example: Option<String>,
}

/// The word by which this program is told to be the relay.
pub const RELAY: &str = "relay";

impl Target {
    /// The relay, which takes every event for one push.
    pub async fn relay(options: &Options) -> Result<Self, Failure> {
        let fleet = Fleet { recipients: options.recipients, devices: 1 };
        let hub = Hub::start(fleet, options.hub_delay).await?;
        let arguments = vec![RELAY.to_owned(), hub.port.to_string()];
        let author = Author::new(fleet, Front::Functions);
        Ok(Self::new(std::env::current_exe()?, arguments, Vec::new(), author, fleet, hub))
    }

    /// The program, with a store in `folder` in which every device is registered.
    pub async fn handler(options: &Options, program: PathBuf, folder: &Path, front: Front) -> Result<Self, Failure> {
        let fleet = Fleet { recipients: options.recipients, devices: options.devices };
        let hub = Hub::start(fleet, options.hub_delay).await?;
        let connection_string =
            format!("Endpoint=http://127.0.0.1:{}/;SharedAccessKeyName=load;SharedAccessKey=a2V5", hub.port);
        let mut settings = vec![
            ("NOTIFICATION_HUB_CONNECTION_STRING", connection_string),
            ("NOTIFICATION_HUB_NAME", "load".to_owned()),
            ("STORE", format!("file:{}", folder.display())),
            ("INSTALLATIONS_PER_USER", "1000".to_owned()),
            ("FUNCTIONS_CUSTOMHANDLER_PORT", "0".to_owned()),
            ("LISTEN", "127.0.0.1:0".to_owned()),
        ];
        settings.extend(options.in_flight.map(|most| ("HUB_MAX_IN_FLIGHT", most.to_string())));
        let arguments = match front {
            Front::Functions => Vec::new(),
            Front::Webhook => vec!["serve".to_owned(), "--webhook".to_owned()],
        };
        let target = Self::new(program, arguments, settings, Author::new(fleet, front), fleet, hub);
        let process = Process::start(target.command()).await?;
        fleet.register(&mut Wire::connect(process.port).await?).await?;
        process.kill().await?;
        Ok(target)
    }

    fn new(
        program: PathBuf,
        arguments: Vec<String>,
        settings: Vec<(&'static str, String)>,
        author: Author,
        fleet: Fleet,
        hub: Hub,
    ) -> Self {
        let author = Arc::new(author);
        Self { program, arguments, settings, fleet, hub, author, wrong: Answers::default() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it, and tells how long it took until a first event was answered.
    pub async fn start(&mut self) -> Result<(Process, Duration), Failure> {
        let started = Instant::now();
        let process = Process::start(self.command()).await?;
        let mut wire = Wire::connect(process.port).await?;
        let latency = self.wrong.exchange(&mut wire, &self.author.chat(), started).await?;
        Ok((process, latency))
    }

    /// Puts it under load.
    pub async fn round(
        &mut self,
        process: &Process,
        options: &Options,
        amount: Amount,
        watched: bool,
    ) -> Result<Round, Failure> {
        let load = Load {
            port: process.port,
            author: Arc::clone(&self.author),
            amount,
            connections: options.connections,
            rate: options.rate,
            calls: options.calls,
            watched: watched.then_some(process.id),
        };
        let of_benchmark = || Ok::<_, Failure>(process::cpu(process.id)? + process::cpu(std::process::id())?);
        let (cpu, ours, all) = (process::cpu(process.id)?, of_benchmark()?, process::cpu_of_machine()?);
        let mut answers = load.run().await?;
        let (cpu, ours) = (process::cpu(process.id)? - cpu, of_benchmark()? - ours);
        let foreign = (process::cpu_of_machine()? - all).saturating_sub(ours);
        self.wrong.add(answers.take_wrong());
        Ok(Round { answers, cpu, foreign })
    }

    /// Requests at the hub for each event so far.
    pub fn requests_per_event(&self) -> f64 {
        self.hub.tally().requests as f64 / self.author.written() as f64
    }

    /// What went wrong so far. Exactly one push is due for each event and device.
    pub fn faults(&self) -> Faults {
        let Tally { pushes, twice, strange, .. } = self.hub.tally();
        let counts = [
            ("answers other than 200", self.wrong.refused),
            ("outcomes other than delivered", self.wrong.undelivered),
            ("pushes missing", (self.author.written() * self.fleet.devices).saturating_sub(pushes)),
            ("pushes twice", twice),
            ("requests for no device of an event", strange),
        ];
        Faults { counts, example: self.wrong.example.clone() }
    }
}

impl Faults {
    pub fn is_none(&self) -> bool {
        self.counts.iter().all(|(_, count)| *count == 0)
    }
}
