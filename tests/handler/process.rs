//! The binary itself: its exit codes, its signals, its output, and several of it on one folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use notification_hubs_emulator::{Action, Emulator, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::*;

/// A running `acs-push`.
pub struct Process {
    child: Child,
    address: String,
    client: reqwest::Client,
}

fn command(vars: &BTreeMap<String, String>, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-push"));
    command.env_clear().envs(vars).env("FUNCTIONS_CUSTOMHANDLER_PORT", "0").current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Process {
    /// Starts one on a free port, which it tells in its first line.
    pub async fn start(vars: &BTreeMap<String, String>, folder: &Path) -> Self {
        let mut child = command(vars, folder).spawn().unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
        timeout(Duration::from_secs(20), lines.read_line(&mut line)).await.unwrap().unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("{line}"));
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        Self { child, address: format!("http://127.0.0.1:{port}"), client: client() }
    }

    pub async fn put(&self, id: &str, installation: Value) -> u16 {
        let url = format!("{}/api/installations/{id}", self.address);
        Reply::of(self.client.put(url).body(installation.to_string())).await.status
    }

    pub async fn delete(&self, id: &str) -> u16 {
        Reply::of(self.client.delete(format!("{}/api/installations/{id}", self.address))).await.status
    }

    pub async fn invoke(&self, event: &Value) -> Reply {
        let url = format!("{}/EventGridTrigger", self.address);
        Reply::of(self.client.request(Method::POST, url).body(envelope(event).to_string())).await
    }

    /// The outcome of an event.
    pub async fn outcome(&self, event: &Value) -> String {
        let reply = self.invoke(event).await;
        if reply.status == 500 {
            return "failed".to_owned();
        }
        reply.log_lines()[0]["outcome"].as_str().unwrap().to_owned()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// What it wrote to standard output and standard error, and how it ended.
    pub async fn output(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        let status = timeout(Duration::from_secs(30), self.child.wait()).await.unwrap().unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        (status.code(), text)
    }

    pub async fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.output().await
    }
}

async fn run(arguments: &[&str], vars: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    timeout(Duration::from_secs(20), command(&vars, folder.path()).args(arguments).output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn wrong_settings_end_it_with_78_and_a_line_for_each_before_the_port_opens() {
    let output = run(&[], &[("NOTIFICATION_HUB_VIOP_NAME", "x"), ("EXPIRE_EVENTS", "maybe")]).await;
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
    for setting in
        ["NOTIFICATION_HUB_CONNECTION_STRING", "NOTIFICATION_HUB_NAME", "NOTIFICATION_HUB_VIOP_NAME", "EXPIRE_EVENTS"]
    {
        assert!(told.lines().any(|line| line.starts_with(&format!("{setting}: "))), "{told}");
    }
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_fault_of_the_setting() {
    let hub = emulator().await;
    let vars = vars(&hub, &[("STORE", "file:/proc/nowhere")]);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = run(&[], &vars).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("STORE: the folder /proc/nowhere cannot be used"));
}

#[tokio::test]
async fn a_port_that_is_taken_ends_it_with_an_error() {
    let hub = emulator().await;
    let taken = hub.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&vars(&hub, &[]), folder.path());
    let output = command.env("FUNCTIONS_CUSTOMHANDLER_PORT", &taken).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("cannot listen on 127.0.0.1:{taken}")));
}

#[tokio::test]
async fn help_and_version_are_printed_and_other_words_refused() {
    let help = run(&["--help"], &[]).await;
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("Usage: acs-push"));
    let version = run(&["--version"], &[]).await;
    assert_eq!(String::from_utf8(version.stdout).unwrap(), format!("acs-push {}\n", env!("CARGO_PKG_VERSION")));
    let wrong = run(&["--prot"], &[]).await;
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("--prot"));
}

