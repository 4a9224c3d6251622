//! `acs-push forget`: everything of a person goes, and nothing of anybody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::{Emulator, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::{Process, command, documents};
use crate::support::*;

const BOBS_NUMBER: &str = "15551234567";
const SHARED_NUMBER: &str = "15557777777";
const ALICES_PHONE: &str = "a11ce00000000000000000000000000000000000000000000000000000000001";

/// A store with two people. Bob's phone had another handle and another number before, one of his phones is Alice's now, one was
/// deleted, and one ends soon. Everything has left its traces. There are dead letters to him, of him and to both.
async fn with_people(store: &[(&str, &str)]) -> (Emulator, TempDir, BTreeMap<String, String>) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, store);
    let process = Process::start(&vars, folder.path()).await;
    let apns = |user: &str, numbers: Value, handle: &str| json!({"userId": user, "phoneNumbers": numbers, "platform": "apns", "pushChannel": handle});
    let former = "f0".repeat(32);
    process.register("bobs-iphone", apns(BOB, json!(["15559999999"]), &former)).await;
    process.register("bobs-iphone", apns(BOB, json!([BOBS_NUMBER, SHARED_NUMBER]), IPHONE)).await;
    let mut ends = json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID});
    ends["expirationTime"] = json!("2099-01-01T00:00:00Z");
    process.register("bobs-android", ends).await;
    process.register("sold", apns(BOB, json!([]), &"5e".repeat(32))).await;
    process.register("sold", apns(ALICE, json!([]), &"5f".repeat(32))).await;
    process.register("lost", apns(BOB, json!([]), &"10".repeat(32))).await;
    process.forget("lost").await;
    process.register("alices-iphone", apns(ALICE, json!([SHARED_NUMBER]), ALICES_PHONE)).await;

    hub.add_fault(Fault::status(400).always());
    let mut of_bob = chat("of-bob", "ChatMessageReceived", "m2", 1, "From Bob");
    of_bob["data"]["senderCommunicationIdentifier"] = json!({"rawId": BOB});
    of_bob["data"]["recipientCommunicationIdentifier"] = json!({"rawId": ALICE});
    of_bob["subject"] = json!(format!("thread/19:lunch@thread.v2/sender/{BOB}/recipient/{ALICE}"));
    for event in [
        chat("to-bob", "ChatMessageReceived", "m1", 1, "Hello"),
        of_bob,
        sms("to-bobs-number", BOBS_NUMBER, "Hello"),
        sms("to-both", SHARED_NUMBER, "Hello"),
        json!("neither JSON nor an event"),
    ] {
        assert_eq!(process.outcome(&event).await, "dead_lettered");
    }
    hub.clear();
    process.terminate().await;
    (hub, folder, vars)
}

async fn run(vars: &BTreeMap<String, String>, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        timeout(Duration::from_secs(60), command(vars, folder).args(arguments).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn lines_with(told: &str, start: &str) -> usize {
    told.lines().filter(|line| line.starts_with(start)).count()
}

/// The texts that some file of the store still holds.
fn found_in<'a>(store: &Path, texts: &[&'a str]) -> Vec<&'a str> {
    let files: Vec<String> = documents(store).iter().map(|(_, document)| document.to_string()).collect();
    texts.iter().copied().filter(|text| files.iter().any(|file| file.contains(text))).collect()
}

/// What pushes Alice still gets, and the installation that GET shows.
async fn alice(hub: &Emulator, process: &Process) -> (Vec<String>, Value) {
    let mut message = chat("later", "ChatMessageReceived", "m9", 1, "Hello");
    message["data"]["recipientCommunicationIdentifier"] = json!({"rawId": ALICE});
    message["data"]["senderCommunicationIdentifier"] = json!({"rawId": "8:acs:somebody"});
    assert_eq!(process.outcome(&message).await, "delivered");
    let mut handles: Vec<_> = hub.accepted().into_iter().filter_map(|request| request.device_handle).collect();
    handles.sort();
    (handles, process.get("alices-iphone").await)
}

