//! Dead letters that Maintenance sends again, once an operator has mended the hub that refused them.

use std::path::Path;

use chrono::TimeDelta;
use notification_hubs_emulator::{Emulator, Fault};
use serde_json::{Value, json};

use crate::binary::{Process, documents};
use crate::support::*;

async fn start(hub: &Emulator, folder: &Path) -> Process {
    let settings = [("STORE", "file:store"), ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)];
    Process::start(&vars(hub, &settings), folder).await
}

/// An app whose second hub refuses its key, and so many messages that it refused.
async fn with_refused(events: &[Value], status: u16) -> (Emulator, tempfile::TempDir, Process) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = start(&hub, folder.path()).await;
    let sandbox = json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "app": "sandbox"});
    process.register("iphone", sandbox).await;
    hub.add_fault(Fault::status(status).on_hub(SANDBOX_HUB).always());
    for event in events {
        assert_eq!(process.outcome(event).await, "dead_lettered");
    }
    (hub, folder, process)
}

fn message(id: &str) -> Value {
    chat(id, "ChatMessageReceived", id, 1, "Hello")
}

fn letters(folder: &Path) -> Vec<(String, Value)> {
    documents(&folder.join("store/dead-letters"))
}

async fn maintained(process: &Process) -> Value {
    process.maintain().await.log_lines().remove(0)["maintenance"].take()
}

#[tokio::test]
async fn they_are_sent_when_the_hub_takes_its_key_again() {
    for status in [401, 403, 404] {
        let (hub, folder, process) = with_refused(&[message("e1"), message("e2")], status).await;
        let asked = hub.requests().len();
        assert_eq!(maintained(&process).await.get("resent"), None, "{status}");
        assert_eq!(letters(folder.path()).len(), 2);
        // The first refusal is enough. A 401 is tried with a new token.
        assert!(hub.requests().len() - asked <= 2, "{status}: it asked for each letter");
        hub.clear();
        assert_eq!(maintained(&process).await["resent"], 2, "{status}");
        assert!(letters(folder.path()).is_empty());
        assert_eq!(hub.accepted().len(), 2);
        let (_, output) = process.terminate().await;
        assert!(
            output.contains("the hub takes its key again: its dead letters were sent hub=\"sandbox\" letters=2"),
            "{output}"
        );
    }
}

#[tokio::test]
async fn those_that_expired_wait_for_an_operator() {
    let (hub, folder, process) = with_refused(&[message("e1")], 401).await;
    let (path, mut letter) = letters(folder.path()).remove(0);
    letter["event"]["eventTime"] = ago(TimeDelta::hours(30)).into();
    std::fs::write(folder.path().join("store/dead-letters").join(&path), letter.to_string()).unwrap();
    hub.clear();
    assert_eq!(maintained(&process).await.get("resent"), None);
    let [(left, _)] = &letters(folder.path())[..] else { panic!("it is lost") };
    assert_eq!(path.strip_suffix("-hub"), Some(left.as_str()), "it would be tried each time");
    assert!(hub.accepted().is_empty());
}

#[tokio::test]
async fn one_that_is_refused_for_another_reason_waits_for_an_operator() {
    let (hub, folder, process) = with_refused(&[message("e1")], 403).await;
    hub.clear();
    hub.add_fault(Fault::status(400).on_hub(SANDBOX_HUB).always());
    assert_eq!(maintained(&process).await.get("resent"), None);
    let [(left, letter)] = &letters(folder.path())[..] else { panic!("it is lost") };
    assert!(!left.ends_with("-hub") && letter["installations"] == json!(["iphone"]), "{left}: {letter}");
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_does_not_hold_up_the_others() {
    let (hub, folder, process) = with_refused(&[message("e1"), message("e2"), message("e3")], 401).await;
    let damaged = folder.path().join("store/dead-letters").join(&letters(folder.path())[0].0);
    std::fs::write(damaged, "{").unwrap();
    hub.clear();
    let done = maintained(&process).await;
    assert_eq!((&done["resent"], &done["failed"]), (&json!(2), &json!(1)));
    let (_, output) = process.terminate().await;
    assert!(output.contains("a stored document under dead-letters is damaged"), "{output}");
}

#[tokio::test]
async fn what_the_default_hub_refused_fails_and_is_not_kept_for_later() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = start(&hub, folder.path()).await;
    process.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    hub.add_fault(Fault::status(401).always());
    assert_eq!(process.outcome(&message("e1")).await, "failed");
    assert!(!folder.path().join("store/dead-letters").exists());
}
