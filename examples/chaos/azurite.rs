//! An Azurite of the run's own, on a free port. It keeps all in its memory: with a folder it stops for seconds now and then to
//! write down what it has.

use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::Failure;

#[derive(Debug)]
pub struct Azurite {
    /// Killed when it is dropped.
    process: Child,
    pub port: u16,
    pub process_id: u32,
}

/// Azurite's own well-known key.
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/node_modules/.bin/azurite-blob");

fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Azurite {
    pub async fn start() -> Result<Self, Failure> {
        let mut command = command();
        command.arg("--silent").stdout(Stdio::null());
        Self::run(command).await
    }

    /// One with its log: a line for each request.
    pub async fn start_with_log() -> Result<(Self, ChildStdout), Failure> {
        let mut command = command();
        command.stdout(Stdio::piped());
        let mut azurite = Self::run(command).await?;
        let log = azurite.process.stdout.take().ok_or("Azurite has no standard output")?;
        Ok((azurite, log))
    }

    async fn run(mut command: Command) -> Result<Self, Failure> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        command.args(["--blobPort", &port.to_string()]);
        let process =
            command.spawn().map_err(|error| format!("{PROGRAM}: {error}; `npm ci` in tests/foreign installs it"))?;
        let answers = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), answers).await.map_err(|_| "Azurite does not answer")?;
        let process_id = process.id().ok_or("Azurite ended at once")?;
        Ok(Self { process, port, process_id })
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let endpoint = format!("http://127.0.0.1:{}/devstoreaccount1", self.port);
        let connection_string = format!("AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={endpoint}");
        vec![("AzureWebJobsStorage", connection_string), ("STORE", "azure:chaos".to_owned())]
    }
}
