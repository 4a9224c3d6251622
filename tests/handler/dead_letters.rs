//! `acs-push dead-letters` and `acs-push replay --dry-run`: an operator looks at what could not be delivered.

use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::{Emulator, Fault};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::{Process, command, documents};
use crate::support::*;

/// A store with two dead letters: one of a message that Bob's phone was refused, one of what is no event.
async fn with_letters() -> (Emulator, TempDir) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    process.put("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    hub.add_fault(Fault::status(400).on_device(IPHONE));
    assert_eq!(process.outcome(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await, "dead_lettered");
    assert_eq!(process.outcome(&json!("neither JSON nor an event")).await, "dead_lettered");
    process.terminate().await;
    hub.clear();
    (hub, folder)
}

async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    // No hub has to be set.
    let vars = [("STORE".to_owned(), "file:store".to_owned())].into();
    let output = command(&vars, folder).args(arguments).output();
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn letters_are_listed_shown_and_dropped_by_their_ids() {
    let (_hub, folder) = with_letters().await;
    let folder = folder.path();
    let (code, listed) = run(folder, &["dead-letters", "list"]).await;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{listed}");
    assert!(lines[0].contains("Microsoft.Communication.ChatMessageReceived  hub 400"), "{listed}");
    assert!(lines[0].ends_with("; 1 devices") && lines[1].contains("  no event  not_an_event"), "{listed}");
    assert!(!listed.contains(BOB) && !listed.contains("Hello"), "{listed}");
    let ids: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();

    let (code, shown) = run(folder, &["dead-letters", "show", ids[0]]).await;
    assert_eq!(code, Some(0));
    assert!(shown.contains("\"hubStatus\": 400,") && shown.contains("\"messageBody\": \"Hello\""), "{shown}");
    let (_, all) = run(folder, &["dead-letters", "show"]).await;
    assert!(all.contains(ids[0]) && all.contains(ids[1]));

    // Neither ids nor --all.
    let (code, told) = run(folder, &["dead-letters", "drop"]).await;
    assert!(code == Some(64) && told.lines().count() == 1, "{told}");
    let (code, told) = run(folder, &["dead-letters", "drop", ids[0], "2026-01-01/000000000000-nowhere"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("{}: dropped", ids[0])) && told.contains("there is no such dead letter"), "{told}");
    assert_eq!(run(folder, &["dead-letters", "list"]).await.1.lines().count(), 1);
    assert_eq!(run(folder, &["dead-letters", "drop", "--all"]).await.0, Some(0));
    let empty = "no dead letters in the store (folder store)\n".to_owned();
    assert_eq!(run(folder, &["dead-letters", "list"]).await, (Some(0), empty));
}

#[tokio::test]
async fn an_id_leads_to_nothing_but_a_dead_letter() {
    let (_hub, folder) = with_letters().await;
    let before = documents(&folder.path().join("store"));
    for id in ["../layout", "..", "dead-letters/../layout", "a/../../layout", "/etc/passwd", "2026-11-27"] {
        let (code, told) = run(folder.path(), &["dead-letters", "drop", id]).await;
        assert!(code == Some(64) && told.contains("expected an id that dead-letters list prints"), "{id}: {told}");
    }
    assert_eq!(documents(&folder.path().join("store")), before);
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_is_told_and_can_be_dropped() {
    let (_hub, folder) = with_letters().await;
    let (path, _) = documents(&folder.path().join("store/dead-letters")).remove(0);
    std::fs::write(folder.path().join("store/dead-letters").join(&path), "{").unwrap();
    let (code, told) = run(folder.path(), &["dead-letters", "list"]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains(&format!("{path}: a stored document under dead-letters is damaged")), "{told}");
    assert_eq!(run(folder.path(), &["dead-letters", "drop", &path]).await.0, Some(0));
    assert_eq!(run(folder.path(), &["dead-letters", "list"]).await.0, Some(0));
}

#[tokio::test]
async fn a_replay_can_be_tried_without_a_hub_and_changes_nothing() {
    let (hub, folder) = with_letters().await;
    let before = documents(&folder.path().join("store"));
    let (code, told) = run(folder.path(), &["replay", "--dry-run"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(": delivered, 1 of 1 devices; dry run: nothing was sent"), "{told}");
    assert!(told.contains("1 would not be settled"), "{told}");
    assert_eq!(documents(&folder.path().join("store")), before);
    assert!(hub.requests().is_empty());
}

#[cfg(feature = "foreign-tests")]
mod azurite {
    use super::*;
    use crate::azurite::Azurite;

    #[tokio::test]
    async fn every_command_works_in_a_container() {
        let (azurite, hub, folder) = (Azurite::start().await, emulator().await, tempfile::tempdir().unwrap());
        let vars = vars(&hub, &borrowed(&azurite.settings()));
        std::fs::write(
            folder.path().join("phone.json"),
            json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE}).to_string(),
        )
        .unwrap();
        let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
        std::fs::write(folder.path().join("event.json"), event.to_string()).unwrap();
        let run = async |arguments: &[&str]| {
            let output = command(&vars, folder.path()).args(arguments).output().await.unwrap();
            (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
        };
        let assert_told = async |arguments: &[&str], code: i32, text: &str| {
            let (ended, told) = run(arguments).await;
            assert!(ended == Some(code) && told.contains(text), "{arguments:?}: {ended:?} {told}");
            told
        };
        assert_told(&["installations", "put", "iphone", "phone.json"], 0, "\"installationId\"").await;
        assert_told(&["send", "event.json", "--dry-run"], 0, "delivered, 1 of 1 devices; dry run").await;
        assert_told(&["send", "event.json"], 0, "delivered, 1 of 1 devices").await;
        hub.add_fault(Fault::status(400).always());
        let process = Process::start(&vars, folder.path()).await;
        assert_eq!(process.outcome(&chat("e2", "ChatMessageReceived", "m2", 1, "Hello")).await, "dead_lettered");
        process.terminate().await;
        hub.clear();
        let listed = assert_told(&["dead-letters", "list"], 0, "Microsoft.Communication.ChatMessageReceived").await;
        let id = listed.split_whitespace().next().unwrap().trim_end_matches(':').to_owned();
        assert_told(&["dead-letters", "show", &id], 0, "\"Hello\"").await;
        assert_told(&["replay", "--dry-run"], 0, "dry run: nothing was sent").await;
        assert_told(&["replay"], 0, ": delivered, 1 of 1 devices").await;
        assert_told(&["replay"], 0, "no dead letters in the store").await;
        assert_told(&["installations", "delete", "iphone"], 0, "").await;
        assert_told(&["installations", "show", "iphone"], 1, "no installation has this id").await;
    }
}
