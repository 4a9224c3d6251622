//! The binary as a child process.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::*;
use crate::watch::Watch;

/// A running `acs-push`.
pub struct Process {
    pub child: Child,
    pub address: String,
    /// The line at the start.
    pub first_line: String,
    client: reqwest::Client,
    outputs: Vec<JoinHandle<String>>,
    watch: Watch,
}

async fn read(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

pub fn command(vars: &BTreeMap<String, String>, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-push"));
    // Every line there is, for the search for planted values, unless the test is about levels.
    command
        .env_clear()
        .env("RUST_LOG", "trace")
        .envs(vars)
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "0")
        .current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Process {
    /// Starts one on a free port, which it tells in its first line.
    pub async fn start(vars: &BTreeMap<String, String>, folder: &Path) -> Self {
        Self::run(command(vars, folder), vars).await
    }

    /// Starts one as a webhook.
    pub async fn start_webhook(vars: &BTreeMap<String, String>, folder: &Path) -> Self {
        let mut command = command(vars, folder);
        command.args(["serve", "--webhook"]).env("LISTEN", "127.0.0.1:0");
        Self::run(command, vars).await
    }

    async fn run(mut command: Command, vars: &BTreeMap<String, String>) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        timeout(Duration::from_secs(20), stdout.read_line(&mut line)).await.unwrap().unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("{line}"));
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        // Read all the while: a full pipe would hold the process up.
        let outputs = vec![tokio::spawn(read(stdout)), tokio::spawn(read(child.stderr.take().unwrap()))];
        let address = format!("http://127.0.0.1:{port}");
        Self { child, address, first_line: line, client: client(), outputs, watch: Watch::of_process(vars) }
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

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// What it wrote to standard output and standard error, and how it ended.
    pub async fn output(mut self) -> (Option<i32>, String) {
        let status = timeout(Duration::from_secs(30), self.child.wait()).await.unwrap().unwrap();
        let mut text = String::new();
        for output in self.outputs {
            text.push_str(&output.await.unwrap());
        }
        self.watch.hear(&self.first_line);
        self.watch.hear(&text);
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
