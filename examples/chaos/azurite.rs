//! An Azurite of the run's own, on a free port, in a folder that goes with it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::Failure;

#[derive(Debug)]
pub struct Azurite {
    /// Killed when it is dropped.
    process: Child,
    _folder: TempDir,
    pub port: u16,
    pub process_id: u32,
}

/// Azurite's own well-known key.
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Azurite {
    pub async fn start() -> Result<Self, Failure> {
        Self::start_with(Some("--silent"), Stdio::null()).await
    }

    /// The same, and its log: a line for each request.
    pub async fn start_with_log() -> Result<(Self, ChildStdout), Failure> {
        let mut azurite = Self::start_with(None, Stdio::piped()).await?;
        let log = azurite.process.stdout.take().ok_or("Azurite has no standard output")?;
        Ok((azurite, log))
    }

    async fn start_with(silent: Option<&str>, stdout: Stdio) -> Result<Self, Failure> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = tempfile::tempdir()?;
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/node_modules/.bin/azurite-blob");
        let mut command = Command::new(&program);
        command.args(silent).args(["--disableTelemetry", "--skipApiVersionCheck", "--blobPort", &port.to_string()]);
        command.arg("--location").arg(folder.path());
        command.stdin(Stdio::null()).stdout(stdout).kill_on_drop(true);
        let process = command
            .spawn()
            .map_err(|error| format!("{}: {error}; `npm ci` in tests/foreign installs it", program.display()))?;
        let answers = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), answers).await.map_err(|_| "Azurite does not answer")?;
        let process_id = process.id().ok_or("Azurite ended at once")?;
        Ok(Self { process, _folder: folder, port, process_id })
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let endpoint = format!("http://127.0.0.1:{}/devstoreaccount1", self.port);
        let connection_string = format!("AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={endpoint}");
        vec![("AzureWebJobsStorage", connection_string), ("STORE", "azure:chaos".to_owned())]
    }
}
