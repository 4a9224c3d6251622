//! An Azurite of a test's own, on a free port, in a folder that goes with it; `tests/foreign/run` installs it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// A running Azurite.
pub struct Azurite {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Azurite {
    pub async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Self::run(port, folder.path()).await;
        Self { process, port, folder }
    }

    async fn run(port: u16, folder: &Path) -> Child {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/node_modules/.bin/azurite-blob");
        let mut command = Command::new(program);
        command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", &port.to_string()]);
        command.arg("--location").arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; tests/foreign/run installs it"));
        timeout(Duration::from_secs(60), async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("Azurite does not answer"));
        child
    }

    /// Starts it once more, on the same port, with what it wrote down.
    pub async fn start_again(&mut self) {
        self.process = Self::run(self.port, self.folder.path()).await;
    }

    /// Lets it write down what it holds, and end.
    pub async fn stop(&mut self) {
        let pid = self.process.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
        timeout(Duration::from_secs(30), self.process.wait()).await.unwrap().unwrap();
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        let endpoint = format!("http://127.0.0.1:{}/devstoreaccount1", self.port);
        let connection_string = format!("AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={endpoint}");
        vec![("AzureWebJobsStorage", connection_string), ("STORE", "azure:push-store".to_owned())]
    }
}
