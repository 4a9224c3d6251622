//! The timer: what is over goes, what is not stays.

use std::path::Path;
use std::time::{Duration, SystemTime};

use notification_hubs_emulator::Fault;
use serde_json::{Value, json};

use crate::binary::documents;
use crate::support::*;

const TRACKING_ID: &str = "e409d189-6580-4cea-9087-d1817f32d609";
const HOUR: Duration = Duration::from_secs(3600);

/// How many documents there are of each kind.
fn kinds(store: &Path) -> Value {
    let mut counts = json!({});
    for (path, _) in documents(store) {
        let kind = path.split('/').next().unwrap();
        counts[kind] = json!(counts[kind].as_u64().unwrap_or(0) + 1);
    }
    counts
}

/// Makes all documents of a kind that much older.
fn age(store: &Path, kind: &str, by: Duration) {
    for (path, _) in documents(&store.join(kind)) {
        let file = std::fs::File::options().write(true).open(store.join(kind).join(path)).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }
}

/// What a run says that removed one document of each of these kinds.
fn removed(kinds: &[&str]) -> Value {
    let mut removed = json!({});
    for kind in ["ledger", "markers", "dead-letters", "installations", "recipients", "handles"] {
        removed[kind] = json!(u8::from(kinds.contains(&kind)));
    }
    removed
}

async fn run(app: &App) -> Value {
    let timer = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}});
    let reply = Reply::of(app.request(reqwest::Method::POST, "/Maintenance").body(timer.to_string())).await;
    assert_eq!(reply.status, 200);
    reply.log_lines().remove(0)["maintenance"].take()
}

#[tokio::test]
async fn ledger_markers_and_dead_letters_go_when_they_are_old_enough() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    app.deliver(&call("e1", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    app.deliver(&chat("e2", "ChatMessageDeleted", "m1", 1, "")).await;
    app.deliver(&json!("no event")).await;
    let all = json!({"ledger": 1, "markers": 1, "dead-letters": 1, "installations": 1, "recipients": 1, "handles": 2});
    assert_eq!(kinds(store), all);

    for kind in ["ledger", "markers"] {
        age(store, kind, 24 * HOUR);
    }
    age(store, "dead-letters", 6 * 24 * HOUR);
    age(store, "installations", 1000 * 24 * HOUR);
    assert_eq!(run(&app).await, removed(&[]));
    assert_eq!(kinds(store), all);

    for kind in ["ledger", "markers"] {
        age(store, kind, 26 * HOUR);
    }
    age(store, "dead-letters", 8 * 24 * HOUR);
    assert_eq!(run(&app).await, removed(&["ledger", "markers", "dead-letters"]));
    assert_eq!(kinds(store), json!({"installations": 1, "recipients": 1, "handles": 2}));
}

#[tokio::test]
async fn an_expired_installation_goes_with_everything_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    let phone = json!({
        "userId": BOB, "platform": "apns", "pushChannel": IPHONE, "expirationTime": "2020-01-01T00:00:00Z",
    });
    app.register("expired", phone).await;
    app.register("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    assert_eq!(run(&app).await, removed(&["installations"]));
    assert_eq!(documents(&store.join("recipients"))[0].1["installations"].as_array().unwrap().len(), 1);
    // The trace of a deletion stays until no change can come late any more.
    assert_eq!(kinds(store), json!({"installations": 2, "recipients": 1, "handles": 1}));
    age(store, "installations", HOUR);
    assert_eq!(run(&app).await, removed(&[]));
    assert_eq!(kinds(store), json!({"installations": 1, "recipients": 1, "handles": 1}));
}

#[tokio::test]
async fn after_the_last_deletion_nothing_is_left_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register(
        "iphone",
        json!({"userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}),
    )
    .await;
    app.register("iphone", json!({"userId": ALICE, "platform": "apns", "pushChannel": ANDROID})).await;
    app.delete("iphone").await;
    for (path, _) in documents(&store.join("recipients")) {
        let path = store.join("recipients").join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"installations\":[]"), "{text}");
        // As if the fences had been set an hour ago.
        let start = text.find("\"setAt\":\"").unwrap() + 9;
        std::fs::write(&path, format!("{}2026-01-01T00{}", &text[..start], &text[start + 13..])).unwrap();
    }
    age(store, "installations", HOUR);
    age(store, "recipients", HOUR);
    assert_eq!(
        run(&app).await,
        removed(&["recipients"])
            .as_object()
            .map(|counts| {
                let mut counts = counts.clone();
                counts["recipients"] = json!(3);
                json!(counts)
            })
            .unwrap()
    );
    assert_eq!(kinds(store), json!({}));
}

#[tokio::test]
async fn a_run_goes_on_where_the_one_before_stopped_on_whatever_instance() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.deliver(&json!("no event")).await;
    age(store, "dead-letters", 8 * 24 * HOUR);
    let beyond = json!({"v": 1, "keys": {"dead-letters": "dead-letters/9999"}});
    std::fs::create_dir(store.join("maintenance")).unwrap();
    std::fs::write(store.join("maintenance/reached"), beyond.to_string()).unwrap();
    assert_eq!(run(&app).await, removed(&[]));
    assert_eq!(run(&app).await, removed(&["dead-letters"]));
    assert_eq!(kinds(store), json!({}));
}

#[tokio::test]
async fn a_document_that_cannot_be_read_does_not_stop_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    std::fs::write(store.join("installations").join("0".repeat(64)), "no JSON").unwrap();
    std::fs::write(store.join("handles").join("0".repeat(64)), "{\"v\":99}").unwrap();
    let orphan = json!({"v": 1, "installationId": "gone", "revision": 1});
    std::fs::write(store.join("handles").join("f".repeat(64)), orphan.to_string()).unwrap();
    assert_eq!(run(&app).await, removed(&["handles"]));
}

#[tokio::test]
async fn devices_that_were_refused_stand_in_a_dead_letter_with_what_the_hub_said() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::with(&[("STORE", &format!("file:{}", folder.path().display()))]).await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    app.hub.add_fault(Fault::status(413).header("TrackingId", TRACKING_ID).on_device(ANDROID));
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    let (_, letter) = documents(&folder.path().join("dead-letters")).remove(0);
    assert_eq!(letter["reason"], "hub 413: the payload is too large");
    assert_eq!((&letter["hubStatus"], &letter["trackingId"]), (&json!(413), &json!(TRACKING_ID)));
    assert_eq!((&letter["installations"], &letter["event"]), (&json!(["android"]), &event));
}

#[tokio::test]
async fn an_event_whose_dead_letter_cannot_be_kept_fails_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    // A file where the folder of dead letters would be.
    std::fs::write(store.join("dead-letters"), "in the way").unwrap();
    assert_eq!(app.invoke(&json!("no event")).await.status, 500);
    app.hub.add_fault(Fault::status(400));
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    assert_eq!(app.invoke(&event).await.status, 500);
    std::fs::remove_file(store.join("dead-letters")).unwrap();
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
}
