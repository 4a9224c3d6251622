//! The binary as a child process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::program::Program;
pub use crate::program::command;
use crate::support::*;
use crate::watch::Watch;

/// A running `acs-push`.
pub struct Process {
    pub child: Child,
    pub address: String,
    /// The line at the start.
    pub first_line: String,
    client: reqwest::Client,
    written: [Written; 2],
    watch: Watch,
}

/// What it has written to one of its outputs so far. Read all the while: a full pipe would hold the process up.
struct Written {
    bytes: Arc<Mutex<Vec<u8>>>,
    reading: Option<JoinHandle<()>>,
}

impl Written {
    fn read(mut stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&bytes);
        let reading = tokio::spawn(async move {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut piece).await {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(&piece[..length]);
            }
        });
        Self { bytes, reading: Some(reading) }
    }

    /// Waits for its end, which is that of the process.
    async fn end(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.await.unwrap();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.watch.hear(&self.first_line);
        self.written.iter().for_each(|written| self.watch.hear(&written.text()));
    }
}

impl Process {
    /// Starts one on a free port, which it tells in its first line.
    pub async fn start(vars: &BTreeMap<String, String>, folder: &Path) -> Self {
        Self::run(command(vars, folder)).await
    }

    /// Starts one as a webhook.
    pub async fn start_webhook(vars: &BTreeMap<String, String>, folder: &Path) -> Self {
        let mut command = command(vars, folder);
        command.args(["serve", "--webhook"]).env("LISTEN", "127.0.0.1:0");
        Self::run(command).await
    }

    async fn run(mut program: Program) -> Self {
        let mut child = program.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        timeout(Duration::from_secs(20), stdout.read_line(&mut line)).await.unwrap().unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("{line}"));
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        let written = [Written::read(stdout), Written::read(child.stderr.take().unwrap())];
        let address = format!("http://127.0.0.1:{port}");
        let watch = Watch::of_process(&program.vars, &program.folder);
        Self { child, address, first_line: line, client: client(), written, watch }
    }

    /// Nothing of this event may be in what it writes, whoever hands the event over.
    pub fn plant_event(&self, event: &Value) {
        self.watch.plant_event(event);
    }

    /// The same of any value.
    pub fn plant(&self, value: &str) {
        self.watch.plant(value);
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub fn put_request(&self, id: &str, installation: &Value) -> RequestBuilder {
        self.watch.plant_installation(installation);
        self.client.put(format!("{}/api/installations/{id}", self.address)).body(installation.to_string())
    }

    pub fn delete_request(&self, id: &str) -> RequestBuilder {
        self.client.delete(format!("{}/api/installations/{id}", self.address))
    }

    pub async fn put(&self, id: &str, installation: Value) -> u16 {
        Reply::of(self.put_request(id, &installation)).await.status
    }

    /// Registers as a user's backend does, which repeats what was answered with 503, and insists that it worked.
    pub async fn register(&self, id: &str, installation: Value) -> Reply {
        let reply = patiently(|| self.put_request(id, &installation)).await;
        assert!(matches!(reply.status, 200 | 201), "PUT {id}: {reply:?}");
        reply
    }

    /// Deletes in the same way.
    pub async fn forget(&self, id: &str) -> Reply {
        let reply = patiently(|| self.delete_request(id)).await;
        assert_eq!(reply.status, 204, "DELETE {id}: {reply:?}");
        reply
    }

    /// The installation as the API shows it, or the error.
    pub async fn get(&self, id: &str) -> Value {
        Reply::of(self.client.get(format!("{}/api/installations/{id}", self.address))).await.json()
    }

    pub async fn delete(&self, id: &str) -> u16 {
        Reply::of(self.delete_request(id)).await.status
    }

    pub async fn invoke(&self, event: &Value) -> Reply {
        self.watch.plant_event(event);
        self.post(&envelope(event).to_string()).await
    }

    /// Posts any body to the Event Grid function.
    pub async fn post(&self, body: &str) -> Reply {
        let url = format!("{}/EventGridTrigger", self.address);
        self.heard(self.client.request(Method::POST, url).body(body.to_owned())).await
    }

    pub async fn status(&self) -> Value {
        self.heard(self.client.get(format!("{}/api/status", self.address))).await.json()
    }

    /// What `Status` says of each check.
    pub async fn checked(&self) -> Value {
        self.heard(self.client.get(format!("{}/api/status?check", self.address))).await.json()
    }

    /// An answer in which nothing of people may stand.
    async fn heard(&self, request: RequestBuilder) -> Reply {
        let reply = Reply::of(request).await;
        self.watch.hear(&reply.text);
        reply
    }

    /// One run of the timer.
    pub async fn maintain(&self) -> Reply {
        let timer = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}});
        self.heard(self.client.post(format!("{}/Maintenance", self.address)).body(timer.to_string())).await
    }

    /// The outcome of an event.
    pub async fn outcome(&self, event: &Value) -> String {
        let reply = self.invoke(event).await;
        if reply.status == 500 {
            return "failed".to_owned();
        }
        reply.log_lines()[0]["outcome"].as_str().unwrap().to_owned()
    }

    /// Waits until it has written this.
    pub async fn wrote(&self, told: &str) {
        while !self.written.iter().any(|written| written.text().contains(told)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it with SIGKILL, and reads what it wrote until then.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
        for written in &mut self.written {
            written.end().await;
        }
    }

    /// What it wrote to standard output and standard error, and how it ended.
    pub async fn output(mut self) -> (Option<i32>, String) {
        let status = timeout(Duration::from_secs(30), self.child.wait()).await.unwrap().unwrap();
        let mut text = String::new();
        for written in &mut self.written {
            written.end().await;
            text.push_str(&written.text());
        }
        (status.code(), text)
    }

    pub async fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.output().await
    }
}

/// Asks until the answer is another one than 503, some times.
async fn patiently(request: impl Fn() -> RequestBuilder) -> Reply {
    const MOST_TRIES: usize = 10;
    let mut reply = Reply::of(request()).await;
    for _ in 1..MOST_TRIES {
        if reply.status != 503 {
            break;
        }
        reply = Reply::of(request()).await;
    }
    reply
}

/// Every document below a folder, by its path in it.
pub fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".locks") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                // What is no JSON was put there by a test.
                found.push((name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_default()));
            }
        }
    }
    found
}