#[tokio::test]
async fn both_signals_let_it_finish_what_is_in_flight_and_exit_0() {
    for signal in ["TERM", "INT"] {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, &[]), folder.path()).await;
        process
            .put("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}))
            .await;
        hub.add_fault(Fault::action(Action::Pass).delay_ms(700));
        let event = sms("e1", "15551234567", "Hello");
        let stopping = async {
            timeout(Duration::from_secs(10), hub.wait_for_requests(1)).await.unwrap();
            process.signal(signal);
        };
        let (outcome, ()) = tokio::join!(process.outcome(&event), stopping);
        assert_eq!(outcome, "delivered", "{signal}");
        let ended = Instant::now();
        assert_eq!(process.output().await.0, Some(0), "{signal}");
        assert!(ended.elapsed() < Duration::from_secs(5), "an idle connection held it up");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    let port: u16 = process.address.rsplit(':').next().unwrap().parse().unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listening: Vec<&str> =
        table.lines().filter(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A"))).collect();
    assert_eq!(listening.len(), 1, "{listening:?}");
    assert!(listening[0].contains(" 0100007F:"), "{listening:?}");
    let table = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    assert!(!table.contains(&format!(":{port:04X} ")), "it listens on IPv6, too");
}

#[tokio::test]
async fn two_processes_on_one_folder_see_each_others_registrations_at_once() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("STORE", "file:store")]);
    let (a, b) = (Process::start(&vars, folder.path()).await, Process::start(&vars, folder.path()).await);
    assert_eq!(b.outcome(&sms("e1", "15551234567", "Hello")).await, "no_device");
    let phone = json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE});
    assert_eq!(a.put("iphone", phone).await, 201);
    assert_eq!(b.outcome(&sms("e2", "15551234567", "Hello")).await, "delivered");
    assert_eq!(a.delete("iphone").await, 204);
    assert_eq!(b.outcome(&sms("e3", "15551234567", "Hello")).await, "no_device");
}

#[tokio::test]
async fn what_one_process_served_another_does_not_serve_again() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("STORE", "file:store"), ("DELIVERY_DEADLINE_SECONDS", "5")]);
    let (a, b) = (Process::start(&vars, folder.path()).await, Process::start(&vars, folder.path()).await);
    a.put("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    a.put("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;

    // A message that failed for one of two devices.
    let message = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    hub.add_fault(Fault::status(404).on_device(ANDROID));
    assert_eq!(a.outcome(&message).await, "failed");
    assert_eq!(b.outcome(&message).await, "delivered");
    assert_eq!(times_reached(&hub), [(ANDROID.to_owned(), 1), (IPHONE.to_owned(), 1)].into());

    // A call rings once, though nothing failed.
    hub.clear();
    let call = call("e2", "d732db64-4803-462d-be9c-518943ea2b7a");
    assert_eq!((a.outcome(&call).await, b.outcome(&call).await), ("delivered".to_owned(), "duplicate".to_owned()));
    assert_eq!(hub.accepted().len(), 2);

    // An edit and a deletion are known everywhere; what they outdo comes late.
    hub.clear();
    assert_eq!(a.outcome(&chat("e3", "ChatMessageDeleted", "m2", 3, "")).await, "delivered");
    let mut late = chat("e4", "ChatMessageReceived", "m2", 1, "Hello");
    late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
    assert_eq!(b.outcome(&late).await, "duplicate");
}

fn times_reached(hub: &Emulator) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for request in hub.accepted() {
        *times.entry(request.device_handle.unwrap()).or_default() += 1;
    }
    times
}

#[tokio::test]
async fn registrations_from_many_processes_at_once_are_all_kept() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("STORE", "file:store"), ("INSTALLATIONS_PER_USER", "1000")]);
    let processes = [Process::start(&vars, folder.path()).await, Process::start(&vars, folder.path()).await];
    let puts = (0..120).map(|index| {
        let process = &processes[index % 2];
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": format!("{index:064x}")});
        async move { process.put(&format!("phone-{index}"), phone).await }
    });
    let statuses = futures_util::future::join_all(puts).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let reply = processes[0].invoke(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
    assert_eq!(reply.log_lines()[0]["delivered"], 120);
}

#[tokio::test]
async fn what_is_stored_outlives_a_kill_and_holds_its_format() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("STORE", "file:store")]);
    let mut process = Process::start(&vars, folder.path()).await;
    process.put("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    assert_eq!(process.outcome(&json!({"id": "no event"})).await, "dead_lettered");
    process.child.kill().await.unwrap();

    let mut kinds = Vec::new();
    for (path, document) in documents(&folder.path().join("store")) {
        assert_eq!(document["v"], 1, "{path}");
        assert!(
            path.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-/".contains(&byte)),
            "{path}"
        );
        kinds.push(path.split('/').next().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["dead-letters", "handles", "installations", "recipients"]);

    let process = Process::start(&vars, folder.path()).await;
    assert_eq!(process.outcome(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await, "delivered");
}

/// Every document below a folder, by its path in it.
pub fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(".lock") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()));
            }
        }
    }
    found
}