#[tokio::test]
async fn no_file_holds_a_value_of_a_user_who_was_forgotten_and_no_other_device_changed() {
    let (hub, folder, vars) = with_people(&[("STORE", "file:store")]).await;
    let store = folder.path().join("store");
    let (f0, ten, sold) = ("f0".repeat(32), "10".repeat(32), "5e".repeat(32));
    let of_bob = [BOB, BOBS_NUMBER, IPHONE, ANDROID, "bobs-iphone", "bobs-android", "\"lost\"", &f0, &ten, &sold];
    assert_eq!(found_in(&store, &of_bob), of_bob, "the test has to begin with all of it");
    let before = documents(&store);
    let (code, planned) = run(&vars, folder.path(), &["forget", BOB, "--dry-run"]).await;
    assert_eq!((code, documents(&store)), (Some(0), before), "{planned}");

    let (code, told) = run(&vars, folder.path(), &["forget", BOB]).await;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(lines_with(&told, "  deleted    installation bobs-"), 2, "{told}");
    assert_eq!(lines_with(&told, "  deleted    dead letter "), 3, "{told}");
    assert_eq!(lines_with(&told, "  changed    dead letter "), 1, "{told}");
    assert!(told.contains("hold hashes only and end within 25 hours"), "{told}");
    // The same is told before and after, in other words.
    let in_words_of_after = planned.replace("  delete   ", "  deleted  ").replace("  change   ", "  changed  ");
    assert_eq!(in_words_of_after.replace("  dry run    nothing was changed\n", ""), told);
    for secret in [BOB, IPHONE, ANDROID, BOBS_NUMBER] {
        assert!(!told.contains(secret), "{told}");
    }

    assert_eq!(found_in(&store, &of_bob), Vec::<&str>::new());
    let process = Process::start(&vars, folder.path()).await;
    let (handles, shown) = alice(&hub, &process).await;
    assert_eq!(handles, ["5f".repeat(32), ALICES_PHONE.to_owned()]);
    assert_eq!(shown["phoneNumbers"], json!([SHARED_NUMBER]));
    let (code, told) = run(&vars, folder.path(), &["forget", BOB]).await;
    assert!(code == Some(0) && told.contains("  nothing    no installation and no dead letter"), "{told}");
    // He may come back with the same phone.
    process.register("bobs-iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    assert_eq!(process.outcome(&chat("again", "ChatMessageReceived", "m3", 1, "Welcome")).await, "delivered");
}

#[tokio::test]
async fn a_number_leaves_its_installations_and_those_that_are_left_with_nobody_go() {
    let (hub, folder, vars) = with_people(&[("STORE", "file:store")]).await;
    let process = Process::start(&vars, folder.path()).await;
    let only = json!({"phoneNumbers": [SHARED_NUMBER], "platform": "apns", "pushChannel": "0a".repeat(32)});
    process.register("tablet", only).await;
    let (code, told) = run(&vars, folder.path(), &["forget", "+1 555 777 7777"]).await;
    assert_eq!(code, Some(0), "{told}");
    for line in [
        "the number ****77\n",
        "  deleted    installation tablet: apns at ****0a0a\n",
        "  changed    installation bobs-iphone: it stays without the number\n",
        "  changed    installation alices-iphone: it stays without the number\n",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    let store = folder.path().join("store");
    assert_eq!(found_in(&store, &[SHARED_NUMBER, "tablet", &"0a".repeat(32)]), Vec::<&str>::new());
    let (handles, shown) = alice(&hub, &process).await;
    assert_eq!(handles, ["5f".repeat(32), ALICES_PHONE.to_owned()]);
    assert_eq!((shown.get("phoneNumbers"), &shown["userId"]), (None, &json!(ALICE)));
    assert_eq!(process.outcome(&sms("e9", SHARED_NUMBER, "Hello")).await, "no_device");
    assert_eq!(process.outcome(&sms("e8", BOBS_NUMBER, "Hello")).await, "delivered");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_is_not_taken_for_forgotten() {
    let (_hub, folder, vars) = with_people(&[("STORE", "file:store")]).await;
    let installations = folder.path().join("store/installations");
    let (path, _) =
        documents(&installations).into_iter().find(|(_, document)| document["installationId"] == "sold").unwrap();
    std::fs::write(installations.join(path), "{").unwrap();
    let (code, told) = run(&vars, folder.path(), &["forget", BOB]).await;
    assert!(code == Some(1) && told.contains("1 documents cannot be read"), "{told}");
    assert_eq!(found_in(&folder.path().join("store"), &["bobs-iphone", IPHONE]), Vec::<&str>::new());
}

#[tokio::test]
async fn a_word_that_is_neither_user_nor_number_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (person, expected) in
        [("bob", "is no raw id"), ("12", "expected numbers of 3 to 15 digits"), ("acs:x", "\"8:\"")]
    {
        let (code, told) = run(&BTreeMap::new(), folder.path(), &["forget", person]).await;
        assert!(code == Some(64) && told.contains(expected) && told.lines().count() == 1, "{told}");
    }
}

#[cfg(feature = "foreign-tests")]
mod azurite {
    use super::*;
    use crate::azurite::Azurite;

    #[tokio::test]
    async fn a_person_is_forgotten_listed_and_shown_in_a_container_as_in_a_folder() {
        let azurite = Azurite::start().await;
        let settings = azurite.settings();
        let (hub, folder, vars) = with_people(&borrowed(&settings)).await;
        // Only the store has to be set.
        let vars_of_store = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let run = async |arguments: &[&str]| run(&vars_of_store, folder.path(), arguments).await;
        assert_eq!(run(&["dead-letters", "list"]).await.1.lines().count(), 5);
        assert_eq!(run(&["installations", "list", BOB]).await.1.lines().count(), 2);
        assert_eq!(run(&["installations", "show", "bobs-iphone"]).await.0, Some(0));
        let (_, planned) = run(&["forget", BOB, "--dry-run"]).await;
        let (code, told) = run(&["forget", BOB]).await;
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(told.lines().count() + 1, planned.lines().count());
        assert_eq!(run(&["installations", "show", "bobs-iphone"]).await.0, Some(1));
        assert!(run(&["forget", BOB]).await.1.contains("  nothing    "));
        assert_eq!(run(&["dead-letters", "list"]).await.1.lines().count(), 2);
        let process = Process::start(&vars, folder.path()).await;
        assert_eq!(alice(&hub, &process).await.0, ["5f".repeat(32), ALICES_PHONE.to_owned()]);
        assert_eq!(process.outcome(&chat("again", "ChatMessageReceived", "m3", 1, "Hello")).await, "no_device");
        assert_eq!(run(&["dead-letters", "drop", "--all"]).await.0, Some(0));
        assert!(
            run(&["dead-letters", "list"]).await.1.contains("no dead letters in the store (Azure container push-store")
        );
    }
}
