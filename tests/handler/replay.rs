//! Dead letters once more, by the command line.

use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::{Emulator, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::{Process, command, documents};
use crate::support::*;

/// A store with a dead letter: Bob's Android phone was refused a message that his iPhone got.
async fn with_a_letter() -> (Emulator, TempDir) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    process.put("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    process.put("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    hub.add_fault(Fault::status(400).on_device(ANDROID));
    assert_eq!(process.outcome(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await, "delivered");
    process.terminate().await;
    hub.clear();
    (hub, folder)
}

async fn replay(hub: &Emulator, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(&vars(hub, &[("STORE", "file:store")]), folder);
    let output = command.arg("replay").args(arguments).output();
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn letters(folder: &Path) -> Vec<Value> {
    documents(&folder.join("store/dead-letters")).into_iter().map(|(_, letter)| letter).collect()
}

#[tokio::test]
async fn a_dead_letter_is_sent_to_the_devices_it_did_not_reach_and_then_removed() {
    let (hub, folder) = with_a_letter().await;
    let (code, told) = replay(&hub, folder.path(), &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(": delivered, 1 of 1 devices"), "{told}");
    let handles: Vec<_> = hub.accepted().into_iter().filter_map(|request| request.device_handle).collect();
    assert_eq!(handles, [ANDROID]);
    assert!(letters(folder.path()).is_empty());
    let empty = "no dead letters in the store (folder store)\n".to_owned();
    assert_eq!(replay(&hub, folder.path(), &[]).await, (Some(0), empty));
}

#[tokio::test]
async fn a_letter_that_is_refused_again_stays_as_it_is() {
    let (hub, folder) = with_a_letter().await;
    let before = letters(folder.path());
    hub.add_fault(Fault::status(400).always());
    let (code, told) = replay(&hub, folder.path(), &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("1 not settled"), "{told}");
    assert_eq!(letters(folder.path()), before);
}

#[tokio::test]
async fn files_that_are_no_letters_are_named_and_the_letters_behind_them_are_sent() {
    let (hub, folder) = with_a_letter().await;
    let day = folder.path().join("store/dead-letters/1999-01-01");
    std::fs::create_dir_all(day.join("a-folder")).unwrap();
    std::fs::write(day.join("empty"), "").unwrap();
    std::fs::write(day.join("notes.txt"), "not ours").unwrap();
    std::fs::write(day.join("newer"), r#"{"v":99,"w":"1"}"#).unwrap();
    let (code, told) = replay(&hub, folder.path(), &[]).await;
    assert!(code == Some(1) && told.contains(": delivered, 1 of 1 devices"), "{told}");
    for name in ["empty", "notes.txt"] {
        assert!(
            told.contains(&format!("dead-letters/1999-01-01/{name}: a stored document under dead-letters is damaged")),
            "{told}"
        );
    }
    assert!(
        told.contains("1999-01-01/newer: a stored document under dead-letters has format 99")
            && told.contains("not settled"),
        "{told}"
    );
}

#[tokio::test]
async fn an_old_letter_expires_unless_it_is_forced() {
    let (hub, folder) = with_a_letter().await;
    let (path, mut letter) = documents(&folder.path().join("store/dead-letters")).remove(0);
    letter["event"]["eventTime"] = json!("2020-09-18T00:27:47Z");
    std::fs::write(folder.path().join("store/dead-letters").join(path), letter.to_string()).unwrap();
    let (code, told) = replay(&hub, folder.path(), &[]).await;
    assert!(code == Some(1) && told.contains(": expired (too_old)"), "{told}");
    assert_eq!(letters(folder.path()).len(), 1);
    assert_eq!(replay(&hub, folder.path(), &["--force"]).await.0, Some(0));
    assert!(letters(folder.path()).is_empty());
    assert_eq!(hub.accepted().len(), 1);
}

#[tokio::test]
async fn what_can_never_be_an_event_stays_and_is_not_multiplied() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    assert_eq!(process.outcome(&json!("no event")).await, "dead_lettered");
    process.terminate().await;
    let (code, told) = replay(&hub, folder.path(), &[]).await;
    assert!(code == Some(1) && told.contains("dead_lettered (not_an_event"), "{told}");
    assert_eq!(letters(folder.path()).len(), 1);
}

#[tokio::test]
async fn event_grids_own_dead_letters_are_delivered_from_a_file() {
    let (hub, folder) = with_a_letter().await;
    let mut event = chat("e2", "ChatMessageReceived", "m2", 1, "Hello");
    event["deadLetterReason"] = json!("MaxDeliveryAttemptsExceeded");
    event["deliveryAttempts"] = json!(30);
    event["lastDeliveryOutcome"] = json!("GenericError");
    event["publishTime"] = event["eventTime"].clone();
    std::fs::write(folder.path().join("blob.json"), json!([event, {"id": "no event"}]).to_string()).unwrap();
    let (code, told) = replay(&hub, folder.path(), &["blob.json"]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("blob.json event 1: delivered, 2 of 2 devices"), "{told}");
    assert!(told.contains("blob.json event 2: dead_lettered"), "{told}");
    let (code, told) = replay(&hub, folder.path(), &["missing.json"]).await;
    assert!(code == Some(1) && told.contains("missing.json cannot be read"), "{told}");
}
